"""What people do on Telegram, as we read it: every given payload, every kind of update, and whatever else arrives."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given as property_of
from hypothesis import settings
from hypothesis import strategies as st

from channels.envelope import AddressUpdate, AttachmentKind, Event, InboundMessage
from channels.protocol import Inspection
from channels.telegram.channel import inspect
from channels.telegram.updates import ALLOWED_UPDATES
from tests.given import CHECKOUT, given

AIOGRAM = json.loads(given("channels/telegram/aiogram_updates.json").read_bytes())
CHATWOOT = json.loads(given("channels/telegram/chatwoot_cases.json").read_bytes())
COURIER = json.loads(given("channels/courier/incoming/telegram.json").read_bytes())

SENT = 1_631_132_077
PERSON = {"id": 23, "is_bot": False, "first_name": "Sojan", "last_name": "Jose", "language_code": "en"}
PRIVATE = {"id": 23, "type": "private", "first_name": "Sojan"}


def read(update: object) -> Inspection:
    return inspect(json.dumps(update).encode())


def message(kind: str = "message", **fields: object) -> Inspection:
    return read({"update_id": 7, kind: {"message_id": 5, "from": PERSON, "chat": PRIVATE, "date": SENT, **fields}})


def arrival_of(inspection: Inspection) -> InboundMessage:
    assert len(inspection.arrivals) == 1, inspection
    (arrival,) = inspection.arrivals
    assert isinstance(arrival, InboundMessage)
    return arrival


# The given payloads


@pytest.mark.parametrize("case", AIOGRAM, ids=lambda case: case["expected"]["event_type"])
def test_every_given_kind_of_update_is_taken_or_ignored_by_its_name(case: dict[str, Any]) -> None:
    inspection, kind = read(case["update"]), case["expected"]["event_type"]
    if kind in ALLOWED_UPDATES:
        assert arrival_of(inspection).address == f"telegram:{case['update'][kind]['chat']['id']}"
    else:
        assert inspection.ignored == kind


@pytest.mark.parametrize("case", CHATWOOT, ids=lambda case: case["name"])
def test_every_given_message_says_what_was_written(case: dict[str, Any]) -> None:
    inspection, expected = read(case["update"]), case["expected"]
    if expected.get("direction") == "outgoing":  # there it is recorded as ours; here an owner's words are no arrival
        assert inspection.ignored == "business_owner"
        return
    arrival = arrival_of(inspection)
    assert arrival.name == expected["contact_name"]
    person = expected.get("contact_id") or expected.get("telegram_user_id") or expected.get("chat_id") or 23
    assert arrival.address == f"telegram:{person}"
    assert arrival.thread == expected.get("business_connection_id")
    if "text" in expected:
        assert arrival.text == expected["text"]
    assert [one.kind.value for one in arrival.attachments] == expected.get("attachment_types", [])
    assert [one.name for one in arrival.attachments if one.name] == expected.get("attachment_names", [])


@pytest.mark.parametrize("case", COURIER, ids=lambda case: case["Label"])
def test_every_given_webhook_call_is_read(case: dict[str, Any]) -> None:
    """Other than there, `external_id` is the update's number (the message's is `message_id`), a username is no part
    of the address, `/start` is a message with that text, and files are fetched later.
    """
    inspection = inspect(case["Data"].encode())
    if case["ExpectedRespStatus"] == 400:
        assert inspection.error == "not JSON"
        return
    arrival, update = arrival_of(inspection), json.loads(case["Data"])
    assert arrival.external_id == str(update["update_id"])
    assert arrival.message_id == str(update["message"]["message_id"])
    assert arrival.message_id == case.get("ExpectedExternalID", arrival.message_id)
    assert arrival.name == case.get("ExpectedContactName", arrival.name)
    assert arrival.text == case.get("ExpectedMsgText", arrival.text)
    assert arrival.address == case.get("ExpectedURN", arrival.address).split("#")[0]
    if "ExpectedDate" in case:
        assert arrival.sent_at == datetime.fromisoformat(case["ExpectedDate"])
    assert [one.id for one in arrival.attachments] == case.get(
        "ExpectedAttachments", [update["message"]["sticker"]["file_id"]] if "sticker" in update["message"] else []
    )


# Messages


def test_a_text_arrives_with_everything_known_about_it() -> None:
    arrival = arrival_of(message(text="你好", reply_to_message={"message_id": 4, "chat": PRIVATE, "date": SENT}))
    assert (arrival.channel, arrival.event, arrival.external_id) == ("telegram", Event.MESSAGE, "7")
    assert (arrival.address, arrival.text, arrival.name, arrival.language) == (
        "telegram:23",
        "你好",
        "Sojan Jose",
        "en",
    )
    assert (arrival.message_id, arrival.reply_to, arrival.edits) == ("5", "4", None)
    assert arrival.sent_at == datetime.fromtimestamp(SENT, UTC)
    assert json.loads(arrival.raw)["message"]["text"] == "你好"


def test_an_edit_names_the_message_it_changes_and_when() -> None:
    arrival = arrival_of(message("edited_message", text="new", edit_date=SENT + 60))
    assert (arrival.event, arrival.edits, arrival.text) == (Event.EDIT, "5", "new")
    assert arrival.sent_at == datetime.fromtimestamp(SENT + 60, UTC)


FILE = {"file_id": "F1", "file_unique_id": "u", "file_size": 9, "mime_type": "application/x", "file_name": "a.bin"}


@pytest.mark.parametrize(
    ("fields", "text", "kinds", "ids"),
    [
        ({"document": FILE, "caption": "see"}, "see", ["file"], ["F1"]),
        ({"voice": FILE}, "", ["audio"], ["F1"]),
        ({"audio": FILE}, "", ["audio"], ["F1"]),
        ({"video": FILE}, "", ["video"], ["F1"]),
        ({"video_note": FILE}, "", ["video"], ["F1"]),
        ({"animation": FILE, "document": FILE}, "", ["video"], ["F1"]),
        ({"sticker": {**FILE, "emoji": "👍"}}, "👍", ["sticker"], ["F1"]),
        (
            {"photo": [{**FILE, "width": 9, "height": 9}, {"file_id": "big", "width": 90, "height": 90}]},
            "",
            ["image"],
            ["big"],
        ),
        (
            {"location": {"latitude": 31.2, "longitude": 121.5}},
            "31.200000,121.500000",
            ["location"],
            ["geo:31.200000,121.500000"],
        ),
        (
            {"contact": {"phone_number": "+86138", "first_name": "Li", "last_name": "Na"}},
            "Li Na (+86138)",
            ["contact"],
            ["+86138"],
        ),
        ({"contact": {"phone_number": "+86138"}}, "+86138", ["contact"], ["+86138"]),
        ({"dice": {"emoji": "🎲", "value": 4}}, "🎲 4", [], []),
        ({"poll": {"question": "Tea?", "options": [{"text": "Yes"}, {"text": "No"}]}}, "Tea?\n- Yes\n- No", [], []),
        ({"checklist": {"title": "Buy", "tasks": [{"text": "tea"}]}}, "Buy\n- tea", [], []),
        ({"web_app_data": {"data": "bob,32", "button_text": "Go"}}, "bob,32", [], []),
        (
            {
                "rich_message": {
                    "blocks": [{"type": "paragraph", "text": ["a ", {"type": "bold", "text": "b"}]}, {"text": "c"}]
                }
            },
            "a b\nc",
            [],
            [],
        ),
        ({"story": {"id": 1}}, "", [], []),
        ({"hologram_of_2031": {}}, "", [], []),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_whatever_a_person_sends_arrives(fields: dict[str, Any], text: str, kinds: list[str], ids: list[str]) -> None:
    arrival = arrival_of(message(**fields))
    assert arrival.text == text
    assert [one.kind.value for one in arrival.attachments] == kinds
    assert [one.id for one in arrival.attachments] == ids


def test_a_venue_is_a_place_with_its_name() -> None:
    spot = {"latitude": 1.5, "longitude": 2.5}
    arrival = arrival_of(message(location=spot, venue={"location": spot, "title": "Tea House", "address": "1 Main St"}))
    assert arrival.text == "Tea House, 1 Main St"
    (place,) = arrival.attachments
    assert place.kind is AttachmentKind.LOCATION
    assert place.data == {"latitude": 1.5, "longitude": 2.5, "title": "Tea House", "address": "1 Main St"}


def test_a_broken_attachment_does_not_cost_the_message_its_words() -> None:
    arrival = arrival_of(message(caption="look", document={"file_id": 5}))
    assert (arrival.text, arrival.attachments) == ("look", ())


@pytest.mark.parametrize(
    ("written", "text", "parameter"),
    [
        ("/start", "/start", None),
        ("/start order_42-a", "/start", "order_42-a"),
        ("/start@loopback_bot abc", "/start", "abc"),
        ("/start what is this?", "/start what is this?", None),
        ("/help@loopback_bot", "/help", None),
        ("/help@loopback_bot me", "/help me", None),
        ("/help", "/help", None),
        ("me@example.com", "me@example.com", None),
    ],
)
def test_commands_and_deep_links(written: str, text: str, parameter: str | None) -> None:
    arrival = arrival_of(message(text=written))
    assert (arrival.text, arrival.start_parameter) == (text, parameter)


def test_what_no_database_can_hold_is_taken_out_of_the_text_and_kept_in_the_raw_payload() -> None:
    raw = json.dumps(
        {"update_id": 7, "message": {"message_id": 5, "from": {**PERSON, "first_name": "A\x00\udfff"}, "chat": PRIVATE,
                                     "date": SENT, "text": "a\x00b\ud800c 😀 \u202e\u200b"}}
    ).encode()  # fmt: skip
    arrival = arrival_of(inspect(raw))
    assert (arrival.text, arrival.name, arrival.raw) == ("ab\ufffdc 😀 \u202e\u200b", "A\ufffd Jose", raw)


# Business accounts, buttons, blocks


def test_a_business_customer_is_answered_through_the_business_connection() -> None:
    assert arrival_of(message("business_message", text="hi", business_connection_id="B1")).thread == "B1"
    assert arrival_of(message("edited_business_message", text="hi", business_connection_id="B1")).event is Event.EDIT


def test_what_the_owner_of_a_business_account_writes_is_not_the_customers() -> None:
    assert message("business_message", text="hi", **{"from": {**PERSON, "id": 99}}).ignored == "business_owner"


def pressed(**fields: object) -> Inspection:
    ours = {"message_id": 12, "chat": PRIVATE, "date": SENT}
    return read(
        {"update_id": 8, "callback_query": {"id": "Q", "from": PERSON, "message": ours, "data": "yes", **fields}}
    )


def test_a_pressed_button_says_its_value_and_answers_our_message() -> None:
    inspection = pressed()
    arrival = arrival_of(inspection)
    assert (arrival.event, arrival.text, arrival.reply_to, arrival.external_id) == (Event.CALLBACK, "yes", "12", "8")
    assert inspection.notes["callback_query_id"] == "Q"


def test_a_pressed_button_has_the_time_at_which_we_learn_of_it() -> None:
    raw = json.dumps({"update_id": 8, "callback_query": {"id": "Q", "from": PERSON, "data": "yes",
                      "message": {"message_id": 12, "chat": PRIVATE, "date": 0}}}).encode()  # fmt: skip
    now = datetime(2026, 3, 2, tzinfo=UTC)
    (arrival,) = inspect(raw, at=now).arrivals
    assert isinstance(arrival, InboundMessage)
    assert arrival.sent_at == now


def test_a_button_of_an_inline_message_is_not_ours() -> None:
    assert pressed(message=None, inline_message_id="1").ignored == "callback_query"


@pytest.mark.parametrize(
    ("status", "reachable", "reason"), [("kicked", False, "blocked"), ("member", True, "unblocked")]
)
def test_a_person_who_blocks_us_is_news_about_the_address(status: str, reachable: bool, reason: str) -> None:
    change = {"chat": PRIVATE, "from": PERSON, "date": SENT, "new_chat_member": {"status": status}}
    (update,) = read({"update_id": 9, "my_chat_member": change}).arrivals
    assert isinstance(update, AddressUpdate)
    assert (update.address, update.reachable, update.reason, update.external_id) == (
        "telegram:23",
        reachable,
        reason,
        "9",
    )


# What is not for us


@pytest.mark.parametrize("kind", ["group", "supergroup"])
def test_groups_are_left_alone_even_when_they_call_us(kind: str) -> None:
    group = {"id": -100, "type": kind, "title": "Friends"}
    assert message(chat=group, text="/help@loopback_bot").ignored == "group"
    assert pressed(message={"message_id": 1, "chat": group, "date": SENT}).ignored == "group"
    added = {"chat": group, "from": PERSON, "date": SENT, "new_chat_member": {"status": "member"}}
    assert read({"update_id": 9, "my_chat_member": added}).ignored == "group"


def test_channels_service_messages_and_other_bots_are_ignored_with_a_reason() -> None:
    assert message(chat={"id": -1, "type": "channel"}, text="x").ignored == "channel"
    assert message(pinned_message={"message_id": 1}).ignored == "pinned_message"
    assert message().ignored == "empty"
    assert message("message", text="x", **{"from": {**PERSON, "is_bot": True}}).ignored == "bot"
    assert read({"update_id": 1}).ignored == "empty"
    assert read({"update_id": 1, "telepathy": {"from": PERSON}}).ignored == "telepathy"


# What nobody should send


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"foo", "not JSON"),
        (b'{"update_id": 1, "message": {"text": "caf\xe9"}}', "not UTF-8"),
        ("你好".encode("gb18030"), "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "the update is not an object"),
        (b"{}", "update_id is not an integer"),
        (b'{"update_id": "1"}', "update_id is not an integer"),
        (b'{"update_id": true}', "update_id is not an integer"),
        (b'{"update_id": 1e3}', "update_id is not an integer"),
        (b'{"update_id": 99999999999999999999999}', "update_id is not an integer"),
        (b'{"update_id": 1, "message": "hi"}', "message is not an object"),
        (b'{"update_id": 1, "message": {"chat": 5}}', "chat is not an object"),
        (b'{"update_id": 1, "callback_query": {"id": 5}}', "id is not a text"),
    ],
)
def test_what_cannot_be_read_says_why(raw: bytes, reason: str) -> None:
    assert inspect(raw).error == reason


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"text": 5}, "text is not a text"),
        ({"date": 10**15}, "date is not a time"),
        ({"date": -1}, "date is not a time"),
        ({"message_id": None}, "message_id is not an integer"),
        ({"chat": {"id": "23", "type": "private"}}, "id is not an integer"),
        ({"chat": {"id": 23}}, "type is not a text"),
    ],
)
def test_a_message_without_what_we_depend_on_is_refused_with_its_number(fields: dict[str, Any], reason: str) -> None:
    inspection = message(**{"text": "hi", **fields})
    assert (inspection.error, inspection.notes) == (reason, {"update_id": "7"})


# fmt: off
NAMES = st.sampled_from(
    [
        "update_id", "message", "edited_message", "business_message", "callback_query", "my_chat_member", "chat",
        "from", "id", "type", "date", "message_id", "text", "caption", "photo", "document", "location", "latitude",
        "longitude", "venue", "contact", "phone_number", "sticker", "dice", "poll", "options", "checklist",
        "rich_message", "blocks", "data", "new_chat_member", "status", "reply_to_message", "file_id", "first_name",
        "language_code", "edit_date",
    ]
)
# fmt: on
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["private", "group", "kicked", "member", "/start x", "\ud800", "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=8),
    max_leaves=25,
)
IDENTITIES = {"update_id": 7, "message_id": 5, "date": SENT, "chat": PRIVATE, "from": PERSON, "id": "q"}


def accounted_for(inspection: Inspection) -> bool:
    """Exactly one of: taken, ignored with a reason, refused with a reason."""
    return sum((bool(inspection.arrivals), bool(inspection.ignored), bool(inspection.error))) == 1


@property_of(ANYTHING)
def test_whatever_arrives_is_accounted_for(value: object) -> None:
    assert accounted_for(read(value))


@settings(max_examples=200)
@property_of(st.sampled_from([*ALLOWED_UPDATES, "poll"]), st.dictionaries(NAMES, ANYTHING, max_size=8), st.sets(NAMES))
def test_a_nearly_right_update_is_accounted_for(kind: str, odd: dict[str, Any], without: set[str]) -> None:
    content = {key: value for key, value in {**IDENTITIES, "text": "x", **odd}.items() if key not in without}
    assert accounted_for(read({"update_id": 7, kind: content}))


@property_of(st.binary(max_size=64))
def test_any_bytes_are_accounted_for(raw: bytes) -> None:
    assert accounted_for(inspect(raw))


def test_reading_updates_does_not_cost_the_memory_of_aiogram() -> None:
    program = "import sys, channels.telegram.channel; sys.exit('aiogram' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, check=False, timeout=30).returncode == 0
