"""Presence: who is here and takes conversations. Said by hand, and lost by going away: nobody is waited for in vain.

Somebody is available while they say so, a page of theirs is open, and they touch it now and then. Pages tell of
themselves every half minute (`heard`), which is why a browser that crashed counts as gone soon after.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, insert, select, update

from bot.playbook import Playbook
from desk.logins import IDLE as SESSION_IDLE
from desk.logins import Present
from desk.refusals import Unusable
from desk.rights import Right, rights_of
from storage.commits import Transaction
from storage.conversations import Conversation, ConversationState, Owner
from storage.presence import Presence, State
from storage.routing import Routing
from storage.staff import Session, Staff, Stage
from storage.touched import for_staff, touch

BEAT = timedelta(seconds=30)
"""How often a page tells of itself."""
SILENT = timedelta(seconds=150)
"""After which nobody is behind a page that no longer does; browsers let hidden ones speak once a minute only."""
GONE = timedelta(hours=1)
"""After which somebody who was idle, and whose pages said so and fell silent, is away no longer but gone."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When somebody who has not said anything yet said it."""
NOTED_EVERY = timedelta(seconds=20)
"""How exactly we keep when a page was heard: several pages of one person are one commit."""


class Because(StrEnum):
    """Why somebody's state is what it is."""

    SAID = "said"  # by hand
    NOT_SAID = "not_said"  # logged in, and has not said yet that they take anything
    IDLE = "idle"  # nothing was touched for long
    SILENT = "silent"  # no page of theirs was heard for a while
    OUT = "out"  # not logged in


@dataclass(frozen=True, kw_only=True, slots=True)
class Here:
    """Somebody of the staff who converses with customers, and whether they are there."""

    staff: int
    name: str
    roles: tuple[str, ...]
    state: State
    because: Because
    since: datetime | None
    """Since when, as far as the house has noticed; None: they were never here."""
    given_at: datetime | None


def choose(transaction: Transaction, *, present: Present, state: str, after: timedelta) -> Here:
    """Somebody says whether they take conversations. `after`: idle for so long, one counts as away. Raises Unusable."""
    if state not in {known.value for known in State}:
        raise Unusable(f"one is {', '.join(State)}")
    _hear(transaction, present.staff, transaction.now, {"chosen": State(state), "chosen_at": transaction.now})
    return _notice(transaction, present, after)


def heard(transaction: Transaction, *, present: Present, idle: float, after: timedelta) -> Here:
    """A page of theirs is open; `idle`: seconds since they last touched it; `after`: when that makes them away."""
    active_at = transaction.now - timedelta(seconds=min(max(idle, 0.0), SESSION_IDLE.total_seconds()))
    _hear(transaction, present.staff, active_at, {})
    return _notice(transaction, present, after)


def worth_noting(transaction: Transaction, *, present: Present) -> bool:
    """Whether what a page tells now is news: if not, nothing has to be written."""
    heard_at = transaction.connection.scalar(select(Presence.heard_at).where(Presence.staff_id == present.staff))
    return heard_at is None or transaction.now - heard_at >= NOTED_EVERY


def of(transaction: Transaction, *, staff: int, idle: timedelta) -> Here:
    """One of the staff. `idle`: after which they count as away."""
    row = transaction.connection.execute(_rows(transaction.now).where(Staff.id == staff)).one()
    return _here(row, transaction.now, idle)


def everybody(transaction: Transaction, *, idle: timedelta) -> list[Here]:
    """All who may converse with customers, by name."""
    rows = transaction.connection.execute(_rows(transaction.now).where(Staff.left_at.is_(None)).order_by(Staff.name))
    return [_here(row, transaction.now, idle) for row in rows if Right.CONVERSE in rights_of(row.roles)]


def look_around(transaction: Transaction, playbook: Playbook) -> int:
    """Notice who has come and who has gone; returns how many. What the gone have is looked after sooner."""
    changed = [
        here for here, known in _with_known(transaction, playbook.policy.routing.idle) if here.state is not known
    ]
    for here in changed:
        _know(transaction, here)
    return len(changed)


