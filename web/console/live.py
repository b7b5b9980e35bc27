"""Live: pages learn within a moment that something has changed, and fetch the piece that they show anew.

An event carries no content, so that it needs no rights of its own: what is fetched after it goes through the guard.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from desk import logins
from web.console.visit import Visit

AT_MOST_EVERY: Final = 0.15
"""Seconds between two events to one page, however much happens."""
HEARTBEAT: Final = 15.0
"""Seconds after which a silent connection says that it lives; whoever has logged out since hears no more."""
CHANGED: Final = b"event: changed\ndata: {}\n\n"
ALIVE: Final = b": alive\n\n"


class Live:
    """The pages of this process that listen."""

    def __init__(self) -> None:
        self._listening: set[asyncio.Event] = set()

    def tell(self) -> None:
        """Something has changed that an agent may be looking at."""
        for changed in self._listening:
            changed.set()

    async def events(self, visit: Visit) -> web.StreamResponse:
        """Server-sent events (HTML standard, 9.2), until the page is left or its session ends."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        response.headers["Cache-Control"] = "no-store"
        await response.prepare(visit.request)
        changed = asyncio.Event()
        self._listening.add(changed)
        try:
            # Whatever happened between the page and this connection is looked at once.
            await response.write(b"retry: 1000\n" + CHANGED)
            while await self._may_listen(visit):
                try:
                    async with asyncio.timeout(HEARTBEAT):
                        await changed.wait()
                    changed.clear()
                    await response.write(CHANGED)
                    await asyncio.sleep(AT_MOST_EVERY)
                except TimeoutError:
                    await response.write(ALIVE)
        except ConnectionError:
            pass  # the page was left
        finally:
            self._listening.discard(changed)
        return response

    async def _may_listen(self, visit: Visit) -> bool:
        token = visit.token
        return await visit.house.look(lambda transaction: logins.who(transaction, token=token)) is not None
