"""The long-poll fallback gives the same guarantees as a socket, and both see one stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import channels.webchat.shelf
from channels.envelope import DeliveryStatus, OutboundMessage, SendError, SendErrorCode
from channels.webchat.shelf import SHELF_ENTRIES, Poll, Shelf
from tests.channels.webchat_shop import Shop, open_shop, until
from tests.clock import FrozenClock


@pytest.fixture
async def shop(tmp_path: Path, clock: FrozenClock) -> AsyncGenerator[Shop]:
    async with open_shop(tmp_path, clock) as shop:
        yield shop


async def test_several_frames_in_one_request_are_answered_in_order(shop: Shop) -> None:
    visitor = await shop.visit()
    frames = [{"type": "message", "id": f"m{number}", "text": str(number)} for number in range(3)]
    status, answers = await shop.send(visitor["token"], [*frames, {"type": "message", "id": "m0", "text": "0"}])
    assert status == 200
    assert [(answer["id"], answer["position"]) for answer in answers] == [("m0", 1), ("m1", 2), ("m2", 3), ("m0", 1)]
    assert len(shop.port.inbound) == 3


async def test_what_cannot_be_stored_is_answered_so_that_the_client_repeats(shop: Shop) -> None:
    visitor = await shop.visit()
    shop.port.failures = 1
    status, [refused] = await shop.send(visitor["token"], {"type": "message", "id": "m", "text": "x"})
    assert (status, refused["code"], refused["id"]) == (503, "unavailable", "m")
    assert (await shop.send(visitor["token"], {"type": "message", "id": "m", "text": "x"}))[0] == 200


async def test_a_poll_waits_for_the_next_message_and_then_returns_at_once(shop: Shop) -> None:
    visitor = await shop.visit()
    address = f"webchat:{visitor['visitor']}"
    polling = asyncio.ensure_future(shop.poll(visitor["token"], after=0, wait=25))
    await until(lambda: address in shop.chat.connected())
    shop.port.say(address, "here it is")
    [frame] = await polling
    assert frame["text"] == "here it is"


async def test_between_polls_nothing_is_lost_and_the_storage_is_asked_only_once(shop: Shop) -> None:
    visitor = await shop.visit()
    token, address = visitor["token"], f"webchat:{visitor['visitor']}"
    assert await shop.poll(token, after=0) == []
    for number in range(5):
        _, [stored] = await shop.send(token, {"type": "message", "id": f"m{number}", "text": "?"})
        entry = shop.port.say(address, f"answer {number}")
        [frame] = await shop.poll(token, after=stored["position"], wait=25)
        assert (frame["position"], frame["text"]) == (entry.id, f"answer {number}")
        await shop.send(token, {"type": "delivered", "positions": [entry.id]})
    await until(lambda: len(shop.port.updates) == 5)
    assert shop.port.readings == 1


async def test_a_poll_whose_answer_was_lost_gets_it_again(shop: Shop) -> None:
    visitor = await shop.visit()
    await shop.poll(visitor["token"], after=0)
    shop.port.say(f"webchat:{visitor['visitor']}", "first")
    for _ in range(2):
        assert [frame["text"] for frame in await shop.poll(visitor["token"], after=0)] == ["first"]


async def test_what_leaves_late_reaches_a_client_that_has_read_further(shop: Shop) -> None:
    visitor = await shop.visit()
    token, address = visitor["token"], f"webchat:{visitor['visitor']}"
    await shop.poll(token, after=0)
    shop.port.say(address, "on time", position=9)
    await shop.poll(token, after=0)
    await shop.send(token, {"type": "delivered", "positions": [9]})
    shop.port.say(address, "held back for a while", position=5)
    assert [frame["text"] for frame in await shop.poll(token, after=9, wait=25)] == ["held back for a while"]


async def test_what_was_acknowledged_in_another_process_does_not_come_for_ever(shop: Shop) -> None:
    visitor = await shop.visit()
    token, address = visitor["token"], f"webchat:{visitor['visitor']}"
    await shop.poll(token, after=0)
    entry = shop.port.say(address, "hello")
    assert len(await shop.poll(token, after=0)) == 1
    shop.port.acknowledge(address, entry.id)
    assert await shop.poll(token, after=entry.id) == []
    asked = shop.port.readings
    assert await shop.poll(token, after=entry.id) == []
    assert shop.port.readings == asked, "the storage has said it once"


async def test_what_is_offered_again_wakes_nobody(shop: Shop) -> None:
    """The gateway repeats what it published lately, because wake-ups between processes can be lost."""
    entry = shop.port.say("webchat:ann", "once")
    shelf, first, second = Shelf("webchat:ann"), Poll(), Poll()
    shelf.polls.add(first)
    shelf.offer(entry, b"frame")
    shelf.polls.add(second)
    shelf.offer(entry, b"frame")
    assert (first.frames, second.frames) == ({entry.id: b"frame"}, {})


async def test_a_visitor_who_polls_no_more_is_forgotten(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels.webchat.shelf, "LINGER_SECONDS", 0)
    visitor = await shop.visit()
    await shop.poll(visitor["token"], after=0)
    await until(lambda: not list(shop.chat.connected()))
    shop.port.say(f"webchat:{visitor['visitor']}", "meanwhile")
    assert [frame["text"] for frame in await shop.poll(visitor["token"], after=0)] == ["meanwhile"]


async def test_a_visitor_who_is_written_to_without_end_fills_no_memory(shop: Shop) -> None:
    visitor = await shop.visit()
    token, address = visitor["token"], f"webchat:{visitor['visitor']}"
    await shop.poll(token, after=0)
    for number in range(SHELF_ENTRIES + 10):
        shop.port.say(address, str(number))
    frames = await shop.poll(token, after=0)
    assert [frame["text"] for frame in frames] == [str(number) for number in range(SHELF_ENTRIES + 10)]


@given(st.lists(st.sampled_from(["say", "say elsewhere", "late", "poll", "lose", "acknowledge", "send"]), max_size=25))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_happens_a_polling_client_ends_with_everything(shop: Shop, happenings: list[str]) -> None:
    visitor = await shop.visit()
    token, address = visitor["token"], f"webchat:{visitor['visitor']}"
    has: set[int] = set()
    gap: list[int] = []

    async def poll(lost: bool = False) -> None:
        frames = await shop.poll(token, after=max(has, default=0))
        if not lost:
            has.update(frame["position"] for frame in frames)

    for number, happening in enumerate(happenings):
        match happening:
            case "say":
                shop.port.position += 1
                gap.append(shop.port.position)
                shop.port.say(address, str(number))
            case "say elsewhere":
                entry = shop.port.say(address, str(number), publish=False)
                shop.chat.published({address: [entry]})
                shop.chat.published({address: [entry]})  # the tick repeats what was published lately
            case "late" if gap:
                shop.port.say(address, str(number), position=gap.pop())
            case "acknowledge" if has:
                await shop.send(token, {"type": "delivered", "positions": sorted(has)[-50:]})
            case "send":
                await shop.send(token, {"type": "message", "id": f"m{number}", "text": "x"})
            case "lose":
                await poll(lost=True)
            case _:
                await poll()
    await poll()
    ours = {entry.id for entry in shop.port.streams[address] if not entry.inbound}
    assert has >= ours


async def test_a_first_poll_brings_the_newest_page_at_once(shop: Shop) -> None:
    visitor = await shop.visit()
    for number in range(60):
        shop.port.say(f"webchat:{visitor['visitor']}", str(number))
    welcome, *page = await shop.poll(visitor["token"], wait=25)
    assert (welcome["type"], welcome["earlier"]) == ("welcome", True)
    assert [frame["text"] for frame in page] == [str(number) for number in range(10, 60)]
    _, [history] = await shop.send(visitor["token"], {"type": "earlier", "before": page[0]["position"]})
    assert (len(history["messages"]), history["earlier"]) == (10, False)


async def test_a_reply_comes_with_every_poll_until_it_is_acknowledged(shop: Shop) -> None:
    visitor = await shop.visit()
    entry = shop.port.say(f"webchat:{visitor['visitor']}", "once")
    for _ in range(2):
        assert len(await shop.poll(visitor["token"], after=entry.id)) == 1
    await shop.send(visitor["token"], {"type": "delivered", "positions": [entry.id]})
    await until(lambda: shop.port.updates)
    assert await shop.poll(visitor["token"], after=entry.id) == []
    assert shop.port.updates[0].status is DeliveryStatus.DELIVERED


async def test_nobody_can_acknowledge_what_was_sent_to_another(shop: Shop) -> None:
    ann, ben = await shop.visit(), await shop.visit()
    entry = shop.port.say(f"webchat:{ann['visitor']}", "for Ann")
    await shop.send(ben["token"], {"type": "delivered", "positions": [entry.id]})
    async with shop.dial() as socket:
        await socket.hello(ben["token"])
        await socket.say(type="delivered", positions=[entry.id])
        await socket.silence()
    await shop.send(ann["token"], {"type": "delivered", "positions": [entry.id]})
    await until(lambda: shop.port.updates)
    assert [update.address for update in shop.port.updates] == [f"webchat:{ann['visitor']}"]


async def test_a_socket_sees_what_the_same_visitor_posts_elsewhere(shop: Shop) -> None:
    visitor = await shop.visit()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        await shop.send(visitor["token"], {"type": "message", "id": "m", "text": "from the other tab"})
        assert (await socket.hear())["text"] == "from the other tab"
        await socket.silence()


async def test_a_stopping_server_answers_the_polls_that_wait(shop: Shop) -> None:
    visitor = await shop.visit()
    polling = asyncio.ensure_future(shop.poll(visitor["token"], after=0, wait=25))
    await until(lambda: list(shop.chat.connected()))
    await shop.chat.stop()
    assert await polling == []


@pytest.mark.parametrize("query", [{"after": "-1"}, {"after": "x"}, {"after": "9" * 40}, {"wait": "1e9"}])
async def test_a_poll_with_nonsense_in_its_query_is_refused(shop: Shop, query: dict[str, str]) -> None:
    visitor = await shop.visit()
    async with shop.session.get(
        shop.url("/poll"), params=query, headers={"Authorization": f"Bearer {visitor['token']}"}
    ) as response:
        assert response.status == 400


async def test_sending_needs_nothing_but_a_visitor_and_room(shop: Shop) -> None:
    message = OutboundMessage(channel="webchat", address="webchat:ab", text="hello", key="k")
    assert (await shop.chat.send(message)).external_ids == ()
    with pytest.raises(SendError) as refused:
        await shop.chat.send(OutboundMessage(channel="webchat", address="tel:+86", text="hello", key="k"))
    assert refused.value.code is SendErrorCode.BAD_ADDRESS
    with pytest.raises(SendError) as refused:
        await shop.chat.send(OutboundMessage(channel="webchat", address="webchat:ab", text="x" * 20_001, key="k"))
    assert refused.value.code is SendErrorCode.TOO_LARGE
