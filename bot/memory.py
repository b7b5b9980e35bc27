"""What the engine remembers of a Conversation between Turns: small, versioned, and read tolerantly.

Whatever cannot be read is as if it had never been remembered: the conversation then starts afresh, and what matters
for longer (facts, promises) stands in the Case anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.heard import Heard
from bot.policy import ComplaintKind, Tone
from bot.turn import Json
from nlu.understanding import Language

VERSION = 1
CHOICE_AGE = 3
"""Turns after which an unanswered choice is forgotten: a later "2" means something else."""


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to choose. `skill` is told `does` with `value` when it is chosen."""

    label: str
    skill: str
    does: str
    value: str = ""


@dataclass(kw_only=True, slots=True)
class Choice:
    """A question with options that is open."""

    serial: int
    """Grows with every choice: a button of an older one is recognised."""
    options: tuple[Option, ...]
    age: int = 0
    about: Heard | None = None
    """What was said before it, where the answer takes that up again."""


@dataclass(kw_only=True, slots=True)
class OrderQuestion:
    """We are asking about an order."""

    asks: str
    """`number` or `proof`."""
    number: str = ""
    others: tuple[str, ...] = ()
    """Orders that were asked about, too, and come after this one."""
    tries: int = 0
    purpose: str = "status"
    """`status`, or the intent of a request that needs the order."""
    said: str = ""
    """The request in the customer's words."""
    latent: bool = False
    """Nobody was asked: a number that comes is the answer, and whatever else comes is none."""


@dataclass(kw_only=True, slots=True)
class Complaint:
    """Where the complaint that is being talked about stands."""

    case: str
    step: str
    kind: str
    facts: dict[str, Json] = field(default_factory=dict[str, Json])
    heard: Heard | None = None
    """What came within the settle window so far."""
    asked: str = ""
    """The fact that is being asked for."""
    answered: str = ""
    """The fact that was told last: what "no, I meant …" is about."""
    tries: dict[str, int] = field(default_factory=dict[str, int])
    offered: list[str] = field(default_factory=list[str])
    paused: bool = False
    reminded: bool = False


@dataclass(kw_only=True, slots=True)
class Memory:
    """All of it. Made by `read`, kept by `write`."""

    language: Language | None = None
    serial: int = 0
    choice: Choice | None = None
    misunderstood: int = 0
    angry: int = 0
    warned: bool = False
    tone: Tone | None = None
    knowledge: list[str] = field(default_factory=list[str])
    """Entry that was shown last, then those that may be meant instead."""
    order: OrderQuestion | None = None
    proven: list[str] = field(default_factory=list[str])
    """Orders whose buyer this person has shown to be."""
    told: str = ""
    """Order that was told about last: what "it is late" is about."""
    survey: str = ""
    """Case that a satisfaction question is open about."""
    complaint: Complaint | None = None
    withdrawn: Complaint | None = None
    """The complaint that was given up last: it may be taken up again."""

    def write(self) -> dict[str, Json]:
        """Only what differs from a fresh memory."""
        data: dict[str, Json] = {"version": VERSION}
        if self.language is not None:
            data["language"] = self.language.value
        for name in ("serial", "misunderstood", "angry", "warned", "told", "survey"):
            if value := getattr(self, name):
                data[name] = value
        if self.tone is not None:
            data["tone"] = self.tone.value
        if self.knowledge:
            data["knowledge"] = list[Json](self.knowledge)
        if self.proven:
            data["proven"] = list[Json](self.proven)
        if self.choice is not None:
            data["choice"] = _write_choice(self.choice)
        if self.order is not None:
            order = self.order
            data["order"] = {
                "asks": order.asks,
                "number": order.number,
                "others": list(order.others),
                "tries": order.tries,
                "purpose": order.purpose,
                "said": order.said,
                "latent": order.latent,
            }
        if self.complaint is not None:
            data["complaint"] = _write_complaint(self.complaint)
        if self.withdrawn is not None:
            data["withdrawn"] = _write_complaint(self.withdrawn)
        return data

    @classmethod
    def read(cls, data: Mapping[str, Json]) -> Memory:
        if not data or data.get("version") != VERSION:
            return cls()
        language, tone = _text(data, "language"), _text(data, "tone")
        return cls(
            language=Language(language) if language in _LANGUAGES else None,
            serial=_number(data, "serial"),
            choice=_read_choice(data.get("choice")),
            misunderstood=_number(data, "misunderstood"),
            angry=_number(data, "angry"),
            warned=data.get("warned") is True,
            tone=Tone(tone) if tone in _TONES else None,
            knowledge=_texts(data.get("knowledge")),
            order=_read_order(data.get("order")),
            proven=_texts(data.get("proven")),
            told=_text(data, "told"),
            survey=_text(data, "survey"),
            complaint=_read_complaint(data.get("complaint")),
            withdrawn=_read_complaint(data.get("withdrawn")),
        )


