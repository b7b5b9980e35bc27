"""Sending over Telegram: every way of failing has its name, no part leaves twice, and nothing can be injected."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import socket
import traceback
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from channels.envelope import Attachment, AttachmentKind, Button, OutboundMessage, SendError, SendErrorCode
from channels.protocol import Blob, Channel, Edits, Media, Polls, Probes, StorageUnavailable, Typing
from channels.telegram.channel import Telegram, TelegramSettings
from tests.channels.telegram_faults import Drop, Fault, Hold, Reply, bare, stated, too_many
from tests.channels.telegram_port import RecordingPort
from tests.channels.telegram_server import TOKEN, TelegramServer
from tests.clock import FrozenClock
from tests.given import given

COURIER = [
    case
    for case in json.loads(given("channels/courier/outgoing/telegram.json").read_bytes())
    if case["Label"] != "Unknown attachment type"  # ours are of known kinds, and FILE takes the rest
]
CHAT = 7
ADDRESS = "telegram:7"


def words(text: str = "hello", **fields: Any) -> OutboundMessage:
    given_fields: dict[str, Any] = {"channel": "telegram", "address": ADDRESS, "text": text, "key": "k1", **fields}
    return OutboundMessage(**given_fields)


@pytest.fixture(autouse=True, scope="module")
def aiogram() -> None:
    """Imported before the first test: it takes seconds, and the tests' time limits are for what they test."""
    importlib.import_module("channels.telegram.methods")


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        await server.say(CHAT, "hi")
        yield server


@pytest.fixture
def port() -> RecordingPort:
    return RecordingPort()


@pytest.fixture
async def bot(telegram: TelegramServer, port: RecordingPort) -> AsyncIterator[Telegram]:
    bot = Telegram(TelegramSettings(token=telegram.token, api_base=telegram.url))
    await bot.start(port)
    yield bot
    await bot.stop()


async def failure(bot: Telegram, message: OutboundMessage | None = None) -> SendError:
    with pytest.raises(SendError) as caught:
        await bot.send(message or words())
    assert TOKEN.split(":")[1] not in "".join(traceback.format_exception(caught.value))
    return caught.value


def test_telegram_is_a_channel_with_every_ability_it_claims() -> None:
    bot: Channel = Telegram(TelegramSettings(token=TOKEN))
    assert all(isinstance(bot, ability) for ability in (Polls, Typing, Media, Edits, Probes))
    assert (bot.name, bot.limits.per_second, bot.limits.per_address, bot.limits.text) == ("telegram", 30, 1, 4096)


# What leaves


async def test_a_text_arrives_as_it_was_written(telegram: TelegramServer, bot: Telegram) -> None:
    text = "<b>你好</b> *1* _2_ [x](http://a) {{7*7}} '; DROP TABLE contacts; -- \u202e\u200b😀"
    receipt = await bot.send(words(text))
    (message,) = telegram.inbox(CHAT)
    assert message["text"] == text
    assert receipt.external_ids == (str(message["message_id"]),)
    assert "parse_mode" not in telegram.called("sendMessage")[0]


async def test_what_no_text_can_hold_is_left_out_or_seen_to_be_missing(telegram: TelegramServer, bot: Telegram) -> None:
    await bot.send(words("a\x00b\ud800c"))
    assert telegram.inbox(CHAT)[0]["text"] == "ab\ufffdc"


async def test_a_reply_quotes_the_message_it_answers_and_survives_its_deletion(
    telegram: TelegramServer, bot: Telegram
) -> None:
    await bot.send(words(reply_to="1"))
    await bot.send(words(reply_to="999999"))
    first, second = telegram.inbox(CHAT)
    assert first["reply_to_message"]["message_id"] == 1
    assert "reply_to_message" not in second


async def test_a_business_customer_is_answered_as_the_business(telegram: TelegramServer, bot: Telegram) -> None:
    await bot.send(words(thread="B1"))
    assert telegram.called("sendMessage")[0]["business_connection_id"] == "B1"


