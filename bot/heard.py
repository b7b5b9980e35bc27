"""What the customer said in one breath: the messages of a Turn taken together, or gathered over several Turns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.turn import Json, Message
from channels.envelope import Event
from nlu.understanding import Candidate, Entity, Intent, Language

SOCIAL = frozenset({"greet", "goodbye", "thank", "smalltalk_wellbeing", "affirm", "deny"})
"""Said besides something else, these are manners and not the matter."""

COMPLAINTS = (
    "complaint_quality",
    "complaint_delivery",
    "complaint_service",
    "complaint_wrong_item",
    "complaint_overcharge",
)

MOST_TEXT = 2000
"""Characters that are kept: beyond it nobody reads, and memory is rewritten with every Turn."""

CERTAIN = 0.8
"""Confidence from which an intent counts in words of another language: they resemble ours by chance."""

_A_REMARK, _A_SENTENCE = 4, 4
"""Characters, words."""
_WORDS = re.compile(r"[^\W\d_]{2,}")
_OTHER_SCRIPTS = re.compile(r"[\u0370-\u1fff\u3040-\u30ff\uac00-\ud7af]")
_KNOCKS = re.compile(r"[?？!！.。…~～\s]+")
"""Marks and nothing else: is anybody there?"""

COMMANDS: Mapping[str, str] = {
    "/start": "greet",
    "/help": "help",
    "/stop": "stop_marketing",
    "/cancel": "cancel_form",
    "/human": "human_request",
    "/agent": "human_request",
}
"""What bots are told on Telegram."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """Words with all that was understood in them."""

    text: str = ""
    intents: tuple[Intent, ...] = ()
    """The matter first, then by confidence."""
    entities: tuple[Entity, ...] = ()
    knowledge: tuple[Candidate, ...] = ()
    language: Language | None = None
    either_script: bool = False
    """`language` is Chinese, in words that both scripts write alike."""
    evidence: tuple[int, ...] = ()
    """Interactions that carry attachments."""
    edited: bool = False
    beyond: bool = False
    """Clearly none of the business's concern."""

    @property
    def intent(self) -> Intent | None:
        return self.intents[0] if self.intents else None

    @property
    def otherwise(self) -> bool:
        """Words enough, and in none of our languages."""
        if self.language is not None or self.entities:
            return False
        return len(_WORDS.findall(self.text)) >= _A_SENTENCE or len(_OTHER_SCRIPTS.findall(self.text)) >= _A_REMARK

    def confidence(self, *names: str) -> float:
        """The best among these intents; 0 where none was guessed."""
        return max((intent.confidence for intent in self.intents if intent.name in names), default=0.0)

    def entity(self, kind: str) -> Entity | None:
        return next((entity for entity in self.entities if entity.kind == kind), None)

    def values(self, kind: str) -> list[str]:
        return list(dict.fromkeys(entity.value for entity in self.entities if entity.kind == kind))

    def and_then(self, later: Heard) -> Heard:
        """Both, in order."""
        if not self.text and not self.intents and not self.evidence:
            return later
        tells_more = later.language is not None and (self.language is None or not later.either_script)
        language, either = (later if tells_more else self).language, (later if tells_more else self).either_script
        text = f"{self.text}\n{later.text}" if self.text and later.text else self.text or later.text
        return replace(
            self,
            text=text[:MOST_TEXT],
            intents=_together((*self.intents, *later.intents)),
            entities=(self.entities + later.entities)[:20],
            knowledge=_best((*self.knowledge, *later.knowledge)),
            language=language,
            either_script=either,
            evidence=(self.evidence + later.evidence)[-20:],
            edited=self.edited and later.edited,
            beyond=self.beyond and later.beyond,
        )

    def write(self) -> dict[str, Json]:
        return {
            "text": self.text[:MOST_TEXT],
            "intents": [[intent.name, intent.confidence] for intent in self.intents[:5]],
            "entities": [[entity.kind, entity.value, entity.text[:100]] for entity in self.entities[:20]],
            "knowledge": [[candidate.entry, candidate.score] for candidate in self.knowledge[:3]],
            "evidence": list(self.evidence[-20:]),
        }

    @classmethod
    def read(cls, data: Json) -> Heard:
        """Tolerant: what cannot be read was not heard."""
        if not isinstance(data, dict):
            return cls()
        text = data.get("text")
        return cls(
            text=text[:MOST_TEXT] if isinstance(text, str) else "",
            intents=tuple(Intent(name=name, confidence=score) for name, score in _pairs(data.get("intents"))),
            entities=tuple(_entities(data.get("entities"))),
            knowledge=tuple(Candidate(entry=name, score=score) for name, score in _pairs(data.get("knowledge"))),
            evidence=tuple(item for item in _items(data.get("evidence")) if isinstance(item, int)),
        )


