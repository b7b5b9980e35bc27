"""The agenda: Follow-ups that are due become Turns in their Contact's Lane, once, whoever ticks first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, or_, select

from gateway import claims
from gateway.claims import Claim
from gateway.talks import open_conversations
from storage import lanes, standing
from storage.commits import Transaction, server_time
from storage.conversations import ConversationState
from storage.follow_ups import FollowUp, FollowUpState

_due = (
    select(*FollowUp.__table__.columns)
    .join(lanes.Lane, lanes.Lane.contact_id == FollowUp.contact_id)
    .where(
        FollowUp.state == FollowUpState.PLANNED,
        FollowUp.due_at <= bindparam("now"),
        # What the customer has just written goes first: it may change what we wanted to say.
        lanes.Lane.newest <= lanes.Lane.handled,
        or_(lanes.Lane.lease_until.is_(None), lanes.Lane.lease_until < bindparam("server_now")),
    )
    .order_by(FollowUp.due_at, FollowUp.id)
    .limit(bindparam("most"))
    .with_for_update(of=[FollowUp, lanes.Lane], skip_locked=True)
)


def claim_due(transaction: Transaction, process: str, most: int = 100) -> list[Claim]:
    """Claim Follow-ups that are due, at most one a Contact; their Turns are told as news."""
    rows = transaction.connection.execute(
        _due, {"now": transaction.now, "server_now": server_time(transaction), "most": most}
    ).all()
    first: dict[int, Row[*tuple[Any, ...]]] = {}
    for row in rows:
        first.setdefault(row.contact_id, row)
    if not first:
        return []
    locked = lanes.lock(transaction.connection, list(first))
    due = _where_to_write(transaction, first)
    return claims.take_due(transaction, locked, due, process)


def claim_waiting(transaction: Transaction, process: str, most: int = 256) -> list[Claim]:
    """Claim lanes in which messages wait and that nobody holds; their Turns are told as news."""
    contacts = lanes.waiting(transaction.connection, server_time(transaction), most)
    return claims.take(transaction, lanes.lock(transaction.connection, contacts), process) if contacts else []


@dataclass(frozen=True, kw_only=True, slots=True)
class _Due:
    """A Follow-up with the Conversation it is said in now, which may not be the one it was planned in."""

    id: int
    conversation_id: int
    kind: str
    key: str
    reason: str
    case_number: str | None
    details: Mapping[str, Any]


def _where_to_write(transaction: Transaction, rows: Mapping[int, Row[*tuple[Any, ...]]]) -> dict[int, _Due]:
    """A closed Conversation is not written in: its open successor is, or a new one is opened beside it."""
    planned = standing.by_conversation(transaction.connection, (row.conversation_id for row in rows.values()))
    successors = standing.open_talks(transaction.connection, rows)
    due: dict[int, _Due] = {}
    for contact, row in rows.items():
        person, talk = planned[row.conversation_id]
        if talk.state is not ConversationState.OPEN:
            key = (contact, talk.channel, talk.thread)
            talk = successors.get(key) or open_conversations(transaction, {key: person})[key]
        due[contact] = _Due(
            id=row.id,
            conversation_id=talk.id,
            kind=row.kind,
            key=row.key,
            reason=row.reason,
            case_number=row.case_number,
            details=row.details,
        )
    return due
