"""One person on several channels: case numbers reach their case where they may, and we write where the person is."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from gateway.named_cases import numbers
from storage import linking
from storage.cases import Case
from storage.contacts import Address
from storage.follow_ups import FollowUp
from storage.interactions import Interaction, TurnRecord
from tests.acceptance import books
from tests.acceptance.house import House, Post, Provider, message, open_house
from tests.clock import FrozenClock


@pytest.fixture
async def house(small_house: None, tmp_path: Path, clock: FrozenClock, migrated_url: str) -> AsyncGenerator[House]:
    house = await open_house(tmp_path, [Post("post", Provider()), Post("sms", Provider())], clock, migrated_url)
    yield house
    await house.stop()


async def say(house: House, name: str, text: str = "", address: str = "post:1") -> None:
    clock = house._clock
    assert isinstance(clock, FrozenClock)
    clock.advance(1)
    channel = "sms" if address.startswith("tel:") else "post"
    await house.ports[channel].accept([message(channel, address, name, text)])
    await house.settle()


async def open_case(house: House, *, contact: int = 1, conversation: int | None = 1, **facts: str) -> None:
    def write(transaction: Any) -> None:
        now = transaction.now
        row = {
            "number": "C-1042",
            "contact_id": contact,
            "conversation_id": conversation,
            "kind": "complaint",
            "status": "open",
            "subject": "a broken kettle",
            "facts": facts,
            "proposal": {},
            "promises": [],
            "priority": 3,
            "survey_asked": False,
            "opened_at": now,
            "updated_at": now,
        }
        transaction.connection.execute(insert(Case), row)

    await house.commits.run(write)


async def prove(house: House, uri: str) -> None:
    await house.commits.run(
        lambda transaction: transaction.connection.execute(
            update(Address).where(Address.uri == uri).values(proven_at=transaction.now)
        )
    )


async def link(house: House) -> None:
    await house.commits.run(
        lambda transaction: linking.link(
            transaction.connection, stays=1, merged=2, evidence="said so", by="agent:mei", now=transaction.now
        )
    )


async def attached(house: House, name: str) -> tuple[int | None, dict[str, bool] | None]:
    statement = select(Interaction.case_id, Interaction.content).where(Interaction.external_id == name)
    row = await house.database.read(lambda connection: connection.execute(statement).one())
    return row.case_id, row.content.get("cases")


@pytest.mark.parametrize(
    ("text", "subject", "found"),
    [
        ("#C-1042", None, ["C-1042"]),
        ("what about c-1042?", None, ["C-1042"]),
        ("编号C-1042怎么样了", None, ["C-1042"]),
        ("＃Ｃ－１０４２", None, ["C-1042"]),
        ("any news", "Re: Your case [#C-1042]", ["C-1042"]),
        ("C–1042 and C-1043, C-1042", None, ["C-1042", "C-1043"]),
        ("model ABC-1042, C-1042-7, C-12, C1042", None, []),
        (" ".join(f"C-{number}" for number in range(1000, 1100)), None, [f"C-100{n}" for n in range(5)]),
    ],
)
def test_case_numbers_are_found_as_people_write_them(text: str, subject: str | None, found: list[str]) -> None:
    assert numbers(replace(message("post", "post:1", "m", ""), text=text, subject=subject)) == found


async def test_a_case_number_from_the_address_where_the_case_was_told_attaches_to_it(house: House) -> None:
    await say(house, "m1")
    await open_case(house)
    await say(house, "m2", "any news on #C-1042?")
    assert await attached(house, "m2") == (1, {"C-1042": True})


async def test_a_case_number_on_another_channel_attaches_only_where_the_address_is_proven(house: House) -> None:
    await say(house, "m1")
    await say(house, "s1", address="tel:+447700900001")
    await open_case(house)
    await link(house)
    await say(house, "s2", "C-1042", address="tel:+447700900001")
    assert await attached(house, "s2") == (None, {"C-1042": False})
    await prove(house, "tel:+447700900001")
    await say(house, "s3", "C-1042", address="tel:+447700900001")
    assert await attached(house, "s3") == (1, {"C-1042": True})


async def test_somebody_elses_case_number_attaches_to_nothing_however_proven_the_address(house: House) -> None:
    await say(house, "m1")
    await open_case(house)
    await say(house, "x1", address="post:2")
    await prove(house, "post:2")
    await say(house, "x2", "C-1042", address="post:2")
    assert await attached(house, "x2") == (None, {"C-1042": False})
    facts = select(TurnRecord.facts).order_by(TurnRecord.interaction_id.desc()).limit(1)
    turn = await house.database.read(lambda connection: connection.scalar(facts))
    assert turn is not None
    assert b"kettle" not in turn
    assert b'"unproven_cases":["C-1042"]' in turn


async def test_a_number_that_no_case_has_is_only_a_number(house: House) -> None:
    await say(house, "m1", "C-9999")
    assert await attached(house, "m1") == (None, None)


# Where we write


async def promise(house: House) -> None:
    """Something to be said on the first channel, and its customer is on the second by then."""
    await say(house, "m1", "later")
    await say(house, "s1", address="tel:+447700900001")
    await link(house)


async def last_word(house: House, clock: FrozenClock) -> tuple[str, str]:
    clock.advance(timedelta(seconds=10))
    await house.tick()
    await house.settle()
    line = (await house.database.read(books.read)).outbound[-1]
    return line.uri, line.text


async def test_a_promise_is_kept_on_the_channel_that_the_customer_used_last(house: House, clock: FrozenClock) -> None:
    await promise(house)
    assert await last_word(house, clock) == ("tel:+447700900001", "as promised m1")


async def test_a_promise_is_kept_where_it_was_made_when_the_customer_came_back_there(
    house: House, clock: FrozenClock
) -> None:
    await promise(house)
    await say(house, "m2")
    assert await last_word(house, clock) == ("post:1", "as promised m1")


async def test_a_promise_is_not_sent_to_an_address_that_was_closed(house: House, clock: FrozenClock) -> None:
    await promise(house)
    await house.commits.run(
        lambda transaction: transaction.connection.execute(
            update(Address).where(Address.uri == "tel:+447700900001").values(closed_at=transaction.now)
        )
    )
    assert await last_word(house, clock) == ("post:1", "as promised m1")


async def about_the_case(house: House) -> None:
    await house.commits.run(
        lambda transaction: transaction.connection.execute(update(FollowUp).values(case_number="C-1042"))
    )


async def test_who_said_here_is_written_to_here(house: House, clock: FrozenClock) -> None:
    await promise(house)
    await open_case(house, reach="here")
    await about_the_case(house)
    assert await last_word(house, clock) == ("post:1", "as promised m1")


async def test_who_named_another_address_of_theirs_is_written_to_there(house: House, clock: FrozenClock) -> None:
    await promise(house)
    await say(house, "m2")
    await open_case(house, reach="+447700900001; lin@example.com")
    await about_the_case(house)
    assert await last_word(house, clock) == ("tel:+447700900001", "as promised m1")


async def test_an_address_that_was_named_and_is_not_known_to_be_theirs_is_not_written_to(
    house: House, clock: FrozenClock
) -> None:
    await promise(house)
    await say(house, "x1", address="tel:+447700900009")
    await open_case(house, reach="+447700900009")
    await about_the_case(house)
    assert await last_word(house, clock) == ("tel:+447700900001", "as promised m1")