async def test_buttons_carry_their_value_or_open_their_page(telegram: TelegramServer, bot: Telegram) -> None:
    buttons = (
        Button(label="是", value="yes"),
        Button(label="否", value="no"),
        Button(label="A rather long answer", value="x" * 64),
        Button(label="Track", value="", url="https://shop.example/42"),
    )
    await bot.send(words(buttons=buttons))
    assert telegram.inbox(CHAT)[0]["reply_markup"]["inline_keyboard"] == [
        [{"text": "是", "callback_data": "yes"}, {"text": "否", "callback_data": "no"}],
        [{"text": "A rather long answer", "callback_data": "x" * 64}],
        [{"text": "Track", "url": "https://shop.example/42"}],
    ]


@pytest.mark.parametrize("value", ["x" * 65, "退" * 22, ""])
async def test_a_button_value_that_telegram_cannot_carry_is_not_cut_but_refused(
    telegram: TelegramServer, bot: Telegram, value: str
) -> None:
    error = await failure(bot, words(buttons=(Button(label="a", value=value),)))
    assert error.code is SendErrorCode.UNSUPPORTED
    assert telegram.called("sendMessage") == []


async def test_a_long_text_leaves_in_order_with_the_buttons_last(telegram: TelegramServer, bot: Telegram) -> None:
    text = "\n\n".join(f"{number}. " + "很长的一段话。" * 200 for number in range(8))
    receipt = await bot.send(words(text, buttons=(Button(label="ok", value="ok"),), reply_to="1"))
    parts = telegram.inbox(CHAT)
    assert "\n\n".join(part["text"] for part in parts) == text
    assert [("reply_to_message" in part, "reply_markup" in part) for part in parts] == [
        (True, False), *[(False, False)] * (len(parts) - 2), (False, True)]  # fmt: skip
    assert receipt.external_ids == tuple(str(part["message_id"]) for part in parts)


async def test_after_a_failure_in_the_middle_only_the_missing_parts_follow(
    telegram: TelegramServer, bot: Telegram
) -> None:
    text = "\n\n".join("x" * 4000 + str(number) for number in range(3))
    telegram.fail("sendMessage", Hold(until=released()), too_many(3))
    error = await failure(bot, words(text))
    assert (error.code, error.retry_after, len(error.sent)) == (SendErrorCode.RATE_LIMITED, 3, 1)
    receipt = await bot.send(words(text, sent=error.sent))
    assert [part["text"][-1] for part in telegram.inbox(CHAT)] == ["0", "1", "2"]
    assert (*error.sent, *receipt.external_ids) == tuple(str(part["message_id"]) for part in telegram.inbox(CHAT))


def released() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


async def test_a_long_text_that_takes_too_long_goes_on_in_another_try(
    telegram: TelegramServer, port: RecordingPort
) -> None:
    """So that the lease of its Delivery never runs out while parts of it are still to leave."""
    clock, answer = FrozenClock(), asyncio.Event()
    bot = Telegram(TelegramSettings(token=TOKEN, api_base=telegram.url, timeout=20), monotonic=clock.monotonic)
    await bot.start(port)
    text = "\n\n".join("x" * 4000 + str(number) for number in range(3))
    telegram.fail("sendMessage", Hold(until=released()), Hold(until=answer))
    sending = asyncio.create_task(failure(bot, words(text)))
    await telegram.until(lambda: len(telegram.inbox(CHAT)) == 2)
    clock.advance(20)
    answer.set()
    error = await sending
    assert (error.code, len(error.sent)) == (SendErrorCode.UNREACHABLE, 2)
    await bot.send(words(text, sent=error.sent))
    assert [part["text"][-1] for part in telegram.inbox(CHAT)] == ["0", "1", "2"]
    await bot.stop()


async def test_when_all_parts_have_left_nothing_is_sent_again(telegram: TelegramServer, bot: Telegram) -> None:
    assert (await bot.send(words(sent=("12",)))).external_ids == ()
    assert telegram.called("sendMessage") == []


