"""Send: deliveries leave the outbox through here, and nowhere else.

Read `Sender` top to bottom: claim what is due and allowed, hand it to the channel, record what became of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import update

from campaigns.policy import Defer, Send, Situation, Skip, may_write
from campaigns.quiet_hours import zone
from channels.envelope import DeliveryStatus, Receipt, SendError, SendErrorCode
from channels.protocol import Channel, Measures, Streams
from gateway.answers import Answers, Claimed, Retrying, Sent, outcome
from gateway.envelopes import outbound
from storage import outbox, standing
from storage.commits import Commits, Transaction, Unavailable, server_time
from storage.consents import Purpose
from storage.deliveries import Delivery
from storage.outbox import Due
from storage.touched import touch

log = structlog.get_logger(__name__)

ENDED = (DeliveryStatus.SKIPPED, DeliveryStatus.FAILED)
PACE_WINDOW = timedelta(milliseconds=100)
"""How much unspent rate is kept: a channel that rested may not make up for it in a burst."""


Taken = tuple[list[Claimed], float]
"""What was claimed, and seconds until there may be more."""
NOTHING: Taken = ([], 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Circumstances:
    """What only marketing has to ask, of all its Contacts at once."""

    consents: Mapping[tuple[int, str], bool] = field(default_factory=dict[tuple[int, str], bool])
    in_conversation: Collection[int] = ()
    complaining: Collection[int] = ()


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
        self._boundary = boundary
        self._streams = isinstance(channel, Streams)
        self._measures = channel if isinstance(channel, Measures) else None
        self._answers = Answers(channel, retrying)
        self._wake = asyncio.Event()
        self._answered = asyncio.Event()
        self._on_wire: set[asyncio.Task[None]] = set()
        self._unanswered = 0
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
            while self._free() <= 0:
                self._answered.clear()
                await self._answered.wait()
            claimed, wait = await self._commits.submit(self.write, None) or NOTHING
            for delivery in claimed:
                task = asyncio.create_task(self._send(delivery))
                self._on_wire.add(task)
                task.add_done_callback(self._landed)
            self._unanswered += len(claimed)
            if not claimed:
                return wait

    def _free(self) -> int:
        """Places on the wire. Who has an answer has left it, and while that is written the next ones are claimed with
        it; but what waits for both is bounded, as it is what a crash leaves unknown."""
        concurrency = self.channel.limits.concurrency
        return min(concurrency - self._unanswered, 2 * concurrency - len(self._on_wire))

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._on_wire.discard(task)
        self._answered.set()
        self._wake.set()

    async def settle_all(self) -> None:
        """Wait until nothing is on the wire."""
        while self._on_wire:
            await asyncio.wait(set(self._on_wire))

    def _claim(self, transaction: Transaction) -> Taken:
        """In one transaction: what is due, whether it may leave, and whose it is now."""
        now = transaction.now
        grant, next_at, wait = self._grant(transaction, self._free())
        if grant <= 0:
            return [], wait
        rows = outbox.due(transaction.connection, self.channel.name, now, grant)
        ready = self._within(grant, self._ready(transaction, _one_an_address(rows)))
        until = server_time(transaction) + outbox.LEASE
        taken = outbox.claim(transaction.connection, [each.id for each in ready], by=self._process, until=until, at=now)
        claimed = [each for each in ready if each.id in taken]
        touch(transaction.connection, (each.conversation for each in claimed))
        if claimed and not self._streams:
            self._spend(transaction, claimed, next_at)
        if not claimed and rows:
            return [], 0.05 if len(rows) == grant else 1.0
        return claimed, wait

    def _within(self, grant: int, ready: Sequence[Claimed]) -> Sequence[Claimed]:
        """As many as the grant has units for; one more than that may go into debt, so that the longest leave, too."""
        within: list[Claimed] = []
        for each in ready:
            if grant <= 0:
                break
            within.append(each)
            grant -= each.units
        return within

    def _spend(self, transaction: Transaction, claimed: Sequence[Claimed], next_at: datetime) -> None:
        """What leaves now uses up the rate of its address and of the channel, by units."""
        limits, now = self.channel.limits, transaction.now
        gaps = {
            units: now + timedelta(seconds=units / limits.per_address) for units in {each.units for each in claimed}
        }
        outbox.hold_addresses(transaction.connection, [(each.address, gaps[each.units]) for each in claimed])
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

    def _ready(self, transaction: Transaction, rows: Sequence[Due]) -> list[Claimed]:
        """Those that may leave now, in their envelopes; what may not is settled here."""
        ready: list[Claimed] = []
        settled: list[Mapping[str, Any]] = []
        circumstances = self._circumstances(transaction, rows)
        for row in rows:
            match may_write(self._situation(transaction.now, row, circumstances)):
                case Send():
                    try:
                        ready.append(self._claimed(row))
                        continue
                    except (KeyError, TypeError, ValueError) as error:
                        # One that cannot be read must not hold up its channel.
                        log.exception("delivery_not_readable", channel=self.channel.name, delivery=row.id)
                        reason = f"its stored form cannot be read: {type(error).__name__}"
                    status, due = DeliveryStatus.FAILED, transaction.now
                case Skip(reason=why):
                    status = DeliveryStatus.SKIPPED if row.attempts == 0 else DeliveryStatus.FAILED
                    reason, due = str(why), transaction.now
                case Defer(reason=why, until=until):
                    status, reason, due = DeliveryStatus(row.status), str(why), until
            touch(transaction.connection, (row.conversation_id,))
            settled.append(outcome(row.id, row.attempts, status, reason, now=transaction.now, due=due))
            if status in ENDED:
                transaction.count("sent", self.channel.name, status)
        outbox.settle(transaction.connection, settled)
        return ready

    def _circumstances(self, transaction: Transaction, rows: Sequence[Due]) -> _Circumstances:
        contacts = sorted({row.contact_id for row in rows if row.purpose == Purpose.MARKETING})
        if not contacts:
            return _Circumstances()
        connection = transaction.connection
        return _Circumstances(
            consents=standing.consents(connection, contacts),
            in_conversation=outbox.in_conversation_with_people(connection, contacts),
            complaining=outbox.with_open_complaint(connection, contacts),
        )

    def _situation(self, now: datetime, row: Due, circumstances: _Circumstances) -> Situation:
        return Situation(
            now=now,
            purpose=row.purpose,
            deadline=row.deadline,
            zone=zone(row.time_zone, self._business_zone()),
            address_closed=row.closed_at is not None,
            contact_blocked=row.blocked_at is not None,
            epoch_passed=row.epoch is not None and row.epoch != row.epoch_now,
            consent=circumstances.consents.get((row.address_id, Purpose.MARKETING)),
            in_conversation=row.contact_id in circumstances.in_conversation,
            open_complaint=row.contact_id in circumstances.complaining,
        )

    def _claimed(self, row: Due) -> Claimed:
        message = outbound(row, self.channel.name)
        return Claimed(
            id=row.id,
            interaction=row.interaction_id,
            address=row.address_id,
            uri=row.uri,
            author=row.message.get("author", "bot"),
            attempts=row.attempts + 1,
            deadline=row.deadline,
            message=message,
            conversation=row.conversation_id,
            units=self._measures.units(message) if self._measures else 1,
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
        finally:
            self._unanswered -= 1
            self._answered.set()
        self._boundary("after send")
        await self._record(Sent(claimed=claimed, answer=answer))

    async def _record(self, sent: Sent) -> None:
        pause = 0.2
        while True:
            try:
                await self._commits.submit(self.write, sent)
                return
            except Unavailable:
                # The provider has answered and the answer must not be lost: keep it until the database is back.
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    def write(self, transaction: Transaction, many: Sequence[Sent | None]) -> list[Taken | None]:
        """Write what became of sends, and for each None claim the next ones.

        Both are one kind of work, so that they share a commit: in turns, the wire would be empty during each.
        """
        self._answers.record(transaction, [each for each in many if each is not None])
        return [self._claim(transaction) if each is None else None for each in many]


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
    touch(transaction.connection, (row.conversation_id for row in rows))
    return len(rows)


def _one_an_address(rows: Sequence[Due]) -> list[Due]:
    seen: set[int] = set()
    first: list[Due] = []
    for row in rows:
        if row.address_id not in seen:
            seen.add(row.address_id)
            first.append(row)
    return first
