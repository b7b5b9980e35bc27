"""`rapport inspect`: the keys that its lines have, for every kind of thing that arrives."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from gateway.inspecting import inspect
from tests.channels.telegram_server import person, private

KEYS = ["channel", "event", "external_id", "address", "name", "text", "attachments", "reply_to", "date", "statuses"]


def message(**fields: Any) -> dict[str, Any]:
    return {"message_id": 5, "date": 1_770_000_000, "chat": private(7), "from": person(7), **fields}


def lines(*updates: dict[str, Any], wrapped: bool = False) -> list[dict[str, Any]]:
    numbered = [{"update_id": 100 + at, **update} for at, update in enumerate(updates)]
    raw = json.dumps({"ok": True, "result": numbered} if wrapped else numbered[0]).encode()
    return orjson.loads(orjson.dumps(inspect("telegram", raw)))


def test_a_message_has_the_keys_in_their_order() -> None:
    (line,) = lines({"message": message(text="你好", reply_to_message=message(message_id=4, text="?"))})
    assert list(line)[: len(KEYS)] == KEYS
    assert {key: line[key] for key in KEYS} == {
        "channel": "telegram",
        "event": "message",
        "external_id": "100",
        "address": "telegram:7",
        "name": "Wang Fang",
        "text": "你好",
        "attachments": [],
        "reply_to": "4",
        "date": "2026-02-02T02:40:00Z",
        "statuses": [],
    }


@pytest.mark.parametrize(
    ("update", "event", "said"),
    [
        ({"message": message(text="hi")}, "message", "hi"),
        ({"edited_message": message(text="ho", edit_date=1_770_000_001)}, "edit", "ho"),
        (
            {"callback_query": {"id": "1", "from": person(7), "data": "yes", "message": message(text="?")}},
            "callback",
            "yes",
        ),
    ],
)
def test_each_kind_of_event_is_named(update: dict[str, Any], event: str, said: str) -> None:
    (line,) = lines(update)
    assert (line["event"], line["text"]) == (event, said)
    assert set(KEYS) <= set(line)


def test_an_attachment_has_kind_and_id() -> None:
    photo = [{"file_id": "small", "width": 1, "height": 1}, {"file_id": "large", "width": 9, "height": 9}]
    (line,) = lines({"message": message(photo=photo, caption="broken")})
    (attachment,) = line["attachments"]
    assert (attachment["kind"], attachment["id"], line["text"]) == ("image", "large", "broken")


def test_news_of_an_address_is_a_receipt_with_its_status() -> None:
    change = {"chat": private(7), "from": person(7), "date": 1_770_000_000, "new_chat_member": {"status": "kicked"}}
    (line,) = lines({"my_chat_member": change})
    assert list(line) == KEYS
    assert line["event"] == "receipt"
    assert line["statuses"] == [{"external_id": "100", "status": "unreachable", "reason": "blocked"}]


def test_an_answer_of_get_updates_is_told_update_by_update_in_its_order() -> None:
    group = {"id": -1, "type": "group", "title": "x"}
    told = lines(
        {"message": message(text="one")},
        {"message": {**message(text="two"), "chat": group}},
        {"message": "three"},
        {"message": message(text="four")},
        wrapped=True,
    )
    assert [next(iter(line)) for line in told] == ["channel", "ignored", "error", "channel"]
    assert (told[0]["text"], told[1], told[3]["text"]) == ("one", {"ignored": "group"}, "four")
    assert list(told[2]) == ["error"]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe", b"null", b'{"ok": true}', b"[" * 100_000])
def test_what_cannot_be_read_is_an_error_with_a_reason(raw: bytes) -> None:
    ((key, reason),) = (item for line in inspect("telegram", raw) for item in line.items())
    assert (key, bool(reason)) == ("error", True)
