"""Mentions: a colleague was called by name in a note."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Entity

UNSEEN = text("seen_at IS NULL")


class Mention(Entity):
    """One person named in one note."""

    __tablename__ = "mentions"
    __table_args__ = (
        Index("ix_mentions_unseen", "staff_id", "id", sqlite_where=UNSEEN, postgresql_where=UNSEEN),
        Index("ix_mentions_interaction_id", "interaction_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    interaction_id: Mapped[int] = mapped_column(ForeignKey("interactions.id"))
    """The note."""
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    """Who was named."""
    by: Mapped[str]
    """Who wrote the note."""
    at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    """When they opened the conversation after it."""
