"""Long texts that the network cut: received as one, once, whatever order their parts come in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import select, text

from channels.envelope import InboundMessage, Part
from storage.interactions import Interaction
from tests.acceptance import books
from tests.acceptance.house import House, message
from tests.clock import FrozenClock

WORDS = ("one ", "two ", "three")


def part(number: int, *, group: str = "7", count: int = 3, event: str = "", words: str = "") -> InboundMessage:
    said = message("post", "post:1", event or f"{group}/{number}", "")
    text = words or WORDS[number - 1]
    return replace(said, text=text, raw=text.encode(), part=Part(group=group, number=number, count=count))


async def accept(house: House, *parts: InboundMessage) -> Sequence[tuple[bool, bool]]:
    """Whether each has become an Interaction, and was a repeat."""
    accepted = [(await house.ports["post"].accept([each]))[0] for each in parts]
    return [(each.interaction_id is not None, each.duplicate) for each in accepted]


async def texts(house: House) -> list[str]:
    return [line.text for line in (await house.database.read(books.read)).inbound]


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
async def test_the_parts_of_a_long_text_are_one_message_whatever_their_order(
    house: House, order: tuple[int, ...]
) -> None:
    accepted = await accept(house, *(part(number) for number in order))
    assert accepted == [(False, False), (False, False), (True, False)]
    assert await texts(house) == ["one two three"]
    await house.settle()
    assert len((await house.database.read(books.read)).outbound) == 1


async def test_parts_that_come_together_are_one_message(house: House) -> None:
    accepted = await house.ports["post"].accept([part(2), part(1), part(3), part(2)])
    assert [each.duplicate for each in accepted] == [False, False, False, True]
    assert await texts(house) == ["one two three"]


async def test_a_part_that_is_repeated_changes_nothing_before_and_after(house: House) -> None:
    await accept(house, part(1), part(1), part(3), part(2))
    assert await accept(house, part(2), part(1)) == [(True, True), (True, True)]
    assert await texts(house) == ["one two three"]


async def test_a_part_that_the_network_repeats_under_another_name_changes_nothing(
    house: House, clock: FrozenClock
) -> None:
    await accept(house, part(1), part(1, event="again"), part(2), part(3))
    assert await accept(house, part(3, event="once more")) == [(True, True)]
    clock.advance(timedelta(minutes=11))
    await house._sweep()
    assert await texts(house) == ["one two three"]


async def test_two_people_who_use_the_same_number_are_not_mixed(house: House) -> None:
    other = replace(part(2, event="b2", words="yours"), address="post:2")
    await accept(house, part(1), other, part(2), replace(part(1, event="b1", words="all "), address="post:2"))
    await accept(house, part(3), replace(part(3, event="b3", words="!"), address="post:2"))
    assert await texts(house) == ["one two three", "all yours!"]


async def test_what_is_missing_after_ten_minutes_is_marked_and_the_rest_is_read(
    house: House, clock: FrozenClock
) -> None:
    await accept(house, part(1, count=4), part(4, count=4, words="end"))
    clock.advance(timedelta(minutes=9))
    await house._sweep()
    assert await texts(house) == []
    clock.advance(timedelta(minutes=2))
    await house._sweep()
    await house._sweep()
    assert await texts(house) == ["one […]end"]
    await house.settle()
    assert len((await house.database.read(books.read)).outbound) == 1


async def test_a_part_that_comes_after_the_others_were_read_is_not_lost_and_does_not_wait(
    house: House, clock: FrozenClock
) -> None:
    await accept(house, part(1), part(3))
    clock.advance(timedelta(minutes=11))
    await house._sweep()
    assert await accept(house, part(2)) == [(True, False)]
    assert await texts(house) == ["one […]three", "[…]two […]"]


async def test_a_number_that_a_phone_uses_again_begins_another_text(house: House, clock: FrozenClock) -> None:
    await accept(house, part(1), part(2))
    await accept(house, part(1, event="n1", words="new "), part(2, event="n2", words="words "))
    assert await texts(house) == ["one two […]"]
    await accept(house, part(3, event="n3", words="here"))
    assert await texts(house) == ["one two […]", "new words here"]


@pytest.mark.parametrize("nonsense", [Part(group="7", number=0, count=3), Part(group="7", number=4, count=3)])
async def test_a_part_that_cannot_be_one_is_a_message(house: House, nonsense: Part) -> None:
    assert await accept(house, replace(part(1), part=nonsense)) == [(True, False)]


async def test_the_payload_of_every_part_is_kept(house: House) -> None:
    await accept(house, part(3), part(1))
    kept = text("SELECT count(*) FROM message_parts WHERE raw IS NOT NULL AND interaction_id IS NULL")
    assert await house.database.read(lambda connection: connection.execute(kept).scalar()) == 2
    await accept(house, part(2))
    raw = await house.database.read(lambda connection: connection.execute(select(Interaction.raw)).scalar())
    assert raw == b"one \ntwo \nthree"
