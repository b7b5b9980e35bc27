"""Imported orders: lines of the business's own file become Orders, once; a corrected line corrects its Order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from gateway.imported import Problem, Stored, living
from storage.commits import Transaction
from storage.contacts import Contact
from storage.orders import Order


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderRow:
    """One row, checked as far as it can be without the database."""

    line: int
    order_id: str
    contact: str
    """The business's own number of the buyer."""
    at: datetime
    amount: Decimal
    currency: str
    status: str
    product: str = ""
    quantity: int = 1


def store(transaction: Transaction, *, rows: list[OrderRow]) -> Stored:
    """Store a piece of a file; an order line is known by its order's number and its product."""
    started = perf_counter()
    connection, stored = transaction.connection, Stored()
    buyers = _buyers(connection, rows)
    known = _known(connection, rows)
    fresh: list[dict[str, Any]] = []
    corrected: list[dict[str, Any]] = []
    for row in rows:
        buyer = buyers.get(row.contact)
        if buyer is None:
            reason = f"contact_id is {row.contact!r}, who is not known; import contacts first"
            stored.problems.append(Problem(line=row.line, reason=reason))
            continue
        values = {
            "contact_id": buyer,
            "at": row.at,
            "amount": row.amount,
            "currency": row.currency,
            "status": row.status,
            "quantity": row.quantity,
        }
        before = known.get((row.order_id, row.product))
        if before is None:
            fresh.append({"order_id": row.order_id, "product": row.product, **values, "updated_at": transaction.now})
            stored.created += 1
        elif all(getattr(before, name) == value for name, value in values.items()):
            stored.unchanged += 1
        else:
            changes = {f"new_{name}": value for name, value in values.items()}
            corrected.append({"order": before.id, "new_updated_at": transaction.now, **changes})
            stored.updated += 1
    if fresh:
        connection.execute(insert(Order), fresh)
    if corrected:
        connection.execute(_correct, corrected)
    stored.seconds = perf_counter() - started
    return stored


def _buyers(connection: Connection, rows: Sequence[OrderRow]) -> dict[str, int]:
    found = connection.execute(_contacts, {"external_ids": list({row.contact for row in rows})})
    return {row.external_id: living(connection, row) for row in found}


def _known(connection: Connection, rows: Sequence[OrderRow]) -> Mapping[tuple[str, str], Any]:
    found = connection.execute(_orders, {"order_ids": list({row.order_id for row in rows})})
    return {(row.order_id, row.product): row for row in found}


_contacts = select(Contact.id, Contact.external_id, Contact.merged_into).where(
    Contact.external_id.in_(bindparam("external_ids", expanding=True))
)

_orders = select(
    Order.id,
    Order.order_id,
    Order.product,
    Order.contact_id,
    Order.at,
    Order.amount,
    Order.currency,
    Order.status,
    Order.quantity,
).where(Order.order_id.in_(bindparam("order_ids", expanding=True)))

_correct = (
    update(Order)
    .where(Order.id == bindparam("order"))
    .values(
        contact_id=bindparam("new_contact_id"),
        at=bindparam("new_at"),
        amount=bindparam("new_amount"),
        currency=bindparam("new_currency"),
        status=bindparam("new_status"),
        quantity=bindparam("new_quantity"),
        updated_at=bindparam("new_updated_at"),
    )
)
