"""What every engine must keep to, whoever it is and in whatever state: the contract of `Understander`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from nlu.embedded import Embedded
from nlu.entities import Entities
from nlu.fallback import WithFallback
from nlu.rasa_client import Rasa, RasaSettings
from nlu.understanding import Understander
from tests.nlu import rasa_server
from tests.nlu.rasa_server import TOKEN
from tests.nlu.shop import CATALOGUE

TEXTS = [
    "我要退款，订单SL20260012",
    "",
    "   ",
    "where is my Longjing? paid $25 on 2026-03-05",
    "😡" * 50,
    "\x00\x1b[2J",
    "\u202eolleh\u202c",
    "مرحبا",
    "\U0010ffff\ud800",
    "a" * 100_000,
    "'; DROP TABLE contact; --",
    "{{7*7}} ${7*7} <script>alert(1)</script>",
]


def entities() -> Entities:
    return Entities(catalogue=CATALOGUE)


@asynccontextmanager
async def rasa(embedded: Embedded) -> AsyncGenerator[Understander]:
    async with rasa_server.running() as server:
        engine = Rasa(RasaSettings(url=server.url, token=TOKEN, timeout=5.0), entities())
        yield engine
        await engine.close()


@asynccontextmanager
async def rasa_that_talks_nonsense(embedded: Embedded) -> AsyncGenerator[Understander]:
    async with rasa_server.running() as server:
        server.body = b"<html>"
        engine = Rasa(RasaSettings(url=server.url, token=TOKEN, timeout=5.0), entities())
        yield engine
        await engine.close()


@asynccontextmanager
async def rasa_that_is_dead(embedded: Embedded) -> AsyncGenerator[Understander]:
    async with rasa_server.running() as server:
        url = server.url
    engine = Rasa(RasaSettings(url=url, token=TOKEN), entities())
    yield engine
    await engine.close()


@asynccontextmanager
async def only_embedded(embedded: Embedded) -> AsyncGenerator[Understander]:
    yield embedded


@asynccontextmanager
async def rasa_with_a_standby(embedded: Embedded) -> AsyncGenerator[Understander]:
    async with rasa(embedded) as preferred:
        yield WithFallback(preferred, embedded, timeout=5.0)


@asynccontextmanager
async def dead_rasa_with_a_standby(embedded: Embedded) -> AsyncGenerator[Understander]:
    async with rasa_that_is_dead(embedded) as preferred:
        yield WithFallback(preferred, embedded)


ENGINES: dict[str, Callable[[Embedded], AbstractAsyncContextManager[Understander]]] = {
    "embedded": only_embedded,
    "rasa": rasa,
    "rasa talking nonsense": rasa_that_talks_nonsense,
    "rasa dead": rasa_that_is_dead,
    "rasa with a standby": rasa_with_a_standby,
    "dead rasa with a standby": dead_rasa_with_a_standby,
}


@pytest.fixture(params=ENGINES.values(), ids=list(ENGINES))
async def engine(request: pytest.FixtureRequest, embedded: Embedded) -> AsyncGenerator[Understander]:
    async with request.param(embedded) as understander:
        yield understander


async def test_every_text_has_its_understanding_in_order(engine: Understander) -> None:
    understandings = await engine.understand(TEXTS)
    assert len(understandings) == len(TEXTS)
    assert [entity.value for entity in understandings[0].entities] == ["SL20260012"]
    assert [entity.kind for entity in understandings[3].entities] == ["product", "amount", "date"]


async def test_no_texts_have_no_understandings(engine: Understander) -> None:
    assert list(await engine.understand([])) == []


async def test_what_is_not_understood_says_why(engine: Understander) -> None:
    for understanding in await engine.understand(TEXTS):
        assert understanding.intents or understanding.failure


async def test_an_empty_text_has_no_language_and_no_intent(engine: Understander) -> None:
    for understanding in await engine.understand(["", " \t\n"]):
        assert (understanding.language, understanding.intents) == (None, ())
        assert understanding.failure is not None
        assert understanding.failure.endswith("empty")


async def test_confidences_are_shares_and_fall(engine: Understander) -> None:
    for understanding in await engine.understand(TEXTS):
        confidences = [intent.confidence for intent in understanding.intents]
        assert confidences == sorted(confidences, reverse=True)
        assert all(math.isfinite(confidence) and 0 <= confidence <= 1 for confidence in confidences)


async def test_entities_lie_where_they_say(engine: Understander) -> None:
    for text, understanding in zip(TEXTS, await engine.understand(TEXTS), strict=True):
        assert all(text[entity.start : entity.end] == entity.text for entity in understanding.entities)


async def test_the_language_does_not_depend_on_the_engine(engine: Understander, embedded: Embedded) -> None:
    expected = [understanding.language for understanding in embedded.understand_now(TEXTS)]
    assert [understanding.language for understanding in await engine.understand(TEXTS)] == expected


async def test_an_engine_may_be_asked_many_things_at_once(engine: Understander) -> None:
    answers = await asyncio.gather(*(engine.understand([f"我要退款 {number}"]) for number in range(20)))
    assert [len(answer) for answer in answers] == [1] * 20
