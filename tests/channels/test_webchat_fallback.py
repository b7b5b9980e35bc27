"""The long-poll fallback gives the same guarantees as a socket, and both see one stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from channels.envelope import DeliveryStatus, OutboundMessage, SendError, SendErrorCode
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
    assert list(shop.chat.connected()) == []


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
