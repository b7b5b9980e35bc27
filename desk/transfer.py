"""Transfer: a Conversation goes to a colleague, to a team, or back to whoever is free, with a note for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, update

from desk import conversations
from desk.agents import agent_name, usable
from desk.alerts import raise_alert
from desk.locked import change, lock_open, tell, write
from desk.refusals import NotFound, NotYours, Unusable
from desk.rights import Right, rights_of
from storage import routing
from storage.alerts import AlertKind
from storage.commits import Transaction
from storage.conversations import Owner
from storage.interactions import Direction, InteractionKind
from storage.routing import Routing
from storage.staff import Staff
from storage.teams import Team
from storage.touched import touch


@dataclass(frozen=True, kw_only=True, slots=True)
class Transferred:
    """A Conversation that has gone to somebody."""

    conversation: int
    agent: str | None
    """Who has it now; None: it waits in the queue."""
    team: int | None
    changed: bool
    """False: it was there already."""


def transfer(
    transaction: Transaction,
    *,
    conversation: int,
    by: str,
    to: int | None = None,
    team: int | None = None,
    text: str = "",
    from_colleague: bool = False,
) -> Transferred:
    """`to`: a colleague's number; `team`: a team's; neither: whoever is free. `text`: a note for whoever gets it.

    Raises NotYours where a colleague has it, unless `from_colleague`; Unusable, Ended, NotFound.
    """
    if to is not None and team is not None:
        raise Unusable("to a colleague or to a team, not both")
    by, text = agent_name(by), usable(text) if text.strip() else ""
    row = lock_open(transaction, conversation)
    if row.owner is Owner.AGENT and row.agent != by and not from_colleague:
        raise NotYours(f"{row.agent} has conversation {conversation}; who directs can transfer it")
    person = None if to is None else _person(transaction, to)
    group = None if team is None else _team(transaction, team)
    if person is not None and row.owner is Owner.AGENT and row.agent == person.name:
        return Transferred(conversation=row.id, agent=row.agent, team=row.team_id, changed=False)
    if row.owner is Owner.BOT:
        # The assistant falls silent as it does for whoever takes over.
        conversations.take(transaction, conversation=conversation, by=by)
        row = lock_open(transaction, conversation)
    if text:
        write(transaction, row, InteractionKind.NOTE, Direction.INTERNAL, f"agent:{by}", text, {})
    _hand(transaction, row, by, person, group)
    return Transferred(
        conversation=row.id,
        agent=None if person is None else person.name,
        team=row.team_id if group is None else group.id,
        changed=True,
    )


def _hand(
    transaction: Transaction,
    row: Row[*tuple[Any, ...]],
    by: str,
    person: Row[*tuple[Any, ...]] | None,
    group: Row[*tuple[Any, ...]] | None,
) -> None:
    connection, now = transaction.connection, transaction.now
    changes: dict[str, Any] = {
        "owner": Owner.QUEUE if person is None else Owner.AGENT,
        "agent": None if person is None else person.name,
        "epoch": row.epoch + 1,
    }
    if person is None:
        changes |= {"team_id": None if group is None else group.id}
    change(transaction, row, changes)
    routing.given(connection, row.id, row.handed_off_at, now)
    facts: dict[str, Any] = {"tried": [], "widened": False}
    if person is None and row.owner is Owner.AGENT and row.agent is not None:
        # It does not come back to whom it just left.
        left = connection.scalar(select(Staff.id).where(Staff.name == row.agent))
        facts["tried"] = [] if left is None else [left]
    connection.execute(update(Routing).where(Routing.conversation_id == row.id).values(facts))
    kind, name = _target(person, group)
    source = row.agent or ""
    sentence = f"{by} transferred the conversation to {name or 'whoever is free'}"
    tell(transaction, row, sentence, by=by, event="transferred", source=source, kind=kind, to=name)
    if person is not None:
        raise_alert(transaction, kind=AlertKind.ASSIGNED, subject=f"conversation:{row.id}", staff=person.id, who=by)
    touch(connection, ["board"])


def _target(person: Row[*tuple[Any, ...]] | None, group: Row[*tuple[Any, ...]] | None) -> tuple[str, str]:
    if person is not None:
        return "person", person.name
    return ("queue", "") if group is None else ("team", group.name)


def _person(transaction: Transaction, staff: int) -> Row[*tuple[Any, ...]]:
    row = transaction.connection.execute(
        select(Staff.id, Staff.name, Staff.roles).where(Staff.id == staff, Staff.left_at.is_(None))
    ).one_or_none()
    if row is None or Right.CONVERSE not in rights_of(row.roles):
        raise NotFound(f"nobody of number {staff} converses with customers")
    return row


def _team(transaction: Transaction, team: int) -> Row[*tuple[Any, ...]]:
    row = transaction.connection.execute(
        select(Team.id, Team.name).where(Team.id == team, Team.closed_at.is_(None))
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no team {team}")
    return row