async def test_an_empty_message_is_refused(bot: Telegram) -> None:
    assert (await failure(bot, words(" \n "))).code is SendErrorCode.REJECTED


# The given cases


@pytest.mark.parametrize("case", COURIER, ids=lambda case: case["Label"])
async def test_every_given_send_leaves_as_it_should(
    telegram: TelegramServer, bot: Telegram, case: dict[str, Any]
) -> None:
    """Other than there, text is never read as Markdown, no keyboard of ours stays behind that must be removed, a button
    without a label has its address for one, and where somebody is has no button: people share it unasked.
    """
    for answers in case["MockResponses"].values():
        status, _, body = answers[0]["args"]
        telegram.fail(
            "sendVideo" if "MsgAttachments" in case else "sendMessage", Reply(status=status, body=body.encode())
        )
    asked = [reply for reply in case.get("MsgQuickReplies", []) if reply["Type"] != "location"]
    message = words(
        case["MsgText"],
        address=case["MsgURN"],
        buttons=tuple(
            Button(label=reply.get("Text") or reply["Extra"], value=reply.get("Text", ""), url=reply.get("Extra"))
            for reply in asked
        ),
        attachments=tuple(
            Attachment(kind=AttachmentKind.VIDEO, id=one.partition(":")[2]) for one in case.get("MsgAttachments", [])
        ),
    )
    if "ExpectedError" in case:
        assert (await failure(bot, message)).code is SendErrorCode.RATE_LIMITED
    else:
        assert (await bot.send(message)).external_ids == tuple(case["ExpectedExtIDs"])
    form, (call,) = case["ExpectedRequests"][0]["Form"], telegram.calls
    assert call.fields["chat_id"] == int(form["chat_id"][0])
    assert all(call.fields[key] == form[key][0] for key in ("text", "caption", "video") if key in form)
    urls = [
        button.get("url") for row in call.fields.get("reply_markup", {}).get("inline_keyboard", []) for button in row
    ]
    assert urls == [reply.get("Extra") for reply in asked]


# Attachments


@pytest.fixture
def keep(port: RecordingPort, tmp_path: Path) -> Callable[[bytes, str], str]:
    def kept(content: bytes, content_type: str) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        (tmp_path / sha256).write_bytes(content)
        port.blobs[sha256] = Blob(sha256=sha256, size=len(content), content_type=content_type, path=tmp_path / sha256)
        return sha256

    return kept


@pytest.mark.parametrize(
    ("kind", "content_type", "method"),
    [
        (AttachmentKind.IMAGE, "image/jpeg", "sendPhoto"),
        (AttachmentKind.IMAGE, "image/svg+xml", "sendDocument"),
        (AttachmentKind.FILE, "application/pdf", "sendDocument"),
        (AttachmentKind.AUDIO, "audio/ogg", "sendVoice"),
        (AttachmentKind.AUDIO, "audio/mpeg", "sendAudio"),
        (AttachmentKind.AUDIO, "audio/amr", "sendDocument"),
        (AttachmentKind.VIDEO, "video/mp4", "sendVideo"),
        (AttachmentKind.VIDEO, "video/x-msvideo", "sendDocument"),
        (AttachmentKind.STICKER, "image/webp", "sendSticker"),
    ],
)
async def test_content_of_ours_travels_as_what_it_is(
    telegram: TelegramServer,
    bot: Telegram,
    keep: Callable[[bytes, str], str],
    kind: AttachmentKind,
    content_type: str,
    method: str,
) -> None:
    one = Attachment(kind=kind, id=keep(b"content", content_type), name='报价 "2".bin')
    await bot.send(words("", attachments=(one,)))
    (call,) = [call for call in telegram.calls if call.method == method]
    assert list(call.files.values()) == [b"content"]


