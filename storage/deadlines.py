"""Deadlines of cases, and the times in which their clocks stand still."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Entity, Words

RUNNING = text("met_at IS NULL AND breached_at IS NULL")
STANDING = text("ended_at IS NULL")


class DeadlineKind(StrEnum):
    FIRST_RESPONSE = "first_response"  # a person's first word, since the case needs people
    NEXT_UPDATE = "next_update"  # the customer hears how it stands, again and again
    SOLUTION = "solution"


class PauseReason(StrEnum):
    CUSTOMER = "customer"  # it is the customer's move
    ASSISTANT = "assistant"  # the assistant is talking it through with the customer
    OVER = "over"  # it was resolved, and opened again later


class Deadline(Entity):
    """By when something has to happen. One that was missed stays on record; the next update then is a new round."""

    __tablename__ = "case_deadlines"
    __table_args__ = (
        UniqueConstraint("case_id", "kind", "round"),
        Index("ix_case_deadlines_due", "due_at", sqlite_where=RUNNING, postgresql_where=RUNNING),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    kind: Mapped[DeadlineKind] = mapped_column(Words(DeadlineKind))
    round: Mapped[int]
    started_at: Mapped[datetime]
    minutes: Mapped[int]
    """Of opening hours, that there were from then on: what has become urgent since is not late at once."""
    due_at: Mapped[datetime | None]
    """None: the clock stands still."""
    met_at: Mapped[datetime | None]
    breached_at: Mapped[datetime | None]
    """When it was missed; it may be met later all the same."""


class Pause(Entity):
    """A time in which a case's clocks stand still."""

    __tablename__ = "case_pauses"
    __table_args__ = (
        Index("ix_case_pauses_case_id", "case_id"),
        Index("uq_case_pauses_standing", "case_id", unique=True, sqlite_where=STANDING, postgresql_where=STANDING),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    reason: Mapped[PauseReason] = mapped_column(Words(PauseReason))
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
