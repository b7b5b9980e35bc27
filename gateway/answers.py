"""Answers: what a channel said to a send, and what becomes of the Delivery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import structlog

from channels.envelope import DeliveryStatus, OutboundMessage, Receipt, SendError
from channels.protocol import Channel, Streams
from gateway import streams
from gateway.news import Streamed
from gateway.receipts import catch_up
from storage import outbox
from storage.commits import Transaction
from storage.touched import touch

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Retrying:
    """How often and how long we try."""

    attempts: int
    backoff: timedelta
    backoff_max: timedelta

    def wait(self, delivery: int, attempt: int) -> timedelta:
        """Exponential backoff with full jitter over its upper half; the same try always waits the same."""
        ceiling = min(self.backoff * 2 ** min(attempt - 1, 30), self.backoff_max)
        return ceiling * (0.5 + Random(delivery * 1009 + attempt).random() / 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A Delivery on the wire."""

    id: int
    interaction: int
    address: int
    uri: str
    author: str
    attempts: int
    """Of this try, and those before."""
    deadline: datetime
    message: OutboundMessage
    conversation: int | None
    units: int
    """What the channel counts it as: rates are in these."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What the channel said to one Delivery."""

    claimed: Claimed
    answer: Receipt | SendError


def outcome(
    delivery: int,
    attempts: int,
    status: DeliveryStatus,
    reason: str | None,
    *,
    now: datetime,
    due: datetime | None = None,
    external_id: str | None = None,
    parts: Sequence[str] = (),
    receipt: Receipt | None = None,
) -> Mapping[str, Any]:
    """One row for `outbox.settle`; `attempts`: those that the Delivery has had when this is said of it."""
    return {
        "delivery": delivery,
        "attempt": attempts,
        "to_status": status,
        "why": reason,
        "next_due": due or now,
        "left_at": now if status is DeliveryStatus.SENT else None,
        "their_id": external_id,
        "left_parts": list(parts) or None,
        "their_units": receipt.units if receipt else None,
        "their_cost": receipt.cost if receipt else None,
        "their_currency": receipt.currency if receipt else None,
        "at": now,
    }


class Answers:
    """Writes what one channel answered."""

    def __init__(self, channel: Channel, retrying: Retrying) -> None:
        self._channel = channel
        self._retrying = retrying
        self._streams = isinstance(channel, Streams)

    def record(self, transaction: Transaction, many: Sequence[Sent]) -> None:
        """Settle the Deliveries, all with one statement."""
        outcomes: list[Mapping[str, Any]] = []
        taken: dict[str, int] = {}
        for sent in many:
            match sent.answer:
                case Receipt():
                    said = self._of_receipt(transaction, sent.claimed, sent.answer)
                    if said["their_id"] is not None and not self._streams:
                        taken[said["their_id"]] = sent.claimed.id
                case SendError():
                    said = self._of_error(transaction, sent.claimed, sent.answer)
            outcomes.append(said)
            transaction.count("sent", self._channel.name, said["to_status"])
        outbox.settle(transaction.connection, outcomes)
        touch(transaction.connection, (sent.claimed.conversation for sent in many))
        catch_up(transaction, self._channel.name, taken)

    def _of_receipt(self, transaction: Transaction, claimed: Claimed, receipt: Receipt) -> Mapping[str, Any]:
        parts = (*claimed.message.sent, *receipt.external_ids)
        if self._streams:
            entry = streams.sent(
                claimed.interaction,
                author=claimed.author,
                text=claimed.message.text,
                at=transaction.now,
                buttons=claimed.message.buttons,
                attachments=claimed.message.attachments,
                markup=claimed.message.markup,
            )
            transaction.news.append(Streamed(channel=self._channel.name, uri=claimed.uri, entry=entry))
        external_id = str(claimed.interaction) if self._streams else (parts[-1] if parts else None)
        return outcome(
            claimed.id,
            claimed.attempts,
            DeliveryStatus.SENT,
            None,
            now=transaction.now,
            external_id=external_id,
            parts=parts,
            receipt=receipt,
        )

    def _of_error(self, transaction: Transaction, claimed: Claimed, error: SendError) -> Mapping[str, Any]:
        now, consequence = transaction.now, error.consequence
        repeatable = consequence.retry or (not consequence.outcome_known and self._channel.limits.idempotent)
        parts = (*claimed.message.sent, *error.sent)
        if consequence.closes_address:
            outbox.close_address(transaction.connection, claimed.address, now, str(error.code))
        if not repeatable:
            status = DeliveryStatus.FAILED if consequence.outcome_known else DeliveryStatus.UNKNOWN
            self._tell(claimed, status, error)
            return outcome(claimed.id, claimed.attempts, status, str(error), now=now, parts=parts)
        wait = self._retrying.wait(claimed.id, claimed.attempts)
        if error.retry_after is not None:
            wait = max(wait, timedelta(seconds=error.retry_after))
            self._hold(transaction, claimed, error, now + timedelta(seconds=error.retry_after))
        spent = claimed.attempts >= self._retrying.attempts or now + wait >= claimed.deadline
        status = DeliveryStatus.FAILED if spent else DeliveryStatus.RETRYING
        self._tell(claimed, status, error)
        return outcome(claimed.id, claimed.attempts, status, str(error), now=now, due=now + wait, parts=parts)

    def _tell(self, claimed: Claimed, status: DeliveryStatus, error: SendError) -> None:
        """An operator whose server refuses everything sees it; the reason in full, which may name a person, is kept."""
        if status is not DeliveryStatus.RETRYING:
            told = {"channel": self._channel.name, "delivery": claimed.id, "code": str(error.code)}
            log.warning("delivery_not_sent", status=str(status), **told)

    def _hold(self, transaction: Transaction, claimed: Claimed, error: SendError, until: datetime) -> None:
        outbox.hold_addresses(transaction.connection, [(claimed.address, until)])
        if error.whole_channel:
            outbox.pace(transaction.connection, self._channel.name, transaction.now)
            outbox.set_pace(transaction.connection, self._channel.name, until)
