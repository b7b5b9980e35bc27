"""A provider on loopback that takes texts as Twilio documents it, with answers and faults on demand."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Mapping
from typing import Final

from aiohttp import web

ACCOUNT: Final = "AC00000000000000000000000000000001"
TOKEN: Final = "loopback-token"


class TwilioServer:
    """What was asked, in order, and what is answered next."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, list[str]]] = []
        self.authorizations: list[str] = []
        self.answers: deque[tuple[int, str, Mapping[str, str]]] = deque()
        """Status, body and headers of the next answers; empty: taken."""
        self.drops = 0
        """How many of the next calls are read and never answered."""
        self.url = ""
        self._ids = itertools.count(1)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> TwilioServer:
        app = web.Application()
        app.router.add_post("/2010-04-01/Accounts/{account}/Messages.json", self._messages)
        app.router.add_get("/2010-04-01/Accounts/{account}.json", self._account)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _messages(self, request: web.Request) -> web.Response:
        fields = await request.post()
        self.asked.append({name: [str(value) for value in fields.getall(name)] for name in fields})
        self.authorizations.append(request.headers.get("Authorization", ""))
        if self.drops:
            self.drops -= 1
            assert request.transport is not None
            request.transport.close()
            await asyncio.sleep(0)
        if self.answers:
            status, body, headers = self.answers.popleft()
            return web.Response(status=status, text=body, headers=headers)
        return web.json_response({"sid": f"SM{next(self._ids)}", "status": "queued", "error_code": None}, status=201)

    async def _account(self, request: web.Request) -> web.Response:
        known = request.match_info["account"] == ACCOUNT
        return web.json_response({"sid": ACCOUNT} if known else {"code": 20404}, status=200 if known else 404)
