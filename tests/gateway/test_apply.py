"""Apply: a Turn's effects are written together, or a person is called; the Lane goes on."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from storage.conversations import Conversation
from storage.interactions import TurnRecord
from tests.acceptance import books
from tests.acceptance.house import House, Post, Provider, Window, loops, message, open_house
from tests.clock import FrozenClock


@pytest.fixture
async def house(
    small_house: None, tmp_path: Path, clock: FrozenClock, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    monkeypatch.setattr("gateway.turns.log.exception", lambda *_, **__: None)
    house = await open_house(tmp_path, [Post("post", Provider()), Window("window", ["window:1"])], clock, migrated_url)
    yield house
    await house.stop()


async def conversation(house: House) -> Any:
    return await house.database.read(
        lambda connection: connection.execute(select(*Conversation.__table__.columns)).one()
    )


async def turns(house: House) -> list[Any]:
    query = select(TurnRecord.interaction_id, TurnRecord.effects, TurnRecord.failure).order_by(
        TurnRecord.interaction_id
    )
    return list(await house.database.read(lambda connection: connection.execute(query).all()))


async def test_what_comes_in_while_a_turn_is_answered_becomes_one_next_turn(house: House) -> None:
    port = house.ports["post"]
    await port.accept([message("post", "post:1", "m0", "")])
    for number in range(1, 4):
        await port.accept([message("post", "post:1", f"m{number}", "")])
    await house.settle()
    said = [line.text for line in (await house.database.read(books.read)).outbound]
    assert " ".join(said).replace("re ", "") == "m0 m1 m2 m3"
    assert books.unanswered(await house.database.read(books.read)) == []


async def test_memory_is_carried_from_turn_to_turn(house: House) -> None:
    for number in range(3):
        await house.ports["post"].accept([message("post", "post:1", f"m{number}", "")])
        await house.settle()
    assert (await conversation(house)).memory == {"turns": 3}


async def test_an_engine_that_fails_calls_a_person_and_keeps_why(house: House) -> None:
    await house.ports["post"].accept([message("post", "post:1", "m1", "broken")])
    await house.settle()
    row = await conversation(house)
    assert (str(row.owner), row.handoff_reason, row.epoch) == ("queue", "failure", 1)
    assert [turn.failure for turn in await turns(house)] == ["the engine failed: ValueError"]


async def test_effects_that_cannot_be_written_call_a_person_and_leave_nothing_half_done(house: House) -> None:
    await house.ports["post"].accept([message("post", "post:1", "m1", "poison")])
    await house.settle()
    row = await conversation(house)
    assert (str(row.owner), row.handoff_reason) == ("queue", "failure")
    assert [turn.failure for turn in await turns(house)] == ["not applied: IntegrityError"]
    cases = await house.database.read(
        lambda connection: connection.execute(text("SELECT count(*) FROM cases")).scalar()
    )
    assert cases == 0
    assert (await house.database.read(books.read)).outbound == []
    assert await house.database.read(books.unfinished) == {}


async def test_the_neighbours_of_a_poisoned_turn_are_answered(house: House) -> None:
    batch = [message("post", f"post:{n}", f"m{n}", "poison" if n == 3 else "") for n in range(8)]
    await house.ports["post"].accept(batch)
    await house.settle()
    said = sorted(line.text for line in (await house.database.read(books.read)).outbound)
    assert said == [f"re m{n}" for n in range(8) if n != 3]


async def test_where_not_even_a_hand_off_can_be_written_the_message_is_marked_and_the_lane_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("no hand-off today")

    monkeypatch.setattr("gateway.effects._hand_off", refuse)
    await house.ports["post"].accept([message("post", "post:1", "m1", "person")])
    await house.settle()
    await house.ports["post"].accept([message("post", "post:1", "m2", "")])
    await house.settle()
    assert [turn.failure for turn in await turns(house)] == ["not applied: ValueError", None]
    assert [line.text for line in (await house.database.read(books.read)).outbound] == ["re m2"]


async def test_a_takeover_while_the_engine_was_thinking_silences_its_answer(house: House) -> None:
    held: list[Any] = []
    start = house.turns.start
    house.turns.start = held.extend  # pyright: ignore[reportAttributeAccessIssue]
    await house.ports["window"].accept([message("window", "window:1", "m1", "twice")])
    await loops(3)
    await house.commits.run(
        lambda transaction: transaction.connection.execute(
            text("UPDATE conversations SET owner = 'agent', epoch = epoch + 1")
        )
    )
    house.turns.start = start  # pyright: ignore[reportAttributeAccessIssue]
    start(held)
    await house.settle()
    kept = await house.database.read(books.read)
    assert [line.status for line in kept.outbound] == ["skipped", "skipped"]
    assert await house.ports["window"].history("window:1", after=kept.inbound[0].id) == []
    assert (await conversation(house)).memory == {}


async def test_on_a_stream_committed_is_sent_and_pushed_in_order(house: House) -> None:
    window = house.channels["window"]
    assert isinstance(window, Window)
    for number in range(3):
        await house.ports["window"].accept([message("window", "window:1", f"m{number}", "twice")])
        await house.settle()
    pushed = [entry.text for _, entry in window.pushed if not entry.inbound]
    assert pushed == [f"{word} m{n}" for n in range(3) for word in ("re", "and")]
    assert {line.status for line in (await house.database.read(books.read)).outbound} == {"sent"}


async def test_a_turn_is_kept_with_all_that_the_engine_saw(house: House) -> None:
    await house.ports["post"].accept([message("post", "post:1", "m1", "words")])
    await house.settle()
    (turn,) = await turns(house)
    assert [next(iter(effect)) for effect in json.loads(turn.effects)] == ["Remember", "Say"]


async def test_messages_of_a_channel_that_was_switched_off_are_still_answered(
    small_house: None, tmp_path: Path, clock: FrozenClock, migrated_url: str
) -> None:
    first = await open_house(tmp_path, [Post("post", Provider())], clock, migrated_url)
    first.turns.start = lambda claim: None  # pyright: ignore[reportAttributeAccessIssue]
    await first.ports["post"].accept([message("post", "post:1", "m1", "")])
    await first.commits.run(
        lambda transaction: transaction.connection.execute(text("UPDATE lanes SET holder = NULL, lease_until = NULL"))
    )
    await first.stop()
    without = await open_house(tmp_path, [Window()], clock, migrated_url)
    await without.tick()
    await without.settle()
    assert [line.status for line in (await without.database.read(books.read)).outbound] == ["queued"]
    await without.stop()
    provider = Provider()
    again = await open_house(tmp_path, [Post("post", provider)], clock, migrated_url)
    await again.rest(clock)
    await again.stop()
    assert [said for _, _, said in provider.taken] == ["re m1"]
