"""Linking: two Contacts become one with evidence, and are taken apart again without loss."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text

from storage import link_codes, linking
from storage.contacts import Address, Contact
from storage.interactions import Interaction
from tests.acceptance import books
from tests.acceptance.house import House, Post, Provider, Window, message, open_house, small_house
from tests.clock import FrozenClock

__all__ = ["small_house"]


@pytest.fixture
async def house(small_house: None, tmp_path: Path, clock: FrozenClock, migrated_url: str) -> AsyncGenerator[House]:
    house = await open_house(tmp_path, [Post("post", Provider()), Window()], clock, migrated_url)
    await house.ports["post"].accept([message("post", "post:1", "p1", "")])
    await house.ports["window"].accept([message("window", "window:1", "w1", "")])
    await house.rest(clock)
    yield house
    await house.stop()


def contacts(connection: Connection) -> dict[str, int]:
    return {row.uri: row.contact_id for row in connection.execute(select(Address.uri, Address.contact_id))}


async def link(house: House, clock: FrozenClock) -> int:
    by_uri = await house.database.read(contacts)
    stays, merged = sorted(by_uri.values())
    return await house.commits.run(
        lambda transaction: linking.link(
            transaction.connection, stays=stays, merged=merged, evidence="a code", by="customer", now=clock()
        )
    )


async def test_everything_of_both_is_one_timeline_and_the_next_messages_share_a_lane(
    house: House, clock: FrozenClock
) -> None:
    await link(house, clock)
    await house.ports["post"].accept([message("post", "post:1", "p2", "")])
    await house.ports["window"].accept([message("window", "window:1", "w2", "")])
    await house.rest(clock)
    owners = select(Interaction.contact_id, func.count()).group_by(Interaction.contact_id)
    assert [row[1] for row in await house.database.read(lambda c: c.execute(owners).all())] == [8]
    assert books.unanswered(await house.database.read(books.read)) == []


async def test_unlinking_gives_everything_back_and_what_came_since_goes_with_its_address(
    house: House, clock: FrozenClock
) -> None:
    before = await house.database.read(contacts)
    made = await link(house, clock)
    await house.ports["window"].accept([message("window", "window:1", "w2", "")])
    await house.rest(clock)
    await house.commits.run(lambda transaction: linking.unlink(transaction.connection, made, by="admin", now=clock()))
    assert await house.database.read(contacts) == before
    owners = select(Interaction.contact_id, Address.contact_id).join(Address, Address.id == Interaction.address_id)
    rows = await house.database.read(lambda connection: connection.execute(owners).all())
    assert len(rows) == 6
    assert [row for row in rows if row[0] != row[1]] == []
    await house.ports["window"].accept([message("window", "window:1", "w3", "")])
    await house.rest(clock)
    assert books.unanswered(await house.database.read(books.read)) == []


async def test_a_link_can_be_undone_once(house: House, clock: FrozenClock) -> None:
    made = await link(house, clock)
    await house.commits.run(lambda transaction: linking.unlink(transaction.connection, made, by="admin", now=clock()))
    with pytest.raises(linking.CannotLink, match="undone before"):
        await house.commits.run(lambda transaction: linking.unlink(transaction.connection, made, by="a", now=clock()))


async def test_nobody_is_linked_while_being_answered(house: House, clock: FrozenClock) -> None:
    await house.commits.run(
        lambda transaction: transaction.connection.execute(text("UPDATE lanes SET newest = newest + 1"))
    )
    with pytest.raises(linking.LaneBusy):
        await link(house, clock)
    merged = await house.database.read(lambda c: c.execute(select(Contact.merged_into)).scalars().all())
    assert list(merged) == [None, None]


async def test_a_code_counts_once_and_only_for_a_day(house: House, clock: FrozenClock) -> None:
    rows = await house.database.read(lambda c: c.execute(select(Address.uri, Address.id).order_by(Address.id)).all())
    (giver, _), (_, shower) = rows

    async def give(code: str) -> None:
        await house.commits.run(lambda t: link_codes.give(t.connection, giver, code, clock()))

    async def show(code: str) -> bool:
        return await house.commits.run(lambda t: link_codes.show(t.connection, code, address=shower, now=clock()))

    await give("fresh")
    assert [await show("fresh"), await show("fresh"), await show("guessed")] == [True, False, False]
    await give("stale")
    assert await house.commits.run(lambda t: link_codes.link_shown(t.connection, clock())) == 1
    clock.advance(link_codes.LIFE)
    assert await show("stale") is False
    assert len(set((await house.database.read(contacts)).values())) == 1