def _hear(transaction: Transaction, staff: int, active_at: datetime, says: dict[str, Any]) -> None:
    connection, now = transaction.connection, transaction.now
    before = connection.scalar(select(Presence.active_at).where(Presence.staff_id == staff).with_for_update())
    if before is not None:
        # Of several pages the one that was touched last counts.
        values = {"heard_at": now, "active_at": max(before, active_at), **says}
        connection.execute(update(Presence).where(Presence.staff_id == staff).values(values))
        return
    row = {
        "staff_id": staff,
        "chosen": State.AWAY,
        "chosen_at": NEVER,
        "heard_at": now,
        "active_at": active_at,
        "known": State.OFFLINE,
        "known_since": now,
    }
    connection.execute(insert(Presence), row | says)


def _notice(transaction: Transaction, present: Present, after: timedelta) -> Here:
    """What it has come to is known at once, not at the next look around."""
    known = transaction.connection.scalar(select(Presence.known).where(Presence.staff_id == present.staff))
    here = of(transaction, staff=present.staff, idle=after)
    if here.state is not known:
        _know(transaction, here)
        here = of(transaction, staff=present.staff, idle=after)
    return here


def _know(transaction: Transaction, here: Here) -> None:
    connection, now = transaction.connection, transaction.now
    connection.execute(
        update(Presence).where(Presence.staff_id == here.staff).values(known=here.state, known_since=now)
    )
    touch(connection, ["board", for_staff(here.staff)])
    if here.state is State.OFFLINE:
        theirs = select(Conversation.id).where(
            Conversation.state == ConversationState.OPEN,
            Conversation.owner == Owner.AGENT,
            Conversation.agent == here.name,
        )
        connection.execute(update(Routing).where(Routing.conversation_id.in_(theirs)).values(look_at=now))


def _with_known(transaction: Transaction, idle: timedelta) -> Iterable[tuple[Here, State]]:
    """Whoever may have changed: of the others nothing is known but that they are offline."""
    rows: Sequence[Any] = transaction.connection.execute(
        _rows(transaction.now)
        .where((Presence.known != State.OFFLINE) | (Presence.heard_at > transaction.now - GONE))
        .order_by(Staff.id)
    ).all()
    return [(_here(row, transaction.now, idle), row.known) for row in rows]


def _rows(now: datetime) -> Any:
    logged_in = (
        select(func.min(Session.opened_at))
        .where(
            Session.staff_id == Staff.id,
            Session.stage == Stage.WHOLE,
            Session.ends_at > now,
            Session.seen_at > now - SESSION_IDLE,
            Staff.left_at.is_(None),
        )
        .correlate(Staff)
        .scalar_subquery()
    )
    return select(
        Staff.id,
        Staff.name,
        Staff.roles,
        Presence.chosen,
        Presence.chosen_at,
        Presence.heard_at,
        Presence.active_at,
        Presence.given_at,
        Presence.known,
        Presence.known_since,
        logged_in.label("logged_in"),
    ).outerjoin(Presence, Presence.staff_id == Staff.id)


def _here(row: Any, now: datetime, idle: timedelta) -> Here:
    state, because = _state(row, now, idle)
    return Here(
        staff=row.id,
        name=row.name,
        roles=tuple(row.roles),
        state=state,
        because=because,
        since=row.known_since,
        given_at=row.given_at,
    )


def _state(row: Any, now: datetime, idle: timedelta) -> tuple[State, Because]:
    """What the facts come to; the first that speaks against being available decides."""
    if row.logged_in is None or row.chosen is None:
        return State.OFFLINE, Because.OUT
    was_idle = row.heard_at - row.active_at >= idle
    if now - row.heard_at > (GONE if was_idle else SILENT):
        return State.OFFLINE, Because.SILENT
    if row.chosen_at < row.logged_in:
        return State.AWAY, Because.NOT_SAID
    if row.chosen is not State.AVAILABLE:
        return row.chosen, Because.SAID
    if now - row.active_at >= idle:
        return State.AWAY, Because.IDLE
    return State.AVAILABLE, Because.SAID