async def test_a_short_text_is_the_caption_and_a_long_one_goes_before(telegram: TelegramServer, bot: Telegram) -> None:
    telegram.files["F"] = b"x"
    photo = Attachment(kind=AttachmentKind.IMAGE, id="F")
    await bot.send(words("your parcel", attachments=(photo,), buttons=(Button(label="ok", value="ok"),)))
    receipt = await bot.send(words("long " * 300, attachments=(photo, photo)))
    captioned, text, *photos = telegram.inbox(CHAT)
    assert (captioned["caption"], "reply_markup" in captioned) == ("your parcel", True)
    assert text["text"] == ("long " * 300).strip()
    assert [("photo" in one, "caption" in one) for one in photos] == [(True, False)] * 2
    assert len(receipt.external_ids) == 3


async def test_places_and_contacts_are_sent_as_such(telegram: TelegramServer, bot: Telegram) -> None:
    spot = {"latitude": 31.2, "longitude": 121.5}
    place = Attachment(kind=AttachmentKind.LOCATION, id="geo:31.2,121.5", data=spot)
    shop = Attachment(kind=AttachmentKind.LOCATION, id="x", data={**spot, "title": "Shop", "address": "1 Main St"})
    colleague = Attachment(kind=AttachmentKind.CONTACT, id="+86138", data={"first_name": "Li"})
    await bot.send(words("here", attachments=(place, shop, colleague)))
    methods = [call.method for call in telegram.calls]
    assert methods == ["sendMessage", "sendLocation", "sendVenue", "sendContact"]
    nowhere = Attachment(kind=AttachmentKind.LOCATION, id="geo:?")
    assert (await failure(bot, words(attachments=(nowhere,)))).code is SendErrorCode.REJECTED


async def test_content_that_is_gone_or_too_large_is_named(
    telegram: TelegramServer, bot: Telegram, port: RecordingPort, tmp_path: Path
) -> None:
    async def code_of(sha256: str) -> SendErrorCode:
        return (await failure(bot, words(attachments=(Attachment(kind=AttachmentKind.FILE, id=sha256),)))).code

    path = tmp_path / "gone"
    port.blobs["b" * 64] = Blob(sha256="b" * 64, size=51 * 1024 * 1024, content_type="video/mp4", path=path)
    port.blobs["c" * 64] = Blob(sha256="c" * 64, size=5, content_type="video/mp4", path=path)
    assert await code_of("a" * 64) is SendErrorCode.REJECTED
    assert await code_of("b" * 64) is SendErrorCode.TOO_LARGE
    assert await code_of("c" * 64) is SendErrorCode.REJECTED
    assert await code_of("no such file_id") is SendErrorCode.REJECTED


async def test_while_our_own_storage_is_down_an_attachment_waits(telegram: TelegramServer) -> None:
    class Down(RecordingPort):
        async def blob(self, sha256: str) -> Blob | None:
            raise StorageUnavailable

    bot = Telegram(TelegramSettings(token=TOKEN, api_base=telegram.url))
    await bot.start(Down())
    one = Attachment(kind=AttachmentKind.FILE, id="a" * 64)
    assert (await failure(bot, words(attachments=(one,)))).code is SendErrorCode.UNREACHABLE
    await bot.stop()


# Every way of failing


