"""Compensations: what customers got for a complaint; and Approvals, where somebody had to be asked first."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Entity, Money, Words

WAITING = text("state = 'waiting'")


class ApprovalState(StrEnum):
    WAITING = "waiting"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"  # by who asked, or because the case is over


class Approval(Entity):
    """Somebody wants to grant more than they may, and asks."""

    __tablename__ = "approvals"
    __table_args__ = (
        Index("ix_approvals_case_id", "case_id"),
        Index("ix_approvals_waiting", "asked_at", sqlite_where=WAITING, postgresql_where=WAITING),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    kind: Mapped[str]
    amount: Mapped[Decimal | None] = mapped_column(Money())
    currency: Mapped[str | None]
    """ISO 4217."""
    words: Mapped[str]
    """Why it should be granted."""
    state: Mapped[ApprovalState] = mapped_column(Words(ApprovalState))
    asked_by: Mapped[str]
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None]


class Compensation(Entity):
    """What a customer got. A mistaken one is taken back, never forgotten."""

    __tablename__ = "compensations"
    __table_args__ = (Index("ix_compensations_case_id", "case_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    kind: Mapped[str]
    amount: Mapped[Decimal | None] = mapped_column(Money())
    currency: Mapped[str | None]
    """ISO 4217."""
    voucher: Mapped[str | None]
    """Its code."""
    order_id: Mapped[str | None]
    promised: Mapped[str]
    """What the customer was told."""
    approval_id: Mapped[int | None] = mapped_column(ForeignKey("approvals.id"))
    """Who was asked, where it took more than the giver may grant."""
    by: Mapped[str]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]
    taken_back_at: Mapped[datetime | None]
    taken_back_by: Mapped[str | None]
    taken_back_why: Mapped[str | None]
