"""What providers say about addresses: once, for good, and also for whom we do not know yet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select, text

from channels.envelope import AddressUpdate, ConsentUpdate
from gateway.imported_contacts import ContactRow, ImportedConsent, store
from storage import address_news
from storage.consents import Consent
from storage.contacts import Address, Contact
from tests.acceptance.house import House, message
from tests.clock import FrozenClock

HOUR = timedelta(hours=1)


def said(clock: FrozenClock, event: str, *, granted: bool = False, address: str = "post:1") -> ConsentUpdate:
    return ConsentUpdate(
        channel="post",
        address=address,
        granted=granted,
        source="one-click",
        at=clock(),
        raw=b"List-Unsubscribe=One-Click",
        external_id=event,
    )


def bounced(clock: FrozenClock, event: str, address: str = "post:1") -> AddressUpdate:
    return AddressUpdate(
        channel="post", address=address, reachable=False, reason="5.1.1", at=clock(), raw=b"dsn", external_id=event
    )


async def words(house: House) -> list[tuple[bool, str]]:
    statement = select(Consent.granted, Consent.source).order_by(Consent.id)
    return [
        (row.granted, row.source)
        for row in await house.database.read(lambda connection: connection.execute(statement).all())
    ]


async def closed(house: House, address: str = "post:1") -> str | None:
    statement = select(Address.closed_reason).where(Address.uri == address)
    return await house.database.read(lambda connection: connection.execute(statement).scalar_one())


async def import_(house: House, clock: FrozenClock, at: Any) -> None:
    consent = ImportedConsent(granted=True, source="form", words="yes", at=at)
    row = ContactRow(line=2, external_id="K-1", name="Lin", mail="mailto:lin@example.com", consent=consent)
    await house.commits.run(lambda transaction: store(transaction, rows=[row], source="file"))


async def test_a_word_on_consent_that_is_no_message_is_recorded_with_its_source(
    house: House, clock: FrozenClock
) -> None:
    await house.ports["post"].accept([message("post", "post:1", "m1", "")])
    await house.ports["post"].accept([said(clock, "u1")])
    assert await words(house) == [(False, "one-click")]


async def test_a_repeated_webhook_does_not_withdraw_a_later_yes(house: House, clock: FrozenClock) -> None:
    port = house.ports["post"]
    await port.accept([message("post", "post:1", "m1", "")])
    old = said(clock, "u1")
    await port.accept([old, old])
    clock.advance(HOUR)
    await port.accept([said(clock, "u2", granted=True)])
    await port.accept([old])
    assert [granted for granted, _ in await words(house)] == [False, True]


async def test_a_yes_that_is_older_than_the_no_we_know_does_not_count(house: House, clock: FrozenClock) -> None:
    port = house.ports["post"]
    await port.accept([message("post", "post:1", "m1", "")])
    late = said(clock, "u2", granted=True)
    clock.advance(HOUR)
    await port.accept([said(clock, "u1")])
    await port.accept([late])
    assert [granted for granted, _ in await words(house)] == [False]


async def test_a_no_counts_even_when_its_clock_is_behind_ours(house: House, clock: FrozenClock) -> None:
    port = house.ports["post"]
    await port.accept([message("post", "post:1", "m1", "")])
    behind = said(clock, "u2")
    clock.advance(HOUR)
    await port.accept([said(clock, "u1", granted=True)])
    await port.accept([behind])
    assert [granted for granted, _ in await words(house)] == [True, False]


async def test_nobody_becomes_a_contact_because_a_provider_spoke_of_an_address(
    house: House, clock: FrozenClock
) -> None:
    await house.ports["post"].accept([said(clock, "u1"), bounced(clock, "b1")])
    assert await house.database.read(lambda connection: connection.execute(select(Contact.id)).all()) == []
    raw = select(address_news.AddressNews.raw).order_by(address_news.AddressNews.id)
    kept = await house.database.read(lambda connection: list(connection.scalars(raw)))
    assert kept == [b"List-Unsubscribe=One-Click", b"dsn"]


async def test_a_withdrawal_holds_for_an_address_that_is_imported_with_an_older_yes(
    house: House, clock: FrozenClock
) -> None:
    before = clock()
    clock.advance(HOUR)
    address = "mailto:lin@example.com"
    await house.ports["post"].accept([said(clock, "u1", address=address), bounced(clock, "b1", address)])
    await import_(house, clock, before)
    assert await words(house) == [(False, "one-click")]
    assert await closed(house, address) == "5.1.1"


async def test_a_yes_that_an_import_dates_after_the_withdrawal_counts(house: House, clock: FrozenClock) -> None:
    await house.ports["post"].accept([said(clock, "u1", address="mailto:lin@example.com")])
    await import_(house, clock, clock() + HOUR)
    assert await words(house) == [(False, "one-click"), (True, "import:form")]


async def test_who_had_unsubscribed_before_writing_to_us_has_withdrawn(house: House, clock: FrozenClock) -> None:
    port = house.ports["post"]
    await port.accept([said(clock, "u1"), bounced(clock, "b1")])
    await port.accept([message("post", "post:1", "m1", "")])
    assert await words(house) == [(False, "one-click")]
    assert await closed(house) is None, "who writes to us can be written to"


async def test_a_repeated_bounce_does_not_close_an_address_that_was_opened_since(
    house: House, clock: FrozenClock
) -> None:
    port = house.ports["post"]
    await port.accept([message("post", "post:1", "m1", "")])
    await port.accept([bounced(clock, "b1")])
    await port.accept([message("post", "post:1", "m2", "")])
    await port.accept([bounced(clock, "b1")])
    assert await closed(house) is None


async def test_news_that_was_heard_while_another_process_made_the_address_is_settled_by_a_tick(
    house: House, clock: FrozenClock
) -> None:
    await house.ports["post"].accept([said(clock, "u1", address="post:7")])

    def unseen(transaction: Any) -> None:
        contact = transaction.connection.execute(
            insert(Contact).returning(Contact.id), {"tier": "ordinary", "created_at": clock()}
        ).scalar_one()
        transaction.connection.execute(insert(Address), {"contact_id": contact, "uri": "post:7", "created_at": clock()})

    await house.commits.run(unseen)
    assert await words(house) == []
    await house._sweep()
    assert await words(house) == [(False, "one-click")]
    waiting = text("SELECT count(*) FROM address_news WHERE settled_at IS NULL")
    assert await house.database.read(lambda connection: connection.execute(waiting).scalar()) == 0