_LANGUAGES = frozenset(language.value for language in Language)
_TONES = frozenset(tone.value for tone in Tone)
_KINDS = frozenset(kind.value for kind in ComplaintKind)
_STEPS = frozenset({"listen", "record", "propose", "follow_up"})


def _write_choice(choice: Choice) -> Json:
    data: dict[str, Json] = {
        "serial": choice.serial,
        "age": choice.age,
        "options": [[option.label, option.skill, option.does, option.value] for option in choice.options],
    }
    if choice.about is not None:
        data["about"] = choice.about.write()
    return data


def _read_choice(data: Json) -> Choice | None:
    if not isinstance(data, dict):
        return None
    options: list[Option] = []
    listed = data.get("options")
    for item in listed if isinstance(listed, list) else []:
        match item:
            case [str(label), str(skill), str(does), str(value)]:
                options.append(Option(label, skill, does, value))
            case _:
                return None
    about = data.get("about")
    heard = Heard.read(about) if about is not None else None
    return Choice(serial=_number(data, "serial"), options=tuple(options), age=_number(data, "age"), about=heard)


def _read_order(data: Json) -> OrderQuestion | None:
    if not isinstance(data, dict) or _text(data, "asks") not in {"number", "proof"}:
        return None
    return OrderQuestion(
        asks=_text(data, "asks"),
        number=_text(data, "number"),
        others=tuple(_texts(data.get("others"))),
        tries=_number(data, "tries"),
        purpose=_text(data, "purpose") or "status",
        said=_text(data, "said"),
        latent=data.get("latent") is True,
    )


def _write_complaint(complaint: Complaint) -> Json:
    data: dict[str, Json] = {
        "case": complaint.case,
        "step": str(complaint.step),
        "kind": str(complaint.kind),
        "facts": dict(complaint.facts),
        "asked": complaint.asked,
        "answered": complaint.answered,
        "tries": dict[str, Json](complaint.tries),
        "offered": list[Json](complaint.offered),
        "paused": complaint.paused,
        "reminded": complaint.reminded,
    }
    if complaint.heard is not None:
        data["heard"] = complaint.heard.write()
    return data


def _read_complaint(data: Json) -> Complaint | None:
    if not isinstance(data, dict) or not _text(data, "case") or _text(data, "step") not in _STEPS:
        return None
    if _text(data, "kind") not in _KINDS:
        return None
    facts, tries, heard = data.get("facts"), data.get("tries"), data.get("heard")
    return Complaint(
        case=_text(data, "case"),
        step=_text(data, "step"),
        kind=_text(data, "kind"),
        facts=dict(facts) if isinstance(facts, dict) else {},
        heard=Heard.read(heard) if heard is not None else None,
        asked=_text(data, "asked"),
        answered=_text(data, "answered"),
        tries={key: value for key, value in tries.items() if isinstance(value, int)} if isinstance(tries, dict) else {},
        offered=_texts(data.get("offered")),
        paused=data.get("paused") is True,
        reminded=data.get("reminded") is True,
    )


def _text(data: Mapping[str, Json], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _number(data: Mapping[str, Json], key: str) -> int:
    value = data.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _texts(data: Json) -> list[str]:
    return [item for item in data if isinstance(item, str)] if isinstance(data, list) else []
