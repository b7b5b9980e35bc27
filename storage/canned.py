"""Canned replies: wordings that are written again and again, kept once, in the languages of those who read them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity

SHARED = text("owner_id IS NULL")
OWN = text("owner_id IS NOT NULL")


class CannedReply(Entity):
    """One wording, called by its short name."""

    __tablename__ = "canned_replies"
    __table_args__ = (
        Index("uq_canned_replies_shared", "shortcut", unique=True, sqlite_where=SHARED, postgresql_where=SHARED),
        Index("uq_canned_replies_own", "owner_id", "shortcut", unique=True, sqlite_where=OWN, postgresql_where=OWN),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    shortcut: Mapped[str]
    """What is typed behind the `/`."""
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    """Whose own it is; None: everybody's."""
    texts: Mapped[dict[str, Any]] = mapped_column(Document)
    """By language; at least one. Placeholders stand in braces: `{name}`."""
    updated_by: Mapped[str]
    updated_at: Mapped[datetime]
