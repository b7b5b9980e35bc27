"""Who proves to be somebody we know is that somebody, from the first message on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from channels.envelope import Event, InboundMessage
from gateway.receive import Batch, Reception
from storage.commits import Commits, Transaction
from storage.contacts import Address, Contact, Link
from storage.database import Database, open_database
from storage.lanes import Lane
from storage.link_codes import link_shown
from tests.clock import FrozenClock

SIGNED = ("mailto:lin@example.com", "customer:D-1")


@pytest.fixture
async def house(migrated_url: str, clock: FrozenClock):
    database = open_database(migrated_url)
    commits = Commits(database, clock)
    await commits.start()
    yield database, commits
    await commits.stop()
    await database.close()


def reception() -> Reception:
    # It runs no Turns: lanes stay free, so that linking can be watched.
    return Reception(process="test", works=False, idle=timedelta(hours=24), streams=frozenset())


def message(clock: FrozenClock, address: str, external_id: str, proven: tuple[str, ...] = ()) -> InboundMessage:
    return InboundMessage(
        channel="webchat",
        event=Event.MESSAGE,
        external_id=external_id,
        address=address,
        sent_at=clock(),
        raw=b"",
        text="hello",
        proven=proven,
    )


async def write(commits: Commits, *messages: InboundMessage) -> None:
    await commits.submit(reception().store, Batch(channel="webchat", arrivals=messages))


def known_customer(transaction: Transaction) -> int:
    connection, now = transaction.connection, transaction.now
    contact = connection.execute(
        insert(Contact).returning(Contact.id), {"external_id": "D-1", "name": "Lin", "tier": "key", "created_at": now}
    ).scalar_one()
    connection.execute(
        insert(Address), {"contact_id": contact, "uri": "mailto:lin@example.com", "proven_at": now, "created_at": now}
    )
    connection.execute(insert(Lane), {"contact_id": contact, "fence": 0, "newest": 0, "handled": 0})
    return contact


async def owners(database: Database) -> dict[str, int]:
    return await database.read(
        lambda connection: {
            row.uri: row.contact_id for row in connection.execute(select(Address.uri, Address.contact_id))
        }
    )


@pytest.mark.parametrize("proven", [("mailto:lin@example.com",), ("customer:D-1",), SIGNED])
async def test_a_new_visitor_with_a_signed_identity_is_the_customer_we_know(
    house: tuple[Database, Commits], clock: FrozenClock, proven: tuple[str, ...]
):
    database, commits = house
    lin = await commits.run(known_customer)
    await write(commits, message(clock, "webchat:v1", "1", proven))
    assert (await owners(database))["webchat:v1"] == lin


async def test_an_unsigned_visitor_stays_a_stranger(house: tuple[Database, Commits], clock: FrozenClock):
    database, commits = house
    lin = await commits.run(known_customer)
    await write(commits, message(clock, "webchat:v1", "1"))
    assert (await owners(database))["webchat:v1"] != lin


async def test_a_visitor_who_logs_in_later_is_linked_when_both_lanes_rest(
    house: tuple[Database, Commits], clock: FrozenClock
):
    database, commits = house
    lin = await commits.run(known_customer)
    await write(commits, message(clock, "webchat:v1", "1"))
    await write(commits, message(clock, "webchat:v1", "2", SIGNED))
    assert await commits.run(lambda transaction: link_shown(transaction.connection, transaction.now)) == 0
    await commits.run(lambda transaction: transaction.connection.exec_driver_sql("UPDATE lanes SET handled = newest"))
    assert await commits.run(lambda transaction: link_shown(transaction.connection, transaction.now)) == 1
    assert (await owners(database))["webchat:v1"] == lin
    evidence = await database.read(lambda connection: connection.execute(select(Link.evidence)).scalar_one())
    assert "was shown on" in evidence


async def test_what_a_proof_names_becomes_a_proven_address_of_somebody_new(
    house: tuple[Database, Commits], clock: FrozenClock
):
    database, commits = house
    await write(commits, message(clock, "webchat:v1", "1", ("mailto:new@example.com", "tel:+8613800138000")))
    proven = await database.read(
        lambda connection: {
            row.uri for row in connection.execute(select(Address.uri).where(Address.proven_at.is_not(None)))
        }
    )
    assert proven == {"webchat:v1", "mailto:new@example.com", "tel:+8613800138000"}
    assert len(set((await owners(database)).values())) == 1


async def test_a_number_that_a_known_customers_identity_names_is_theirs_and_proven(
    house: tuple[Database, Commits], clock: FrozenClock
):
    database, commits = house
    lin = await commits.run(known_customer)
    phone = "tel:+8613800138000"
    await write(
        commits,
        message(clock, "webchat:v1", "1", (phone, "customer:D-1")),
        message(clock, "webchat:v2", "2", (phone, "customer:D-1")),
    )
    assert (await owners(database))[phone] == lin
    assert phone in await proven(database)


async def test_who_texted_before_is_linked_by_the_identity_that_names_the_number(
    house: tuple[Database, Commits], clock: FrozenClock
):
    database, commits = house
    lin = await commits.run(known_customer)
    phone = "tel:+8613800138000"
    await write(commits, message(clock, phone, "1"))
    assert phone not in await proven(database)
    await write(commits, message(clock, "webchat:v1", "2", (phone, "customer:D-1")))
    await commits.run(lambda transaction: transaction.connection.exec_driver_sql("UPDATE lanes SET handled = newest"))
    assert await commits.run(lambda transaction: link_shown(transaction.connection, transaction.now)) == 1
    assert phone in await proven(database)
    assert set((await owners(database)).values()) == {lin}


async def proven(database: Database) -> set[str]:
    return await database.read(
        lambda connection: set(connection.scalars(select(Address.uri).where(Address.proven_at.is_not(None))))
    )
