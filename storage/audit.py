"""The audit log: who saw, changed or took out what. Written in the transaction that does it, and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, insert
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity


class AuditEntry(Entity):
    """One thing that somebody did."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_subject", "subject", "id"),
        Index("ix_audit_staff_id", "staff_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    """None: nobody is logged in yet, or the house itself did it."""
    who: Mapped[str]
    """Their name then; what a stranger gave for one."""
    action: Mapped[str]
    """What was done, as a verb of ours: `login`, `contact.seen`, `staff.invited`."""
    subject: Mapped[str | None]
    """To what: `contact:12`, `conversation:7`."""
    details: Mapped[dict[str, Any]] = mapped_column(Document)
    client: Mapped[str | None]
    """The address it was done from."""


def note(
    connection: Connection,
    *,
    at: datetime,
    who: str,
    action: str,
    staff: int | None = None,
    subject: str | None = None,
    client: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """One line in the log."""
    connection.execute(
        insert(AuditEntry),
        {
            "at": at,
            "staff_id": staff,
            "who": who,
            "action": action,
            "subject": subject,
            "details": dict(details or {}),
            "client": client,
        },
    )
