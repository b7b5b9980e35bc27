"""A shop with nothing but a web chat, on loopback, and customers' clients that speak its protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestServer

from channels.webchat.channel import Rate, WebChat, WebChatSettings
from tests.channels.fake_port import FakePort
from tests.clock import FrozenClock

SECRET = b"only good for tests: 32 bytes...."
UNLIMITED = Rate(per_second=float("inf"), burst=1)
Frame = dict[str, Any]


def settings(**changes: Any) -> WebChatSettings:
    """Settings without rate limits, unless the test is about them."""
    plain = WebChatSettings(secret=SECRET, visitor_rate=UNLIMITED, client_rate=UNLIMITED, visit_rate=UNLIMITED)
    return replace(plain, **changes)


@dataclass
class Shop:
    """The running adapter over a FakePort."""

    port: FakePort
    clock: FrozenClock
    settings: WebChatSettings
    session: ClientSession
    chat: WebChat = field(init=False)
    server: TestServer = field(init=False)

    async def open(self) -> None:
        self.chat = WebChat(self.settings, clock=self.clock.now, monotonic=self.clock.monotonic)
        app = web.Application()
        app.add_routes(self.chat.routes())
        self.server = TestServer(app)
        await self.chat.start(self.port)
        self.port.channel = self.chat
        await self.server.start_server()

    async def close(self) -> None:
        await self.chat.stop()
        await self.server.close()

    async def restart(self) -> None:
        await self.close()
        await self.open()

    def url(self, end: str) -> str:
        return str(self.server.make_url(self.settings.path + end))

    async def visit(self, **fields: str) -> Frame:
        async with self.session.post(self.url("/visit"), json=fields) as response:
            assert response.status == 200, await response.text()
            return orjson.loads(await response.read())

    async def send(self, token: str, frames: object) -> tuple[int, list[Frame]]:
        """The long-poll fallback's way in."""
        return await self.send_bytes(token, orjson.dumps(frames))

    async def send_bytes(self, token: str, body: bytes) -> tuple[int, list[Frame]]:
        async with self.session.post(self.url("/send"), data=BytesIO(body), headers=bearer(token)) as response:
            return response.status, orjson.loads(await response.read())

    async def poll(self, token: str, **query: str | int) -> list[Frame]:
        async with self.session.get(self.url("/poll"), params=query, headers=bearer(token)) as response:
            assert response.status == 200, await response.text()
            return orjson.loads(await response.read())

    async def upload(self, token: str, content: bytes, name: str = "file") -> tuple[int, Any]:
        async with self.session.post(
            self.url("/upload"), params={"name": name}, data=content, headers=bearer(token)
        ) as response:
            return response.status, orjson.loads(await response.read())

    def dial(self, headers: Mapping[str, str] | None = None) -> Dial:
        return Dial(self.session, self.url("/socket"), headers or {})


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@dataclass
class Dial:
    """A socket, before or after its hello."""

    session: ClientSession
    url: str
    headers: Mapping[str, str]
    wire: ClientWebSocketResponse = field(init=False)

    async def __aenter__(self) -> Self:
        self.wire = await self.session.ws_connect(self.url, headers=self.headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.wire.close()

    async def hello(self, token: str, after: int | None = None, **fields: object) -> Frame:
        await self.say(type="hello", token=token, after=after, **fields)
        return await self.hear()

    async def say(self, **frame: object) -> None:
        await self.wire.send_str(orjson.dumps(frame).decode())

    async def write(self, client_id: str, text: str, **fields: object) -> None:
        await self.say(type="message", id=client_id, text=text, **fields)

    async def hear(self) -> Frame:
        message = await self.wire.receive(timeout=10)
        assert message.type is WSMsgType.TEXT, message
        return orjson.loads(message.data)

    async def hear_all(self, count: int) -> list[Frame]:
        return [await self.hear() for _ in range(count)]

    async def silence(self) -> None:
        """Nothing was on its way: the next thing to arrive is the answer to a ping."""
        await self.say(type="ping")
        assert await self.hear() == {"type": "pong"}

    async def close_code(self) -> int:
        """The code with which the shop closes; frames before it are skipped."""
        while True:
            message = await self.wire.receive(timeout=10)
            if message.type is not WSMsgType.TEXT:
                assert self.wire.close_code is not None
                return self.wire.close_code


@asynccontextmanager
async def open_shop(folder: Path, clock: FrozenClock, **changes: Any) -> AsyncGenerator[Shop]:
    async with ClientSession() as session:
        shop = Shop(port=FakePort(folder, now=clock.now), clock=clock, settings=settings(**changes), session=session)
        await shop.open()
        try:
            yield shop
        finally:
            await shop.close()


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until something holds that nobody announces, such as a connection being forgotten."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)
