"""Listening: a page's events as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import StreamReader

from tests.web.console.people import Person


@dataclass
class Page:
    """An open page."""

    stream: StreamReader
    marks: list[str] = field(default_factory=list[str])

    async def hears(self, *events: str, seconds: float = 5.0) -> bool:
        """Whether all of these come in time."""
        wanted = set(events)
        try:
            async with asyncio.timeout(seconds):
                while wanted:
                    wanted.discard(await self.next())
        except TimeoutError:
            return False
        return True

    async def next(self) -> str:
        """The next event's name; EOFError where there are no more."""
        while True:
            try:
                block = (await self.stream.readuntil(b"\n\n")).decode()
            except asyncio.IncompleteReadError as error:
                raise EOFError from error
            if not block.strip():
                raise EOFError
            fields: dict[str, str] = {}
            for line in block.strip().splitlines():
                name, _, value = line.partition(": ")
                fields[name] = value
            if "event" in fields:
                self.marks.append(fields.get("id", ""))
                return fields["event"]


@asynccontextmanager
async def looking(person: Person, query: str = "", **headers: str) -> AsyncGenerator[Page]:
    """A page that looks at something, from when its connection stands."""
    async with person.client.get(f"/console/events?{query}", headers=headers) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        await response.content.readuntil(b"\n\n")
        yield Page(stream=response.content)
