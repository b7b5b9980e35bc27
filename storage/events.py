"""Events: what has happened, for programs that want to hear of it; written in the transaction of the fact itself.

They hold numbers and states, no words: what an event tells is read when it is sent, so that what was erased meanwhile
is not told any more.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Connection, Index, bindparam, func, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.many import Many
from storage.schema import Document, Entity, Words
from storage.webhooks import WebhookEndpoint


class EventKind(StrEnum):
    """What can happen."""

    MESSAGE_RECEIVED = "message.received"  # a customer wrote, changed what they wrote, or pressed a button
    MESSAGE_SENT = "message.sent"  # the channel has taken a message of ours
    DELIVERY_CHANGED = "delivery.changed"  # delivered, read, retrying, failed, skipped, unknown
    NOTE_WRITTEN = "note.written"  # for colleagues
    CONTACT_RECORDED = "contact.recorded"  # a call, visit or meeting was written down
    CONTACT_LINKED = "contact.linked"  # two contacts turned out to be one person
    CONTACT_UNLINKED = "contact.unlinked"
    CONSENT_CHANGED = "consent.changed"  # a yes or no was recorded
    CONVERSATION_OPENED = "conversation.opened"
    CONVERSATION_HANDED_OFF = "conversation.handed_off"  # it waits for a person
    CONVERSATION_OWNER_CHANGED = "conversation.owner_changed"  # to an agent, or to the assistant
    CONVERSATION_CLOSED = "conversation.closed"  # resolved, idle or spam
    CONVERSATION_REOPENED = "conversation.reopened"
    CASE_OPENED = "case.opened"
    CASE_BREACHED = "case.breached"  # a deadline of it has passed
    CASE_CHANGED = "case.changed"  # status, step, priority, owner, verdict, score


NOT_PLACED = text("position IS NULL")


class Event(Entity):
    """Something that has happened."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_at", "at"),
        Index("ix_events_not_placed", "id", sqlite_where=NOT_PLACED, postgresql_where=NOT_PLACED),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int | None] = mapped_column(unique=True)
    """Its place in the one order in which everybody hears of events; None: it is yet to be given."""
    at: Mapped[datetime]
    kind: Mapped[EventKind] = mapped_column(Words(EventKind))
    contact_id: Mapped[int | None]
    conversation_id: Mapped[int | None]
    subject: Mapped[int | None]
    """Of the row that it is about: a message, a delivery, a case, a link, a consent."""
    facts: Mapped[dict[str, Any]] = mapped_column(Document)
    """States before and after, which the row itself does not keep."""
    writer: Mapped[int | None] = mapped_column(BigInteger)
    """The transaction that wrote it, on PostgreSQL."""


_LOCK = 0x72617070  # any number that nobody else here locks
_place = Many(
    update(Event).where(Event.id == bindparam("event")).values(position=bindparam("place")),
)


def place(connection: Connection, most: int = 500) -> int:
    """Give positions to events that have none, in an order that keeps what happened to one row after the other; returns
    how many got one.

    On PostgreSQL ids become visible out of order: an event waits until every transaction that could still bring an
    earlier one has ended. Two changes of one row are locked one after the other, so their ids tell which was first.
    """
    waiting = select(Event.id).where(Event.position.is_(None)).order_by(Event.id).limit(most)
    if connection.dialect.name == "postgresql":
        if not connection.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
            return 0  # another process is at it
        waiting = waiting.where(text("writer < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
    identities = connection.scalars(waiting).all()
    if identities:
        last = newest(connection)
        rows = [{"event": identity, "place": last + count} for count, identity in enumerate(identities, 1)]
        _place.execute(connection, rows)
    return len(identities)


def newest(connection: Connection) -> int:
    """The last position that was given, also where its event is kept no more."""
    given = connection.scalar(select(func.max(Event.position))) or 0
    return max(given, connection.scalar(select(func.max(WebhookEndpoint.position))) or 0)
