"""Cases in words: what a deadline, a fact and a line of the timeline say in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from bot.playbook import Playbook
from desk.case_news import CaseEvent
from desk.case_page import CaseFile, CaseLine, ChangeLine
from nlu.understanding import Language
from storage.interactions import InteractionKind
from web.console import texts
from web.console.visit import Visit

VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": ("quality", "delivery", "wrong_item", "overcharge", "service", "other"),
    "wish": ("refund", "replacement", "voucher", "apology"),
    "proof": ("given", "needed", "impossible", "failed"),
    "tone": ("emotional", "stubborn", "prepared"),
    "offer": ("refund", "replacement", "voucher", "apology"),
    "reach": ("here",),
}
"""Facts whose values are words of ours."""
HIDDEN: Final = frozenset({"names_case"})
DERIVED: Final = ("order_date", "order_amount", "proof", "tone", "evidence", "kind")
"""Facts that follow from others, in this order."""
_NUMBER = re.compile(r"\+?\d(?:[ .-]?\d){5,}")
_MAIL = re.compile(r"([^\s@;,]{1,2})[^\s@;,]{0,64}@")


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A line of the timeline, in words."""

    id: int
    at: datetime
    author: str
    text: str
    shape: str
    """`in`, `out`, `note` or `system`."""
    conversation: int | None
    own: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """What templates say of cases. One for each page."""

    visit: Visit
    playbook: Playbook
    now: datetime

    @property
    def zone(self) -> ZoneInfo:
        return self.playbook.hours.time_zone

    def at(self, instant: datetime) -> str:
        """In the business's time; the year only where it is another one."""
        local, today = instant.astimezone(self.zone), self.now.astimezone(self.zone)
        return local.strftime("%m-%d %H:%M" if local.year == today.year else "%Y-%m-%d %H:%M")

    def left(self, due: datetime) -> str:
        """How much time is left, or how late it is; by the clock on the wall."""
        seconds = (due - self.now).total_seconds()
        span = self._span(abs(seconds))
        return self.visit.say("case.left", span=span) if seconds >= 0 else self.visit.say("case.late_by", span=span)

    def urgency(self, due: datetime | None) -> str:
        """`late`, `soon` or nothing: how a deadline is coloured."""
        if due is None:
            return ""
        hours = (due - self.now).total_seconds() / 3600
        return "late" if hours <= 0 else "soon" if hours <= self.playbook.policy.cases.soon_hours else ""

    def cause(self, cause: str | None) -> str:
        """With what it belongs to: `Delivery › Lost by the carrier`."""
        if not cause:
            return ""
        parts = cause.split(".")
        return " › ".join(self._name(".".join(parts[: place + 1])) for place in range(len(parts)))

    def causes(self) -> list[tuple[str, str, int]]:
        """All of the tree: id, name, depth."""
        return [(cause.id, self._name(cause.id), cause.depth) for cause in self.playbook.causes.values()]

    def money(self, amount: Decimal | str | None, currency: str | None) -> str:
        if amount in (None, ""):
            return ""
        return f"{Decimal(str(amount)):,.2f} {currency or ''}".strip()

    def grant(self, kind: str, amount: Decimal | str | None, currency: str | None) -> str:
        """`Refund 200.00 CNY`."""
        return f"{self.value('offer', kind)} {self.money(amount, currency)}".strip()

    def value(self, field: str, value: Any) -> str:
        """Of a fact, as people read it."""
        if value is None:
            return self.visit.say("case.unknown")
        if field == "evidence" and isinstance(value, list):
            return self.visit.say("case.attachments", count=len(cast("list[object]", value)))
        words = str(value)
        if words in VALUES.get(field, ()):
            return self.visit.say(f"case.value_{words}")
        return hidden(words) if field == "reach" else words

    def derived(self, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Facts that nobody writes: field and words."""
        return [(field, self.value(field, facts[field])) for field in DERIVED if facts.get(field) is not None]

    def changed(self, line: ChangeLine) -> tuple[str, str, str]:
        """What, from what, to what."""
        name = line.field.removeprefix("facts.")
        return self.field(line.field), self._plain(name, line.before), self._plain(name, line.after)

    def field(self, field: str) -> str:
        known = texts.words(self.visit.language)
        return known.get(f"case.field_{field.removeprefix('facts.')}", field)

    def told(self, file: CaseFile) -> list[Told]:
        return [self._told(line) for line in file.lines]

    def _told(self, line: CaseLine) -> Told:
        event = str(line.facts.get("event", ""))
        if event in list(CaseEvent):
            text = self._event(event, line.facts)
        elif line.kind == InteractionKind.CALLBACK and not line.text:
            text = self.visit.say("case.button")
        else:
            text = line.text
        shape = (
            "system"
            if line.kind == InteractionKind.SYSTEM
            else "note"
            if line.direction == "internal"
            else line.direction
        )
        return Told(
            id=line.id,
            at=line.at,
            author=self._author(line.author),
            text=text,
            shape=str(shape),
            conversation=line.conversation,
            own=line.own,
        )

    def _event(self, event: str, facts: Mapping[str, Any]) -> str:
        """A sentence, and in the next line why, in the words of whoever did it."""
        key = f"case.event_{event}"
        if event == CaseEvent.JUDGED:
            key = f"case.event_case_judged_{'founded' if facts.get('founded') else 'unfounded'}"
        if event == CaseEvent.ANSWERED:
            key = f"case.event_case_answered_{'yes' if facts.get('accepted') else 'no'}"
        deadline, due = facts.get("deadline"), facts.get("due")
        sentence = self.visit.say(
            key,
            who=facts.get("by", ""),
            other=facts.get("other", ""),
            grant=self.grant(str(facts["kind"]), facts.get("amount"), facts.get("currency"))
            if facts.get("kind") in VALUES["offer"]
            else "",
            deadline=self.visit.say(f"case.deadline_{deadline}") if deadline else "",
            due=self.at(datetime.fromisoformat(due)) if isinstance(due, str) else "",
            fields=self._fields(facts.get("fields")),
        )
        words = facts.get("words") or facts.get("reason") or ""
        return f"{sentence}\n{words}" if words else sentence

    def _fields(self, fields: Any) -> str:
        names = [self.field(str(field)) for field in cast("list[object]", fields)] if isinstance(fields, list) else []
        return self.visit.say("case.comma").join(names)

    def _plain(self, field: str, value: Any) -> str:
        if value is None or value == "":
            return self.visit.say("case.nothing")
        if field == "cause":
            return self.cause(str(value))
        if field == "status":
            return self.visit.say(f"case.status_{value}")
        if field == "priority":
            return self.visit.say(f"case.priority_{value}")
        if field == "founded":
            return self.visit.say("case.founded" if value else "case.unfounded")
        return self.value(field, value)

    def _author(self, author: str) -> str:
        if author in ("customer", "bot", "system"):
            return self.visit.say(f"case.author_{author}")
        return author.removeprefix("agent:")

    def _name(self, cause: str) -> str:
        known = self.playbook.causes.get(cause)
        if known is None:
            return cause.rpartition(".")[2]
        return known.names[Language(self.visit.language)]

    def _span(self, seconds: float) -> str:
        minutes = int(seconds // 60)
        if minutes < 60:
            return self.visit.say("case.minutes", minutes=max(minutes, 1))
        if minutes < 48 * 60 and minutes % 60 == 0:
            return self.visit.say("case.whole_hours", hours=minutes // 60)
        if minutes < 48 * 60:
            return self.visit.say("case.hours", hours=minutes // 60, minutes=minutes % 60)
        return self.visit.say("case.days", days=minutes // 1440, hours=minutes % 1440 // 60)


def words_of(visit: Visit) -> Words:
    return Words(visit=visit, playbook=visit.house.playbook(), now=visit.house.now())


def hidden(words: str) -> str:
    """Phone numbers and mail addresses in it that tell apart without telling."""
    words = _MAIL.sub(lambda match: f"{match[1]}…@", words)
    return _NUMBER.sub(lambda match: f"{match[0][:3]}…{match[0][-2:]}", words)
