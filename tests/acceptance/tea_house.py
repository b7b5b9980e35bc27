"""The demonstration shop, whole: the real gateway on loopback, with its playbook, its engine and a database."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import ClientSession, web
from aiohttp.test_utils import unused_port

from bot.playbook import Playbook, load
from gateway.cells import Customs
from gateway.gateway import Gateway
from gateway.importing import Kind, Request, import_file, prepare
from gateway.playbooks import files
from gateway.reach import reach
from gateway.settings import Settings
from nlu.understanding import Language
from storage.database import synchronous_engine
from storage.everything import Entity
from storage.migrations import migrate
from tests.given import CHECKOUT

PLAYBOOK = CHECKOUT / "playbook"
IDENTITY_KEY = "shared with the shop's own backend"
TELEGRAM_SECRET = "a-webhook-secret-of-some-length"
MONDAY = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""Noon in Shanghai: the shop is open."""

CONTACTS = (
    "contact_id,name,language,time_zone,email,phone,marketing_email,consent_source,consent_at\n"
    "K1,Lin Yue,en,Asia/Shanghai,lin@example.com,+8613800135678,yes,sign-up form,2026-01-05\n"
)
ORDERS = (
    "order_id,contact_id,date,amount,currency,status,product,quantity\n"
    "SL20260012,K1,2026-02-25,129.00,CNY,delivered,zisha,1\n"
)


class RunningClock:
    """It is Monday noon when the house opens, whatever day it is, and time passes."""

    def __init__(self, begins: datetime = MONDAY) -> None:
        self._ahead = begins.timestamp() - monotonic()

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(monotonic() + self._ahead, UTC)

    def jump(self, span: timedelta) -> None:
        """So much later, at once."""
        self._ahead += span.total_seconds()


@dataclass
class TeaHouse:
    """Can be closed and opened again on the same port, as a server is when it is updated."""

    settings: Settings
    clock: RunningClock = field(default_factory=RunningClock)
    gateway: Gateway = field(init=False)
    _runner: web.AppRunner = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.server.port}"

    @property
    def database(self) -> str:
        return self.settings.database_url.render_as_string(hide_password=False)

    async def open(self) -> None:
        self.gateway = Gateway(self.settings, clock=self.clock)
        await self.gateway.start()
        self._runner = web.AppRunner(self.gateway.application(), access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.settings.server.port).start()

    async def close(self) -> None:
        await self.gateway.stop()
        await self._runner.cleanup()

    async def restart(self) -> None:
        await self.close()
        await self.open()

    def rows(self, entity: type[Entity]) -> list[dict[str, Any]]:
        """A table, row for row, in the order of its key."""
        engine = synchronous_engine(self.database)
        with engine.connect() as connection:
            table = entity.__table__
            key = [column for column in table.columns if column.primary_key]
            found = [dict(row) for row in connection.execute(table.select().order_by(*key)).mappings()]
        engine.dispose()
        return found


def settings_of(folder: Path, models: Path, **sections: Any) -> Settings:
    """Settings of a tea house in this folder, which finds its engine trained."""
    shutil.copytree(models, folder / "data" / "models", dirs_exist_ok=True)
    wanted: dict[str, Any] = {
        "data_dir": folder / "data",
        "playbook": PLAYBOOK,
        "server": {"port": unused_port()},
        "webchat": {"identity_key": IDENTITY_KEY},
    }
    return Settings.model_validate(wanted | sections)


@asynccontextmanager
async def open_tea_house(
    folder: Path, models: Path, *, contacts: str = CONTACTS, orders: str = ORDERS, **sections: Any
) -> AsyncGenerator[TeaHouse]:
    """Customers and orders are imported before it opens."""
    house = TeaHouse(settings=settings_of(folder, models, **sections))
    await bring_in(house.settings, folder, {Kind.CONTACTS: contacts, Kind.ORDERS: orders})
    await house.open()
    try:
        yield house
    finally:
        await house.close()


async def bring_in(settings: Settings, folder: Path, tables: Mapping[Kind, str]) -> list[str]:
    """Import CSV texts into a house that is closed; returns what was wrong, as `line: reason`."""
    migrate(settings.database_url.render_as_string(hide_password=False))
    customs = Customs(region="CN", zone=ZoneInfo("Asia/Shanghai"), now=MONDAY)
    bad: list[str] = []
    async with reach(settings, lambda: MONDAY) as house:
        for kind, text in tables.items():
            path = folder / f"{kind}.csv"
            path.write_text(text, "utf-8")
            request = Request(kind=kind, path=path, customs=customs)
            await import_file(
                house, request, prepare(request), on_bad=lambda row: bad.append(f"{row.line}: {row.reason}")
            )
    return bad


@cache
def playbook() -> Playbook:
    """What the shop's assistant may say."""
    return load(files(PLAYBOOK))


def wording(key: str, language: Language) -> re.Pattern[str]:
    """Any of the key's wordings, with anything in the place of its placeholders."""
    variants = (
        "".join(".*?" if at % 2 else re.escape(piece) for at, piece in enumerate(variant.pieces))
        for variant in playbook().texts[language][key]
    )
    return re.compile("|".join(f"(?:{variant})" for variant in variants), re.DOTALL)


def label(key: str, language: Language) -> str:
    """A wording that has one variant and no placeholders, such as a button's."""
    ((text,),) = (variant.pieces for variant in playbook().texts[language][key])
    return text


@dataclass
class Visitor:
    """A web chat customer without a browser: the protocol over plain HTTP."""

    house: TeaHouse
    http: ClientSession
    token: str = ""
    address: str = ""
    read: int = 0
    count: int = 0

    async def visit(self, identity: str | None = None) -> Visitor:
        body = {} if identity is None else {"identity": identity}
        async with self.http.post(f"{self.house.url}/webchat/visit", json=body) as response:
            assert response.status == 200, await response.text()
            told = await response.json()
        self.token, self.address = told["token"], f"webchat:{told['visitor']}"
        return self

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def send(self, *frames: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
        """Frames as they are; the status and the answers."""
        async with self.http.post(
            f"{self.house.url}/webchat/send", json=list(frames), headers=self.headers
        ) as response:
            return response.status, await response.json()

    async def write(self, text: str) -> None:
        """A message, and everything that follows from it happens at once."""
        self.count += 1
        status, answers = await self.send({"type": "message", "id": f"m{self.count}", "text": text})
        assert status == 200, answers
        await self.house.gateway.settle()

    async def replies(self) -> list[dict[str, Any]]:
        """What the house said since we looked last."""
        url, query = f"{self.house.url}/webchat/poll", {"after": self.read, "wait": 0}
        async with self.http.get(url, params=query, headers=self.headers) as response:
            assert response.status == 200, await response.text()
            frames: Sequence[dict[str, Any]] = await response.json()
        messages = [frame for frame in frames if frame["type"] == "message" and frame["position"] > self.read]
        self.read = max([self.read, *(frame["position"] for frame in messages)])
        return [frame for frame in messages if frame["author"] != "customer"]

    async def ask(self, text: str) -> str:
        """Write, and what is answered."""
        await self.write(text)
        return "\n".join(reply["text"] for reply in await self.replies())
