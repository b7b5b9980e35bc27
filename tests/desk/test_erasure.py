"""Erasure: nothing tells any more who somebody was, and every figure is what it was."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, func, insert, select, text, update

from desk import conversations, erasure, people
from desk.holdings import BY_TABLE, HOLDINGS, Fate
from desk.refusals import Unusable
from storage import address_news, lanes
from storage.address_news import AddressNews, AddressWord, Word
from storage.cases import Case
from storage.commits import Transaction
from storage.consents import Consent, Purpose
from storage.contacts import Address, Contact
from storage.conversations import Conversation
from storage.database import synchronous_engine
from storage.deliveries import Delivery
from storage.everything import Entity
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import Interaction, InteractionKind, TurnRecord
from storage.orders import Order
from storage.privacy import Tombstone
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, Letters, open_house

SECRET = "Xanthippe"
"""Stands in everything that somebody says, is called, or is reached by."""


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    channels = Letters(), Letters("pigeons")
    async with open_house(migrated_url, tmp_path, clock, monkeypatch, *channels) as running:
        yield running


def test_every_table_says_what_becomes_of_it() -> None:
    tables = {mapper.class_.__tablename__ for mapper in Entity.registry.mappers}
    assert set(BY_TABLE) == tables, "each table has one entry in desk/holdings.py, and no entry is without its table"
    assert len(HOLDINGS) == len(tables)


def test_entries_speak_of_columns_that_there_are() -> None:
    for holding in HOLDINGS:
        columns = {column.name for column in holding.entity.__table__.columns}
        assert {*holding.blank, *holding.rewritten, *holding.copied} <= columns, holding.entity.__tablename__
        assert holding.why
        if holding.fate is Fate.BLANKED:
            assert holding.blank, holding.entity.__tablename__


def every_word(url: str) -> Iterator[tuple[str, str]]:
    """All that the database holds, also in tables that no entity knows: (table, what stands in a row)."""
    engine = synchronous_engine(url)
    metadata = MetaData()
    metadata.reflect(engine)
    names = set(metadata.tables)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            names |= set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")))
        for name in names:
            for row in connection.execute(text(f'SELECT * FROM "{name}"')):
                for value in row:
                    word = bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else value
                    yield name, str(word)
    engine.dispose()


def where_it_stands(url: str, word: str) -> set[str]:
    return {table for table, found in every_word(url) if word.lower() in found.lower()}


async def live_a_life(house: House) -> None:
    """A customer of two channels, merged, with a case, an order, a call, a note, an agent's answer."""
    pigeons = house.channels[1]
    house.hears.intent = "complaint_quality"
    await house.write(f"It is broken, says {SECRET}", sender=SECRET)
    await house.write(f"My order is SL1, {SECRET} again", sender=SECRET)
    await house.write(f"coo {SECRET}", channel=pigeons, sender=SECRET)
    await house.do(people.link, contact="1", other="2", evidence=f"{SECRET} says so", by="mei")
    await house.do(
        people.record, contact="1", kind=InteractionKind.CALL, text=f"{SECRET} called", by="mei", at=house.clock.now()
    )
    await house.do(conversations.take, conversation=1, by="mei")
    await house.do(conversations.reply, conversation=1, by="mei", text=f"Dear {SECRET}")
    await house.do(conversations.note, conversation=1, by="mei", text=f"{SECRET} sounds sad")
    await house.do(give_the_rest)
    await house.do(people.link_code, contact="1")


def give_the_rest(transaction: Transaction) -> None:
    """What other systems bring."""
    connection, now = transaction.connection, transaction.now
    connection.execute(
        update(Contact).where(Contact.id == 1).values(name=SECRET, external_id=f"K-{SECRET}", tier="key")
    )
    order = {
        "order_id": "SL1",
        "contact_id": 1,
        "at": now,
        "amount": Decimal(12),
        "currency": "CNY",
        "status": "shipped",
    }
    connection.execute(insert(Order), {**order, "product": "tea", "quantity": 1, "updated_at": now})
    connection.execute(
        insert(Consent),
        {
            "contact_id": 1,
            "address_id": 1,
            "purpose": Purpose.MARKETING,
            "granted": False,
            "source": "message:1",
            "words": f"no more, {SECRET}",
            "at": now,
        },
    )
    connection.execute(
        insert(FollowUp),
        {
            "contact_id": 1,
            "conversation_id": 1,
            "kind": "survey",
            "key": "survey:x",
            "reason": SECRET,
            "details": {"who": SECRET},
            "due_at": now + timedelta(days=3),
            "state": FollowUpState.PLANNED,
            "planned_at": now,
        },
    )
    word = Word("letters", "news-1", f"letters:{SECRET}", AddressWord.REACHABLE, "heard of", now, SECRET.encode())
    address_news.hear(connection, [word], now)