def hear(messages: Sequence[Message]) -> Heard:
    """The messages of a Turn as one."""
    if len(messages) == 1:
        return hear_one(messages[0])
    heard = Heard()
    for message in messages:
        heard = heard.and_then(hear_one(message))
    return heard


def hear_one(message: Message) -> Heard:
    meaning = message.understanding
    text = message.text.strip()
    intents = meaning.intents
    # How many of something: no skill asks for it, and by itself it is no matter.
    facts = tuple(entity for entity in meaning.entities if entity.kind != "number")
    if text and _KNOCKS.fullmatch(text):
        intents = (Intent(name="greet", confidence=1.0),)
    if text.startswith("/") and (command := COMMANDS.get(text.split(maxsplit=1)[0].partition("@")[0].casefold())):
        intents = (Intent(name=command, confidence=1.0),)
    heard = Heard(
        text=text[:MOST_TEXT],
        intents=intents,
        entities=facts,
        knowledge=meaning.knowledge,
        language=meaning.language,
        either_script=meaning.either_script,
        evidence=(message.interaction,) if message.attachments else (),
        edited=message.event is Event.EDIT,
        beyond=meaning.out_of_scope and all(entity.kind == "date" for entity in facts),
    )
    if heard.language is None and heard.otherwise:
        return replace(heard, intents=tuple(each for each in intents if each.confidence >= CERTAIN), beyond=False)
    return heard


def hear_each(message: Message) -> list[Heard]:
    """Several questions in one message are heard as if they had come one by one."""
    return [hear_one(piece) for piece in pieces(message)]


def pieces(message: Message) -> list[Message]:
    parts = message.understanding.parts
    return [replace(message, text=part.text, understanding=part.understanding) for part in parts] or [message]


def _together(intents: Iterable[Intent]) -> tuple[Intent, ...]:
    best: dict[str, Intent] = {}
    for intent in intents:
        known = best.get(intent.name)
        if known is None or intent.confidence > known.confidence:
            best[intent.name] = intent
    return tuple(sorted(best.values(), key=lambda intent: (-_weight(intent), intent.name)))


def _weight(intent: Intent) -> float:
    """Manners stand behind a matter, but not behind what was hardly guessed at all."""
    return intent.confidence * (0.3 if intent.name in SOCIAL else 1.0)


def _best(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    best: dict[str, Candidate] = {}
    for candidate in candidates:
        known = best.get(candidate.entry)
        if known is None or candidate.score > known.score:
            best[candidate.entry] = candidate
    return tuple(sorted(best.values(), key=lambda candidate: (-candidate.score, candidate.entry))[:5])


def _items(data: Json) -> list[Json]:
    return data if isinstance(data, list) else []


def _pairs(data: Json) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for item in _items(data):
        if isinstance(item, list) and len(item) == 2:
            name, score = item
            if isinstance(name, str) and isinstance(score, int | float):
                found.append((name, float(score)))
    return found


def _entities(data: Json) -> list[Entity]:
    found: list[Entity] = []
    for item in _items(data):
        match item:
            case [str(kind), str(value), str(text)]:
                found.append(Entity(kind=kind, value=value, text=text, start=0, end=0))
            case _:
                pass
    return found
