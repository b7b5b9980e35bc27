"""What a Rasa assistant's REST channel says is read as Replies; what is none of that is said to be."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.assistant import Reply
from bot.effects import Say
from channels.envelope import Attachment, AttachmentKind, Button
from gateway.rasa_answers import DEEPEST, Bounds, Nonsense, read
from gateway.recording import effects_to_json

BOUNDS = Bounds(messages=4, characters=100, buttons=3, custom_bytes=1000)
ME = "me"


def replies(*messages: object, bounds: Bounds = BOUNDS) -> tuple[list[Reply], list[str]]:
    return read(json.dumps(messages).encode(), ME, bounds)


def one(message: dict[str, Any]) -> Reply:
    ((reply,), notes) = replies({"recipient_id": ME, **message})
    assert notes == []
    return reply


def test_everything_that_the_channel_can_say() -> None:
    assert one({"text": " Hey! "}) == Reply(text="Hey!")
    assert one({"image": "https://i.example/cat.jpg"}) == Reply(
        attachments=(Attachment(kind=AttachmentKind.IMAGE, id="https://i.example/cat.jpg"),)
    )
    buttons = [
        {"title": "great", "payload": "/mood_great"},
        {"title": "so\nso"},
        {"title": "Page", "url": "https://x.y"},
    ]
    assert one({"text": "?", "buttons": buttons}).buttons == (
        Button(label="great", value="/mood_great"),
        Button(label="so so", value="so\nso"),
        Button(label="Page", value="", url="https://x.y"),
    )
    assert one({"attachment": "https://i.example/terms.pdf"}).attachments[0].kind is AttachmentKind.FILE
    template = {"type": "video", "payload": {"src": "https://i.example/how.mp4"}}
    assert one({"attachment": template}).attachments == (
        Attachment(kind=AttachmentKind.VIDEO, id="https://i.example/how.mp4"),
    )
    assert one({"custom": {"card": [1, 2.5, None, True, "x"]}}).custom == {"card": [1, 2.5, None, True, "x"]}
    handed = one({"custom": {"handoff": True, "reason": "wants a discount"}})
    assert (handed.hands_over, handed.reason) == (True, "wants a discount")


@pytest.mark.parametrize("value", [False, "true", 1, None, {}])
def test_only_true_hands_over(value: object) -> None:
    assert not one({"custom": {"handoff": value}}).hands_over


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no JSON"),
        (b"<html>nginx</html>", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b'[{"text": "cut', "no JSON"),
        (b"{}", "no list"),
        (b'"ok"', "no list"),
        (b"null", "no list"),
        (b"[1, 2]", "message 1 is no object"),
        (b'[{"text": 7}]', "its text is no text"),
        (b'[{"recipient_id": "somebody else", "text": "Your card number is 4242"}]', "another recipient"),
        (b"[" * 100_000, "no JSON"),
        (b'["\\u' + b"[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_answer_is_nonsense_and_says_why(body: bytes, reason: str) -> None:
    with pytest.raises(Nonsense, match=reason):
        read(body, ME, BOUNDS)


@pytest.mark.parametrize(
    "body", [b"[]", b"[{}]", b'[{"recipient_id": "me"}]', b'[{"text": "  \\n"}]', b'[{"text": null}]']
)
def test_an_answer_that_says_nothing_is_empty(body: bytes) -> None:
    assert read(body, ME, BOUNDS) == ([], [])


@pytest.mark.parametrize(
    ("message", "note"),
    [
        ({"text": "x" * 101}, "longer than most_characters"),
        ({"text": "ok", "buttons": [{"title": str(n)} for n in range(4)]}, "more buttons than most_buttons"),
        ({"text": "ok", "buttons": [{"payload": "/x"}, {"title": "y"}]}, "a button has no title"),
        ({"text": "ok", "buttons": [{"title": "y", "payload": ["/x"]}]}, "payload of a button"),
        ({"text": "ok", "buttons": {"title": "y"}}, "its buttons are no list"),
        ({"text": "ok", "image": "javascript:alert(1)"}, "its image is no web address"),
        ({"text": "ok", "image": "https://"}, "its image is no web address"),
        ({"text": "ok", "image": "https://a\u202eb/ c"}, "its image is no web address"),
        ({"text": "ok", "image": "https://[::1"}, "its image is no web address"),
        ({"text": "ok", "attachment": {"type": "file"}}, "its attachment is no web address"),
        ({"text": "ok", "custom": ["card"]}, "its custom payload is no object"),
        ({"text": "ok", "custom": {"a": "x" * 1000}}, "larger than most_custom_bytes"),
    ],
)
def test_what_is_malformed_or_too_much_is_left_out_and_noted(message: dict[str, Any], note: str) -> None:
    (reply,), notes = replies(message)
    assert note in "; ".join(notes)
    assert reply.text in {"ok", "x" * 99 + "…"}
    assert len(reply.buttons) <= 3
    assert (reply.attachments, reply.custom) == ((), None)


def test_more_messages_than_taken_are_counted() -> None:
    said, notes = replies(*({"text": str(number)} for number in range(7)))
    assert [reply.text for reply in said] == ["0", "1", "2", "3"]
    assert notes == ["3 more messages than most_messages"]


def test_a_payload_deeper_than_anybody_needs_is_left_out() -> None:
    deep: object = "x"
    for _ in range(DEEPEST):
        deep = [deep]
    (reply,), notes = replies({"text": "ok", "custom": {"deep": deep}})
    assert reply.custom is None
    assert "too deep" in notes[0]


def test_halves_of_characters_and_nul_can_be_stored() -> None:
    (reply,), _ = read(b'[{"text": "a\\u0000b\\ud83d", "custom": {"k\\u0000": "\\udc00"}}]', ME, BOUNDS)
    assert reply.text == "ab\ufffd"
    assert reply.custom == {"k": "\ufffd"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
FIELDS = st.sampled_from(["recipient_id", "text", "image", "buttons", "quick_replies", "attachment", "custom", "x"])


@given(answer=st.lists(st.dictionaries(FIELDS, JSON, max_size=5) | JSON, max_size=4) | JSON)
def test_whatever_json_comes_is_nonsense_or_can_be_said_and_stored(answer: object) -> None:
    try:
        said, _ = read(json.dumps(answer).encode(), ME, BOUNDS)
    except Nonsense:
        return
    for reply in said:
        effect = Say(text=reply.text, buttons=reply.buttons, attachments=reply.attachments, custom=reply.custom)
        orjson.loads(effects_to_json([effect]))
        assert "\0" not in json.dumps(reply.text)


@given(body=st.binary(max_size=200))
def test_whatever_bytes_come_nothing_else_is_raised(body: bytes) -> None:
    try:
        read(body, ME, BOUNDS)
    except Nonsense:
        return
