"""A running house with its console open, and people in front of it, each with a browser's cookies."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient, TestServer

from desk import passwords, staff
from desk.logins import Present
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, Letters, open_house

PASSWORD = "correct horse battery"


@dataclass
class Person:
    """Somebody with a browser, who follows no redirect unasked."""

    client: TestClient[Any, Any]
    origin: str
    csrf: str = ""

    async def get(self, path: str, **headers: str) -> Seen:
        return await _seen(await self.client.get(path, headers=headers, allow_redirects=False))

    async def post(
        self, path: str, fields: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Seen:
        """As a form of the console does, unless said otherwise."""
        given = {"csrf": self.csrf} | dict(fields or {})
        sent = {"Origin": self.origin} | dict(headers or {})
        return await _seen(await self.client.post(path, data=given, headers=sent, allow_redirects=False))

    async def log_in(self, email: str, password: str = PASSWORD, *, where: str = "") -> Seen:
        seen = await self.post("/console/login", {"email": email, "password": password, "next": where})
        if seen.status == 303:
            page = await self.get("/console/inbox")
            found = re.search(r'name="csrf" value="(\w+)"', page.html or (await self.get("/console")).html)
            self.csrf = found.group(1) if found else ""
        return seen


@dataclass
class Seen:
    """An answer."""

    status: int
    html: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]

    @property
    def words(self) -> str:
        """What a reader sees of it."""
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.html)).split())

    @property
    def where(self) -> str:
        return self.headers.get("Location", "")


async def _seen(response: ClientResponse) -> Seen:
    cookies = {name: morsel.OutputString() for name, morsel in response.cookies.items()}
    return Seen(status=response.status, html=await response.text(), headers=response.headers, cookies=cookies)


@dataclass
class Console:
    """The house, and its console as it is served."""

    house: House
    server: TestServer
    clients: list[TestClient[Any, Any]] = field(default_factory=list)

    def somebody(self) -> Person:
        """Who has not logged in."""
        client = TestClient(self.server, cookie_jar=CookieJar(unsafe=True))
        self.clients.append(client)
        return Person(client=client, origin=str(self.server.make_url("")).rstrip("/"))

    async def staff(self, name: str, *roles: str, language: str = "en") -> Person:
        """Who works here in these roles, logged in."""
        email = f"{name.lower()}@shop.test"
        stored, do = passwords.hashed(PASSWORD), self.house.do
        first = await do(staff.first_link)
        if first is not None:
            await do(
                staff.come_in,
                token=first,
                password=stored,
                client="::1",
                name="Ada",
                email="ada@shop.test",
                language="en",
            )
        if name != "Ada":
            invited = await do(staff.invite, by=ADA, name=name, email=email, roles=roles, language=language)
            await do(staff.come_in, token=invited.token, password=stored, client="::1", language=language)
        person = self.somebody()
        seen = await person.log_in(email)
        assert seen.status == 303
        return person


@asynccontextmanager
async def open_console(
    url: str, folder: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, *channels: Letters
) -> AsyncGenerator[Console]:
    """`channels`: those of the house, where it has others than usual."""
    async with open_house(url, folder, clock, monkeypatch, *channels) as house:
        server = TestServer(house.gateway.application())
        await server.start_server()
        console = Console(house=house, server=server)
        yield console
        for client in console.clients:
            await client.close()
        await server.close()


ADA = Present(
    staff=1,
    name="Ada",
    email="ada@shop.test",
    roles=("admin",),
    language="en",
    session=b"",
    seen_at=FrozenClock().now(),
)
