"""The demonstration page with a web chat behind it that answers by simple rules: what a browser is driven against."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from aiohttp.typedefs import Handler
from jinja2 import Environment, FileSystemLoader, select_autoescape

from channels.envelope import Button, InboundMessage
from channels.webchat.channel import WebChat, WebChatSettings
from tests.channels.fake_port import FakePort
from tests.channels.webchat_shop import UNLIMITED

WEB = Path(__file__).resolve().parents[2] / "web"
SECRET = b"only good for tests: 32 bytes...."
IDENTITY_KEY = b"shared with the shop's own backend"


def answer(port: FakePort, message: InboundMessage) -> None:
    """The shop's assistant."""
    if message.text.startswith("silent"):
        return
    if message.text == "tea?":
        choices = [Button(label="Green tea", value="tea:green"), Button(label="Black tea", value="tea:black")]
        page = Button(label="Our teas", value="page", url="https://shop.example/teas")
        port.say(message.address, "Which tea?", buttons=[*choices, page])
    else:
        port.say(message.address, f"You said: {message.text}")


@dataclass
class DemoShop:
    """Can be stopped and started again on the same port, as a server is when it is updated."""

    port: FakePort
    settings: WebChatSettings
    number: int = field(default_factory=unused_port)
    sockets: bool = True
    """Whether WebSockets get through."""
    chat: WebChat = field(init=False)
    server: TestServer = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.number}/"

    async def open(self) -> None:
        self.chat = WebChat(self.settings)
        app = web.Application(middlewares=[self._proxy])
        app.add_routes(self.chat.routes())
        app.add_routes([web.get("/", _page), web.get("/plain", _plain), web.static("/static", WEB / "static")])
        self.server = TestServer(app, host="127.0.0.1", port=self.number)
        await self.chat.start(self.port)
        self.port.channel = self.chat
        await self.server.start_server()

    async def close(self) -> None:
        await self.chat.stop()
        await self.server.close()

    @web.middleware
    async def _proxy(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.endswith("/socket") and not self.sockets:
            return web.Response(status=502)
        return await handler(request)

    def address(self) -> str:
        """Of the only visitor."""
        [address] = {message.address for message in self.port.inbound}
        return address

    async def until_connected(self) -> str:
        async with asyncio.timeout(10):
            while not (addresses := list(self.chat.connected())):  # noqa: ASYNC110
                await asyncio.sleep(0)
        return addresses[0]


@asynccontextmanager
async def open_demo_shop(folder: Path) -> AsyncGenerator[DemoShop]:
    settings = WebChatSettings(
        secret=SECRET,
        visitor_rate=UNLIMITED,
        client_rate=UNLIMITED,
        visit_rate=UNLIMITED,
        identity_key=IDENTITY_KEY,
        upload_limit=200_000,
        text_limit=500,
        history_page=20,
    )
    port = FakePort(folder, answer=answer, now=lambda: datetime.now(UTC))
    shop = DemoShop(port=port, settings=settings)
    await shop.open()
    try:
        yield shop
    finally:
        await shop.close()


async def _page(_request: web.Request) -> web.Response:
    pages = Environment(loader=FileSystemLoader(WEB / "templates"), autoescape=select_autoescape())
    return web.Response(text=pages.get_template("demo.html").render(), content_type="text/html")


async def _plain(_request: web.Request) -> web.Response:
    """A page with a strict policy of its own, as a careful shop has."""
    return web.Response(
        text='<!doctype html><title>Shop</title><script src="/static/rapport-chat.js" defer></script>'
        "<button>Before</button><rapport-chat></rapport-chat>",
        content_type="text/html",
        headers={
            "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'"
        },
    )
