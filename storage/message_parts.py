"""Message parts: pieces of a long text that the network cut, kept until all of them are there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity

WAITING = text("interaction_id IS NULL")


class MessagePart(Entity):
    """One piece, with its raw payload; kept after it was joined, so that a repeat is known."""

    __tablename__ = "message_parts"
    __table_args__ = (
        Index("uq_message_parts_external_id", "channel", "external_id", unique=True),
        Index("ix_message_parts_series", "channel", "address", "series"),
        Index("ix_message_parts_stored_at", "stored_at", sqlite_where=WAITING, postgresql_where=WAITING),
        Index("ix_message_parts_interaction_id", "interaction_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]
    external_id: Mapped[str]
    """The provider's event; with the channel the key against duplicates."""
    address: Mapped[str]
    series: Mapped[str]
    """The same for all parts of one text from one address."""
    number: Mapped[int]
    """From 1."""
    total: Mapped[int]
    text: Mapped[str]
    message: Mapped[dict[str, Any]] = mapped_column(Document)
    """The rest of the InboundMessage."""
    sent_at: Mapped[datetime]
    stored_at: Mapped[datetime]
    raw: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    interaction_id: Mapped[int | None] = mapped_column(ForeignKey("interactions.id"))
    """The text it became a part of; None: others are missing."""
