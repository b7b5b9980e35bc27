"""Orders: what Contacts bought, as the business's own systems tell it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Entity, Money


class Order(Entity):
    """One line of an order: a product and its quantity."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("order_id", "product"),
        Index("ix_orders_contact_id_at", "contact_id", "at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[str]
    """The business's number, e.g. `SL20260012`."""
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))
    at: Mapped[datetime]
    amount: Mapped[Decimal] = mapped_column(Money())
    currency: Mapped[str]
    """ISO 4217."""
    status: Mapped[str]
    product: Mapped[str] = mapped_column(default="")
    quantity: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime]
