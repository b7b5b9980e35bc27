"""Lines of a thread in the reader's words: who said it, what was understood, what became of it, what happened."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from markupsafe import Markup

from campaigns.policy import Delay, Refusal
from channels.envelope import SendErrorCode
from channels.markup import Run, Style, html_of, runs
from desk.thread import Said, Stretch, Understood
from storage.interactions import OFFLINE
from web.console import texts
from web.console.given import given
from web.console.visit import HOME, Visit, pages

_WHY: Final[Mapping[str, str]] = {str(each): each.name.lower() for kind in (Refusal, Delay) for each in kind}
_CODES: Final = frozenset(SendErrorCode)
_ENDED_WELL: Final = frozenset({"sent", "delivered", "read"})
_NOT: Final = frozenset({"failed", "skipped", "unknown"})
_ADDRESS: Final = re.compile(r"(?<![A-Za-z0-9])https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{1,1990}", re.IGNORECASE)
_MOVES: Final = frozenset({"queued", "retrying"})
"""States that read otherwise as time goes on; and what waits may still be taken back by whoever wrote it."""
_AFTER_IT: Final = ".,;:!?'*_~"
"""What ends a sentence rather than an address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fate:
    """What became of something we said."""

    state: str
    """In words."""
    why: str
    """What that means and what can be done about it; empty where there is nothing to say."""
    detail: str
    """What the provider said, letter for letter."""
    tone: str
    """`well`, `waits` or `bad`."""


