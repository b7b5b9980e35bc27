"""The database goes away under load and comes back: nobody is told a lie, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from channels.protocol import StorageUnavailable
from channels.webchat.channel import Rate, WebChat, WebChatSettings
from gateway.gateway import utc_now
from gateway.settings import Database, Settings
from tests.acceptance import books
from tests.acceptance.house import House, Post, Provider, Window, message, open_house
from tests.channels.telegram_server import TelegramServer
from tests.clock import FrozenClock
from tests.postgres import PostgresServer
from tests.torture_load import Crowd
from tests.waiting import a_moment

pytestmark = [pytest.mark.usefixtures("small_house"), pytest.mark.slow]
UNLIMITED = Rate(per_second=float("inf"), burst=1)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
async def test_what_is_not_stored_is_not_acknowledged_and_what_is_acknowledged_is_there(
    how: signal.Signals, tmp_path: Path, clock: FrozenClock, postgres_server: PostgresServer, migrated_postgres_url: str
) -> None:
    provider = Provider()
    channels = [Post("post", provider), Window("window", ["window:1"])]
    house = await open_house(tmp_path, channels, clock, migrated_postgres_url)
    acknowledged: dict[tuple[str, str], str] = {}
    refused = 0
    away = asyncio.Event()

    async def write(number: int) -> None:
        nonlocal refused
        channel = ("post", "window")[number % 2]
        for count in range(40):
            said = message(channel, f"{channel}:{number}", f"{number}-{count}", Random(count).choice(("", "twice")))
            while True:
                try:
                    await house.ports[channel].accept([said], cursor=said.external_id)
                    break
                except StorageUnavailable:
                    refused += 1
                    await a_moment()
            acknowledged[channel, said.external_id] = said.address
            if len(acknowledged) > 40:
                away.set()

    async def fail() -> None:
        for _ in range(2):
            await away.wait()
            await asyncio.to_thread(postgres_server.stop, how=how)
            with pytest.raises(StorageUnavailable):
                await house.ports["post"].cursor()
            with pytest.raises(StorageUnavailable):
                await house.ports["window"].history("window:1")
            postgres_server.start()  # from this thread: it ends with the one that started it
            await a_moment()

    await asyncio.gather(fail(), *(write(number) for number in range(4)))
    await house.rest(clock)
    kept = await house.database.read(books.read)
    await house.stop()
    assert refused > 0, "the database was never missed"
    assert len(acknowledged) == 160
    assert books.mistakes(kept, acknowledged) + books.unanswered(kept) == []
    times = [key for _, key, _ in provider.taken]
    assert len(times) == len(set(times))
    by_key = {line.key: line for line in kept.outbound if line.channel == "post"}
    assert {key for key in by_key if by_key[key].status == "sent"} <= set(times)


async def test_web_chat_says_unavailable_and_telegram_keeps_its_offset_until_the_database_is_back(
    tmp_path: Path, postgres_server: PostgresServer, migrated_postgres_url: str
) -> None:
    from channels.telegram.channel import Telegram, TelegramSettings

    chat = WebChat(
        WebChatSettings(secret=b"x" * 32, visitor_rate=UNLIMITED, client_rate=UNLIMITED, visit_rate=UNLIMITED),
        clock=utc_now,
    )
    async with TelegramServer() as bot, ClientSession() as http:
        telegram = Telegram(TelegramSettings(token=bot.token, api_base=bot.url), clock=utc_now)
        settings = Settings(data_dir=tmp_path, database=Database(url=SecretStr(migrated_postgres_url)))
        house = House(settings, channels=[chat, telegram])
        await house.start()
        server = TestServer(house.application())
        await server.start_server()
        crowd = Crowd(
            urls=[str(server.make_url("")).rstrip("/")], http=http, telegram=bot, chance=Random(3), visitors=3, people=0
        )
        writing = asyncio.create_task(crowd.write())
        await bot.say(7001, "before")
        await _until(lambda: crowd.accepted > 10 and bot.inbox(7001))
        await asyncio.to_thread(postgres_server.stop)
        try:
            before = crowd.accepted
            update = await bot.say(7001, "meanwhile")
            await _until(lambda: crowd.refusals > 5)  # by then a wrong offset would have arrived
            assert update in bot.updates, "Telegram was told to forget what is not stored"
            assert crowd.accepted <= before + 9, "what cannot be stored was accepted"
        finally:
            postgres_server.start()
        await _until(lambda: crowd.accepted > before + 20 and len(bot.inbox(7001)) == 2)
        crowd.enough.set()
        await asyncio.wait_for(writing, 30)
        await _until_seen(house, crowd)
        kept = await house.database.read(books.read)
        await crowd.go_home()
        await server.close()
        await house.stop()
    assert books.mistakes(kept, crowd.acknowledged()) + books.unhandled(kept) == []
    assert crowd.mistakes(kept) + crowd.complaints == []
    assert [message["text"].split()[0] for message in bot.inbox(7001)] == ["re", "re"]


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(40):
        while not condition():
            await a_moment()


async def _until_seen(house: House, crowd: Crowd) -> None:
    async with asyncio.timeout(40):
        while True:
            with suppress(Exception):
                await house.tick()
            left = await house.database.read(books.unfinished)
            if not left and not crowd.unseen(await house.database.read(books.read)):
                return
            await a_moment()
