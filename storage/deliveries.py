"""Deliveries: the outbox. One place decides what leaves the house, and its books always balance."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity, Money, Words

WAITING = text("status IN ('queued', 'retrying')")
ACTIVE = text("status IN ('queued', 'retrying', 'sending')")
TAKEN = text("external_id IS NOT NULL")
UNMATCHED = text("delivery_id IS NULL")


class Delivery(Entity):
    """One OutboundMessage on its way."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_due", "channel", "priority", "due_at", sqlite_where=WAITING, postgresql_where=WAITING),
        Index("ix_deliveries_line", "conversation_id", "id", sqlite_where=ACTIVE, postgresql_where=ACTIVE),
        Index("ix_deliveries_external", "channel", "external_id", sqlite_where=TAKEN, postgresql_where=TAKEN),
        Index("ix_deliveries_interaction_id", "interaction_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    interaction_id: Mapped[int] = mapped_column(ForeignKey("interactions.id"))
    conversation_id: Mapped[int | None] = mapped_column(ForeignKey("conversations.id"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    address_id: Mapped[int] = mapped_column(ForeignKey("addresses.id"))
    channel: Mapped[str]
    purpose: Mapped[str]
    priority: Mapped[int]
    """0 replies, 5 dated words of ours, 9 bulk: lower leaves first."""
    message: Mapped[dict[str, Any]] = mapped_column(Document)
    """The OutboundMessage without channel and address."""
    status: Mapped[str] = mapped_column(Words())
    reason: Mapped[str | None]
    """Why it stands where it stands, for skipped, failed, retrying and unknown."""
    epoch: Mapped[int | None]
    """The Conversation's epoch it was written under; None: any (an agent's own send)."""
    due_at: Mapped[datetime]
    """Not before."""
    deadline: Mapped[datetime]
    """After it, the message would come too late to be of use, and fails."""
    attempts: Mapped[int] = mapped_column(default=0)
    holder: Mapped[str | None]
    """The process that has it on the wire."""
    lease_until: Mapped[datetime | None]
    external_id: Mapped[str | None]
    """The provider's id of the (last part of the) message."""
    parts: Mapped[list[Any] | None] = mapped_column(Document)
    """Provider's ids of the parts that left, where a long text travels in several; a retry does not repeat them."""
    units: Mapped[int | None]
    """What the provider counted: segments on SMS. None: it has not left."""
    cost: Mapped[Decimal | None] = mapped_column(Money(1_000_000))
    """Of all units."""
    currency: Mapped[str | None]
    """ISO 4217."""
    bounces: Mapped[int] = mapped_column(server_default="0")
    """How often it came back for a passing reason after it had been taken."""
    queued_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class DeliveryNews(Entity):
    """A provider's later word on something we sent, with its raw payload; also words about messages we do not know."""

    __tablename__ = "delivery_news"
    __table_args__ = (
        Index("ix_delivery_news_delivery_id", "delivery_id"),
        Index(
            "ix_delivery_news_unmatched", "channel", "external_id", sqlite_where=UNMATCHED, postgresql_where=UNMATCHED
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[int | None] = mapped_column(ForeignKey("deliveries.id"))
    channel: Mapped[str]
    external_id: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str | None]
    at: Mapped[datetime]
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class Pace(Entity):
    """How far a channel has spent its rate: the next message may leave at `next_at`, whoever sends it."""

    __tablename__ = "paces"

    channel: Mapped[str] = mapped_column(primary_key=True)
    next_at: Mapped[datetime]