def figures(url: str) -> dict[str, Any]:
    """What reports count."""
    engine = synchronous_engine(url)
    counted: dict[str, Any] = {}
    with engine.connect() as connection:
        for entity, columns in (
            (Interaction, (Interaction.channel, Interaction.direction, Interaction.kind, Interaction.author)),
            (TurnRecord, (TurnRecord.intent, TurnRecord.engine)),
            (Case, (Case.kind, Case.step)),
            (Conversation, (Conversation.channel, Conversation.owner, Conversation.handoff_reason)),
            (Consent, (Consent.purpose, Consent.granted)),
            (Order, (Order.status, Order.product, Order.quantity)),
            (Contact, (Contact.tier, Contact.language)),
            (Delivery, (Delivery.channel, Delivery.purpose)),
        ):
            rows = connection.execute(select(*columns, func.count()).select_from(entity).group_by(*columns))
            counted[entity.__tablename__] = sorted((str(tuple(row)) for row in rows), key=str)
        counted["times"] = connection.execute(select(Interaction.id, Interaction.at).order_by(Interaction.id)).all()
    engine.dispose()
    return counted


async def test_not_a_word_of_somebody_is_left_anywhere_and_every_figure_is_what_it_was(house: House) -> None:
    await live_a_life(house)
    await house.later(2)
    before = where_it_stands(house.url, SECRET)
    assert {"contacts", "addresses", "interactions", "turns", "deliveries", "consents", "links"} <= before
    counted = figures(house.url)
    erased = await house.do(erasure.erase, contact=f"letters:{SECRET}", by="Ada", why="request 1")
    assert sorted(erased.contacts) == [1, 2]
    assert where_it_stands(house.url, SECRET) == set()
    assert figures(house.url) == counted
    gone = [row for row in house.rows(Contact) if row["erased_at"] is not None]
    assert [row["id"] for row in gone] == [1, 2]


async def test_others_keep_every_word_of_theirs(house: House) -> None:
    await live_a_life(house)
    house.hears.intent = "greet"
    await house.write("hello from somebody else", sender="bob")
    bob = [row for row in house.rows(Interaction) if row["contact_id"] == 3]
    await house.do(erasure.erase, contact="1", by="Ada")
    assert [row for row in house.rows(Interaction) if row["contact_id"] == 3] == bob
    assert [row["uri"] for row in house.rows(Address) if row["contact_id"] == 3] == ["letters:bob"]


async def test_nothing_that_waits_is_sent_to_somebody_who_was_forgotten(house: House) -> None:
    await live_a_life(house)
    sent = len(house.sent)
    await house.do_now(conversations.reply, conversation=1, by="mei", text="One more thing")
    await house.do_now(erasure.erase, contact="1", by="Ada")
    await house.later(7200)
    assert len(house.sent) <= sent + 1, "at most what was on the wire already"
    assert all(row["status"] not in ("queued", "retrying") for row in house.rows(Delivery))
    assert {row["state"] for row in house.rows(FollowUp)} <= {"cancelled", "done"}
    assert "open" not in {str(row["state"]) for row in house.rows(Conversation)}


async def test_who_is_being_answered_this_moment_gets_no_answer(house: House) -> None:
    house.hears.may_answer.clear()
    await house.letters.receive(f"hello, {SECRET} here", sender=SECRET, clock=house.clock)
    await house.hears.thinking.wait()
    await house.do_now(erasure.erase, contact="1", by="Ada")
    house.hears.may_answer.set()
    await house.gateway.settle()
    assert house.sent == []
    assert where_it_stands(house.url, SECRET) == set()
    (lane,) = house.rows(lanes.Lane)
    assert lane["newest"] == lane["handled"]


async def test_a_message_that_the_provider_repeats_does_not_bring_them_back(house: House) -> None:
    await house.write("hello", sender=SECRET)
    house.letters._count = 0  # pyright: ignore[reportPrivateUsage]  # the same event again
    await house.do(erasure.erase, contact="1", by="Ada")
    await house.letters.receive("hello", sender=SECRET, clock=house.clock)
    await house.gateway.settle()
    assert len(house.rows(Contact)) == 1
    assert where_it_stands(house.url, SECRET) == set()


async def test_old_news_of_an_erased_address_is_not_kept_and_later_news_is(house: House) -> None:
    await house.write("hello", sender=SECRET)
    earlier = house.clock.now()
    house.clock.advance(60)
    await house.do(erasure.erase, contact="1", by="Ada")
    uri = f"letters:{SECRET}"
    old = Word("letters", "e-1", uri, AddressWord.GRANTED, "form", earlier, b"")
    assert await house.do(lambda transaction: address_news.hear(transaction.connection, [old], transaction.now)) == 0
    assert house.rows(AddressNews) == []
    house.clock.advance(60)
    new = Word("letters", "e-2", uri, AddressWord.GRANTED, "form", house.clock.now(), b"")
    assert await house.do(lambda transaction: address_news.hear(transaction.connection, [new], transaction.now)) == 1


async def test_a_no_to_offers_outlives_its_owner_s_name(house: House) -> None:
    await live_a_life(house)
    await house.do(erasure.erase, contact="1", by="Ada")
    assert SECRET.lower() not in str(house.rows(Tombstone)).lower()
    house.clock.advance(3600)
    house.hears.intent = "greet"
    await house.write("it is me again", sender=SECRET)
    (again,) = [row for row in house.rows(Consent) if row["contact_id"] not in (1, 2)]
    assert (again["granted"], again["source"]) == (False, "erasure")


async def test_somebody_is_forgotten_once(house: House) -> None:
    await house.write("hello")
    await house.do(erasure.erase, contact="1", by="Ada")
    with pytest.raises(Unusable, match="erased before"):
        await house.do(erasure.erase, contact="1", by="Ada")
