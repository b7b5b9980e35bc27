"""Saved views: a list of conversations that somebody has put together and named, for themselves or for all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity


class SavedView(Entity):
    """One view."""

    __tablename__ = "saved_views"
    __table_args__ = (
        Index("uq_saved_views_name", "staff_id", "name", unique=True),
        Index("ix_saved_views_shared", "shared"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    """Who made it."""
    name: Mapped[str]
    shared: Mapped[bool]
    """Everybody who answers customers sees it."""
    query: Mapped[dict[str, Any]] = mapped_column(Document)
    """What the list shows: `view` and filters, as desk.lists reads them."""
    made_at: Mapped[datetime]
