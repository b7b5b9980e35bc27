"""Receive: stored before acknowledged, once, in order, for the right person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from channels.envelope import AddressUpdate, DeliveryStatus, DeliveryUpdate, Refusal
from storage import channel_states
from storage.contacts import Address
from storage.conversations import Conversation, close_idle
from storage.interactions import Interaction, RefusedInput
from storage.lanes import Lane
from tests.acceptance import books
from tests.acceptance.house import House, Post, Provider, Window, message, open_house
from tests.clock import FrozenClock


@pytest.fixture
async def house(small_house: None, tmp_path: Path, clock: FrozenClock, migrated_url: str) -> AsyncGenerator[House]:
    house = await open_house(tmp_path, [Post("post", Provider()), Window("window", ["window:1"])], clock, migrated_url)
    yield house
    await house.stop()


async def test_a_message_is_committed_when_accept_returns(house: House) -> None:
    (accepted,) = await house.ports["post"].accept([message("post", "post:1", "m1", "")], cursor="7")
    kept = await house.database.read(books.read)
    assert [line.id for line in kept.inbound] == [accepted.interaction_id]
    assert await house.ports["post"].cursor() == "7"


async def test_the_payload_is_kept_as_it_came(house: House) -> None:
    await house.ports["post"].accept([message("post", "post:1", "m1", "words")])
    raw = await house.database.read(lambda connection: connection.execute(select(Interaction.raw)).scalar())
    assert raw == b"words"


async def test_a_repeat_changes_nothing_and_names_the_first(house: House) -> None:
    said = message("post", "post:1", "m1", "")
    (first,) = await house.ports["post"].accept([said])
    (again,) = await house.ports["post"].accept([said])
    assert (again.interaction_id, again.duplicate) == (first.interaction_id, True)
    await house.settle()
    assert len((await house.database.read(books.read)).inbound) == 1


async def test_a_repeat_within_one_batch_is_one_interaction(house: House) -> None:
    said = message("post", "post:1", "m1", "")
    first, again = await house.ports["post"].accept([said, replace(said)])
    assert (first.duplicate, again.duplicate) == (False, True)
    assert first.interaction_id == again.interaction_id


async def test_the_same_number_on_two_channels_is_two_messages(house: House) -> None:
    await house.ports["post"].accept([message("post", "post:1", "m1", "")])
    (other,) = await house.ports["window"].accept([message("window", "window:1", "m1", "")])
    assert other.duplicate is False


async def test_a_batch_keeps_its_order(house: House) -> None:
    accepted = await house.ports["post"].accept([message("post", "post:1", f"m{n}", "") for n in range(20)])
    positions = [each.interaction_id for each in accepted]
    assert positions == sorted(positions, key=lambda position: position or 0)
    await house.settle()
    (reply,) = (await house.database.read(books.read)).outbound
    assert reply.text.split()[1:] == [f"m{n}" for n in range(20)]


async def test_a_stranger_becomes_a_contact_once_however_many_messages_come_together(house: House) -> None:
    await asyncio.gather(
        *(house.ports["post"].accept([message("post", "post:1", f"m{n}", "")]) for n in range(10)),
        *(house.ports["post"].accept([message("post", "post:2", f"n{n}", "")]) for n in range(10)),
    )
    rows = await house.database.read(
        lambda connection: connection.execute(select(Address.uri, Address.contact_id)).all()
    )
    assert sorted(uri for uri, _ in rows) == ["post:1", "post:2"]
    assert len({contact for _, contact in rows}) == 2
    lanes = await house.database.read(lambda connection: connection.execute(select(Lane.contact_id)).all())
    assert len(lanes) == 2


async def test_silence_for_the_idle_time_closes_the_conversation_and_the_next_message_opens_another(
    house: House, clock: FrozenClock
) -> None:
    await house.ports["post"].accept([message("post", "post:1", "m1", "")])
    await house.settle()
    clock.advance(timedelta(hours=23))
    await house.ports["post"].accept([message("post", "post:1", "m2", "")])
    await house.settle()
    clock.advance(timedelta(hours=25))
    await house.ports["post"].accept([message("post", "post:1", "m3", "")])
    await house.settle()
    states = await house.database.read(
        lambda connection: list(connection.scalars(select(Conversation.state).order_by(Conversation.id)))
    )
    assert [str(state) for state in states] == ["idle", "open"]


async def test_a_conversation_that_people_have_does_not_fall_asleep(house: House, clock: FrozenClock) -> None:
    await house.ports["post"].accept([message("post", "post:1", "m1", "person")])
    await house.settle()
    clock.advance(timedelta(days=3))
    await house.commits.run(lambda transaction: close_idle(transaction.connection, before=clock.now(), now=clock.now()))
    await house.ports["post"].accept([message("post", "post:1", "m2", "")])
    await house.settle()
    kept = await house.database.read(books.read)
    assert len(kept.conversations()) == 1
    assert [line.text for line in kept.outbound] == ["re m1"], "the assistant is silent while people have it"


async def test_who_blocked_us_and_writes_again_can_be_answered_again(house: House, clock: FrozenClock) -> None:
    port = house.ports["post"]
    await port.accept([message("post", "post:1", "m1", "")])
    blocked = AddressUpdate(
        channel="post", address="post:1", reachable=False, reason="blocked", at=clock(), raw=b"", external_id="u1"
    )
    await port.accept([blocked])
    closed = select(Address.closed_reason).where(Address.uri == "post:1")
    assert await house.database.read(lambda connection: connection.execute(closed).scalar()) == "blocked"
    await port.accept([message("post", "post:1", "m2", "")])
    assert await house.database.read(lambda connection: connection.execute(closed).scalar()) is None


async def test_an_input_that_was_not_taken_leaves_its_hash_size_and_reason(house: House, clock: FrozenClock) -> None:
    refusal = Refusal(channel="post", reason="too_large", size=99, sha256="ab" * 32, at=clock(), headers={"A": "b"})
    (accepted,) = await house.ports["post"].accept([refusal])
    assert accepted.interaction_id is None
    row = await house.database.read(
        lambda c: c.execute(select(RefusedInput.reason, RefusedInput.size, RefusedInput.sha256)).one()
    )
    assert tuple(row) == ("too_large", 99, "ab" * 32)


async def test_a_message_that_cannot_be_stored_is_refused_alone_and_its_neighbours_and_the_cursor_go_through(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned(said: object) -> dict[str, object]:
        if getattr(said, "external_id", "") == "m3":
            raise ValueError("not to be written")
        return {}

    monkeypatch.setattr("gateway.receive.inbound_content", poisoned)
    monkeypatch.setattr("gateway.ports.log.exception", lambda *_, **__: None)
    accepted = await house.ports["post"].accept(
        [message("post", f"post:{n}", f"m{n}", "") for n in range(6)], cursor="6"
    )
    assert [each.interaction_id is None for each in accepted] == [n == 3 for n in range(6)]
    assert await house.database.read(lambda connection: channel_states.cursor(connection, "post")) == "6"
    reason = await house.database.read(lambda connection: connection.execute(select(RefusedInput.reason)).scalar())
    assert reason == "could not be stored: ValueError"


async def test_a_refused_message_of_one_channel_does_not_hold_up_another(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ports.log.exception", lambda *_, **__: None)
    broken = replace(message("post", "post:1", "m1", ""), text="\ud800")
    fine = [message("window", f"window:{n}", f"w{n}", "") for n in range(5)]
    answers = await asyncio.gather(
        house.ports["post"].accept([broken]), *(house.ports["window"].accept([m]) for m in fine)
    )
    assert answers[0][0].interaction_id is None
    assert all(answer[0].interaction_id is not None for answer in answers[1:])


async def test_news_of_a_message_moves_it_forward_only(house: House, clock: FrozenClock) -> None:
    port = house.ports["window"]
    await port.accept([message("window", "window:1", "m1", "")])
    await house.settle()
    (reply,) = (await house.database.read(books.read)).outbound

    async def tell(status: DeliveryStatus) -> str | None:
        news = DeliveryUpdate(channel="window", external_id=str(reply.id), status=status, at=clock(), raw=b"x")
        await port.accept([news])
        return (await house.database.read(books.read)).outbound[0].status

    heard = [await tell(status) for status in (DeliveryStatus.READ, DeliveryStatus.DELIVERED, DeliveryStatus.SENT)]
    assert heard == ["read", "read", "read"]


async def test_news_that_is_faster_than_our_own_record_is_not_lost(house: House, clock: FrozenClock) -> None:
    port = house.ports["post"]
    early = DeliveryUpdate(
        channel="post", external_id="p-d1", status=DeliveryStatus.DELIVERED, at=clock(), raw=b"early"
    )
    await port.accept([early])
    await port.accept([message("post", "post:1", "m1", "")])
    await house.settle()
    (reply,) = (await house.database.read(books.read)).outbound
    assert (reply.external, reply.status) == ("p-d1", "delivered")
    unmatched = text("SELECT count(*) FROM delivery_news WHERE delivery_id IS NULL")
    assert await house.database.read(lambda connection: connection.execute(unmatched).scalar()) == 0