@pytest.mark.parametrize(
    ("fault", "code", "retry_after"),
    [
        (too_many(30), SendErrorCode.RATE_LIMITED, 30),
        (Reply(status=429, body=b"<html>", headers={"Retry-After": "8"}), SendErrorCode.RATE_LIMITED, 8),
        (bare(429), SendErrorCode.RATE_LIMITED, None),
        (stated(403, "Forbidden: bot was blocked by the user"), SendErrorCode.BLOCKED, None),
        (stated(403, "Forbidden: user is deactivated"), SendErrorCode.BLOCKED, None),
        (stated(403, "Forbidden: bot can't initiate conversation with a user"), SendErrorCode.BLOCKED, None),
        (stated(400, "Bad Request: chat not found"), SendErrorCode.BAD_ADDRESS, None),
        (stated(400, "Bad Request: PEER_ID_INVALID"), SendErrorCode.BAD_ADDRESS, None),
        (
            stated(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1001),
            SendErrorCode.BAD_ADDRESS,
            None,
        ),
        (stated(400, "Bad Request: message text is empty"), SendErrorCode.REJECTED, None),
        (stated(413, "Request Entity Too Large"), SendErrorCode.TOO_LARGE, None),
        (bare(413), SendErrorCode.TOO_LARGE, None),
        (stated(401, "Unauthorized"), SendErrorCode.UNAUTHORIZED, None),
        (stated(404, "Not Found"), SendErrorCode.UNAUTHORIZED, None),
        (bare(404), SendErrorCode.UNAUTHORIZED, None),
        (bare(403), SendErrorCode.UNAUTHORIZED, None),
        (bare(400), SendErrorCode.REJECTED, None),
        (stated(500, "Internal Server Error"), SendErrorCode.PROVIDER_ERROR, None),
        (stated(502, "Bad Gateway"), SendErrorCode.PROVIDER_ERROR, None),
        (bare(502), SendErrorCode.NO_ANSWER, None),
        (bare(503), SendErrorCode.NO_ANSWER, None),
        (bare(504), SendErrorCode.NO_ANSWER, None),
        (bare(500), SendErrorCode.NO_ANSWER, None),
        (bare(200), SendErrorCode.NO_ANSWER, None),
        (bare(302), SendErrorCode.NO_ANSWER, None),
        (Reply(status=200, body=b'{"ok":true,"result":true}'), SendErrorCode.NO_ANSWER, None),
        (Reply(status=200, body=b'{"ok":true,"result":{}}'), SendErrorCode.NO_ANSWER, None),
        (Reply(status=502, body=b'{"error":"proxy"}'), SendErrorCode.NO_ANSWER, None),
        (Drop(after=False), SendErrorCode.NO_ANSWER, None),
        (Drop(after=True), SendErrorCode.NO_ANSWER, None),
    ],
)
async def test_every_failure_has_its_name(
    telegram: TelegramServer, bot: Telegram, fault: Fault, code: SendErrorCode, retry_after: float | None
) -> None:
    telegram.fail("sendMessage", fault)
    error = await failure(bot)
    assert (error.code, error.retry_after, error.sent) == (code, retry_after, ())


async def test_a_lost_answer_does_not_say_that_nothing_left(telegram: TelegramServer, bot: Telegram) -> None:
    telegram.fail("sendMessage", Drop(after=True))
    assert not (await failure(bot)).consequence.outcome_known
    assert len(telegram.inbox(CHAT)) == 1


async def test_a_slow_answer_is_no_answer(telegram: TelegramServer, port: RecordingPort) -> None:
    bot = Telegram(TelegramSettings(token=TOKEN, api_base=telegram.url, timeout=0.05))
    await bot.start(port)
    release = asyncio.Event()
    telegram.fail("sendMessage", Hold(until=release))
    assert (await failure(bot)).code is SendErrorCode.NO_ANSWER
    release.set()
    await bot.stop()


async def unreachable(base: str) -> SendErrorCode:
    bot = Telegram(TelegramSettings(token=TOKEN, api_base=base))
    await bot.start(RecordingPort())
    error = await failure(bot)
    await bot.stop()
    return error.code


async def test_a_closed_port_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        base = f"http://127.0.0.1:{closing.getsockname()[1]}"
    assert await unreachable(base) is SendErrorCode.UNREACHABLE


async def test_a_server_without_tls_is_unreachable_over_tls(telegram: TelegramServer) -> None:
    assert await unreachable(telegram.url.replace("http:", "https:")) is SendErrorCode.UNREACHABLE


async def test_a_name_that_nobody_has_is_unreachable(outward_attempts: list[str]) -> None:
    assert await unreachable("http://telegram.invalid") is SendErrorCode.UNREACHABLE
    assert outward_attempts == ["look up 'telegram.invalid'"]
    outward_attempts.clear()


