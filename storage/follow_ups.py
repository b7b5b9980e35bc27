"""Follow-ups: dated intentions to contact somebody. Rows with a due time, claimed by whoever ticks first."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity, Words


class FollowUpState(StrEnum):
    PLANNED = "planned"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"  # its Turn failed; `outcome` says how


PLANNED = text("state = 'planned'")


class FollowUp(Entity):
    """One a (Contact, key) is planned at a time; planning it again moves it."""

    __tablename__ = "follow_ups"
    __table_args__ = (
        Index(
            "uq_follow_ups_planned", "contact_id", "key", unique=True, sqlite_where=PLANNED, postgresql_where=PLANNED
        ),
        Index("ix_follow_ups_contact_id", "contact_id"),
        Index("ix_follow_ups_due", "due_at", sqlite_where=PLANNED, postgresql_where=PLANNED),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    """Where we write; when it has closed by then, the Contact's latest on the same channel."""
    case_number: Mapped[str | None]
    kind: Mapped[str]
    key: Mapped[str]
    reason: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    due_at: Mapped[datetime]
    state: Mapped[FollowUpState] = mapped_column(Words(FollowUpState), default=FollowUpState.PLANNED)
    outcome: Mapped[str | None]
    turn: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """The Turn and its effects as JSON, once done."""
    planned_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
