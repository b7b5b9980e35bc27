"""A Conversation while a verb changes it: its Lane is locked, and what is done stands in its thread."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update

from desk.refusals import Ended, NotFound
from desk.sight import Kind, sees
from storage import lanes
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState
from storage.interactions import Direction, InteractionKind, record
from storage.touched import touch

_conversation = (
    select(
        *Conversation.__table__.columns,
        Contact.language,
        Contact.blocked_at,
        Address.uri,
        Address.closed_at.label("address_closed_at"),
        Address.closed_reason,
    )
    .join(Contact, Contact.id == Conversation.contact_id)
    .join(Address, Address.id == Conversation.address_id)
)


def lock(transaction: Transaction, conversation: int) -> Row[*tuple[Any, ...]]:
    """The Conversation, its Lane locked. Its Contact may change while we wait for the lock: two were just linked.

    Raises NotFound.
    """
    connection = transaction.connection
    while True:
        contact = connection.scalar(select(Conversation.contact_id).where(Conversation.id == conversation))
        if contact is None:
            raise NotFound(f"there is no conversation {conversation}")
        if not sees(transaction, Kind.CONVERSATION, conversation):
            raise NotFound(f"there is no conversation {conversation}")
        lanes.lock(connection, [contact])
        row = connection.execute(
            _conversation.where(Conversation.id == conversation).with_for_update(of=Conversation)
        ).one()
        if row.contact_id == contact:
            return row


def lock_open(transaction: Transaction, conversation: int) -> Row[*tuple[Any, ...]]:
    """Raises Ended, NotFound."""
    row = lock(transaction, conversation)
    if row.state is not ConversationState.OPEN:
        raise Ended(f"conversation {conversation} is over ({row.state}); the customer's next message opens a new one")
    return row


def change(transaction: Transaction, row: Row[*tuple[Any, ...]], changes: dict[str, Any]) -> None:
    """Whatever is changed, something has happened in it just now."""
    transaction.connection.execute(
        update(Conversation).where(Conversation.id == row.id).values(**changes, last_at=transaction.now)
    )
    touch(transaction.connection, (row.id,))


def tell(transaction: Transaction, row: Row[*tuple[Any, ...]], sentence: str, **facts: str) -> None:
    """A line of the house's own in the thread."""
    write(transaction, row, InteractionKind.SYSTEM, Direction.INTERNAL, "system", sentence, facts)


def write(
    transaction: Transaction,
    row: Row[*tuple[Any, ...]],
    kind: InteractionKind,
    direction: Direction,
    author: str,
    text: str,
    content: dict[str, Any],
    *,
    case: int | None = None,
) -> int:
    """A line in the thread; its id."""
    return record(
        transaction.connection,
        contact=row.contact_id,
        conversation=row.id,
        address=row.address_id,
        case=case,
        channel=row.channel,
        direction=direction,
        kind=kind,
        author=author,
        text=text,
        content=content,
        now=transaction.now,
    )