class Words:
    """One reader's words; the templates of a thread ask it."""

    def __init__(self, visit: Visit, *, customer: str | None) -> None:
        self._visit = visit
        self.say: Callable[..., str] = visit.say
        self._known = texts.words(visit.language)
        self._customer = customer
        self._zone: ZoneInfo = visit.house.playbook().hours.time_zone
        self._now = visit.house.now()

    def days(self, stretch: Stretch) -> Iterator[tuple[date, int, Markup]]:
        """Each day, its first line's number, and all its lines as the thread shows them."""
        for day, said in groupby(stretch.lines, lambda line: self.day(line.at)):
            lines = list(said)
            yield day, lines[0].id, Markup("\n").join(self._line(line, stretch) for line in lines)

    def _line(self, said: Said, stretch: Stretch) -> Markup:
        visit, conversation, is_mail = self._visit, stretch.conversation, stretch.address.startswith("mailto:")

        def render() -> str:
            talk = f"{HOME}/conversations/{conversation}"
            given = {"line": said, "words": self, "talk": talk, "is_mail": is_mail, "size": size}
            template = pages().get_template("conversation/line.html")
            return template.render(t=self.say, home=HOME, csrf=visit.csrf, **given)

        if said.status in _MOVES:
            return Markup(render())  # noqa: S704 - rendered with autoescape
        shows = said, conversation, self._customer, self._zone.key, is_mail
        return visit.house.lines.piece((said.id, visit.language), shows, render)

    def author(self, said: Said) -> str:
        who, _, name = said.author.partition(":")
        match who:
            case "agent":
                return name
            case "bot":
                return self.say("conversation.assistant")
            case "customer":
                return self._customer or self.say("conversation.customer")
            case _:
                return self.say("conversation.system")

    def text(self, said: Said) -> Markup:
        """With what our own people emphasised, and addresses that can be followed; everything else is what it looks
        like."""
        source = said.content.get("markup") if said.author.startswith("agent:") else None
        words = runs(source) if source else (Run(text=said.text),)
        html = "".join(html_of(piece) for run in words for piece in _leading(run))
        return Markup(html.replace("<a ", '<a target="_blank" rel="noopener noreferrer nofollow" '))  # noqa: S704 - html_of escapes

    def happened(self, said: Said) -> str:
        """A line of the house's own; one that we have no words for says it as it was recorded."""
        facts: dict[str, Any] = defaultdict(str, {key: str(each) for key, each in said.content.items()})
        event = facts["event"]
        if event == "given":
            return given(self.say, facts)
        facts["by"] = self._person(facts["by"] or facts["who"])
        if event == "taken" and not facts["source"]:
            event = "taken_anew"
        if event == "transferred" and facts["kind"] == "queue":
            event = "transferred_queue"
        if event == "returned" and facts["why"] == "gone":
            event = "returned_gone"
        facts["source"] = self._person(facts["source"])
        wording = self._known.get(f"happened.{event}")
        return said.text if wording is None else wording.format_map(facts)

    def fate(self, said: Said) -> Fate | None:
        """None: it is nothing that we sent."""
        if said.status is None:
            return None
        reason = said.reason or ""
        code = reason.partition(":")[0]
        key = _WHY.get(reason) or (code if code in _CODES else "")
        state = "undone" if reason == Refusal.UNDONE else said.status
        why = self._known.get(f"delivery.{key}", "") if key else ""
        if said.due_at is not None and said.due_at > self._now and said.status in ("retrying", "queued"):
            waits = "delivery.again_at" if said.status == "retrying" else "delivery.not_before"
            if said.status == "retrying" or key:
                why = " ".join(part for part in (why, self.say(waits, time=self.time(said.due_at))) if part)
        return Fate(
            state=self._known.get(f"delivery.state_{state}", said.status),
            why=why,
            detail="" if reason in _WHY else reason,
            tone="well" if state in _ENDED_WELL else "bad" if state in _NOT else "waits",
        )

    def can_undo(self, said: Said) -> bool:
        own = said.author == f"agent:{self._visit.who.name}"
        return own and said.status == "queued" and not said.attempts

    def undo_seconds(self, said: Said) -> int:
        """How long it waits yet."""
        return 0 if said.due_at is None else max(0, round((said.due_at - self._now).total_seconds()))

    def intent(self, understood: Understood) -> str:
        if not understood.intent:
            return self.say("understood.nothing")
        own = understood.intent.replace("_", " ")
        return self._known.get(f"understood.intent_{understood.intent}", own)

    def sure(self, understood: Understood) -> str:
        if understood.confidence is None or not understood.intent:
            return ""
        return self.say("understood.sure", percent=round(understood.confidence * 100))

    def entities(self, understood: Understood) -> Sequence[tuple[str, str]]:
        return [(self._known.get(f"understood.entity_{kind}", kind), value) for kind, value in understood.entities]

    def kind(self, said: Said) -> str:
        """What sort of line it is, where that has to be said."""
        if said.kind in OFFLINE:
            return self._known.get(f"contact.what_{said.kind}", self.say("conversation.kind_offline"))
        return self._known.get(f"conversation.kind_{said.kind}", "")

    def attachment(self, attachment: Mapping[str, Any]) -> str:
        name = attachment.get("name") or ""
        sort = self._known.get(f"conversation.attachment_{attachment.get('kind')}", str(attachment.get("kind")))
        return f"{sort}: {name}" if name else sort

    def time(self, at: datetime) -> str:
        local, today = at.astimezone(self._zone), self._now.astimezone(self._zone).date()
        return local.strftime("%H:%M" if local.date() == today else "%Y-%m-%d %H:%M")

    def clock(self, at: datetime) -> str:
        return at.astimezone(self._zone).strftime("%H:%M")

    def day(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()

    def day_name(self, day: date) -> str:
        before = (self._now.astimezone(self._zone).date() - day).days
        if before in (0, 1):
            return self.say("conversation.today") if before == 0 else self.say("conversation.yesterday")
        return day.isoformat()

    def _person(self, name: str) -> str:
        """`bot` and `queue` are nobody's names."""
        match name:
            case "bot":
                return self.say("conversation.from_bot")
            case "queue":
                return self.say("conversation.from_queue")
            case "":
                return self.say("conversation.from_colleague")
            case _:
                return name


def _leading(run: Run) -> Iterator[Run]:
    """The same words, of which the addresses of the web lead there. Who they name is whom they lead to: one that begins
    with another's name (`https://bank.example@elsewhere.example`) leads nowhere."""
    at = 0
    for found in () if run.url or Style.TYPED in run.styles else _ADDRESS.finditer(run.text):
        address = _trimmed(found[0])
        if not _names_its_host(address):
            continue
        yield Run(text=run.text[at : found.start()], styles=run.styles, url=run.url)
        yield Run(text=address, styles=run.styles, url=address)
        at = found.start() + len(address)
    yield Run(text=run.text[at:], styles=run.styles, url=run.url)


def _trimmed(address: str) -> str:
    while address and (
        address[-1] in _AFTER_IT
        or any(address.endswith(end) and address.count(end) > address.count(start) for start, end in ("()", "[]"))
    ):
        address = address[:-1]
    return address


def _names_its_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.hostname) and "@" not in parts.netloc


def size(count: int | None) -> str:
    """Bytes, as a person reads them."""
    if not count:
        return ""
    return f"{count / 1_000_000:.1f} MB" if count >= 1_000_000 else f"{max(1, round(count / 1000))} kB"
