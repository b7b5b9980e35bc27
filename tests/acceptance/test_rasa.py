"""The whole house with a Rasa server beside it that is well, slow, dead, or talks nonsense: conversation goes on."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp.test_utils import unused_port

from nlu.understanding import Language
from storage.interactions import TurnRecord
from tests.acceptance.tea_house import TeaHouse, Visitor, open_tea_house, wording
from tests.nlu import rasa_server
from tests.nlu.rasa_server import TOKEN, FakeRasa

QUESTION = "How long does delivery take?"


@pytest.fixture
async def rasa() -> AsyncGenerator[FakeRasa]:
    async with rasa_server.running() as rasa:
        yield rasa


def beside(url: str, **changes: object) -> dict[str, Any]:
    return {"engine": "rasa", "rasa_url": url.rstrip("/"), "rasa_token": TOKEN, "timeout": 0.3, **changes}


async def last_turn(house: TeaHouse) -> tuple[str, str | None, str | None]:
    """Who understood the last message, as what, and why not Rasa."""
    turn = house.rows(TurnRecord)[-1]
    (message,) = orjson.loads(turn["facts"])["messages"]
    assert message["understanding"]["engine"] == turn["engine"]
    return turn["engine"], turn["intent"], turn["failure"]


async def test_rasa_understands_and_the_turn_says_so(tmp_path: Path, trained_models: Path, rasa: FakeRasa) -> None:
    async with (
        open_tea_house(tmp_path, trained_models, nlu=beside(rasa.url)) as house,
        aiohttp.ClientSession() as http,
    ):
        visitor = await Visitor(house, http).visit()
        await visitor.ask("I want my money back for the Longjing")
        assert rasa.asked == ["I want my money back for the Longjing"]
        assert await last_turn(house) == ("rasa", "refund_request", None)


@pytest.mark.parametrize(
    ("misbehaviour", "reason"),
    [
        ({"silent": True}, "timed out"),
        ({"status": 500}, "500"),
        ({"body": b"<html>nginx</html>"}, ""),
        ({"body": b"[1, 2, 3]"}, ""),
        ({"body": b'{"intent": {"name": 7, "confidence": "sure"}, "intent_ranking": 7, "entities": [7]}'}, ""),
        ({"body": b'{"intent": {"name": "greet", "confidence": 1e400}}'}, ""),
        ({"body": b"\xff\xfe"}, ""),
        (
            {"body": b'{"intent_ranking": [{"name": "mood_great", "confidence": 0.98}], "entities": []}'},
            "rasa: has another model: mood_great is no intent of ours",
        ),
    ],
    ids=["slow", "failing", "a page", "a list", "wrong types", "infinite", "bytes", "another model"],
)
async def test_where_rasa_does_not_help_the_embedded_engine_answers_and_the_turn_says_why(
    tmp_path: Path, trained_models: Path, rasa: FakeRasa, misbehaviour: dict[str, Any], reason: str
) -> None:
    for name, value in misbehaviour.items():
        setattr(rasa, name, value)
    async with (
        open_tea_house(tmp_path, trained_models, nlu=beside(rasa.url)) as house,
        aiohttp.ClientSession() as http,
    ):
        visitor = await Visitor(house, http).visit()
        assert wording("knowledge.answer", Language.EN).search(await visitor.ask(QUESTION))
        engine, intent, failure = await last_turn(house)
        assert (engine, intent) == ("embedded", "shipping_question")
        assert failure is not None
        assert reason in failure
        rasa.silent, rasa.body, rasa.status = False, None, 200
        rasa.released.set()
        await visitor.ask("I want my money back")
        assert (await last_turn(house))[0] == "rasa", "one failure is forgiven"


async def test_a_dead_rasa_gets_a_rest_and_nobody_waits_for_it(tmp_path: Path, trained_models: Path) -> None:
    nlu = beside(f"http://127.0.0.1:{unused_port()}", breaker_failures=2, breaker_pause=60)
    async with open_tea_house(tmp_path, trained_models, nlu=nlu) as house, aiohttp.ClientSession() as http:
        visitor = await Visitor(house, http).visit()
        reasons: list[str | None] = []
        for _ in range(3):
            assert wording("knowledge.answer", Language.EN).search(await visitor.ask(QUESTION))
            reasons.append((await last_turn(house))[2])
        assert None not in reasons
        assert reasons[0] == reasons[1] != reasons[2], "the third time it is not even asked"
        async with http.get(f"{house.url}/metrics") as response:
            told = await response.text()
        assert "rapport_nlu_fallbacks_total" in told
