"""Whatever arrives at the whole house, nothing is silently dropped and no exception escapes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from channels.envelope import AddressUpdate, InboundMessage, Refusal
from channels.telegram.updates import inspect
from storage.interactions import Interaction, RefusedInput, TurnRecord
from tests.acceptance.open_doors import HOSTILE, SECRET, count, failures, house_with_both, message, update
from tests.acceptance.tea_house import TeaHouse, Visitor
from tests.channels.telegram_server import person

pytestmark = pytest.mark.slow

BOUNDED = settings(
    max_examples=120,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

Json = Any
WORDS = st.one_of(
    st.sampled_from([*HOSTILE.values(), "hello", "我要投诉", "SL20260012", "退款", "STOP", "yes", "2", ""]),
    st.text(st.characters(codec=None), max_size=60),
)
SCALARS = st.one_of(
    WORDS, st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False)
)
JUNK: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=6,
)
WHOLE: list[Json] = [
    {"message": message(text="hello")},
    {"message": message(photo=[{"file_id": "a", "width": 1, "height": 1}], caption="broken")},
    {"message": message(location={"latitude": 1.5, "longitude": 2})},
    {"message": message(contact={"phone_number": "+8613800135678", "first_name": "Wang"})},
    {"message": message(text="yes", reply_to_message={"message_id": 1})},
    {"edited_message": message(text="bye", edit_date=1_770_000_001)},
    {"callback_query": {"id": "1", "from": person(42), "data": "yes", "message": message(text="?")}},
    {
        "my_chat_member": {
            "chat": message()["chat"],
            "from": person(42),
            "date": 1_770_000_000,
            "new_chat_member": {"status": "kicked", "user": person(42)},
        }
    },
]


@st.composite
def spoiled(draw: st.DrawFn, whole: st.SearchStrategy[Json]) -> Json:
    """Something whole in which a few things, at any depth, are replaced, removed or added."""
    value = json.loads(json.dumps(draw(whole)))
    for _ in range(draw(st.integers(0, 3))):
        spot = value
        while isinstance(spot, dict) and spot:
            key = draw(st.sampled_from(sorted(spot)))
            if isinstance(spot[key], dict) and draw(st.booleans()):
                spot = spot[key]
                continue
            match draw(st.sampled_from(["replace", "words", "remove", "add"])):
                case "replace":
                    spot[key] = draw(JUNK)
                case "words":
                    spot[key] = draw(WORDS)
                case "remove":
                    del spot[key]
                case _:
                    spot[draw(WORDS)] = draw(JUNK)
            break
    return value


@dataclass
class Doors:
    """A house that stays open over many examples, and the loop it lives in."""

    runner: asyncio.Runner
    house: TeaHouse
    http: aiohttp.ClientSession
    visitor: Visitor
    numbers: int = 1000
    ids: int = 0
    seen: list[str] = field(default_factory=list)
    """What asyncio heard of exceptions that nobody caught."""


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory, trained_models: Path) -> Generator[Doors]:
    with asyncio.Runner() as runner:
        opened = house_with_both(tmp_path_factory.mktemp("house"), trained_models)
        house, _ = runner.run(opened.__aenter__())
        http = runner.run(_session())
        doors = Doors(runner=runner, house=house, http=http, visitor=runner.run(Visitor(house, http).visit()))
        runner.get_loop().set_exception_handler(lambda _loop, context: doors.seen.append(str(context)))
        yield doors
        runner.run(http.close())
        runner.run(opened.__aexit__(None, None, None))


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


def test_every_update_is_an_interaction_a_refusal_news_of_an_address_or_ignored_by_name(doors: Doors) -> None:
    @BOUNDED
    @given(spoiled(st.sampled_from(WHOLE)), st.booleans())
    def check(content: Json, with_number: bool) -> None:
        doors.numbers += 1
        number = {"update_id": doors.numbers} if with_number or not isinstance(content, dict) else {}
        raw = json.dumps({**number, **content} if isinstance(content, dict) else content).encode()
        doors.runner.run(take(doors, raw))

    check()
    assert_well(doors)


async def take(doors: Doors, raw: bytes) -> None:
    house = doors.house
    known = {row["external_id"] for row in house.rows(Interaction) if row["channel"] == "telegram"}
    interactions, refusals = count(house, Interaction, RefusedInput)
    async with doors.http.post(f"{house.url}/telegram", data=BytesIO(raw), headers=SECRET) as response:
        assert response.status in (200, 400), response.status
    await house.gateway.settle()
    looked = inspect(raw)
    after = {row["external_id"] for row in house.rows(Interaction) if row["channel"] == "telegram"}
    if looked.error is not None:
        assert count(house, RefusedInput) == [refusals + 1], looked
    elif looked.ignored is not None:
        assert looked.ignored
        assert count(house, Interaction, RefusedInput) == [interactions, refusals]
    for arrival in looked.arrivals:
        match arrival:
            case InboundMessage():
                assert arrival.external_id in after, arrival
            case AddressUpdate() | Refusal():
                pass
            case _:
                raise AssertionError(f"Telegram has no {arrival}")
    assert looked.arrivals or looked.error or looked.ignored, "silently dropped"
    assert known <= after


FRAMES: list[Json] = [
    {"type": "message", "id": "a", "text": "hello"},
    {"type": "message", "id": "a", "text": "", "attachments": [], "reply_to": 1, "start": "x"},
    {"type": "press", "id": "a", "value": "yes", "position": 1},
    {"type": "delivered", "positions": [1, 2]},
    {"type": "earlier", "before": 10},
    {"type": "typing"},
    {"type": "ping"},
    {"type": "hello", "token": "x", "after": None},
]


def test_every_frame_is_accepted_with_a_position_that_exists_or_answered_with_its_error(doors: Doors) -> None:
    @BOUNDED
    @given(spoiled(st.sampled_from(FRAMES)))
    def check(frame: Json) -> None:
        if isinstance(frame, dict) and frame.get("id") == "a":
            doors.ids += 1
            frame["id"] = f"f{doors.ids}"
        doors.runner.run(send(doors, frame))

    check()
    assert_well(doors)


async def send(doors: Doors, frame: Json) -> None:
    status, answers = await doors.visitor.send(frame)
    await doors.house.gateway.settle()
    kind = frame.get("type") if isinstance(frame, dict) else None
    # A greeting with a token that is none is told that its session is over.
    assert status in ((200, 400, 401, 413) if kind == "hello" else (200, 400, 413)), answers
    for answer in answers:
        if answer["type"] == "accepted":
            (row,) = (row for row in doors.house.rows(Interaction) if row["id"] == answer["position"])
            assert json.loads(row["raw"])["id"] == answer["id"]
        elif answer["type"] == "error":
            assert answer["code"]
            assert answer["sentence"]
    silent = {"delivered", "typing"}
    assert answers or kind in silent, "silently dropped"


def test_bytes_that_mean_nothing_are_refused_at_every_door(doors: Doors) -> None:
    @BOUNDED
    @given(st.binary(max_size=200))
    def check(raw: bytes) -> None:
        doors.runner.run(knock(doors, raw))

    check()
    assert_well(doors)


async def knock(doors: Doors, raw: bytes) -> None:
    refusals = count(doors.house, RefusedInput)
    async with doors.http.post(f"{doors.house.url}/telegram", data=BytesIO(raw), headers=SECRET) as response:
        assert response.status == 400
    assert count(doors.house, RefusedInput) == [refusals[0] + 1]
    url, headers = f"{doors.house.url}/webchat/send", doors.visitor.headers
    async with doors.http.post(url, data=BytesIO(raw), headers=headers) as response:
        assert (response.status, (await response.json())[0]["type"]) in ((400, "error"), (200, "pong"))


def assert_well(doors: Doors) -> None:
    """Every message has been part of a Turn, and none of the Turns failed."""
    doors.runner.run(doors.house.gateway.settle())
    assert failures(doors.house) == []
    assert doors.seen == []
    turns = count(doors.house, TurnRecord)
    assert turns[0] > 0
    waiting = doors.runner.run(_waiting(doors))
    assert waiting == 0
    body = BytesIO(update(message(chat=5, text="hello"), number=10**9))
    doors.runner.run(_still_answers(doors, body))


async def _waiting(doors: Doors) -> int:
    from sqlalchemy import text

    return await doors.house.gateway.database.read(
        lambda connection: connection.execute(text("SELECT count(*) FROM lanes WHERE newest > handled")).scalar_one()
    )


async def _still_answers(doors: Doors, body: BytesIO) -> None:
    async with doors.http.post(f"{doors.house.url}/telegram", data=body, headers=SECRET) as response:
        assert response.status == 200
    await doors.visitor.replies()
