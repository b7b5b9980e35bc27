"""A customer's conversation over web chat's socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from aiohttp import web

from channels.envelope import Button, DeliveryStatus, Event
from channels.protocol import Channel, Streams, Typing
from channels.webchat.channel import WebChat
from tests.channels.webchat_shop import Shop, open_shop, settings, until
from tests.clock import FrozenClock


@pytest.fixture
async def shop(tmp_path: Path, clock: FrozenClock) -> AsyncGenerator[Shop]:
    async with open_shop(tmp_path, clock) as shop:
        yield shop


async def test_a_message_is_acknowledged_only_after_it_is_stored(shop: Shop) -> None:
    visitor = await shop.visit()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        shop.port.gate = asyncio.Event()
        await socket.write("m1", "你好")
        await socket.silence()
        assert shop.port.inbound == []
        shop.port.gate.set()
        assert await socket.hear() == {"type": "accepted", "id": "m1", "position": 1}
    [stored] = shop.port.inbound
    assert stored.text == "你好"
    assert stored.event is Event.MESSAGE
    assert stored.address == f"webchat:{visitor['visitor']}"
    assert b"\xe4\xbd\xa0" in stored.raw


async def test_a_message_repeated_after_a_lost_answer_keeps_its_place(shop: Shop) -> None:
    visitor = await shop.visit()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        await socket.write("m1", "Hello")
        first = await socket.hear()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"], after=1)
        await socket.write("m1", "Hello")
        assert await socket.hear() == first
    assert len(shop.port.inbound) == 1


async def test_reading_goes_on_while_commits_are_pending_and_order_is_kept(shop: Shop) -> None:
    visitor = await shop.visit()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        shop.port.gate = asyncio.Event()
        for number in range(50):
            await socket.write(f"m{number}", str(number))
        await socket.silence()
        shop.port.gate.set()
        answers = await socket.hear_all(50)
    assert [answer["id"] for answer in answers] == [f"m{number}" for number in range(50)]
    assert [message.text for message in shop.port.inbound] == [str(number) for number in range(50)]


async def test_a_client_cannot_pile_up_more_than_a_bounded_number_of_uncommitted_messages(shop: Shop) -> None:
    visitor = await shop.visit()
    shop.port.gate = asyncio.Event()
    async with shop.dial() as flood, shop.dial() as other:
        await flood.hello(visitor["token"])
        await other.hello(visitor["token"])
        for number in range(300):
            await flood.write(f"m{number}", str(number))
        await until(lambda: sum(shop.port.batches) >= 256)
        for _ in range(5):
            await other.silence()
        assert sum(shop.port.batches) == 256
        shop.port.gate.set()
        answers = await flood.hear_all(300)
    assert [answer["id"] for answer in answers] == [f"m{number}" for number in range(300)]


async def test_several_messages_that_arrive_together_share_a_commit(shop: Shop) -> None:
    visitor = await shop.visit()
    frames = [{"type": "message", "id": f"m{number}", "text": "x"} for number in range(10)]
    await shop.send(visitor["token"], frames)
    assert shop.port.batches == [10]


def test_web_chat_is_a_channel_that_streams_and_shows_typing() -> None:
    channel: Channel = WebChat(settings())
    assert isinstance(channel, Streams)
    assert isinstance(channel, Typing)
    assert {route.path for route in channel.routes() if isinstance(route, web.RouteDef)} == {
        "/webchat/visit",
        "/webchat/socket",
        "/webchat/send",
        "/webchat/poll",
        "/webchat/upload",
        "/webchat/file/{sha256}",
        "/webchat/link",
    }


async def test_a_reply_reaches_every_tab_of_its_visitor_and_nobody_else(shop: Shop) -> None:
    visitor, stranger = await shop.visit(), await shop.visit()
    async with shop.dial() as left, shop.dial() as right, shop.dial() as other:
        await left.hello(visitor["token"])
        await right.hello(visitor["token"])
        await other.hello(stranger["token"])
        shop.port.say(
            f"webchat:{visitor['visitor']}", "Green or black?", buttons=[Button(label="Green", value="green")]
        )
        for tab in (left, right):
            frame = await tab.hear()
            assert frame["text"] == "Green or black?"
            assert frame["buttons"] == [{"label": "Green", "value": "green", "url": None}]
            assert frame["author"] == "bot"
        await other.silence()


async def test_what_one_tab_writes_appears_in_the_others_once(shop: Shop) -> None:
    visitor = await shop.visit()
    async with shop.dial() as left, shop.dial() as right:
        await left.hello(visitor["token"])
        await right.hello(visitor["token"])
        await left.write("m1", "Hello")
        assert (await left.hear())["type"] == "accepted"
        frame = await right.hear()
        assert (frame["author"], frame["text"], frame["id"], frame["position"]) == ("customer", "Hello", "m1", 1)
        await left.silence()
        await right.silence()


async def test_other_tabs_learn_of_a_message_even_when_the_gateway_does_not_publish_it(shop: Shop) -> None:
    shop.port.channel = None
    visitor = await shop.visit()
    async with shop.dial() as left, shop.dial() as right:
        await left.hello(visitor["token"])
        await right.hello(visitor["token"])
        await left.write("m1", "Hello")
        assert (await right.hear())["text"] == "Hello"
        assert (await left.hear())["type"] == "accepted"
        await left.silence()


async def test_a_new_client_gets_the_newest_page_and_earlier_ones_on_request(shop: Shop) -> None:
    visitor = await shop.visit()
    for number in range(120):
        shop.port.say(f"webchat:{visitor['visitor']}", str(number))
    async with shop.dial() as socket:
        welcome = await socket.hello(visitor["token"])
        assert welcome["earlier"] is True
        page = await socket.hear_all(50)
        assert [frame["text"] for frame in page] == [str(number) for number in range(70, 120)]
        await socket.say(type="earlier", before=page[0]["position"])
        history = await socket.hear()
        assert [frame["text"] for frame in history["messages"]] == [str(number) for number in range(20, 70)]
        assert history["earlier"] is True
        await socket.say(type="earlier", before=history["messages"][0]["position"])
        history = await socket.hear()
        assert (len(history["messages"]), history["earlier"]) == (20, False)


async def test_a_client_that_resumes_gets_what_it_missed_however_much(shop: Shop) -> None:
    visitor = await shop.visit()
    address = f"webchat:{visitor['visitor']}"
    for number in range(130):
        shop.port.say(address, str(number))
    async with shop.dial() as socket:
        await socket.hello(visitor["token"], after=100)
        frames = await socket.hear_all(130)
        await socket.silence()
    assert sorted({frame["position"] for frame in frames}) == list(range(1, 131))


async def test_what_the_customer_wrote_elsewhere_comes_page_after_page_without_a_gap(shop: Shop) -> None:
    visitor = await shop.visit()
    for number in range(1, 131):
        await shop.send(visitor["token"], {"type": "message", "id": f"m{number}", "text": str(number)})
    async with shop.dial() as socket:
        await socket.hello(visitor["token"], after=10)
        assert [frame["text"] for frame in await socket.hear_all(120)] == [str(number) for number in range(11, 131)]
        await socket.silence()


async def test_an_acknowledged_reply_is_delivered_and_does_not_come_again(shop: Shop) -> None:
    visitor = await shop.visit()
    address = f"webchat:{visitor['visitor']}"
    first, second = shop.port.say(address, "one"), shop.port.say(address, "two")
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        await socket.hear_all(2)
        await socket.say(type="delivered", positions=[first.id, first.id, 999])
        await socket.say(type="delivered", positions=[first.id])
        await socket.silence()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"], after=second.id)
        assert (await socket.hear())["text"] == "two"
        await socket.silence()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        await socket.hear_all(2)
        await socket.say(type="delivered", positions=[first.id])
        await socket.silence()
    [update] = shop.port.updates
    assert (update.external_id, update.status, update.address) == (str(first.id), DeliveryStatus.DELIVERED, address)


async def test_a_reply_that_commits_late_with_an_earlier_position_is_still_shown(shop: Shop) -> None:
    visitor = await shop.visit()
    address = f"webchat:{visitor['visitor']}"
    shop.port.position = 9
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        shop.port.say(address, "ten")
        assert (await socket.hear())["position"] == 10
        shop.port.say(address, "nine", position=9)
        assert (await socket.hear())["position"] == 9
        shop.chat.published({address: shop.port.streams[address]})
        await socket.silence()


async def test_a_reply_committed_while_a_client_catches_up_is_pushed_once(shop: Shop) -> None:
    visitor = await shop.visit()
    address = f"webchat:{visitor['visitor']}"
    async with shop.dial() as socket:
        await socket.say(type="hello", token=visitor["token"], after=0)
        await until(lambda: address in shop.chat.connected())
        shop.port.say(address, "just now")
        assert (await socket.hear())["type"] == "welcome"
        assert (await socket.hear())["text"] == "just now"
        await socket.silence()


async def test_pressing_a_quick_reply_arrives_as_a_callback(shop: Shop) -> None:
    visitor = await shop.visit()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        await socket.say(type="press", id="p1", value="return:yes", position=7)
        assert (await socket.hear())["type"] == "accepted"
    [press] = shop.port.inbound
    assert (press.event, press.text, press.reply_to) == (Event.CALLBACK, "return:yes", "7")


async def test_typing_is_shown_both_ways_and_never_stored(shop: Shop) -> None:
    visitor = await shop.visit()
    address = f"webchat:{visitor['visitor']}"
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        for _ in range(5):
            await socket.say(type="typing")
        await socket.silence()
        assert shop.port.typed == [address]
        await shop.chat.typing(address)
        assert await socket.hear() == {"type": "typing"}
    assert shop.port.inbound == []


async def test_a_failed_commit_closes_the_socket_so_that_nothing_overtakes(shop: Shop) -> None:
    visitor = await shop.visit()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        shop.port.failures = 1
        await socket.write("m1", "first")
        refused = await socket.hear()
        assert (refused["type"], refused["code"], refused["id"]) == ("error", "unavailable", "m1")
        assert refused["retry_after"] > 0
        await socket.write("m2", "second")
        assert await socket.close_code() == 1013
    assert shop.port.inbound == []


async def test_a_stopping_server_settles_what_it_took_and_says_come_back(shop: Shop) -> None:
    visitor = await shop.visit()
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        shop.port.gate = asyncio.Event()
        await socket.write("m1", "Hello")
        await socket.silence()
        stopping = asyncio.ensure_future(shop.chat.stop())
        await asyncio.sleep(0)
        shop.port.gate.set()
        assert (await socket.hear())["type"] == "accepted"
        assert await socket.close_code() == 1012
        await stopping
        async with shop.session.post(shop.url("/visit")) as response:
            assert response.status == 503


async def test_the_address_book_of_connections_empties_when_people_leave(shop: Shop) -> None:
    visitor = await shop.visit()
    address = f"webchat:{visitor['visitor']}"
    async with shop.dial() as socket:
        await socket.hello(visitor["token"])
        assert list(shop.chat.connected()) == [address]
    await until(lambda: not shop.chat.connected())
