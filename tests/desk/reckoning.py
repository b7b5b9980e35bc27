"""The reckoning: figures of a random house, counted in plain Python, slowly, by their definitions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from hypothesis import strategies as some
from sqlalchemy import Connection, insert

from desk.reports.report import Value
from storage.cases import Case
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.deadlines import Deadline, DeadlineKind
from storage.interactions import Direction, Interaction, InteractionKind

BEGIN = datetime(2026, 3, 1, 15, 30, tzinfo=UTC)
CHANNELS, AGENTS = ("webchat", "mail"), ("Ben", "Eve")


@dataclass
class Talk:
    """A conversation, as it happened."""

    channel: str
    agent: str | None
    opened: int
    """Minutes after BEGIN."""
    handed: int | None
    """Minutes after it opened."""
    back: bool
    said: list[tuple[int, str]]
    """Minutes after it opened, and who."""
    ended: tuple[int, ConversationState] | None
    case: tuple[str, int | None, bool, str | None, bool] | None
    """Kind, score, asked, cause, closed."""
    deadline: tuple[int, bool] | None
    """Hours after it opened, and whether it was missed."""
    opened_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.opened_at = BEGIN + timedelta(minutes=self.opened)

    def at(self, minutes: int) -> datetime:
        return self.opened_at + timedelta(minutes=minutes)

    @property
    def counts(self) -> bool:
        return self.ended is None or self.ended[1] is not ConversationState.SPAM

    @property
    def handed_at(self) -> datetime | None:
        return None if self.handed is None else self.at(self.handed)

    @property
    def closed_at(self) -> datetime | None:
        return None if self.ended is None else self.at(self.ended[0])

    @property
    def left_at(self) -> datetime | None:
        """When people were done with it."""
        if self.handed is None:
            return None
        return self.at(self.handed + 1) if self.back else self.closed_at

    @property
    def had_by(self) -> str | None:
        if self.owner is Owner.AGENT:
            return self.agent
        spoke = [who for _, who in sorted(self.said, key=lambda one: one[0]) if who in AGENTS]
        return spoke[-1] if spoke else None

    @property
    def owner(self) -> Owner:
        if self.handed is None or self.back:
            return Owner.BOT
        return Owner.QUEUE if self.agent is None else Owner.AGENT


minutes = some.integers(0, 60 * 24 * 4)
_said = some.lists(some.tuples(some.integers(0, 3000), some.sampled_from(["customer", "bot", *AGENTS])), max_size=6)
_states = some.sampled_from([state for state in ConversationState if state is not ConversationState.OPEN])
talks = some.lists(
    some.builds(
        Talk,
        channel=some.sampled_from(CHANNELS),
        agent=some.sampled_from([None, *AGENTS]),
        opened=minutes,
        handed=some.none() | some.integers(0, 200),
        back=some.booleans(),
        said=_said,
        ended=some.none() | some.tuples(some.integers(3001, 9000), _states),
        case=some.none()
        | some.tuples(
            some.sampled_from(["complaint", "request"]),
            some.none() | some.integers(1, 5),
            some.booleans(),
            some.sampled_from([None, "delivery.late", "quality"]),
            some.booleans(),
        ),
        deadline=some.none() | some.tuples(some.integers(1, 60), some.booleans()),
    ),
    max_size=12,
)


def build(connection: Connection, house: Sequence[Talk]) -> list[int]:
    """As rows; returns the conversations."""
    return [_build(connection, talk, place) for place, talk in enumerate(house)]


def _build(connection: Connection, talk: Talk, place: int) -> int:
    def add(entity: Any, **row: Any) -> int:
        return connection.execute(insert(entity).returning(entity.id), row).scalar_one()

    contact = add(Contact, created_at=talk.opened_at, tier="ordinary")
    address = add(Address, contact_id=contact, uri=f"webchat:{contact}", created_at=talk.opened_at)
    conversation = add(
        Conversation,
        contact_id=contact,
        address_id=address,
        channel=talk.channel,
        thread="",
        state=ConversationState.OPEN if talk.ended is None else talk.ended[1],
        owner=talk.owner,
        agent=talk.agent if talk.owner is Owner.AGENT else None,
        epoch=0,
        memory={},
        opened_at=talk.opened_at,
        last_at=talk.at(3000),
        closed_at=talk.closed_at,
        handed_off_at=talk.handed_at,
        handoff_reason=None if talk.handed is None else "requested",
        priority=3,
    )
    lines: list[tuple[int, str, str]] = [(at, who, "message") for at, who in talk.said]
    if talk.handed is not None and talk.back:
        lines.append((talk.handed + 1, "system", "handed_back"))
    for at, who, event in sorted(lines, key=lambda line: line[0]):
        kind = InteractionKind.MESSAGE if event == "message" else InteractionKind.SYSTEM
        direction = Direction.IN if who == "customer" else Direction.INTERNAL if who == "system" else Direction.OUT
        add(
            Interaction,
            contact_id=contact,
            conversation_id=conversation,
            channel=talk.channel,
            direction=direction,
            kind=kind,
            author=f"agent:{who}" if who in AGENTS else who,
            text="…",
            content={"event": event},
            at=talk.at(at),
            stored_at=talk.at(at),
        )
    if talk.case is not None:
        _build_case(add, talk, contact, conversation, place)
    return conversation


def _build_case(add: Callable[..., int], talk: Talk, contact: int, conversation: int, place: int) -> None:
    assert talk.case is not None
    kind, score, asked, cause, closed = talk.case
    case = add(
        Case,
        number=f"C-{conversation}-{place}",
        contact_id=contact,
        conversation_id=conversation,
        kind=kind,
        status="closed" if closed else "open",
        subject="…",
        facts={},
        proposal={},
        promises=[],
        priority=3,
        score=score,
        survey_asked=asked,
        opened_at=talk.at(10),
        updated_at=talk.at(600),
        closed_at=talk.at(500) if closed else None,
        cause=cause,
        timed=True,
    )
    if talk.deadline is not None:
        hours, missed = talk.deadline
        at = talk.at(hours * 60)
        add(
            Deadline,
            case_id=case,
            kind=DeadlineKind.SOLUTION,
            round=1,
            minutes=hours * 60,
            started_at=talk.opened_at,
            due_at=at,
            met_at=None if missed else at,
            breached_at=at if missed else None,
        )


@dataclass(frozen=True, kw_only=True)
class Reckoning:
    """Figures of the talks between two moments, seen at a third."""

    house: Sequence[Talk]
    begins: datetime
    ends: datetime
    now: datetime

    def within(self, at: datetime | None) -> bool:
        return at is not None and self.begins <= at < self.ends

    def figure(self, key: str) -> Value:
        return getattr(self, key)()

    def conversations(self) -> Value:
        return count(self._opened())

    def _opened(self) -> list[Talk]:
        return [talk for talk in self.house if talk.counts and self.within(talk.opened_at)]

    def _handed(self) -> list[Talk]:
        return [talk for talk in self.house if talk.counts and self.within(talk.handed_at)]

    def _said(self, *who: str) -> Value:
        return count(
            [
                1
                for talk in self.house
                for at, author in talk.said
                if talk.counts and author in who and self.within(quarter(talk.at(at)))
            ]
        )

    def messages_in(self) -> Value:
        return self._said("customer")

    def messages_bot(self) -> Value:
        return self._said("bot")

    def messages_people(self) -> Value:
        return self._said(*AGENTS)

    def handed_off(self) -> Value:
        return count(self._handed())

    def containment(self) -> Value:
        ended = [talk for talk in self.house if talk.counts and self.within(talk.closed_at)]
        return share([talk for talk in ended if talk.handed is None], ended)

    def backlog(self) -> Value:
        end = min(self.ends, self.now)
        return count(
            [
                talk
                for talk in self.house
                if talk.counts
                and talk.handed_at is not None
                and talk.handed_at < end
                and not (talk.left_at is not None and talk.left_at < end)
            ]
        )

    def first_response(self) -> Value:
        return times([wait for talk in self._handed() if (wait := _person(talk)) is not None])

    def answered(self) -> Value:
        return share([talk for talk in self._handed() if _person(talk) is not None], self._handed())

    def first_answer(self) -> Value:
        found: list[int] = []
        for talk in self._opened():
            lines = sorted(talk.said, key=lambda one: one[0])
            first = next((at for at, who in lines if who == "customer"), None)
            answer = next((at for at, who in lines if first is not None and who != "customer" and at >= first), None)
            if first is not None and answer is not None:
                found.append((answer - first) * 60)
        return times(found)

    def resolution(self) -> Value:
        return times(
            [
                talk.ended[0] * 60
                for talk in self.house
                if talk.ended is not None
                and talk.ended[1] is ConversationState.RESOLVED
                and self.within(talk.closed_at)
            ]
        )

    def deadlines_kept(self) -> Value:
        decided = [
            talk.deadline
            for talk in self.house
            if talk.case is not None and talk.deadline is not None and self.within(talk.at(talk.deadline[0] * 60))
        ]
        return share([one for one in decided if not one[1]], decided)

    def _complaints(self) -> list[Talk]:
        return [
            talk
            for talk in self.house
            if talk.case is not None and talk.case[0] == "complaint" and self.within(talk.at(10))
        ]

    def complaints(self) -> Value:
        return count(self._complaints())

    def complaint_rate(self) -> Value:
        return share(self._complaints(), self._opened())

    def case_resolution(self) -> Value:
        return times([490 * 60 for talk in self.house if talk.case and talk.case[4] and self.within(talk.at(500))])

    def _judged(self) -> list[tuple[int | None, bool]]:
        return [
            (talk.case[1], talk.case[2])
            for talk in self.house
            if talk.case is not None and self.within(talk.at(500 if talk.case[4] else 600))
        ]

    def satisfaction(self) -> Value:
        scores = [score for score, _ in self._judged() if score is not None]
        return Value(value=sum(scores) / len(scores), count=len(scores)) if scores else Value(value=None)

    def satisfied(self) -> Value:
        scores = [score for score, _ in self._judged() if score is not None]
        return share([score for score in scores if score >= 4], scores)

    def survey_answered(self) -> Value:
        asked = [score for score, asked in self._judged() if asked]
        return share([score for score in asked if score is not None], asked)


def _person(talk: Talk) -> int | None:
    assert talk.handed is not None
    answers = [at for at, who in talk.said if who in AGENTS and at >= talk.handed]
    return (min(answers) - talk.handed) * 60 if answers else None


def quarter(at: datetime) -> datetime:
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)


def count(what: Sequence[object]) -> Value:
    return Value(value=len(what), count=len(what))


def share(some_of: Sequence[object], among: Sequence[object]) -> Value:
    value = len(some_of) / len(among) if among else None
    return Value(value=value, count=len(some_of), among=len(among))


def times(seconds: Iterable[int]) -> Value:
    ordered = sorted(seconds)
    if not ordered:
        return Value(value=None)
    return Value(
        value=ordered[ceil(len(ordered) / 2) - 1], count=len(ordered), high=ordered[ceil(len(ordered) * 0.9) - 1]
    )
