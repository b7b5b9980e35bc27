"""Send: deliveries leave the outbox through here, and nowhere else.

Read `Sender` top to bottom: claim what is due and allowed, hand it to the channel, record what became of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import structlog
from sqlalchemy import Row, update

from campaigns.policy import Defer, Send, Situation, Skip, may_write
from campaigns.quiet_hours import zone
from channels.envelope import DeliveryStatus, OutboundMessage, Receipt, SendError, SendErrorCode
from channels.protocol import Channel, Measures, Streams
from gateway import streams
from gateway.envelopes import outbound
from gateway.news import Streamed
from gateway.receipts import catch_up
from storage import outbox, standing
from storage.commits import Commits, Transaction, Unavailable, server_time
from storage.deliveries import Delivery

log = structlog.get_logger(__name__)

PACE_WINDOW = timedelta(milliseconds=100)
"""How much unspent rate is kept: a channel that rested may not make up for it in a burst."""


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
    attempt: int
    deadline: datetime
    message: OutboundMessage
    units: int
    """By which it counts against the channel's rate."""
    row: Row[*tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What the channel said to one Delivery."""

    claimed: Claimed
    answer: Receipt | SendError


class Sender:
    """Takes one channel's deliveries out of the outbox; any number of these may run, in any number of processes."""

    def __init__(
        self,
        channel: Channel,
        commits: Commits,
        *,
        process: str,
        business_zone: Callable[[], str],
        retrying: Retrying,
        boundary: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.channel = channel
        self._commits = commits
        self._process = process
        self._business_zone = business_zone
        self._retrying = retrying
        self._boundary = boundary
        self._streams = isinstance(channel, Streams)
        self._wake = asyncio.Event()
        self._on_wire: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._loop = asyncio.create_task(self._send_forever(), name=f"send {self.channel.name}")

    async def stop(self) -> None:
        """Take nothing more, and wait for what is on the wire."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        if self._on_wire:
            await asyncio.wait(self._on_wire, timeout=10)

    def wake(self) -> None:
        """Something may be due."""
        self._wake.set()

    async def _send_forever(self) -> None:
        while True:
            self._wake.clear()
            wait = 1.0
            try:
                wait = await self.send_due()
            except Unavailable:
                log.warning("outbox_unreachable", channel=self.channel.name)
            except Exception:
                # Our bug, or two processes in each other's way: the channel must not fall silent for good.
                log.exception("outbox_not_claimed", channel=self.channel.name)
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def send_due(self) -> float:
        """Claim and send all that is due now; returns seconds until there may be more (at most 1)."""
        while True:
            capacity = self.channel.limits.concurrency - len(self._on_wire)
            if capacity <= 0:
                await asyncio.wait(self._on_wire, return_when=asyncio.FIRST_COMPLETED)
                continue
            claimed, wait = await self._commits.run(partial(self._claim, capacity=capacity))
            for delivery in claimed:
                task = asyncio.create_task(self._send(delivery))
                self._on_wire.add(task)
                task.add_done_callback(self._landed)
            if not claimed:
                return wait

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._on_wire.discard(task)
        self._wake.set()

    async def settle_all(self) -> None:
        """Wait until nothing is on the wire."""
        while self._on_wire:
            await asyncio.wait(set(self._on_wire))

    def _claim(self, transaction: Transaction, capacity: int) -> tuple[list[Claimed], float]:
        """In one transaction: what is due, whether it may leave, and whose it is now."""
        now = transaction.now
        grant, next_at, wait = self._grant(transaction, capacity)
        if grant <= 0:
            return [], wait
        rows = outbox.due(transaction.connection, self.channel.name, now, grant)
        leaving = self._within(grant, [row for row in _one_an_address(rows) if self._may_leave(transaction, row)])
        until = server_time(transaction) + outbox.LEASE
        taken = set(
            outbox.claim(transaction.connection, [row.id for row in leaving], by=self._process, until=until, at=now)
        )
        claimed = [self._claimed(row) for row in leaving if row.id in taken]
        if claimed and not self._streams:
            self._spend(transaction, claimed, next_at)
        if not claimed and rows:
            return [], 0.05 if len(rows) == grant else 1.0
        return claimed, wait

    def _within(self, grant: int, rows: Sequence[Row[*tuple[Any, ...]]]) -> Sequence[Row[*tuple[Any, ...]]]:
        """As many as the grant has units for; one more than that may go into debt, so that the longest leave, too."""
        if not isinstance(self.channel, Measures):
            return rows
        within: list[Row[*tuple[Any, ...]]] = []
        for row in rows:
            if grant <= 0:
                break
            within.append(row)
            grant -= self.channel.units(outbound(row, self.channel.name))
        return within

    def _spend(self, transaction: Transaction, claimed: Sequence[Claimed], next_at: datetime) -> None:
        """What leaves now uses up the rate of its address and of the channel, by units."""
        limits, addresses = self.channel.limits, dict[int, list[int]]()
        for each in claimed:
            addresses.setdefault(each.units, []).append(each.address)
        for units, held in addresses.items():
            gap = timedelta(seconds=units / limits.per_address)
            outbox.hold_addresses(transaction.connection, held, transaction.now + gap)
        spent = timedelta(seconds=sum(each.units for each in claimed) / limits.per_second)
        outbox.set_pace(transaction.connection, self.channel.name, next_at + spent)

    def _grant(self, transaction: Transaction, capacity: int) -> tuple[int, datetime, float]:
        """How many units may leave now by the rate, from which instant their pace counts, and when to ask again."""
        now = transaction.now
        if self._streams:
            return capacity, now, 1.0
        rate = self.channel.limits.per_second
        next_at = max(outbox.pace(transaction.connection, self.channel.name, now), now - PACE_WINDOW)
        allowed = int((now - next_at).total_seconds() * rate) + 1 if next_at <= now else 0
        wait = 1.0 if allowed else min(1.0, (next_at - now).total_seconds())
        return min(capacity, allowed), next_at, wait

    def _may_leave(self, transaction: Transaction, row: Row[*tuple[Any, ...]]) -> bool:
        verdict = may_write(self._situation(transaction, row))
        match verdict:
            case Send():
                return self._readable(transaction, row)
            case Skip():
                status = DeliveryStatus.SKIPPED if row.attempts == 0 else DeliveryStatus.FAILED
                _settle(transaction, row, status, str(verdict.reason), due=transaction.now)
                transaction.count("sent", self.channel.name, status)
            case Defer():
                _settle(transaction, row, DeliveryStatus(row.status), str(verdict.reason), due=verdict.until)
        return False

    def _readable(self, transaction: Transaction, row: Row[*tuple[Any, ...]]) -> bool:
        """Whether the message can be put into its envelope; one that cannot must not hold up its channel."""
        try:
            outbound(row, self.channel.name)
        except (KeyError, TypeError, ValueError) as error:
            log.exception("delivery_not_readable", channel=self.channel.name, delivery=row.id)
            reason = f"its stored form cannot be read: {type(error).__name__}"
            _settle(transaction, row, DeliveryStatus.FAILED, reason, due=transaction.now)
            transaction.count("sent", self.channel.name, DeliveryStatus.FAILED)
            return False
        return True

    def _situation(self, transaction: Transaction, row: Row[*tuple[Any, ...]]) -> Situation:
        marketing = row.purpose == "marketing"
        connection, contact = transaction.connection, [row.contact_id]
        return Situation(
            now=transaction.now,
            purpose=row.purpose,
            deadline=row.deadline,
            zone=zone(row.time_zone, self._business_zone()),
            address_closed=row.closed_at is not None,
            contact_blocked=row.blocked_at is not None,
            epoch_passed=row.epoch is not None and row.epoch != row.epoch_now,
            consent=standing.consents(connection, contact).get((row.address_id, "marketing")) if marketing else None,
            in_conversation=marketing and bool(outbox.in_conversation_with_people(connection, contact)),
            open_complaint=marketing and bool(outbox.with_open_complaint(connection, contact)),
        )

    def _claimed(self, row: Row[*tuple[Any, ...]]) -> Claimed:
        message = outbound(row, self.channel.name)
        return Claimed(
            id=row.id,
            interaction=row.interaction_id,
            address=row.address_id,
            uri=row.uri,
            attempt=row.attempts + 1,
            deadline=row.deadline,
            message=message,
            units=self.channel.units(message) if isinstance(self.channel, Measures) else 1,
            row=row,
        )

    async def _send(self, claimed: Claimed) -> None:
        self._boundary("before send")
        answer: Receipt | SendError
        try:
            answer = await self.channel.send(claimed.message)
        except SendError as error:
            answer = error
        except Exception as error:
            # The adapter's bug, not the provider's word: nobody knows what has left.
            log.exception("adapter_failed", channel=self.channel.name, delivery=claimed.id)
            answer = SendError(SendErrorCode.NO_ANSWER, f"the adapter failed: {type(error).__name__}")
        self._boundary("after send")
        await self._record(Sent(claimed=claimed, answer=answer))

    async def _record(self, sent: Sent) -> None:
        pause = 0.2
        while True:
            try:
                await self._commits.submit(self.record, sent)
                return
            except Unavailable:
                # The provider has answered and the answer must not be lost: keep it until the database is back.
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    def record(self, transaction: Transaction, many: Sequence[Sent]) -> list[None]:
        """Write what became of sends."""
        for sent in many:
            match sent.answer:
                case Receipt():
                    self._record_receipt(transaction, sent.claimed, sent.answer)
                case SendError():
                    self._record_error(transaction, sent.claimed, sent.answer)
        return [None] * len(many)

    def _record_receipt(self, transaction: Transaction, claimed: Claimed, receipt: Receipt) -> None:
        parts = (*claimed.message.sent, *receipt.external_ids)
        external_id = str(claimed.interaction) if self._streams else (parts[-1] if parts else None)
        _settle(
            transaction,
            claimed.row,
            DeliveryStatus.SENT,
            None,
            due=transaction.now,
            external_id=external_id,
            parts=parts,
            receipt=receipt,
            answered=True,
        )
        self._count(transaction, DeliveryStatus.SENT)
        if self._streams:
            entry = streams.sent(
                claimed.interaction,
                author=claimed.row.message.get("author", "bot"),
                text=claimed.message.text,
                at=transaction.now,
                buttons=claimed.message.buttons,
                attachments=claimed.message.attachments,
            )
            transaction.news.append(Streamed(channel=self.channel.name, uri=claimed.uri, entry=entry))
        elif external_id is not None:
            catch_up(transaction, claimed.id, self.channel.name, external_id)

    def _record_error(self, transaction: Transaction, claimed: Claimed, error: SendError) -> None:
        now, consequence = transaction.now, error.consequence
        repeatable = consequence.retry or (not consequence.outcome_known and self.channel.limits.idempotent)
        parts = (*claimed.message.sent, *error.sent)
        if consequence.closes_address:
            outbox.close_address(transaction.connection, claimed.address, now, str(error.code))
        if not repeatable:
            status = DeliveryStatus.FAILED if consequence.outcome_known else DeliveryStatus.UNKNOWN
            _settle(transaction, claimed.row, status, str(error), due=now, parts=parts, answered=True)
            self._count(transaction, status)
            return
        wait = self._retrying.wait(claimed.id, claimed.attempt)
        if error.retry_after is not None:
            wait = max(wait, timedelta(seconds=error.retry_after))
            self._hold(transaction, claimed, error, now + timedelta(seconds=error.retry_after))
        spent = claimed.attempt >= self._retrying.attempts or now + wait >= claimed.deadline
        status = DeliveryStatus.FAILED if spent else DeliveryStatus.RETRYING
        _settle(transaction, claimed.row, status, str(error), due=now + wait, parts=parts, answered=True)
        self._count(transaction, status)

    def _hold(self, transaction: Transaction, claimed: Claimed, error: SendError, until: datetime) -> None:
        outbox.hold_address(transaction.connection, claimed.address, until)
        if error.whole_channel:
            outbox.pace(transaction.connection, self.channel.name, transaction.now)
            outbox.set_pace(transaction.connection, self.channel.name, until)

    def _count(self, transaction: Transaction, status: DeliveryStatus) -> None:
        transaction.count("sent", self.channel.name, status)


def sweep_lost(transaction: Transaction, idempotent: Mapping[str, bool], *, everyone: bool) -> int:
    """Sends whose process died: unknown, and not repeated where the provider cannot drop repeats."""
    now = None if everyone else server_time(transaction)
    rows = outbox.lost(transaction.connection, now)
    for row in rows:
        repeat = idempotent.get(row.channel, False)
        status = DeliveryStatus.RETRYING if repeat else DeliveryStatus.UNKNOWN
        transaction.connection.execute(
            update(Delivery)
            .where(Delivery.id == row.id)
            .values(
                status=status,
                reason="the process stopped while sending",
                holder=None,
                lease_until=None,
                updated_at=transaction.now,
            )
        )
        transaction.count("sent", row.channel, status)
    return len(rows)


def _one_an_address(rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Row[*tuple[Any, ...]]]:
    seen: set[int] = set()
    first: list[Row[*tuple[Any, ...]]] = []
    for row in rows:
        if row.address_id not in seen:
            seen.add(row.address_id)
            first.append(row)
    return first


def _settle(
    transaction: Transaction,
    row: Row[*tuple[Any, ...]],
    status: DeliveryStatus,
    reason: str | None,
    *,
    due: datetime,
    external_id: str | None = None,
    parts: Sequence[str] = (),
    receipt: Receipt | None = None,
    answered: bool = False,
) -> None:
    """`answered`: the row was claimed since it was read, and this is what became of that try."""
    outbox.settle(
        transaction.connection,
        {
            "delivery": row.id,
            "attempt": row.attempts + 1 if answered else row.attempts,
            # A late answer still moves what was given up as unknown meanwhile.
            "from_status": ["queued", "retrying", "sending", "unknown"],
            "to_status": status,
            "why": reason,
            "next_due": due,
            "left_at": transaction.now if status is DeliveryStatus.SENT else None,
            "their_id": external_id,
            "left_parts": list(parts) or None,
            "their_units": receipt.units if receipt else None,
            "their_cost": receipt.cost if receipt else None,
            "their_currency": receipt.currency if receipt else None,
            "at": transaction.now,
        },
    )
