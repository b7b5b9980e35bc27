"""Somebody else's server, which is told of events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass
class Heard:
    """One request."""

    id: str
    timestamp: str
    signatures: str
    body: bytes

    @property
    def said(self) -> Any:
        return orjson.loads(self.body)

    @property
    def kind(self) -> str:
        return self.said["type"]


@dataclass
class Receiver:
    """What it was told, and how it answers."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list[Heard])
    answer: Callable[[Heard], web.Response] = lambda heard: web.Response(status=204)

    @property
    def kinds(self) -> list[str]:
        return [heard.kind for heard in self.heard]

    async def hear(self, request: web.Request) -> web.Response:
        shown = request.headers
        heard = Heard(
            id=shown["webhook-id"],
            timestamp=shown["webhook-timestamp"],
            signatures=shown["webhook-signature"],
            body=await request.read(),
        )
        self.heard.append(heard)
        return self.answer(heard)


@asynccontextmanager
async def open_receiver() -> AsyncGenerator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/events", receiver.hear)
    server = TestServer(app)
    await server.start_server()
    receiver.url = str(server.make_url("/events"))
    yield receiver
    await server.close()