async def test_a_base_that_is_no_url_is_unreachable() -> None:
    assert await unreachable("not a url") is SendErrorCode.UNREACHABLE


async def test_a_blocked_bot_learns_it_from_its_send(telegram: TelegramServer, bot: Telegram) -> None:
    await telegram.block(CHAT)
    assert (await failure(bot)).consequence.closes_address


@pytest.mark.parametrize(
    "address", ["telegram:8", "telegram:", "telegram:-100123", "telegram:abc", "tel:+86", "telegram:" + "9" * 40]
)
async def test_nobody_is_at_a_wrong_address(bot: Telegram, address: str) -> None:
    assert (await failure(bot, words(address=address))).code is SendErrorCode.BAD_ADDRESS


@pytest.mark.parametrize("token", ["42:wrong", "nonsense", "42:../../x", "4 2"])
async def test_a_wrong_token_stops_the_whole_channel(telegram: TelegramServer, token: str) -> None:
    bot = Telegram(TelegramSettings(token=token, api_base=telegram.url))
    await bot.start(RecordingPort())
    error = await failure(bot)
    assert (error.code, error.whole_channel) == (SendErrorCode.UNAUTHORIZED, True)
    await bot.stop()


async def test_one_chat_told_to_wait_is_one_chat_and_two_are_the_whole_bot(
    telegram: TelegramServer, bot: Telegram
) -> None:
    telegram.fail("sendMessage", *[too_many(30)] * 3)
    await telegram.say(8, "hi")
    waits = [(await failure(bot, words(address=address))).whole_channel for address in (ADDRESS, ADDRESS, "telegram:8")]
    assert waits == [False, False, True]


async def test_a_wait_that_is_over_says_nothing_about_the_next_chat(
    telegram: TelegramServer, port: RecordingPort
) -> None:
    clock = FrozenClock()
    bot = Telegram(TelegramSettings(token=TOKEN, api_base=telegram.url), monotonic=clock.monotonic)
    await bot.start(port)
    telegram.fail("sendMessage", *[too_many(30)] * 2)
    await failure(bot)
    clock.advance(31)
    assert not (await failure(bot, words(address="telegram:8"))).whole_channel
    await bot.stop()


async def test_a_failure_tells_neither_the_token_nor_the_text(telegram: TelegramServer, bot: Telegram) -> None:
    telegram.fail("sendMessage", Drop(after=False))
    error = await failure(bot, words("my secret words"))
    assert "secret words" not in "".join(traceback.format_exception(error))
    assert TOKEN not in repr(vars(error))


# The other abilities


async def test_a_sent_message_can_be_changed_and_loses_its_buttons(telegram: TelegramServer, bot: Telegram) -> None:
    (sent,) = (await bot.send(words("which?", buttons=(Button(label="a", value="a"),)))).external_ids
    await bot.edit(sent, words("you chose a"))
    (message,) = telegram.inbox(CHAT)
    assert message["text"] == "you chose a"
    assert "reply_markup" not in message


async def test_changing_nothing_is_a_success(telegram: TelegramServer, bot: Telegram) -> None:
    (sent,) = (await bot.send(words("same"))).external_ids
    await bot.edit(sent, words("same"))
    assert len(telegram.called("editMessageText")) == 1


@pytest.mark.parametrize(
    ("external_id", "text", "code"),
    [
        ("999999", "x", SendErrorCode.REJECTED),
        ("x", "x", SendErrorCode.REJECTED),
        ("1", "x" * 4097, SendErrorCode.TOO_LARGE),
        ("1", "", SendErrorCode.REJECTED),
    ],
)
async def test_what_cannot_be_changed_says_so(bot: Telegram, external_id: str, text: str, code: SendErrorCode) -> None:
    with pytest.raises(SendError) as caught:
        await bot.edit(external_id, words(text))
    assert caught.value.code is code


