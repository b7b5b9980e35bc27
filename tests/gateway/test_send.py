"""Send: what leaves, when, in which order, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from structlog.testing import capture_logs

from channels.envelope import DeliveryStatus, OutboundMessage, Receipt, SendError, SendErrorCode
from gateway.answers import Retrying, outcome
from gateway.send import sweep_lost
from storage import outbox
from storage.commits import Transaction
from storage.deliveries import Delivery
from tests.acceptance import books
from tests.acceptance.house import House, Post, Provider, Window, loops, message, open_house, taken
from tests.clock import FrozenClock
from tests.waiting import until

Fate = Callable[[Provider, OutboundMessage], Awaitable[None]]


@pytest.fixture
async def house(small_house: None, tmp_path: Path, clock: FrozenClock, migrated_url: str) -> AsyncGenerator[House]:
    channels = [Post("post", Provider()), Post("courier", Provider(idempotent=True)), Window()]
    house = await open_house(tmp_path, channels, clock, migrated_url)
    yield house
    await house.stop()


def post(house: House, name: str = "post") -> Post:
    channel = house.channels[name]
    assert isinstance(channel, Post)
    return channel


def failing(*errors: SendError | None, take: bool = False) -> Fate:
    """Tries meet these errors, one after the other, and then succeed; `take`: the provider takes it all the same."""
    left = list(errors)

    async def fate(provider: Provider, outbound: OutboundMessage) -> None:
        error = left.pop(0) if left else None
        if error is None or take:
            provider.take(outbound)
        if error is not None:
            raise error

    return fate


async def say(house: House, *names: str, manner: str = "", channel: str = "post") -> None:
    for name in names:
        await house.ports[channel].accept([message(channel, f"{channel}:1", name, manner)])
        await house.settle()


async def statuses(house: House) -> list[str | None]:
    return [line.status for line in (await house.database.read(books.read)).outbound]


async def execute(house: House, statement: str, **values: Any) -> None:
    await house.commits.run(lambda transaction: transaction.connection.execute(text(statement), values))


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (SendErrorCode.RATE_LIMITED, "retrying"),
        (SendErrorCode.UNREACHABLE, "retrying"),
        (SendErrorCode.PROVIDER_ERROR, "retrying"),
        (SendErrorCode.UNAUTHORIZED, "retrying"),
        (SendErrorCode.NO_ANSWER, "unknown"),
        (SendErrorCode.BLOCKED, "failed"),
        (SendErrorCode.BAD_ADDRESS, "failed"),
        (SendErrorCode.REJECTED, "failed"),
        (SendErrorCode.TOO_LARGE, "failed"),
        (SendErrorCode.UNSUPPORTED, "failed"),
    ],
)
async def test_each_way_to_fail_has_its_place_in_the_books(house: House, code: SendErrorCode, status: str) -> None:
    post(house).fate = failing(SendError(code, "<lin@example.com>: said the provider"))
    with capture_logs() as logs:
        await say(house, "m1")
    assert await statuses(house) == [status]
    told = [(line["status"], line["code"]) for line in logs if line["event"] == "delivery_not_sent"]
    assert told == ([] if status == "retrying" else [(status, str(code))]), "what is lost is in the log"
    assert "lin@example.com" not in str(logs)


async def test_answers_that_are_written_at_once_keep_each_their_own(house: House) -> None:
    post(house).fate = failing(SendError(SendErrorCode.RATE_LIMITED, "later", retry_after=60, whole_channel=True))
    await house.ports["post"].accept([message("post", f"post:{number}", f"m{number}", "") for number in range(4)])
    await house.settle()
    await execute(house, "UPDATE deliveries SET attempts = 1")
    paid = Receipt(external_ids=("b",), units=2, cost=Decimal("0.015"), currency="CNY")

    def settle(transaction: Transaction) -> None:
        now, sent = transaction.now, DeliveryStatus.SENT
        said = [
            outcome(
                1, 1, sent, None, now=now, external_id="早", parts=["a", '早"'], receipt=Receipt(external_ids=("a",))
            ),
            outcome(2, 1, DeliveryStatus.FAILED, "it's over", now=now, parts=["x"]),
            outcome(3, 1, sent, None, now=now, external_id="b", parts=["b"], receipt=paid),
            outcome(4, 2, sent, None, now=now, external_id="another try's"),
        ]
        outbox.settle(transaction.connection, said)

    await house.commits.run(settle)
    kept = (Delivery.status, Delivery.reason, Delivery.external_id, Delivery.parts, Delivery.units, Delivery.cost)
    rows = await house.database.read(lambda c: c.execute(select(*kept, Delivery.currency).order_by(Delivery.id)).all())
    assert [tuple(row) for row in rows] == [
        ("sent", None, "早", ["a", '早"'], 1, None, None),
        ("failed", "it's over", None, ["x"], None, None, None),
        ("sent", None, "b", ["b"], 2, Decimal("0.015"), "CNY"),
        ("queued", None, None, None, None, None, None),
    ]


async def test_every_way_to_fail_is_tried_above() -> None:
    marks = test_each_way_to_fail_has_its_place_in_the_books.pytestmark  # pyright: ignore[reportFunctionMemberAccess]
    assert {case[0] for case in marks[0].args[1]} == set(SendErrorCode)


async def test_a_lost_answer_is_not_repeated_to_a_provider_that_cannot_drop_repeats(
    house: House, clock: FrozenClock
) -> None:
    post(house).fate = failing(SendError(SendErrorCode.NO_ANSWER, "silence"), take=True)
    await say(house, "m1")
    clock.advance(timedelta(minutes=59))
    await house.rest(clock)
    assert len(post(house).provider.taken) == 1
    assert await statuses(house) == ["unknown"]


async def test_a_lost_answer_is_repeated_to_a_provider_that_drops_repeats(house: House, clock: FrozenClock) -> None:
    courier = post(house, "courier")
    courier.fate = failing(SendError(SendErrorCode.NO_ANSWER, "silence"), take=True)
    await say(house, "m1", channel="courier")
    await house.rest(clock)
    assert courier.provider.tries["d1"] == ["tried", "no_answer", "tried", "took"]
    assert len(courier.provider.taken) == 1
    assert await statuses(house) == ["sent"]


async def test_a_retrying_reply_holds_the_next_ones_of_its_conversation_alone(house: House, clock: FrozenClock) -> None:
    post(house).fate = failing(SendError(SendErrorCode.PROVIDER_ERROR, "oops"))
    await say(house, "m1", "m2")
    await house.ports["post"].accept([message("post", "post:2", "n1", "")])
    clock.advance(0.1)
    await house.settle()
    assert [said for _, _, said in post(house).provider.taken] == ["re n1"]
    await house.rest(clock)
    assert [said for address, _, said in post(house).provider.taken if address == "post:1"] == ["re m1", "re m2"]


async def test_an_unknown_one_releases_the_next(house: House, clock: FrozenClock) -> None:
    post(house).fate = failing(SendError(SendErrorCode.NO_ANSWER, "silence"))
    await say(house, "m1", "m2")
    await house.rest(clock)
    assert await statuses(house) == ["unknown", "sent"]


async def test_a_provider_that_asks_to_wait_is_given_that_time(house: House, clock: FrozenClock) -> None:
    post(house).fate = failing(SendError(SendErrorCode.RATE_LIMITED, "429", retry_after=30))
    await say(house, "m1")
    clock.advance(29.0)
    await house.settle()
    assert post(house).provider.taken == []
    clock.advance(2.0)
    await house.settle()
    assert len(post(house).provider.taken) == 1


async def test_a_wait_for_the_whole_channel_holds_everybody(house: House, clock: FrozenClock) -> None:
    error = SendError(SendErrorCode.RATE_LIMITED, "429", retry_after=30, whole_channel=True)
    post(house).fate = failing(error)
    await say(house, "m1")
    await house.ports["post"].accept([message("post", "post:2", "n1", "")])
    clock.advance(29.0)
    await house.settle()
    assert post(house).provider.taken == []
    clock.advance(2.0)
    await house.rest(clock)
    assert len(post(house).provider.taken) == 2


async def test_tries_end_with_their_number_or_the_deadline(house: House, clock: FrozenClock) -> None:
    post(house).fate = failing(*(SendError(SendErrorCode.UNREACHABLE, "refused") for _ in range(50)))
    await say(house, "m1")
    await house.rest(clock)
    (line,) = (await house.database.read(books.read)).outbound
    assert line.status == "failed"
    assert line.attempts == len(post(house).provider.tries["d1"]) // 2 == 8


async def test_a_reply_that_comes_too_late_does_not_leave(house: House, clock: FrozenClock) -> None:
    post(house).fate = failing(SendError(SendErrorCode.RATE_LIMITED, "429", retry_after=1800))
    await say(house, "m1", "m2")
    clock.advance(timedelta(minutes=61))
    await house.settle()
    assert post(house).provider.taken == []
    assert await statuses(house) == ["failed", "skipped"]


async def test_after_a_person_took_over_nothing_that_the_bot_has_queued_leaves(
    house: House, clock: FrozenClock
) -> None:
    post(house).fate = failing(SendError(SendErrorCode.PROVIDER_ERROR, "oops"))
    await say(house, "m1", "m2")
    await execute(house, "UPDATE conversations SET owner = 'agent', epoch = epoch + 1")
    await house.rest(clock)
    assert post(house).provider.taken == []
    assert await statuses(house) == ["failed", "skipped"]


async def test_what_the_bot_says_with_the_hand_off_itself_still_leaves(house: House, clock: FrozenClock) -> None:
    await say(house, "m1", manner="person")
    await house.rest(clock)
    assert await statuses(house) == ["sent"]


async def test_somebody_who_blocked_us_is_sent_nothing_more(house: House, clock: FrozenClock) -> None:
    post(house).fate = failing(SendError(SendErrorCode.BLOCKED, "403"))
    await say(house, "m1", manner="twice")
    await house.rest(clock)
    assert await statuses(house) == ["failed", "skipped"]
    assert len(post(house).provider.tries) == 1


async def test_replies_leave_before_bulk(house: House, clock: FrozenClock) -> None:
    await say(house, "m1", "m2")
    await execute(
        house,
        "UPDATE deliveries SET status = 'queued', conversation_id = NULL, epoch = NULL, "
        "priority = CASE id WHEN 1 THEN 9 ELSE 0 END",
    )
    post(house).provider.taken.clear()
    await house.rest(clock)
    assert [key for _, key, _ in post(house).provider.taken] == ["d2", "d1"]


async def test_one_address_is_not_sent_faster_than_its_channel_allows(house: House, clock: FrozenClock) -> None:
    post(house).limits = type(post(house).limits)(text=100, per_second=1000, per_address=0.5)
    await house.ports["post"].accept([message("post", "post:1", "m1", "twice")])
    await house.settle()
    assert len(post(house).provider.taken) == 1
    clock.advance(1.9)
    await house.settle()
    assert len(post(house).provider.taken) == 1
    clock.advance(0.2)
    await house.settle()
    assert len(post(house).provider.taken) == 2


async def test_a_channel_is_not_used_faster_than_it_allows(house: House, clock: FrozenClock) -> None:
    post(house).limits = type(post(house).limits)(text=100, per_second=2, per_address=100)
    for number in range(6):
        await house.ports["post"].accept([message("post", f"post:{number}", f"m{number}", "")])
    await house.settle()
    sent = [len(post(house).provider.taken)]
    for _ in range(3):
        clock.advance(1.0)
        await house.settle()
        sent.append(len(post(house).provider.taken))
    assert sent[0] == 1
    assert all(0 < later - earlier <= 3 for earlier, later in pairwise(sent) if earlier < 6)


async def test_a_send_whose_process_died_is_unknown_or_repeated_as_its_provider_can_bear(
    house: House, clock: FrozenClock
) -> None:
    await say(house, "m1")
    await say(house, "c1", channel="courier")
    await execute(house, "UPDATE deliveries SET status = 'sending', holder = 'dead'")
    swept = await house.commits.run(lambda transaction: sweep_lost(transaction, {"courier": True}, everyone=True))
    assert swept == 2
    assert await statuses(house) == ["unknown", "retrying"]
    await house.rest(clock)
    assert len(post(house).provider.taken) == len(post(house, "courier").provider.taken) == 1


async def test_a_living_send_is_not_swept(house: House) -> None:
    await say(house, "m1")
    await execute(house, "UPDATE deliveries SET status = 'sending', lease_until = '2999-01-01T00:00:00.000000+00:00'")
    assert await house.commits.run(lambda transaction: sweep_lost(transaction, {}, everyone=False)) == 0


async def test_a_stop_waits_for_the_answer_to_what_is_on_the_wire(
    small_house: None, tmp_path: Path, clock: FrozenClock, migrated_url: str
) -> None:
    """A channel that hung up first would never know what became of it."""
    hung_up, on_the_wire, answer = asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Line(Post):
        async def stop(self) -> None:
            hung_up.set()

    async def slow(provider: Provider, outbound: OutboundMessage) -> None:
        on_the_wire.set()
        await answer.wait()
        if hung_up.is_set():
            raise SendError(SendErrorCode.NO_ANSWER, "the line is closed")
        provider.take(outbound)

    first = await open_house(tmp_path, [Line("post", Provider(), slow)], clock, migrated_url)
    await first.ports["post"].accept([message("post", "post:1", "m1", "")])
    await on_the_wire.wait()
    stopping = asyncio.create_task(first.stop())
    await loops(50)
    answer.set()
    await stopping
    assert hung_up.is_set()
    second = await open_house(tmp_path, [Post("post", Provider())], clock, migrated_url)
    await second.rest(clock)
    assert await statuses(second) == ["sent"]
    assert post(second).provider.taken == []
    await second.stop()


async def test_a_late_answer_still_moves_what_was_given_up(house: House, clock: FrozenClock) -> None:
    async def slow(provider: Provider, outbound: OutboundMessage) -> None:
        await house.commits.run(lambda transaction: sweep_lost(transaction, {}, everyone=True))
        await taken(provider, outbound)

    post(house).fate = slow
    await say(house, "m1")
    assert await statuses(house) == ["sent"]


async def test_the_answer_to_an_earlier_try_does_not_end_a_later_one(house: House, clock: FrozenClock) -> None:
    """The commit of a failure was answered by nobody and is written again, while the next try is on the wire."""
    post(house).fate = failing(SendError(SendErrorCode.PROVIDER_ERROR, "oops"))
    sender, records = house.senders["post"], []
    record = sender._record

    async def remember(sent: Any) -> None:
        records.append(sent)
        await record(sent)

    sender._record = remember  # pyright: ignore[reportAttributeAccessIssue]
    await say(house, "m1")

    async def again(provider: Provider, outbound: OutboundMessage) -> None:
        await house.commits.submit(sender.write, records[0])
        assert await statuses(house) == ["sending"]
        await taken(provider, outbound)

    post(house).fate = again
    await house.rest(clock)
    assert await statuses(house) == ["sent"]
    assert len(post(house).provider.taken) == 1


async def test_the_next_leave_while_answers_are_written_and_no_more_than_a_crash_may_leave_unknown(
    house: House, clock: FrozenClock
) -> None:
    sender, written = house.senders["post"], asyncio.Event()
    record = sender._record

    async def later(sent: Any) -> None:
        await written.wait()
        await record(sent)

    sender._record = later  # pyright: ignore[reportAttributeAccessIssue]
    at_once, tried = post(house).limits.concurrency, post(house).provider.taken

    def after_a_while(most: int) -> bool:
        clock.advance(0.1)
        sender.wake()
        return len(tried) >= most

    await house.ports["post"].accept(
        [message("post", f"post:{number}", f"m{number}", "") for number in range(3 * at_once)]
    )
    await until(lambda: after_a_while(2 * at_once))
    for _ in range(10):
        after_a_while(0)
        await house.commits.run(lambda transaction: None)
    assert len(tried) == 2 * at_once
    written.set()
    await until(lambda: after_a_while(3 * at_once))
    await house.settle()
    assert await statuses(house) == ["sent"] * 3 * at_once


async def test_a_sender_outlives_a_claim_that_fails(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[str] = []
    due = outbox.due

    def stumbles(*arguments: Any, **named: Any) -> Any:
        if not failures:
            failures.append("once")
            raise RuntimeError("two processes in each other's way")
        return due(*arguments, **named)

    monkeypatch.setattr(outbox, "due", stumbles)
    monkeypatch.setattr("gateway.send.log.exception", lambda *_, **__: None)
    await house.ports["post"].accept([message("post", "post:1", "m1", "")])

    def taken_after_a_nudge() -> bool:
        house.senders["post"].wake()
        return bool(post(house).provider.taken)

    await until(taken_after_a_nudge)
    assert failures


def test_waits_grow_are_jittered_bounded_and_the_same_when_asked_again() -> None:
    retrying = Retrying(attempts=8, backoff=timedelta(seconds=2), backoff_max=timedelta(seconds=60))
    waits = [[retrying.wait(delivery, attempt) for attempt in range(1, 12)] for delivery in range(50)]
    assert waits == [[retrying.wait(delivery, attempt) for attempt in range(1, 12)] for delivery in range(50)]
    for attempt in range(11):
        column = [row[attempt] for row in waits]
        ceiling = min(timedelta(seconds=2 * 2**attempt), timedelta(seconds=60))
        assert ceiling / 2 <= min(column) <= max(column) <= ceiling
        assert len(set(column)) > 25


async def test_an_adapter_that_breaks_leaves_the_outcome_unknown_and_the_channel_going(
    house: House, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.send.log.exception", lambda *_, **__: None)

    async def bug(provider: Provider, outbound: OutboundMessage) -> None:
        post(house).fate = kind
        raise ZeroDivisionError

    async def kind(provider: Provider, outbound: OutboundMessage) -> None:
        provider.take(outbound)

    post(house).fate = bug
    await say(house, "a1", "a2")
    clock.advance(timedelta(seconds=1))
    await house.settle()
    rows = await house.database.read(
        lambda connection: connection.execute(text("SELECT status, reason FROM deliveries ORDER BY id")).all()
    )
    assert [row.status for row in rows] == ["unknown", "sent"]
    assert "the adapter failed: ZeroDivisionError" in rows[0].reason


async def test_a_message_that_cannot_be_read_any_more_does_not_hold_up_its_channel(
    house: House, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.send.log.exception", lambda *_, **__: None)
    post(house).fate = failing(SendError(SendErrorCode.RATE_LIMITED, "wait", retry_after=5))
    await say(house, "a1")
    await house.commits.run(
        lambda transaction: transaction.connection.execute(text("UPDATE deliveries SET message = '{}'"))
    )
    clock.advance(timedelta(seconds=10))
    await say(house, "a2")
    clock.advance(timedelta(seconds=1))
    await house.settle()
    rows = await house.database.read(
        lambda connection: connection.execute(text("SELECT status, reason FROM deliveries ORDER BY id")).all()
    )
    assert [row.status for row in rows] == ["failed", "sent"]
    assert "cannot be read" in rows[0].reason
