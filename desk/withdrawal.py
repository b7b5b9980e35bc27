"""Withdrawal: messages of ours that have not left are taken back, exactly."""

from __future__ import annotations

from sqlalchemy import ColumnElement, case, update

from campaigns.policy import Refusal
from channels.envelope import DeliveryStatus
from storage.commits import Transaction
from storage.deliveries import Delivery
from storage.outbox import WAITING


def withdraw(transaction: Transaction, where: ColumnElement[bool], why: Refusal) -> int:
    """What waits of the Deliveries that `where` selects never leaves; returns how many. What is on the wire this very
    moment counts as left."""
    withdrawn = transaction.connection.execute(
        update(Delivery)
        .where(where, Delivery.status.in_(WAITING))
        .values(
            # As the sender says it: what was tried before has failed, what was never tried is skipped.
            status=case((Delivery.attempts == 0, DeliveryStatus.SKIPPED.value), else_=DeliveryStatus.FAILED.value),
            reason=str(why),
            updated_at=transaction.now,
        )
        .returning(Delivery.channel, Delivery.status)
    ).all()
    for row in withdrawn:
        transaction.count("sent", row.channel, row.status)
    return len(withdrawn)