async def test_typing_is_shown_and_its_failure_is_nobodys_business(telegram: TelegramServer, bot: Telegram) -> None:
    await bot.typing(ADDRESS)
    assert telegram.called("sendChatAction") == [{"chat_id": CHAT, "action": "typing"}]
    telegram.fail("sendChatAction", bare(502))
    await bot.typing(ADDRESS)
    await bot.typing("telegram:?")


async def test_the_probe_needs_no_start_and_says_who_we_are(telegram: TelegramServer) -> None:
    bot = Telegram(TelegramSettings(token=TOKEN, api_base=telegram.url))
    assert await bot.probe() == "@loopback_bot"
    await bot.stop()


async def test_a_probe_with_a_wrong_token_fails(telegram: TelegramServer) -> None:
    bot = Telegram(TelegramSettings(token="42:wrong", api_base=telegram.url))
    with pytest.raises(SendError, match="unauthorized"):
        await bot.probe()
    await bot.stop()


async def test_an_attachment_is_fetched_by_its_handle(telegram: TelegramServer, bot: Telegram) -> None:
    telegram.files["F 1/ü"] = b"\x89PNG"
    assert await bot.fetch(Attachment(kind=AttachmentKind.IMAGE, id="F 1/ü", size=4)) == b"\x89PNG"


@pytest.mark.parametrize(
    ("attachment", "code"),
    [
        (Attachment(kind=AttachmentKind.FILE, id="unknown"), SendErrorCode.REJECTED),
        (Attachment(kind=AttachmentKind.FILE, id="big"), SendErrorCode.TOO_LARGE),
        (Attachment(kind=AttachmentKind.FILE, id="big", size=21 * 1024 * 1024), SendErrorCode.TOO_LARGE),
        (Attachment(kind=AttachmentKind.LOCATION, id="geo:1,2"), SendErrorCode.UNSUPPORTED),
        (Attachment(kind=AttachmentKind.CONTACT, id="+86138"), SendErrorCode.UNSUPPORTED),
    ],
    ids=["unknown", "too big when asked", "known to be too big", "a place", "a contact"],
)
async def test_what_cannot_be_fetched_says_why(
    telegram: TelegramServer, bot: Telegram, attachment: Attachment, code: SendErrorCode
) -> None:
    telegram.files["big"] = bytes(21 * 1024 * 1024)
    with pytest.raises(SendError) as caught:
        await bot.fetch(attachment)
    assert caught.value.code is code


# The loopback server itself, as benches and people use it


async def test_people_can_be_played_over_http(telegram: TelegramServer, bot: Telegram) -> None:
    async with aiohttp.ClientSession(telegram.url) as people:
        async with people.post("/person/9/say", json={"text": "hello"}) as said:
            assert (await said.json())["message"]["text"] == "hello"
        await bot.send(words("welcome", address="telegram:9"))
        async with people.get("/person/9/inbox", params={"wait": "1"}) as inbox:
            (message,) = await inbox.json()
        assert message["text"] == "welcome"
        async with people.get("/person/9/inbox", params={"after": str(message["message_id"])}) as inbox:
            assert await inbox.json() == []


async def test_the_loopback_server_is_as_strict_as_telegram(telegram: TelegramServer) -> None:
    async with aiohttp.ClientSession() as client:

        async def said(method: str, **fields: Any) -> str:
            async with client.post(f"{telegram.url}/bot{TOKEN}/{method}", data=fields) as answer:
                return (await answer.json())["description"]

        assert "chat_id is empty" in await said("sendMessage", text="x")
        assert "too long" in await said("sendMessage", chat_id="7", text="😀" * 2049)
        assert "text is empty" in await said("sendMessage", chat_id="7", text=" ")
        assert "Not Found" in await said("noSuchMethod")
        assert "query is too old" in await said("answerCallbackQuery", callback_query_id="1")
        keyboard = '{"inline_keyboard": [[{"text": "a", "callback_data": "' + "x" * 65 + '"}]]}'
        assert "BUTTON_DATA_INVALID" in await said("sendMessage", chat_id="7", text="x", reply_markup=keyboard)
