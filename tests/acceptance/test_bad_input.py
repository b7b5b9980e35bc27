"""Whatever comes in by the door is told what is wrong with it, or recorded as refused; the house stays up."""

from __future__ import annotations

import json
from io import BytesIO

import aiohttp
import pytest

from channels.telegram.updates import inspect
from storage.interactions import RefusedInput
from tests.acceptance.open_doors import SECRET, count, inbound, is_well, message, update
from tests.acceptance.tea_house import (
    TeaHouse,
    Visitor,
)

FRAMES: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "bad_json"),
    "no JSON": (b"hello", 400, "bad_json"),
    "half a frame": (b'{"type": "message", "id": "1", "te', 400, "bad_json"),
    "Latin-1": ('{"type": "message", "id": "1", "text": "caf\u00e9"}'.encode("latin-1"), 400, "bad_json"),
    "UTF-16": ('{"type": "message", "id": "1", "text": "hi"}'.encode("utf-16"), 400, "bad_json"),
    "GB18030": ('{"type": "message", "id": "1", "text": "你好"}'.encode("gb18030"), 400, "bad_json"),
    "a NUL byte": (b'{"type": "message", "id": "1", "text": "a\0b"}', 400, "bad_json"),
    "not a number": (b'{"type": "message", "id": "1", "text": NaN}', 400, "bad_json"),
    "a tower": (b"[" * 100_000, 400, "bad_json"),
    "a tower of objects": (b'{"type":' * 50_000, 400, "bad_json"),
    "a number": (b"42", 400, "bad_frame"),
    "a list of lists": (b"[[[]]]", 400, "bad_frame"),
    "too many frames": (json.dumps([{"type": "ping"}] * 21).encode(), 400, "bad_frame"),
    "no type": (b'{"text": "hi"}', 400, "unknown_type"),
    "an unknown type": (b'{"type": "transfer", "amount": 1}', 400, "unknown_type"),
    "a type that is an object": (b'{"type": {"$ne": null}}', 400, "unknown_type"),
    "no id": (b'{"type": "message", "text": "hi"}', 400, "bad_frame"),
    "an id with SQL": (b'{"type": "message", "id": "1\' OR 1=1", "text": "hi"}', 400, "bad_frame"),
    "a text that is a list": (b'{"type": "message", "id": "1", "text": ["hi"]}', 400, "bad_frame"),
    "an empty message": (b'{"type": "message", "id": "1", "text": "  "}', 400, "empty"),
    "a forged attachment": (
        b'{"type": "message", "id": "1", "text": "", "attachments": ["e30.e30"]}',
        400,
        "bad_attachment",
    ),
    "100,000 characters": (
        json.dumps({"type": "message", "id": "1", "text": "退" * 100_000}).encode(),
        413,
        "too_long",
    ),
    "two megabytes": (b'{"type": "message", "id": "1", "text": "' + b"x" * 2_000_000 + b'"}', 413, "too_large"),
}


async def test_each_bad_frame_gets_its_error_in_words_and_stores_nothing(
    house: TeaHouse, http: aiohttp.ClientSession
) -> None:
    visitor = await Visitor(house, http).visit()
    for name, (body, status, code) in FRAMES.items():
        async with http.post(f"{house.url}/webchat/send", data=BytesIO(body), headers=visitor.headers) as response:
            answers = await response.json()
        assert (response.status, answers[0]["code"]) == (status, code), name
        assert answers[0]["sentence"], name
    assert inbound(house) == []
    await is_well(house, http)
    refused = {row["reason"]: row["size"] for row in house.rows(RefusedInput)}
    assert set(refused) == {"too_long", "too_large"}
    assert refused["too_large"] > 1_048_576


async def test_bad_requests_at_every_door_of_web_chat_are_answered(
    house: TeaHouse, http: aiohttp.ClientSession
) -> None:
    visitor = await Visitor(house, http).visit()
    known = visitor.headers
    forged = {"Authorization": "Bearer " + visitor.token[:-2] + "AA"}
    expected = [
        ("POST", "/visit", {}, b"[1]", 400),
        ("POST", "/visit", {}, b'{"identity": 7}', 400),
        ("POST", "/visit", {}, b'{"identity": "a.b.c"}', 401),
        ("POST", "/visit", {}, b"{" * 20_000, 413),
        ("POST", "/visit", {"Origin": "https://evil.example"}, b"{}", 403),
        ("POST", "/send", {}, b'{"type": "ping"}', 401),
        ("POST", "/send", forged, b'{"type": "ping"}', 401),
        ("POST", "/send", {"Authorization": "Bearer \xff\xfe"}, b'{"type": "ping"}', 401),
        ("POST", "/send", {"Authorization": "Basic " + visitor.token}, b"{}", 401),
        ("GET", "/poll?after=abc", known, b"", 400),
        ("GET", "/poll?after=-1", known, b"", 400),
        ("GET", "/poll?after=1e9", known, b"", 400),
        ("GET", "/poll?after=" + "9" * 400, known, b"", 400),
        ("GET", "/poll?after=٣", known, b"", 400),
        ("GET", "/poll", forged, b"", 401),
        ("POST", "/upload?name=a.exe", known, b"MZ\0\1", 415),
        ("POST", "/upload?name=a.svg", known, b"<svg onload=alert(1)>", 200),  # plain text, and kept as such
        ("POST", "/upload", known, b"\x89PNG" + b"\0" * 11_000_000, 413),
        ("GET", "/file/../../../etc/passwd", {}, b"", 404),
        ("GET", "/file/" + "a" * 64 + "?expires=9999999999&name=x&signature=x", {}, b"", 403),
        ("GET", "/file/" + "a" * 64 + "?expires=x&name=%ff%00&signature=%ed%a0%80", {}, b"", 403),
        ("GET", "/socket", {}, b"", 400),
        ("DELETE", "/send", known, b"", 405),
    ]
    for method, path, headers, body, status in expected:
        async with http.request(method, f"{house.url}/webchat{path}", headers=headers, data=BytesIO(body)) as response:
            await response.read()
            assert response.status == status, (method, path[:40], body[:40])
    assert inbound(house) == []
    await is_well(house, http)


