"""Words are words: stored as they are, shown as text, never run, whatever they look like and wherever they stand."""

from __future__ import annotations

import json
from io import BytesIO

import aiohttp
import pytest

from desk import conversations
from nlu.understanding import Language
from storage.contacts import Contact
from storage.conversations import Conversation
from storage.interactions import TurnRecord
from storage.orders import Order
from tests.acceptance.open_doors import HOSTILE, SECRET, count, failures, inbound, is_well, message, update
from tests.acceptance.tea_house import (
    IDENTITY_KEY,
    TeaHouse,
    Visitor,
    wording,
)
from tests.channels.telegram_server import person
from tests.channels.test_webchat_identity import signed


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_words_are_stored_as_they_are_and_answered(
    house: TeaHouse, http: aiohttp.ClientSession, words: str
) -> None:
    visitor = await Visitor(house, http).visit()
    before = count(house, Contact, Order)
    answer = await visitor.ask(words)
    async with http.post(f"{house.url}/telegram", data=update(message(text=words)), headers=SECRET) as response:
        assert response.status == 200
    await house.gateway.settle()
    assert [row["text"].strip() for row in inbound(house)] == [words.strip()] * 2
    web, phone = (json.loads(row["raw"]) for row in inbound(house))
    assert (web["text"], phone["message"]["text"]) == (words, words)
    assert "49" not in answer
    assert "<class" not in answer
    assert count(house, Contact, Order) == [before[0] + 2, before[1]]
    await is_well(house, http)


async def test_nul_bytes_are_dropped_and_lone_surrogates_replaced(house: TeaHouse, http: aiohttp.ClientSession) -> None:
    visitor = await Visitor(house, http).visit()
    body = b'{"type": "message", "id": "1", "text": "a\\u0000b \\ud800 c \\udfff\\ud83d"}'
    async with http.post(f"{house.url}/webchat/send", data=body, headers=visitor.headers) as response:
        assert response.status == 200
    odd = update(message(text="X")).replace(b'"X"', b'"a\\u0000b \\ud800 c \\udfff\\ud83d"')
    async with http.post(f"{house.url}/telegram", data=odd, headers=SECRET) as response:
        assert response.status == 200
    await house.gateway.settle()
    assert [row["text"] for row in inbound(house)] == ["ab \ufffd c \ufffd\ufffd", "ab \ufffd c \ufffd\ufffd"]
    assert [row["raw"] for row in inbound(house)] == [body, odd]
    await is_well(house, http)


async def test_a_message_of_100_000_characters_is_taken_where_the_channel_lets_it_in(
    house: TeaHouse, http: aiohttp.ClientSession
) -> None:
    for number, words in enumerate(
        ("退款" * 50_000, "refund " * 14_285, "😀" * 100_000, "a" * 100_000, "SL20260012 " * 9_000)
    ):
        body = BytesIO(update(message(chat=number + 1, text=words), number=number))
        async with http.post(f"{house.url}/telegram", data=body, headers=SECRET) as response:
            assert response.status == 200
    await house.gateway.settle()
    assert {len(row["text"]) for row in inbound(house)} >= {100_000}
    assert len(house.rows(TurnRecord)) == 5
    await is_well(house, http)


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_name_is_a_name(house: TeaHouse, http: aiohttp.ClientSession, name: str) -> None:
    claims = {"sub": name[:100], "iat": int(house.clock().timestamp()), "name": name}
    visitor = await Visitor(house, http).visit(signed(claims, key=IDENTITY_KEY.encode()))
    await visitor.ask("Hello")
    await house.gateway.commits.run(lambda transaction: conversations.resolve(transaction, conversation=1, by="Mei"))
    again = await visitor.ask("Hello")
    assert wording("small.welcome_back", Language.EN).search(again), again
    assert "49" not in again
    assert "<class" not in again
    assert "{0.__class__.__mro__} {business}" in again or "{business}" not in name
    (known,) = (row for row in house.rows(Contact) if row["external_id"] != "K1")
    assert known["name"] == name.replace("\0", "")[:200]
    first_and_last = {"first_name": name, "last_name": name}
    body = update({**message(text="hi"), "from": {**person(42), **first_and_last}})
    async with http.post(f"{house.url}/telegram", data=body, headers=SECRET) as response:
        assert response.status == 200
    await house.gateway.settle()
    await is_well(house, http)


@pytest.mark.parametrize("value", [*HOSTILE.values(), "x" * 512, "complaint:accept", "0", "-1", "null"])
async def test_a_button_that_we_never_gave_does_nothing(
    house: TeaHouse, http: aiohttp.ClientSession, value: str
) -> None:
    visitor = await Visitor(house, http).visit()
    status, answers = await visitor.send({"type": "press", "id": "1", "value": value[:512], "position": 1})
    assert status == 200, answers
    query = {"id": "q", "from": person(42), "chat_instance": "1", "data": value, "message": message(text="x")}
    async with http.post(
        f"{house.url}/telegram", data=update(query, kind="callback_query"), headers=SECRET
    ) as response:
        assert response.status == 200
    await house.gateway.settle()
    assert all(row["owner"] == "bot" for row in house.rows(Conversation))
    assert failures(house) == []


async def test_numbers_of_orders_that_are_none_reveal_nothing(house: TeaHouse, http: aiohttp.ClientSession) -> None:
    visitor = await Visitor(house, http).visit()
    for words in (
        "where is my order",
        "SL20260012' OR '1'='1",
        "SL20260012%",
        "ＳＬ２０２６００１２",
        "SL20260012\u200b",
        "5678 1234 9999 5555",
        "0000; 5678; 1111; 2222; 3333",
    ):
        answer = await visitor.ask(words)
        assert "129" not in answer
        assert "delivered" not in answer
    assert failures(house) == []
