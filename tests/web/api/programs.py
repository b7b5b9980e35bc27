"""Programs in front of a running house, each with a token."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from desk import passwords, programs, staff
from desk.rights import Right
from tests.clock import FrozenClock
from tests.gateway.desk_house import House
from tests.web.console.people import ADA, PASSWORD, Console, open_console

ROOT = "/api/v1"
EVERYTHING = tuple(right.value for right in Right if right is not Right.BE_HERE)


@dataclass
class Answer:
    """What a program was told."""

    status: int
    said: Any
    headers: Mapping[str, str]


@dataclass
class Calling:
    """A program with its token."""

    client: TestClient[Any, Any]
    token: str

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, None, headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return await self.ask("POST", path, body, headers)

    async def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        shown = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent = shown | {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        response = await self.client.request(method, f"{ROOT}{path}", json=body, headers=sent, allow_redirects=False)
        content = await response.read()
        if response.content_type == "text/csv":
            said: Any = content.decode()
        else:
            said = await response.json(content_type=None) if content else None
        return Answer(status=response.status, said=said, headers=response.headers)


@dataclass
class Interface:
    """The house, its console, and the way in for programs."""

    console: Console
    made: int = 0

    @property
    def house(self) -> House:
        return self.console.house

    async def program(self, *scopes: str, name: str = "", read_only: bool = False, days: int | None = None) -> Calling:
        """A program that may do so much."""
        self.made += 1
        made = await self.house.do(
            programs.make_token,
            by=ADA,
            name=name or f"Program {self.made}",
            scopes=scopes or EVERYTHING,
            read_only=read_only,
            days=days,
        )
        return self.calling(made.token)

    def calling(self, token: str) -> Calling:
        return Calling(client=self.console.somebody().client, token=token)

    async def asks_for_a_person(self, text: str = "a person, please") -> None:
        self.house.hears.intent = "human_request"
        await self.house.write(text)
        await self.house.later(1)


@asynccontextmanager
async def open_interface(
    url: str, folder: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Interface]:
    async with open_console(url, folder, clock, monkeypatch) as console:
        first = await console.house.do(staff.first_link)
        assert first is not None
        await console.house.do(
            staff.come_in,
            token=first,
            password=passwords.hashed(PASSWORD),
            client="::1",
            name="Ada",
            email="ada@shop.test",
            language="en",
        )
        yield Interface(console=console)
