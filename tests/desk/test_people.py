"""Who a contact is: offline contacts in one timeline, and two contacts made one and two again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest

from desk import conversations, people
from desk.refusals import Impossible, NotFound, Unusable
from storage.conversations import Conversation
from storage.interactions import Interaction, InteractionKind
from storage.lanes import Lane
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, Letters, everything, open_house


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    channels = Letters(), Letters("pigeons")
    async with open_house(migrated_url, tmp_path, clock, monkeypatch, *channels) as running:
        yield running


async def test_a_phone_call_stands_in_the_timeline_where_it_happened(house: House) -> None:
    called = house.clock.now()
    house.clock.advance(timedelta(hours=1))
    await house.write("hello")
    await house.do(
        people.record,
        contact="letters:ann",
        kind=InteractionKind.CALL,
        text="Asked for her invoice",
        by="mei",
        at=called,
    )
    await house.write("still there?")

    profile = await house.do(people.contact, contact="1")
    assert [(line.channel, line.kind, line.author) for line in profile.timeline][:2] == [
        ("offline", "call", "agent:mei"),
        ("letters", "message", "customer"),
    ]
    assert len(house.sent) == 1, "a call is no message: nothing answers it"


async def test_only_what_has_happened_is_recorded(house: House) -> None:
    await house.write("hello")
    tomorrow = house.clock.now() + timedelta(days=1)
    with pytest.raises(Unusable, match="yet to come"):
        await house.do(people.record, contact="1", kind=InteractionKind.VISIT, text="At noon", by="mei", at=tomorrow)
    with pytest.raises(Unusable, match="call, visit, meeting, fax, fair"):
        await house.do(people.record, contact="1", kind=InteractionKind.MESSAGE, text="Hm", by="mei")
    with pytest.raises(NotFound, match="no contact '7'"):
        await house.do(people.record, contact="7", kind=InteractionKind.CALL, text="Hm", by="mei")


async def test_two_contacts_become_one_and_two_again_row_for_row(house: House) -> None:
    pigeons = house.channels[1]
    await house.write("hello from ann")
    await house.write("hello from her other account", sender="ann2")
    await house.write("and by pigeon", channel=pigeons, sender="ann2")
    await house.do(people.record, contact="2", kind=InteractionKind.FAIR, text="Met her in Canton", by="mei")
    before = everything(house.url, but=["lanes", "links"])

    linked = await house.do(people.link, contact="1", other="2", evidence="same passport shown", by="mei")
    pigeon = await house.do(people.link, contact="letters:ann2", other="3", evidence="she says so", by="mei")
    one = await house.do(people.contact, contact="2")
    assert (one.id, len(one.addresses), linked.contact, pigeon.contact) == (1, 3, 1, 1)
    assert {line.channel for line in one.timeline} == {"letters", "pigeons", "offline"}
    assert [(link.evidence, link.made_by) for link in one.links] == [
        ("same passport shown", "agent:mei"),
        ("she says so", "agent:mei"),
    ]

    await house.do(people.unlink, link=pigeon.link, by="mei")
    await house.do(people.unlink, link=linked.link, by="mei")
    assert everything(house.url, but=["lanes", "links"]) == before
    assert len((await house.do(people.contact, contact="2")).addresses) == 1
    with pytest.raises(Impossible, match="undone before"):
        await house.do(people.unlink, link=linked.link, by="mei")


async def test_what_was_answered_while_two_were_one_is_not_answered_again_when_they_are_two(house: House) -> None:
    pigeons = house.channels[1]
    await house.write("hello")
    await house.write("coo", channel=pigeons, sender="bob")
    linked = await house.do(people.link, contact="1", other="2", evidence="he says so", by="mei")
    house.clock.advance(60)
    await house.write("coo coo", channel=pigeons, sender="bob")
    assert len(pigeons.sent) == 2

    await house.do(people.unlink, link=linked.link, by="mei")
    house.clock.advance(60)
    newest = await house.write("coo?", channel=pigeons, sender="bob")
    assert len(pigeons.sent) == 3
    profile = await house.do(people.contact, contact="2")
    assert [line.text for line in profile.timeline if line.author == "customer"] == ["coo", "coo coo", "coo?"]
    (lane,) = [row for row in house.rows(Lane) if row["contact_id"] == 2]
    assert (lane["newest"], lane["handled"]) == (newest, newest)


async def test_contacts_are_not_linked_without_reason(house: House) -> None:
    await house.write("hello")
    await house.write("hello", sender="bob")
    with pytest.raises(Unusable, match="empty"):
        await house.do(people.link, contact="1", other="2", evidence="  ", by="mei")
    with pytest.raises(Impossible, match="both are contact 1"):
        await house.do(people.link, contact="1", other="letters:ann", evidence="sure", by="mei")
    with pytest.raises(NotFound):
        await house.do(people.link, contact="1", other="customer:nobody", evidence="sure", by="mei")


async def test_an_agent_s_turn_at_the_conversation_is_in_the_contact_s_timeline(house: House) -> None:
    await house.write("hello")
    await house.do(conversations.take, conversation=1, by="mei")
    await house.do(conversations.reply, conversation=1, by="mei", text="Hello Ann")
    profile = await house.do(people.contact, contact="letters:ann")
    assert [line.author for line in profile.timeline] == ["customer", "bot", "system", "agent:mei"]
    assert {row["contact_id"] for row in house.rows(Interaction)} == {1}
    assert len(house.rows(Conversation)) == 1
