"""The agenda: Follow-ups that are due become Turns in their Contact's Lane, once, whoever ticks first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, or_, select

from bot.turn import FollowUpKind
from gateway import claims
from gateway.claims import Claim
from gateway.talks import open_conversations
from storage import lanes, standing
from storage.cases import Case
from storage.commits import Transaction, server_time
from storage.contacts import Address
from storage.conversations import Conversation, ConversationState
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import Direction, Interaction

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
    """Where the customer is now; there, a closed Conversation is not written in: its open successor is, or a new one is
    opened beside it."""
    places = {contact: _place(transaction, row) for contact, row in rows.items()}
    planned = standing.by_conversation(transaction.connection, places.values())
    successors = standing.open_talks(transaction.connection, rows)
    due: dict[int, _Due] = {}
    for contact, row in rows.items():
        person, talk = planned[places[contact]]
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


WHEREVER = (FollowUpKind.CASE_UPDATE, FollowUpKind.PROMISE_BROKEN, FollowUpKind.SURVEY)
"""What is said to the customer wherever they are; the rest belongs to the Conversation it was planned in."""


def _place(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> int:
    """The Conversation to go on from: on the channel that the customer chose, else on the one they used last."""
    if row.kind not in WHEREVER:
        return row.conversation_id
    chosen = _chosen(transaction, row)
    if chosen is not None:
        return chosen
    latest = transaction.connection.execute(_latest, {"contact": row.contact_id}).one_or_none()
    if latest is None:
        return row.conversation_id
    planned = transaction.connection.execute(_of_conversation, {"conversation": row.conversation_id}).one()
    # On the same channel it stays in its thread, unless nobody can be reached there any more.
    stays = planned.channel == latest.channel and planned.closed_at is None
    return row.conversation_id if stays else latest.id


def _chosen(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> int | None:
    """ "Here", or an address that they gave us and that we know to be theirs and have talked on."""
    connection = transaction.connection
    facts = connection.scalar(select(Case.facts).where(Case.number == row.case_number)) if row.case_number else None
    reach = (facts or {}).get("reach")
    if not isinstance(reach, str):
        return None
    if reach == "here":
        return row.conversation_id
    ways = [way.strip() for way in reach.split(";")]
    uris = [f"mailto:{way.casefold()}" if "@" in way else f"tel:{way}" for way in ways]
    return connection.execute(_at, {"contact": row.contact_id, "uris": uris}).scalar()


_latest = (
    select(Conversation.id, Conversation.channel)
    .join(Interaction, Interaction.conversation_id == Conversation.id)
    .join(Address, Address.id == Conversation.address_id)
    .where(
        Interaction.contact_id == bindparam("contact"),
        Interaction.direction == Direction.IN,
        Conversation.state != ConversationState.SPAM,
        Address.closed_at.is_(None),
    )
    .order_by(Interaction.id.desc())
    .limit(1)
)
_of_conversation = (
    select(Conversation.channel, Address.closed_at)
    .join(Address, Address.id == Conversation.address_id)
    .where(Conversation.id == bindparam("conversation"))
)
_at = (
    select(Conversation.id)
    .join(Address, Address.id == Conversation.address_id)
    .where(
        Conversation.contact_id == bindparam("contact"),
        Conversation.state != ConversationState.SPAM,
        Address.uri.in_(bindparam("uris", expanding=True)),
        Address.contact_id == Conversation.contact_id,
        Address.closed_at.is_(None),
    )
    .order_by(Conversation.last_at.desc(), Conversation.id.desc())
    .limit(1)
)
