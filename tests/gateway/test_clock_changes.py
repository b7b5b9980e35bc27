"""Somebody sets the wall clock: nothing is said twice, and nothing waits for the old time to come round again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import ClassVar, Self

import pytest
from sqlalchemy import update

from channels.envelope import OutboundMessage, SendError, SendErrorCode
from gateway.send import sweep_lost
from gateway.ticks import Ticks
from storage.follow_ups import FollowUp
from tests.acceptance import books
from tests.acceptance.house import PROMISED, House, Post, Provider, message, taken
from tests.clock import FrozenClock
from tests.waiting import until

HOUR = timedelta(hours=1)


def post(house: House) -> Post:
    channel = house.channels["post"]
    assert isinstance(channel, Post)
    return channel


async def say(house: House, name: str, manner: str = "") -> None:
    await house.ports["post"].accept([message("post", "post:1", name, manner)])
    await house.settle()


async def said(house: House) -> list[str]:
    return [line.text for line in (await house.database.read(books.read)).outbound]


async def set_back(house: House, clock: FrozenClock) -> None:
    clock.jump(clock() - HOUR)
    await house.begin_anew()


async def test_set_back_by_an_hour_the_next_answer_comes_at_once(house: House, clock: FrozenClock) -> None:
    await say(house, "m1")
    await set_back(house, clock)
    await say(house, "m2")
    assert [text for _, _, text in post(house).provider.taken] == ["re m1", "re m2"]


async def test_set_back_by_an_hour_a_retry_does_not_wait_for_that_hour(house: House, clock: FrozenClock) -> None:
    async def refused(provider: Provider, outbound: OutboundMessage) -> None:
        post(house).fate = taken
        raise SendError(SendErrorCode.UNREACHABLE, "refused")

    post(house).fate = refused
    await say(house, "m1")
    assert post(house).provider.taken == []
    await set_back(house, clock)
    clock.advance(1.0)
    await house.settle()
    assert [text for _, _, text in post(house).provider.taken] == ["re m1"]


@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
async def test_set_while_a_send_is_on_the_wire_it_is_not_sent_again(
    house: House, clock: FrozenClock, step: timedelta
) -> None:
    async def meanwhile(provider: Provider, outbound: OutboundMessage) -> None:
        clock.jump(clock() + step)
        await house.begin_anew()
        await house.commits.run(lambda transaction: sweep_lost(transaction, {}, everyone=False))
        await taken(provider, outbound)

    post(house).fate = meanwhile
    await say(house, "m1")
    post(house).fate = taken
    await house.rest(clock)
    assert [text for _, _, text in post(house).provider.taken] == ["re m1"]
    assert [line.status for line in (await house.database.read(books.read)).outbound] == ["sent"]


@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
async def test_set_while_a_turn_is_thought_over_it_is_answered_once(
    house: House, clock: FrozenClock, step: timedelta
) -> None:
    start, held = house.turns.start, list[object]()
    house.turns.start = held.extend  # pyright: ignore[reportAttributeAccessIssue]
    await house.ports["post"].accept([message("post", "post:1", "m1", "")])
    await until(lambda: held)
    house.turns.start = start
    clock.jump(clock() + step)
    await house.begin_anew()
    await house.tick()
    start(held)  # pyright: ignore[reportArgumentType]
    await house.rest(clock)
    assert await said(house) == ["re m1"]


async def test_a_promise_is_kept_at_its_time_whatever_the_clock_did_in_between(
    house: House, clock: FrozenClock
) -> None:
    await say(house, "m1", "later")
    due = clock() + PROMISED
    for step in (-HOUR, HOUR / 2, -3 * HOUR):
        clock.jump(clock() + step)
        await house.begin_anew()
        await house.tick()
        await house.settle()
        assert await said(house) == ["re m1"], "its time has not come"
    for moment in (due, due - HOUR, due + HOUR):
        clock.jump(moment)
        await house.begin_anew()
        await house.tick()
        await house.settle()
        assert await said(house) == ["re m1", "as promised m1"]


@pytest.mark.parametrize(
    ("due", "around"),
    [
        # New York, 2026-11-01: 01:30 comes twice, an hour apart.
        (datetime(2026, 11, 1, 5, 30, tzinfo=UTC), [(5, 29, 0), (5, 30, 1), (6, 29, 1), (6, 30, 1), (7, 30, 1)]),
        (datetime(2026, 11, 1, 6, 30, tzinfo=UTC), [(5, 30, 0), (6, 29, 0), (6, 30, 1), (7, 30, 1)]),
    ],
    ids=["the first half past one", "the second"],
)
async def test_in_the_hour_that_comes_twice_a_promise_is_kept_in_the_one_that_was_meant(
    house: House, clock: FrozenClock, due: datetime, around: list[tuple[int, int, int]]
) -> None:
    clock.jump(datetime(2026, 11, 1, 5, 0, tzinfo=UTC))
    await say(house, "m1", "later")
    await house.commits.run(lambda transaction: transaction.connection.execute(update(FollowUp).values(due_at=due)))
    for hour, minute, times in around:
        clock.jump(datetime(2026, 11, 1, hour, minute, tzinfo=UTC))
        await house.tick()
        await house.settle()
        assert (await said(house)).count("as promised m1") == times, f"{hour}:{minute:02} UTC"


# The ticks themselves


async def test_small_steps_and_leaps_forward_are_no_reason_to_begin_anew(clock: FrozenClock) -> None:
    began: list[datetime] = []
    ticks = _ticks(clock, began)
    for step in (timedelta(seconds=-0.4), HOUR, timedelta(0)):
        clock.jump(clock() + step)
        clock.advance(1.0)
        await ticks.look()
    assert began == []
    clock.jump(clock() - HOUR)
    await ticks.look()
    await ticks.look()
    assert began == [clock()], "once for each time it is set back"


class _Wall(datetime):
    """What APScheduler takes for the time."""

    lag: ClassVar[timedelta] = timedelta(0)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) - cls.lag


async def test_set_back_by_an_hour_it_goes_on_ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Wall, "lag", timedelta(0))
    for module in ("gateway.ticks", "apscheduler.schedulers.base", "apscheduler.triggers.interval"):
        monkeypatch.setattr(f"{module}.datetime", _Wall)
    ticked: list[int] = []
    ticks = _ticks(lambda: _Wall.now(UTC), [], lambda: ticked.append(1))
    ticks.start()
    try:
        _Wall.lag = HOUR
        await until(lambda: len(ticked) >= 2, within=10)
    finally:
        ticks.stop()
        await asyncio.sleep(0)


async def test_what_is_at_work_when_the_house_is_told_to_stop_ends_and_is_no_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    at_work, ended = asyncio.Event(), asyncio.Event()

    async def job() -> None:
        at_work.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    ticks = _ticks(lambda: datetime.now(UTC), [], job)
    ticks.start()
    async with asyncio.timeout(10):
        await at_work.wait()
        ticks.stop()
        await ended.wait()
    await asyncio.sleep(0)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def _ticks(clock: Callable[[], datetime], began: list[datetime], job: Callable[[], object] = lambda: None) -> Ticks:
    async def begin() -> None:
        began.append(clock())

    steady = clock.monotonic if isinstance(clock, FrozenClock) else None
    if steady is None:
        return Ticks({job: 1}, clock=clock, on_set_back=begin)
    return Ticks({job: 1}, clock=clock, on_set_back=begin, monotonic=steady)
