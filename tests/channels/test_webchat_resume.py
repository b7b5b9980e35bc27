"""Nothing is lost and nothing doubled, whatever happens to connections, server and storage in between."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pytest
from aiohttp import WSMsgType
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.channels.webchat_shop import Dial, Frame, Shop, open_shop, until
from tests.clock import FrozenClock


class Step(StrEnum):
    """What may happen next in a customer's day."""

    WRITE = "write"  # the customer writes; a connected client sends
    CONNECT = "connect"  # the client (re)connects, resumes, and sends what is not accepted
    DROP = "drop"  # the connection goes away
    SEND_AND_DROP = "send and drop"  # … right after sending, before the answer
    REPLY = "reply"  # the shop writes
    LATE_REPLY = "late reply"  # the shop's reply commits after one with a higher position
    READ = "read"  # the client takes in what has arrived
    READ_SILENTLY = "read silently"  # … and its acknowledgement is lost
    FAIL = "fail"  # the next commit fails
    RESTART = "restart"  # the server is restarted


@dataclass
class Customer:
    """A client as the protocol document asks for: outbox in order, one message in flight, positions deduplicated."""

    shop: Shop
    token: str
    socket: Dial | None = None
    outbox: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    written: int = 0
    seen: dict[int, str] = field(default_factory=dict[int, str])
    after: int = 0

    async def write(self) -> None:
        self.written += 1
        self.outbox.append((f"m{self.written}", f"text {self.written}"))
        await self.flush()

    async def connect(self) -> None:
        await self.drop()
        self.socket = await self.shop.dial().__aenter__()
        await self.socket.hello(self.token, after=self.after)
        await self.flush()

    async def drop(self) -> None:
        if self.socket is not None:
            await self.socket.wire.close()
            self.socket = None

    async def flush(self) -> None:
        while self.outbox and self.socket is not None:
            await self.socket.write(*self.outbox[0])
            await self._take_until(lambda frame: frame["type"] in ("accepted", "error"))

    async def send_and_drop(self) -> None:
        if self.outbox and self.socket is not None:
            await self.socket.write(*self.outbox[0])
        await self.drop()

    async def read(self, *, acknowledge: bool = True) -> None:
        if self.socket is not None:
            await self.socket.say(type="ping")
            await self._take_until(lambda frame: frame["type"] == "pong", acknowledge=acknowledge)

    async def _take_until(self, last: Callable[[Frame], bool], *, acknowledge: bool = True) -> None:
        while self.socket is not None:
            message = await self.socket.wire.receive(timeout=10)
            if message.type is not WSMsgType.TEXT:
                await self.drop()
                return
            frame: Frame = message.json()
            await self._take(frame, acknowledge=acknowledge)
            if last(frame):
                return

    async def _take(self, frame: Frame, *, acknowledge: bool) -> None:
        if frame["type"] == "accepted":
            self.outbox = [item for item in self.outbox if item[0] != frame["id"]]
        elif frame["type"] == "error":
            assert frame["code"] == "unavailable"
            await self.drop()
        elif frame["type"] == "message":
            if frame["author"] != "customer":
                assert self.seen.setdefault(frame["position"], frame["text"]) == frame["text"]
                if acknowledge and self.socket is not None:
                    await self.socket.say(type="delivered", positions=[frame["position"]])
            self.after = max(self.after, frame["position"])


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(Step), max_size=25))
@example([Step.CONNECT, Step.WRITE, Step.SEND_AND_DROP, Step.CONNECT])
@example([Step.WRITE, Step.CONNECT, Step.FAIL, Step.WRITE, Step.WRITE, Step.RESTART, Step.CONNECT])
@example([Step.CONNECT, Step.LATE_REPLY, Step.DROP, Step.LATE_REPLY, Step.CONNECT, Step.READ_SILENTLY, Step.RESTART])
def test_each_message_arrives_once_and_in_order_whatever_breaks(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_live_through(steps, Path(folder)))


async def _live_through(steps: list[Step], folder: Path) -> None:
    async with open_shop(folder, FrozenClock()) as shop:
        visitor = await shop.visit()
        customer = Customer(shop=shop, token=visitor["token"])
        address = f"webchat:{visitor['visitor']}"
        for step in steps:
            await _happen(step, shop, customer, address)
        shop.port.failures = 0
        await customer.connect()
        await customer.read()
        assert [message.text for message in shop.port.inbound] == [f"text {n + 1}" for n in range(customer.written)]
        replies = {entry.id: entry.text for entry in shop.port.streams[address] if not entry.inbound}
        assert customer.seen == replies
        await until(
            lambda: {update.external_id for update in shop.port.updates} >= {str(position) for position in replies}
        )
        await customer.drop()


async def _happen(step: Step, shop: Shop, customer: Customer, address: str) -> None:
    match step:
        case Step.WRITE:
            await customer.write()
        case Step.CONNECT:
            await customer.connect()
        case Step.DROP:
            await customer.drop()
        case Step.SEND_AND_DROP:
            customer.written += 1
            customer.outbox.append((f"m{customer.written}", f"text {customer.written}"))
            await customer.send_and_drop()
        case Step.REPLY:
            shop.port.say(address, f"reply {shop.port.position}")
        case Step.LATE_REPLY:
            shop.port.position += 2
            shop.port.say(address, f"reply {shop.port.position}", position=shop.port.position)
            shop.port.say(address, f"late {shop.port.position}", position=shop.port.position - 1)
        case Step.READ:
            await customer.read()
        case Step.READ_SILENTLY:
            await customer.read(acknowledge=False)
        case Step.FAIL:
            shop.port.failures = 1
        case Step.RESTART:
            customer.socket = None
            await shop.restart()


@pytest.fixture
async def shop(tmp_path: Path, clock: FrozenClock) -> AsyncGenerator[Shop]:
    async with open_shop(tmp_path, clock) as shop:
        yield shop


async def test_a_client_that_does_not_read_is_cut_off_without_holding_up_anybody_and_resumes(shop: Shop) -> None:
    slow, lively = await shop.visit(), await shop.visit()
    address = f"webchat:{slow['visitor']}"
    text = "茶" * 20_000
    async with shop.dial() as stuck, shop.dial() as other:
        await stuck.hello(slow["token"])
        await other.hello(lively["token"])
        sent = 0
        while address in shop.chat.connected():
            sent += 1
            assert sent < 1000, "a client that never reads was never cut off"
            shop.port.say(address, text)
            await asyncio.sleep(0)
        shop.port.say(f"webchat:{lively['visitor']}", "still here")
        assert (await other.hear())["text"] == "still here"
    async with shop.dial() as back:
        await back.hello(slow["token"], after=0)
        positions = [frame["position"] for frame in await back.hear_all(sent)]
        assert positions == sorted(set(positions))


async def test_a_long_history_reaches_a_slow_reader_without_a_cut(shop: Shop) -> None:
    visitor = await shop.visit()
    for _ in range(150):
        shop.port.say(f"webchat:{visitor['visitor']}", "茶" * 20_000)
    async with shop.dial() as socket:
        await socket.hello(visitor["token"], after=0)
        assert len(await socket.hear_all(150)) == 150
        await socket.say(type="earlier", before=100)
        assert len((await socket.hear())["messages"]) == 50
        await socket.silence()
