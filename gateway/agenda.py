"""The agenda: Follow-ups that are due become Turns in their Contact's Lane, once, whoever ticks first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, bindparam, insert, or_, select

from gateway import claims
from gateway.claims import Claim
from gateway.news import TurnClaimed
from storage import ids, lanes, standing
from storage.commits import Transaction, server_time
from storage.conversations import Conversation, ConversationState, Owner
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
    first: dict[int, Row[Any]] = {}
    for row in rows:
        first.setdefault(row.contact_id, row)
    if not first:
        return []
    locked = lanes.lock(transaction.connection, list(first))
    due = _where_to_write(transaction, first)
    taken = claims.take_due(transaction, locked, due, process)
    transaction.news.extend(TurnClaimed(claim=claim) for claim in taken)
    return taken


def claim_waiting(transaction: Transaction, process: str, most: int = 256) -> list[Claim]:
    """Claim lanes in which messages wait and that nobody holds; their Turns are told as news."""
    contacts = lanes.waiting(transaction.connection, server_time(transaction), most)
    taken = claims.take(transaction, lanes.lock(transaction.connection, contacts), process) if contacts else []
    transaction.news.extend(TurnClaimed(claim=claim) for claim in taken)
    return taken


class _Due:
    """A Follow-up with the Conversation it is said in now, which may not be the one it was planned in."""

    def __init__(self, row: Row[Any], conversation_id: int) -> None:
        self.id, self.kind, self.key, self.reason = row.id, row.kind, row.key, row.reason
        self.case_number, self.details = row.case_number, row.details
        self.conversation_id = conversation_id


def _where_to_write(transaction: Transaction, rows: dict[int, Row[Any]]) -> dict[int, Any]:
    """A closed Conversation is not written in: its open successor is, or a new one is opened beside it."""
    facts = standing.by_conversation(transaction.connection, [row.conversation_id for row in rows.values()])
    successors = standing.open_conversations(transaction.connection, list(rows))
    due: dict[int, Any] = {}
    for contact, row in rows.items():
        planned = facts[row.conversation_id]
        conversation = row.conversation_id
        if planned.state is not ConversationState.OPEN:
            successor = successors.get((contact, planned.channel, planned.thread))
            conversation = successor.conversation_id if successor else _open_again(transaction, contact, planned)
        due[contact] = _Due(row, conversation)
    return due


def _open_again(transaction: Transaction, contact: int, planned: Row[Any]) -> int:
    identity = ids.take(transaction.connection, Conversation, 1)[0]
    transaction.connection.execute(
        insert(Conversation),
        {
            "id": identity,
            "contact_id": contact,
            "address_id": planned.address_id,
            "channel": planned.channel,
            "thread": planned.thread,
            "state": ConversationState.OPEN,
            "owner": Owner.BOT,
            "epoch": 0,
            "memory": {},
            "priority": 3,
            "opened_at": transaction.now,
            "last_at": transaction.now,
        },
    )
    return identity
