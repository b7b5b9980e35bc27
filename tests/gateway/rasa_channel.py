"""A loopback server that answers as Rasa 3.6's REST channel does, and misbehaves on request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Said = Mapping[str, Any]


class RasaChannel:
    """Serves one behaviour at a time: what is known to be answered, a body as it stands, or no answer at all."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.answers: dict[str, Sequence[Said]] = {}
        """By message; any other is answered by its echo."""
        self.body: bytes | None = None
        self.status = 200
        self.silent = False
        """Nothing is answered before `released`."""
        self.holds: set[str] = set()
        """Messages that are not."""
        self.released = asyncio.Event()
        self.at_once = 0
        self.most_at_once = 0

    @property
    def heard(self) -> list[str]:
        return [question["message"] for question in self.asked]

    async def webhook(self, request: web.Request) -> web.StreamResponse:
        question: dict[str, Any] = await request.json()
        self.asked.append(question)
        self.headers.append(request.headers)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.silent or question["message"] in self.holds:
                await self.released.wait()
        finally:
            self.at_once -= 1
        if self.body is not None:
            return web.Response(body=self.body, status=self.status, content_type="application/json")
        said = self.answers.get(question["message"], [{"text": f"re {question['message']}"}])
        return web.json_response([{"recipient_id": question["sender"], **one} for one in said], status=self.status)


@asynccontextmanager
async def running() -> AsyncGenerator[RasaChannel]:
    rasa = RasaChannel()
    application = web.Application()
    application.router.add_post("/webhooks/rest/webhook", rasa.webhook)
    async with TestServer(application) as server:
        rasa.url = str(server.make_url("")).rstrip("/")
        try:
            yield rasa
        finally:
            rasa.released.set()
