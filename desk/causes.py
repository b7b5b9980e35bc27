"""Prevention: which causes come back, who does what about each, and whether its complaints fell after it.

A rate counts complaints for every thousand conversations: in a busy month there are more of both. Whether it fell is a
question of chance as well, and of few complaints nothing can be said: `verdict` asks the exact binomial test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import exp, lgamma, log
from typing import Final

from sqlalchemy import and_, case, func, insert, select, update

from bot.causes import within
from bot.playbook import Playbook
from bot.turn import CaseKind, CaseStatus
from desk.agents import usable
from desk.alerts import raise_alert
from desk.deeds import noted
from desk.logins import Present
from desk.refusals import NotFound, Refused, Unusable
from desk.rights import Right
from storage.alerts import AlertKind
from storage.cases import Case
from storage.cause_actions import ActionState, CauseAction
from storage.commits import Transaction
from storage.conversations import Conversation, ConversationState
from storage.staff import Staff

WEEK: Final = timedelta(days=7)
WEEKS: Final = 12
"""That the overview shows."""
BESIDE: Final = 8
"""Weeks before and after an action that are compared."""
CHANCE: Final = 0.025
"""On either side: of twenty comparisons of nothing, one looks like something."""
LONGEST: Final = 500
FARTHEST: Final = timedelta(days=366 * 2)


class Verdict(StrEnum):
    PLANNED = "planned"  # it is not done yet
    FELL = "fell"
    ROSE = "rose"
    NO_CHANGE = "no_change"  # none that could not be chance
    TOO_FEW = "too_few"  # even no complaint at all would not have shown anything yet


class NotTheirs(Refused):
    """Only its owner and supervisors say what became of an action."""


class NoSuchTime(Unusable):
    """An action is for a day that is yet to come, within two years."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """Complaints of a cause before an action and after it, week by week, and the conversations of the same weeks."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    """Its last week may not be over."""
    conversations_before: int
    conversations_after: int
    verdict: Verdict

    @property
    def rate_before(self) -> float | None:
        """For every thousand conversations; None: there were none."""
        return _rate(sum(self.before), self.conversations_before)

    @property
    def rate_after(self) -> float | None:
        return _rate(sum(self.after), self.conversations_after)


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionFacts:
    """What is done about a cause."""

    id: int
    cause: str
    action: str
    owner: str
    due_at: datetime
    late: bool
    state: ActionState
    made_by: str
    made_at: datetime
    done_at: datetime | None
    note: str | None
    may_finish: bool
    effect: Effect | None
    """None, until it is done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CauseLine:
    """A cause in the overview; what belongs to it is counted with it."""

    id: str
    weeks: tuple[int, ...]
    """Complaints, the oldest week first; the last one ends now."""
    lately: int
    """Of the last four weeks."""
    before: int
    """Of the four weeks before those."""
    recurring: bool
    """It should have an owner, and has none."""
    actions: tuple[ActionFacts, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    causes: tuple[CauseLine, ...]
    """Those with complaints or actions, the most frequent first."""
    unknown: int
    """Complaints of the last four weeks whose root cause nobody has found yet."""
    complaints: int
    """Of the last four weeks."""
    conversations: int


def verdict(before: int, after: int, conversations_before: int, conversations_after: int) -> Verdict:
    """Whether `after` of all complaints is fewer than its share of the conversations lets expect: an exact test of two
    Poisson rates (Przyborowski and Wilenski, 1940)."""
    if not conversations_before or not conversations_after:
        return Verdict.TOO_FEW
    share, count = conversations_after / (conversations_before + conversations_after), before + after
    if _at_most(after, count, share) < CHANCE:
        return Verdict.FELL
    if 1 - _at_most(after - 1, count, share) < CHANCE:
        return Verdict.ROSE
    return Verdict.TOO_FEW if _at_most(0, count, share) >= CHANCE else Verdict.NO_CHANGE


def overview(transaction: Transaction, *, by: Present, playbook: Playbook) -> Overview:
    """All causes of the last twelve weeks."""
    now = transaction.now
    starts = [now - WEEK * (WEEKS - number) for number in range(WEEKS)]
    counts = _complaints(transaction, starts, now)
    actions = _actions(transaction, by)
    lines = [
        _line(cause, counts, actions, playbook)
        for cause in {*playbook.causes, *(action.cause for action in actions), *counts}
        if cause
    ]
    shown = [line for line in lines if any(line.weeks) or line.actions]
    four_weeks = (now - WEEK * 4, now)
    return Overview(
        causes=tuple(sorted(shown, key=lambda line: (-line.lately, -sum(line.weeks), line.id))),
        unknown=_unknown(transaction, four_weeks[0]),
        complaints=sum(sum(weeks[-4:]) for weeks in counts.values()),
        conversations=_conversations(transaction, *four_weeks),
    )


def plan(
    transaction: Transaction, *, by: Present, playbook: Playbook, cause: str, action: str, owner: str, due: datetime
) -> int:
    """Somebody does something about a cause, by a day; its number. Raises NoSuchTime, Unusable."""
    if cause not in playbook.causes:
        raise Unusable(f"there is no cause {cause[:60]!r}")
    action = usable(action)
    if len(action) > LONGEST:
        raise Unusable(f"an action is told in at most {LONGEST} characters")
    if not transaction.now < due <= transaction.now + FARTHEST:
        raise NoSuchTime("an action is for a day that is yet to come, within two years")
    connection = transaction.connection
    who = connection.scalar(select(Staff.id).where(Staff.name == owner, Staff.left_at.is_(None)))
    if who is None:
        raise Unusable(f"nobody here is called {owner[:64]!r}")
    made = {
        "cause": cause,
        "action": action,
        "owner": owner,
        "owner_id": who,
        "due_at": due,
        "state": ActionState.PLANNED,
        "made_by": by.name,
        "made_at": transaction.now,
    }
    number = connection.execute(insert(CauseAction).returning(CauseAction.id), made).scalar_one()
    noted(transaction, by, "cause.planned", f"cause:{cause}", action=number, owner=owner)
    raise_alert(
        transaction, kind=AlertKind.ASSIGNED, subject=f"cause:{cause}", staff=owner, who=by.name, facts={"cause": cause}
    )
    return number


def finish(transaction: Transaction, *, action: int, by: Present, done: bool, note: str = "") -> None:
    """It is done, from now on it should show; or it was dropped. Raises NotTheirs, NotFound, Unusable."""
    connection = transaction.connection
    row = connection.execute(
        select(CauseAction.cause, CauseAction.owner_id, CauseAction.state)
        .where(CauseAction.id == action)
        .with_for_update()
    ).one_or_none()
    if row is None or row.state is not ActionState.PLANNED:
        raise NotFound(f"there is no planned action {action}")
    if row.owner_id != by.staff and Right.DIRECT not in by.rights:
        raise NotTheirs("its owner says what became of it, or a supervisor")
    words = usable(note)[:LONGEST] if note.strip() else None
    state = ActionState.DONE if done else ActionState.DROPPED
    connection.execute(
        update(CauseAction).where(CauseAction.id == action).values(state=state, done_at=transaction.now, note=words)
    )
    noted(transaction, by, f"cause.{state}", f"cause:{row.cause}", action=action)


def _at_most(hits: int, count: int, share: float) -> float:
    """P(X ≤ hits) of a binomial."""
    return min(sum(_exactly(number, count, share) for number in range(hits + 1)), 1.0)


def _exactly(hits: int, count: int, share: float) -> float:
    ways = lgamma(count + 1) - lgamma(hits + 1) - lgamma(count - hits + 1)
    return exp(ways + hits * log(share) + (count - hits) * log(1 - share))


def _rate(complaints: int, conversations: int) -> float | None:
    return complaints * 1000 / conversations if conversations else None


def _line(
    cause: str, counts: Mapping[str, Sequence[int]], actions: Sequence[ActionFacts], playbook: Playbook
) -> CauseLine:
    weeks = [0] * WEEKS
    for found, complaints in counts.items():
        if within(found, cause):
            weeks = [one + other for one, other in zip(weeks, complaints, strict=True)]
    lately = sum(weeks[-4:])
    # What is done about a wider cause is done about this one, too.
    looked_after = any(
        action.state is not ActionState.DROPPED and (within(cause, action.cause) or within(action.cause, cause))
        for action in actions
    )
    belows = any(within(other, cause) and other != cause for other in playbook.causes)
    return CauseLine(
        id=cause,
        weeks=tuple(weeks),
        lately=lately,
        before=sum(weeks[-8:-4]),
        # A category is looked after where its causes are.
        recurring=lately >= playbook.policy.cases.recurring and not looked_after and not belows,
        actions=tuple(action for action in actions if within(action.cause, cause)),
    )


_counts_for = and_(
    Case.kind == CaseKind.COMPLAINT.value, Case.status != CaseStatus.SPAM.value, Case.merged_into.is_(None)
)
_found = func.coalesce(Case.cause, Case.category, "")


def _complaints(transaction: Transaction, starts: Sequence[datetime], end: datetime) -> dict[str, list[int]]:
    """By cause, in each of the periods that begin with `starts`."""
    sums = [
        func.sum(case((and_(Case.opened_at >= start, Case.opened_at < until), 1), else_=0)).label(f"week{number}")
        for number, (start, until) in enumerate(zip(starts, [*starts[1:], end], strict=True))
    ]
    rows = transaction.connection.execute(
        select(_found.label("cause"), *sums)
        .where(Case.opened_at >= starts[0], Case.opened_at < end, _counts_for)
        .group_by(_found)
    ).all()
    return {row[0]: [int(count) for count in row[1:]] for row in rows}


def _unknown(transaction: Transaction, since: datetime) -> int:
    found = select(func.count()).select_from(Case).where(Case.opened_at >= since, _counts_for, Case.cause.is_(None))
    return transaction.connection.scalar(found) or 0


def _conversations(transaction: Transaction, since: datetime, until: datetime) -> int:
    statement = (
        select(func.count())
        .select_from(Conversation)
        .where(
            Conversation.opened_at >= since,
            Conversation.opened_at < until,
            Conversation.state != ConversationState.SPAM,
        )
    )
    return transaction.connection.scalar(statement) or 0


def _actions(transaction: Transaction, by: Present) -> list[ActionFacts]:
    rows = transaction.connection.execute(
        select(*CauseAction.__table__.columns).order_by(CauseAction.id.desc()).limit(200)
    ).all()
    return [
        ActionFacts(
            id=row.id,
            cause=row.cause,
            action=row.action,
            owner=row.owner,
            due_at=row.due_at,
            late=row.state is ActionState.PLANNED and row.due_at < transaction.now,
            state=row.state,
            made_by=row.made_by,
            made_at=row.made_at,
            done_at=row.done_at,
            note=row.note,
            may_finish=row.state is ActionState.PLANNED and (row.owner_id == by.staff or Right.DIRECT in by.rights),
            effect=_effect(transaction, row.cause, row.done_at) if row.state is ActionState.DONE else None,
        )
        for row in rows
    ]


def _effect(transaction: Transaction, cause: str, done_at: datetime) -> Effect:
    until = min(transaction.now, done_at + WEEK * BESIDE)
    since = done_at - WEEK * BESIDE
    before = _of_cause(transaction, cause, [since + WEEK * number for number in range(BESIDE)], done_at)
    starts = [done_at + WEEK * number for number in range(BESIDE) if done_at + WEEK * number < until]
    after = _of_cause(transaction, cause, starts, until) if starts else ()
    told_before, told_after = _conversations(transaction, since, done_at), _conversations(transaction, done_at, until)
    return Effect(
        before=before,
        after=after,
        conversations_before=told_before,
        conversations_after=told_after,
        verdict=verdict(sum(before), sum(after), told_before, told_after),
    )


def _of_cause(transaction: Transaction, cause: str, starts: Sequence[datetime], end: datetime) -> tuple[int, ...]:
    counts = [weeks for found, weeks in _complaints(transaction, starts, end).items() if within(found, cause)]
    return tuple(sum(week) for week in zip(*counts, strict=True)) if counts else (0,) * len(starts)
