"""The agenda: what we promised to say is said when it is due, once, whoever ticks first."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from gateway.agenda import claim_due
from storage.follow_ups import FollowUp
from tests.acceptance import books
from tests.acceptance.house import PROMISED, House, Post, Provider, message, open_house
from tests.clock import FrozenClock


async def say(house: House, name: str, manner: str) -> None:
    await house.ports["post"].accept([message("post", "post:1", name, manner)])
    await house.settle()


async def said(house: House) -> list[str]:
    return [line.text for line in (await house.database.read(books.read)).outbound]


async def states(house: House) -> list[str]:
    query = select(FollowUp.state).order_by(FollowUp.id)
    return [str(state) for state in await house.database.read(lambda connection: list(connection.scalars(query)))]


async def tick(house: House) -> None:
    await house.tick()
    await house.settle()


async def test_a_promise_is_kept_when_it_is_due_and_not_before(house: House, clock: FrozenClock) -> None:
    await say(house, "m1", "later")
    clock.advance(PROMISED - timedelta(seconds=1))
    await tick(house)
    assert await said(house) == ["re m1"]
    clock.advance(1.0)
    await tick(house)
    assert await said(house) == ["re m1", "as promised m1"]
    assert await states(house) == ["done"]


async def test_however_often_and_late_the_clock_ticks_it_is_said_once(house: House, clock: FrozenClock) -> None:
    await say(house, "m1", "later")
    clock.advance(timedelta(days=2))
    await asyncio.gather(*(house.tick() for _ in range(5)))
    for _ in range(3):
        await tick(house)
        clock.advance(60.0)
    assert (await said(house)).count("as promised m1") == 1


async def test_a_clock_that_is_set_back_does_not_make_us_say_it_again(house: House, clock: FrozenClock) -> None:
    await say(house, "m1", "later")
    clock.advance(PROMISED)
    await tick(house)
    clock.jump(clock() - timedelta(hours=1))
    await tick(house)
    clock.advance(timedelta(hours=2))
    await tick(house)
    assert (await said(house)).count("as promised m1") == 1


async def test_planning_the_same_thing_again_moves_it(house: House, clock: FrozenClock) -> None:
    await say(house, "m1", "later")
    clock.advance(3.0)
    await house.ports["post"].accept([message("post", "post:1", "m1", "later")])  # a repeat: changes nothing
    await say(house, "m2", "later")
    clock.advance(3.0)
    await tick(house)
    assert (await said(house))[-1] == "as promised m1"
    clock.advance(3.0)
    await tick(house)
    assert (await said(house))[-1] == "as promised m2"


async def test_what_was_cancelled_is_not_said(house: House, clock: FrozenClock) -> None:
    await say(house, "m1", "later")
    await say(house, "m2", "nevermind")
    clock.advance(timedelta(hours=1))
    await tick(house)
    assert await states(house) == ["cancelled"]
    assert not [text for text in await said(house) if text.startswith("as promised")]


async def test_what_the_customer_has_just_written_goes_first(house: House, clock: FrozenClock) -> None:
    await say(house, "m1", "later")
    clock.advance(PROMISED)
    await house.ports["post"].accept([message("post", "post:1", "m2", "nevermind")])
    await asyncio.gather(house.tick(), house.tick())
    await house.rest(clock)
    assert await states(house) == ["cancelled"]


async def test_a_promise_waits_behind_a_message_that_nobody_has_taken_up_yet(house: House, clock: FrozenClock) -> None:
    await say(house, "m1", "later")
    clock.advance(PROMISED)
    house.reception._works = False  # the process that takes it in runs no Turns
    await house.ports["post"].accept([message("post", "post:1", "m2", "nevermind")])
    assert await house.commits.run(lambda transaction: claim_due(transaction, house.process)) == []
    await house.rest(clock)
    assert await states(house) == ["cancelled"]


async def test_a_promise_in_a_conversation_that_has_ended_is_said_in_a_new_one(
    house: House, clock: FrozenClock
) -> None:
    await say(house, "m1", "later bye")
    clock.advance(PROMISED)
    await tick(house)
    kept = await house.database.read(books.read)
    assert [line.text for line in kept.outbound] == ["re m1", "as promised m1"]
    assert len({line.conversation for line in kept.outbound}) == 2


async def test_a_promise_survives_the_process_that_made_it(
    small_house: None, tmp_path: Path, clock: FrozenClock, migrated_url: str
) -> None:
    provider = Provider()
    for step in range(2):
        house = await open_house(tmp_path, [Post("post", provider)], clock, migrated_url)
        if step == 0:
            await say(house, "m1", "later")
        else:
            await house.rest(clock)
        await house.stop()
        clock.advance(timedelta(hours=1))
    assert [text for _, _, text in provider.taken] == ["re m1", "as promised m1"]
