"""Both channels' doors of a whole house, wide open, and what may come in through them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import text

from nlu.understanding import Language
from storage.database import synchronous_engine
from storage.everything import Entity
from storage.interactions import Direction, Interaction, RefusedInput, TurnRecord
from tests.acceptance.tea_house import (
    IDENTITY_KEY,
    TELEGRAM_SECRET,
    TeaHouse,
    Visitor,
    open_tea_house,
    settings_of,
    wording,
)
from tests.channels.telegram_server import TelegramServer, person, private

TOKEN = "4242424242:loopback-token-of-a-bot"
SECRET = {"X-Telegram-Bot-Api-Secret-Token": TELEGRAM_SECRET}
UNLIMITED = {"visitor_per_second": 1e6, "visitor_burst": 10**6, "client_per_second": 1e8, "client_burst": 10**8}

HOSTILE = {
    "sql": "'; DROP TABLE interactions; --",
    "sql, quoted": '" OR 1=1; DELETE FROM contacts; /*',
    "html": "<script>document.title='x'</script><img src=x onerror=alert(1)>",
    "template": "{{7*7}} ${7*7} #{7*7} <%= 7*7 %> {% raw %}",
    "format": "{0.__class__.__mro__} {business} {name!r} %s %(name)s %n",
    "markup": "*bold* _italic_ [x](javascript:alert(1)) `code` [bold red]rich[/] <b>b</b>",
    "escape": "\x1b[31mred\x1b[0m \x07\x08\x7f\x9b",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈👍🏿🇹🇼 🫖",
    "right to left": "\u202eמשלוח\u202c متى يصل الطرد؟ \u2066x\u2069",
    "zero width": "ref\u200bund\u200d\u2060\ufeff me\u00ad",
    "combining": "Z\u0351\u0343\u036a\u0302a\u0349\u0347lgo" + "\u0301" * 500,
    "other planes": "𠜎𠜱𡿺 \U0010fffd \ufffe",
    "whitespace": " \t\r\n\u3000\u2028\u2029\x0b\x0c x",
    "order": "SL20260012'; DROP TABLE orders; --",
    "slashes": "/start /../../etc/passwd \\..\\ %00 %2e%2e",
}


@asynccontextmanager
async def house_with_both(folder: Path, models: Path) -> AsyncGenerator[tuple[TeaHouse, TelegramServer]]:
    """A house with web chat and, by webhook, Telegram."""
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(TelegramServer(token=TOKEN))
        address = settings_of(folder, models).server.port
        house = await stack.enter_async_context(
            open_tea_house(
                folder,
                models,
                server={"port": address, "public_url": f"http://127.0.0.1:{address}"},
                webchat={"identity_key": IDENTITY_KEY, **UNLIMITED},
                telegram={
                    "token": TOKEN,
                    "api_base": telegram.url,
                    "webhook": True,
                    "webhook_secret": TELEGRAM_SECRET,
                },
            )
        )
        await telegram.until(lambda: telegram.webhook["url"])
        await telegram._stop_calling()  # the test calls
        yield house, telegram


@pytest.fixture
async def both(tmp_path: Path, trained_models: Path) -> AsyncGenerator[tuple[TeaHouse, TelegramServer]]:
    async with house_with_both(tmp_path, trained_models) as opened:
        yield opened


@pytest.fixture
async def house(both: tuple[TeaHouse, TelegramServer]) -> TeaHouse:
    return both[0]


@pytest.fixture
async def http() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def is_well(house: TeaHouse, http: aiohttp.ClientSession) -> None:
    """The house answers, and nothing inside has failed."""
    async with http.get(f"{house.url}/readyz") as response:
        assert response.status == 200, await response.text()
    visitor = await Visitor(house, http).visit()
    assert wording("small.hello", Language.EN).search(await visitor.ask("Hello"))
    assert failures(house) == []


def failures(house: TeaHouse) -> list[str]:
    """What went wrong in our own code, by its own account."""
    said = [row["failure"] or "" for row in house.rows(TurnRecord)] + [
        row["reason"] for row in house.rows(RefusedInput)
    ]
    return [reason for reason in said if reason.startswith(("the engine failed", "not applied", "could not be stored"))]


def count(house: TeaHouse, *entities: type[Entity]) -> list[int]:
    engine = synchronous_engine(house.database)
    with engine.connect() as connection:
        counts = [
            connection.execute(text(f"SELECT count(*) FROM {entity.__tablename__}")).scalar_one() for entity in entities
        ]
    engine.dispose()
    return counts


def inbound(house: TeaHouse) -> list[dict[str, Any]]:
    return [row for row in house.rows(Interaction) if row["direction"] is Direction.IN]


def update(content: object, number: int = 7, kind: str = "message") -> bytes:
    return json.dumps({"update_id": number, kind: content}, ensure_ascii=False).encode()


def message(chat: int = 42, number: int = 1, **fields: object) -> dict[str, Any]:
    return {"message_id": number, "date": 1_770_000_000, "chat": private(chat), "from": person(chat), **fields}
