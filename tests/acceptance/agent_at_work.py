"""An agent at work in a house of its own process, which dies under her."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import aiohttp
from sqlalchemy import Engine, select

from campaigns.policy import Refusal
from desk import passwords, staff
from storage.commits import Transaction
from storage.contacts import Address
from storage.conversations import Conversation
from storage.database import synchronous_engine
from storage.deliveries import ACTIVE, Delivery
from storage.drafts import Draft
from storage.interactions import Interaction
from storage.migrations import migrate
from tests.channels.telegram_server import TelegramServer
from tests.ports import free_port
from tests.torture import TELEGRAM_TOKEN, Process, environment_of
from tests.web.console.people import PASSWORD

CUSTOMERS = range(7001, 7007)
REST = 90.0
"""Longest wait in seconds for everything to have left: the lease of whoever died in the middle of it runs out in it."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What an agent wrote to one customer."""

    chat: int
    conversation: int
    text: str
    interaction: int


class Ada:
    """Who works here, and her house, which dies under her."""

    def __init__(self, engine: Engine, process: Process, http: aiohttp.ClientSession, telegram: TelegramServer) -> None:
        self._engine, self._process, self._http, self._telegram = engine, process, http, telegram
        self._csrf = ""

    async def log_in(self) -> None:
        form = {"email": "ada@shop.test", "password": PASSWORD}
        async with self._http.post(f"{self._process.url}/console/login", data=form, headers=self._from_here) as answer:
            found = re.search(r'name="csrf" value="(\w+)"', await answer.text())
        assert found is not None
        self._csrf = found.group(1)

    async def take_over(self) -> Mapping[int, int]:
        """Everybody writes, and their conversations are hers: by customer."""
        for chat in CUSTOMERS:
            await self._telegram.say(chat, "hello")
        await self._telegram.until(lambda: all(self._telegram.inbox(chat) for chat in CUSTOMERS), within=REST)
        with self._engine.connect() as connection:
            found = connection.execute(select(Address.uri, Conversation.id).join_from(Conversation, Address)).all()
        talks = {int(uri.partition(":")[2]): conversation for uri, conversation in found}
        for conversation in talks.values():
            status, _ = await self._post(f"{conversation}/take", {})
            assert status == 200
        return talks

    async def reply(self, chat: int, conversation: int, text: str) -> Said:
        status, _ = await self._post(f"{conversation}/reply", {"kind": "reply", "text": text})
        assert status == 200
        with self._engine.connect() as connection:
            statement = select(Interaction.id).where(
                Interaction.conversation_id == conversation, Interaction.text == text
            )
            (interaction,) = connection.scalars(statement).all()
        return Said(chat=chat, conversation=conversation, text=text, interaction=interaction)

    async def wait(self, seconds: float, *, since: float) -> None:
        """Until so many seconds after a moment of the steady clock."""
        await asyncio.sleep(max(0.0, since + seconds - time.monotonic()))

    async def take_back_while_it_dies(self, regretted: Sequence[Said], chance: Random) -> Sequence[Said]:
        """Which of them the house had said were taken back, before it died."""

        async def take_back(one: Said) -> bool:
            try:
                status, _ = await self._post(f"{one.conversation}/undo", {"interaction": str(one.interaction)})
            except (aiohttp.ClientError, OSError):
                return False
            assert status in (200, 409), "it is taken back, or has left already"
            return status == 200

        asked = [asyncio.create_task(take_back(one)) for one in regretted]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0.4 * chance.random() * chance.random())
        await self._process.kill()
        answers = await asyncio.gather(*asked)
        return [one for one, taken in zip(regretted, answers, strict=True) if taken]

    async def come_back(self) -> None:
        """The house starts again, and all that still waited leaves."""
        await self._process.start()
        await self._process.ready(self._http)
        end = time.monotonic() + REST
        while time.monotonic() < end:
            with self._engine.connect() as connection:
                if connection.scalar(select(Delivery.id).where(ACTIVE).limit(1)) is None:
                    return
            await asyncio.sleep(0.2)
        raise AssertionError("something waits for ever")

    async def fate(self, said: Said) -> str:
        """What became of it: in the thread, in the outbox, in the drafts and at the customer's alike."""
        arrived = [message["text"] for message in self._telegram.inbox(said.chat)].count(said.text)
        with self._engine.connect() as connection:
            of_it = Delivery.interaction_id == said.interaction
            status, reason = connection.execute(select(Delivery.status, Delivery.reason).where(of_it)).one()
            statement = select(Draft.text).where(Draft.conversation_id == said.conversation)
            drafts = connection.scalars(statement).all()
        shown = await self._line(said)
        match status:
            case "sent":
                assert (arrived, drafts) == (1, [])
                assert "sent" in shown
                return "sent"
            case "skipped":
                assert (arrived, drafts, reason) == (0, [said.text], Refusal.UNDONE)
                assert "taken back" in shown
                return "taken back"
            case _:
                assert (status, drafts) == ("unknown", []), "its answer was lost with whoever waited for it"
                assert arrived <= 1
                return "unknown"

    async def _line(self, said: Said) -> str:
        """How the thread shows it."""
        where = f"{self._process.url}/console/conversations/{said.conversation}/lines"
        async with self._http.get(where) as answer:
            html = await answer.text()
        found = re.search(rf'id="line-{said.interaction}">(.*?)</li>', html, re.DOTALL)
        assert found is not None
        return found.group(1)

    async def _post(self, path: str, fields: Mapping[str, str]) -> tuple[int, str]:
        where = f"{self._process.url}/console/conversations/{path}"
        headers = self._from_here | {"HX-Request": "true"}
        async with self._http.post(where, data={"csrf": self._csrf, **fields}, headers=headers) as answer:
            return answer.status, await answer.text()

    @property
    def _from_here(self) -> dict[str, str]:
        return {"Origin": self._process.url}


@asynccontextmanager
async def agent_at_work(folder: Path) -> AsyncGenerator[Ada]:
    url = f"sqlite:///{folder}/rapport.sqlite3"
    migrate(url)
    engine = synchronous_engine(url)
    with engine.begin() as connection:
        transaction = Transaction(connection=connection, now=datetime.now(UTC))
        link, stored = staff.first_link(transaction), passwords.hashed(PASSWORD)
        assert link is not None
        staff.come_in(
            transaction, token=link, password=stored, client="::1", name="Ada", email="ada@shop.test", language="en"
        )
    jar = aiohttp.CookieJar(unsafe=True)
    async with TelegramServer(token=TELEGRAM_TOKEN) as telegram, aiohttp.ClientSession(cookie_jar=jar) as http:
        environment = environment_of(folder, url, telegram.url)
        process = Process(role="all", port=free_port(), environment=environment, log=folder / "log")
        try:
            await process.start()
            await process.ready(http)
            ada = Ada(engine, process, http, telegram)
            await ada.log_in()
            yield ada
        finally:
            if process.child is not None and process.child.returncode is None:
                process.child.kill()
                await process.child.wait()
            engine.dispose()
