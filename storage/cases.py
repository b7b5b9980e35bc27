"""Cases: something to be resolved, with its facts, promises and steps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity


class Case(Entity):
    """A complaint, request or inquiry on its way to an end."""

    __tablename__ = "cases"
    __table_args__ = (Index("ix_cases_contact_id", "contact_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    """What people call it: `C-1042`."""
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    conversation_id: Mapped[int | None] = mapped_column(ForeignKey("conversations.id"))
    """Where it began."""
    kind: Mapped[str]
    status: Mapped[str]
    step: Mapped[str | None]
    subject: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    founded: Mapped[bool | None]
    proposal: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    promises: Mapped[list[Any]] = mapped_column(Document, default=list)
    """[{id, text, due, kept}], in the order made."""
    priority: Mapped[int] = mapped_column(default=3)
    owner: Mapped[str | None]
    score: Mapped[int | None]
    survey_asked: Mapped[bool] = mapped_column(default=False)
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