@pytest.mark.parametrize("first", ["hello", "nonsense", "binary", "huge"])
async def test_a_socket_that_begins_badly_is_told_why_and_closed(
    house: TeaHouse, http: aiohttp.ClientSession, first: str
) -> None:
    async with http.ws_connect(f"{house.url}/webchat/socket") as socket:
        match first:
            case "hello":
                await socket.send_str('{"type": "hello", "token": "e30.e30"}')
            case "nonsense":
                await socket.send_str("{")
            case "binary":
                await socket.send_bytes(b"\0\1")
            case _:
                await socket.send_str("x" * 2_000_000)
        heard = [message async for message in socket]
        assert socket.close_code in {4401, 4408, 1003, 1008, 1009, 1011} or heard
        if first != "huge":
            assert json.loads(heard[0].data)["code"] in {"unauthorized", "bad_json", "binary", "hello_first"}
    await is_well(house, http)


UPDATES: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "refused"),
    "no JSON": (b"update_id=7", 400, "refused"),
    "a list": (b"[]", 400, "refused"),
    "no number": (b'{"message": {}}', 400, "refused"),
    "Latin-1": (b'{"update_id": 7, "message": {"text": "caf\xe9"}}', 400, "refused"),
    "UTF-16": (update(message(text="hi")).decode().encode("utf-16"), 400, "refused"),
    "a tower": (b'{"update_id": 7, "message": ' + b"[" * 100_000, 400, "refused"),
    "two megabytes": (update(message(text="x" * 2_000_000)), 413, "refused"),
    "a number that is a text": (b'{"update_id": "7", "message": {}}', 400, "refused"),
    "a message that is a text": (update("hi"), 200, "refused"),
    "no chat": (update({"message_id": 1, "date": 1, "text": "hi"}), 200, "refused"),
    "a date of another age": (update(message(text="hi") | {"date": 10**18}), 200, "refused"),
    "a kind of the future": (update({"id": 1}, kind="brain_wave"), 200, "ignored"),
    "a group": (update(message(text="hi") | {"chat": {"id": -1, "type": "supergroup", "title": "x"}}), 200, "ignored"),
    "news of the chat": (update(message(pinned_message={})), 200, "ignored"),
}


async def test_each_bad_update_is_refused_with_its_reason_or_left_alone_by_name(
    house: TeaHouse, http: aiohttp.ClientSession
) -> None:
    for name, (body, status, fate) in UPDATES.items():
        before = count(house, RefusedInput)
        async with http.post(f"{house.url}/telegram", data=BytesIO(body), headers=SECRET) as response:
            assert response.status == status, (name, response.status)
        if fate == "refused":
            assert count(house, RefusedInput) == [before[0] + 1], name
        else:
            assert inspect(body).ignored, name
    assert all(row["reason"] and len(row["sha256"]) == 64 for row in house.rows(RefusedInput))
    assert inbound(house) == []
    await is_well(house, http)


async def test_forged_and_repeated_and_late_updates_change_nothing(
    house: TeaHouse, http: aiohttp.ClientSession
) -> None:
    genuine = update(message(text="你好"), number=70)
    async with http.post(f"{house.url}/telegram", data=genuine) as response:
        assert response.status == 401
    for _ in range(3):
        async with http.post(f"{house.url}/telegram", data=genuine, headers=SECRET) as response:
            assert response.status == 200
    late = update(message(text="from before", number=0), number=60)
    async with http.post(f"{house.url}/telegram", data=late, headers=SECRET) as response:
        assert response.status == 200
    assert [(row["external_id"], row["text"]) for row in inbound(house)] == [("70", "你好"), ("60", "from before")]
    visitor = await Visitor(house, http).visit()
    frame = {"type": "message", "id": "same", "text": "hello"}
    answers = [await visitor.send(frame), await visitor.send(frame), await visitor.send(frame, frame)]
    assert {answer["position"] for _, told in answers for answer in told} == {answers[0][1][0]["position"]}
    assert len(inbound(house)) == 3
    await is_well(house, http)
