"""Receiving from Telegram: stored before acknowledged, by polling and by webhook, whatever fails in between."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import io
import json
import socket
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from channels.envelope import Arrival, Event, InboundMessage
from channels.protocol import Accepted
from channels.telegram.channel import InsecureWebhook, Telegram, TelegramSettings
from channels.telegram.webhook import BODY_LIMIT
from tests.channels.telegram_faults import Drop, Reply, bare, stated, too_many
from tests.channels.telegram_port import RecordingPort
from tests.channels.telegram_server import TOKEN, TelegramServer
from tests.clock import FrozenClock

SECRET = "a-webhook-secret"
HEADERS = {"X-Telegram-Bot-Api-Secret-Token": SECRET}


class Pauses:
    """Waits no time, and remembers how long it would have."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture(autouse=True, scope="module")
def aiogram() -> None:
    """Imported before the first test: it takes seconds, and the tests' time limits are for what they test."""
    importlib.import_module("channels.telegram.methods")


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with TelegramServer(pause=Pauses()) as server:
        yield server


@pytest.fixture
def port() -> RecordingPort:
    return RecordingPort()


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@asynccontextmanager
async def polling(
    telegram: TelegramServer, port: RecordingPort, pause: Callable[[float], Awaitable[object]] | None = None
) -> AsyncGenerator[Telegram]:
    settings = TelegramSettings(token=telegram.token, api_base=telegram.url, poll_timeout=5)
    bot = Telegram(settings, clock=FrozenClock(), pause=pause or Pauses())
    await bot.start(port)
    task = asyncio.create_task(bot.poll())
    try:
        yield bot
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await bot.stop()


def offsets(telegram: TelegramServer) -> list[int | None]:
    return [call.get("offset") for call in telegram.called("getUpdates")]


# Polling


async def test_what_a_person_writes_is_stored_with_the_cursor_and_only_then_forgotten_by_telegram(
    telegram: TelegramServer, port: RecordingPort
) -> None:
    first, second = await telegram.say(7, "hello"), await telegram.say(7, "are you there?")
    async with polling(telegram, port):
        await telegram.until(lambda: len(telegram.called("getUpdates")) == 2)
    assert port.texts == ["hello", "are you there?"]
    assert port.committed == str(second["update_id"])
    assert offsets(telegram) == [None, second["update_id"] + 1]
    assert telegram.updates == []
    assert first["update_id"] < second["update_id"]


@pytest.mark.parametrize("cursor_kept", [True, False], ids=["cursor kept", "cursor older than the messages"])
async def test_a_crash_between_the_commit_and_the_next_getupdates_stores_an_update_once(
    telegram: TelegramServer, port: RecordingPort, cursor_kept: bool
) -> None:
    class PowerCut(Exception):
        """After the commit, before anybody hears of it."""

    class DyingPort(RecordingPort):
        async def accept(self, batch: Sequence[Arrival], *, cursor: str | None = None) -> Sequence[Accepted]:
            await port.accept(batch, cursor=cursor if cursor_kept else None)
            raise PowerCut

    await telegram.say(7, "once")
    bot = Telegram(TelegramSettings(token=TOKEN, api_base=telegram.url, poll_timeout=5))
    await bot.start(DyingPort())
    with pytest.raises(PowerCut):
        await bot.poll()
    await bot.stop()
    assert len(telegram.updates) == 1
    async with polling(telegram, port):
        await telegram.until(lambda: not telegram.updates)
    assert (port.attempts, port.texts) == (1 if cursor_kept else 2, ["once"])


async def test_after_a_restart_polling_goes_on_from_the_committed_cursor(
    telegram: TelegramServer, port: RecordingPort
) -> None:
    port.committed = "1500"
    async with polling(telegram, port):
        await telegram.until(lambda: telegram.called("getUpdates"))
    assert offsets(telegram)[0] == 1501


async def test_while_storage_is_down_the_offset_stays_and_nothing_is_lost(
    telegram: TelegramServer, port: RecordingPort, pauses: Pauses
) -> None:
    port.unavailable = 3
    await telegram.say(7, "keep me")
    async with polling(telegram, port, pauses):
        await telegram.until(lambda: not telegram.updates)
    assert port.texts == ["keep me"]
    assert offsets(telegram)[:4] == [None] * 4
    assert pauses.seconds == [1, 2, 4]


@pytest.mark.parametrize("broken", [{"message": {"chat": 5}}, {"message": "?"}, {"edited_message": {"date": "x"}}])
async def test_an_update_that_cannot_be_read_is_refused_and_its_neighbours_come_through(
    telegram: TelegramServer, port: RecordingPort, broken: dict[str, Any]
) -> None:
    await telegram.say(7, "before")
    await telegram.push(broken)
    await telegram.say(7, "after")
    async with polling(telegram, port):
        await telegram.until(lambda: not telegram.updates)
    assert port.texts == ["before", "after"]
    assert len(port.refusals) == 1


async def test_a_culprit_that_breaks_the_whole_answer_is_found_and_stepped_over(
    telegram: TelegramServer, port: RecordingPort
) -> None:
    await telegram.push({"update_id": 900, "message": {}})
    await telegram.say(7, "after")
    culprit = Reply(status=200, body=b'{"ok":true,"result":[{"update_id": 900, "message": {"text": \xff}}]}')
    telegram.fail("getUpdates", culprit, culprit)
    async with polling(telegram, port):
        await telegram.until(lambda: not telegram.updates)
    assert port.texts == ["after"]
    assert [refusal.reason for refusal in port.refusals] == ["not UTF-8"]
    assert [call["limit"] for call in telegram.called("getUpdates")][:2] == [100, 1]


async def test_half_an_emoji_does_not_stop_the_others(telegram: TelegramServer, port: RecordingPort) -> None:
    await telegram.say(7, "half \ud83d an emoji")
    await telegram.say(7, "whole 😀")
    async with polling(telegram, port):
        await telegram.until(lambda: not telegram.updates)
    assert port.texts == ["half \ufffd an emoji", "whole 😀"]


async def test_repeated_and_disordered_updates_are_stored_once_in_the_order_they_happened(
    telegram: TelegramServer, port: RecordingPort
) -> None:
    one, two = await telegram.say(7, "one"), await telegram.say(7, "two")
    telegram.updates[:] = [two, one, two]
    async with polling(telegram, port):
        await telegram.until(lambda: not telegram.updates)
        await telegram.push(one)  # Telegram forgot that we have had it
        await telegram.until(lambda: not telegram.updates)
    assert port.texts == ["one", "two"]


async def test_ignored_updates_move_the_cursor_too(telegram: TelegramServer, port: RecordingPort) -> None:
    group = {"id": -5, "type": "group", "title": "Friends"}
    update = await telegram.say(7, "hello all", chat=group)
    async with polling(telegram, port):
        await telegram.until(lambda: not telegram.updates)
    assert (port.arrivals, port.committed) == ([], str(update["update_id"]))


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (too_many(17), 17),
        (stated(500, "Internal Server Error"), 1),
        (bare(502), 1),
        (Drop(after=False), 1),
        (Drop(after=True), 1),
        (stated(409, "Conflict: terminated by other getUpdates request"), 1),
        (stated(401, "Unauthorized"), 1),
    ],
    ids=["429", "500", "bare 502", "dropped before", "dropped after", "another poller", "401"],
)
async def test_polling_survives_and_waits_as_long_as_it_should(
    telegram: TelegramServer, port: RecordingPort, pauses: Pauses, fault: Any, seconds: float
) -> None:
    telegram.fail("getUpdates", fault)
    await telegram.say(7, "still here")
    async with polling(telegram, port, pauses):
        await telegram.until(lambda: not telegram.updates)
    assert port.texts == ["still here"]
    assert pauses.seconds == [seconds]


async def test_pauses_grow_and_end_at_half_a_minute(
    telegram: TelegramServer, port: RecordingPort, pauses: Pauses
) -> None:
    telegram.fail("getUpdates", *[bare(502)] * 7)
    await telegram.say(7, "at last")
    async with polling(telegram, port, pauses):
        await telegram.until(lambda: not telegram.updates)
    assert pauses.seconds == [1, 2, 4, 8, 16, 30, 30]


async def test_a_webhook_left_from_earlier_days_is_taken_down(telegram: TelegramServer, port: RecordingPort) -> None:
    telegram.webhook = {"url": "https://old.example.com/hook"}
    await telegram.say(7, "hello")
    async with polling(telegram, port):
        await telegram.until(lambda: not telegram.updates)
    assert port.texts == ["hello"]


async def test_a_pressed_button_is_answered_after_its_press_is_stored(
    telegram: TelegramServer, port: RecordingPort
) -> None:
    await telegram.say(7, "hi")
    async with polling(telegram, port) as bot:
        await telegram.until(lambda: port.texts)
        port.unavailable = 1
        update = await telegram.press(7, 1, "order:42")
        await telegram.until(lambda: telegram.answered)
        assert bot.name == "telegram"
    assert telegram.answered == [update["callback_query"]["id"]]
    press = port.arrivals[-1]
    assert isinstance(press, InboundMessage)
    assert (press.event, press.text, press.sent_at) == (Event.CALLBACK, "order:42", FrozenClock().now())
    assert [call.method for call in telegram.calls].index("answerCallbackQuery") > 3


async def test_a_person_who_blocks_us_and_comes_back_is_reported(telegram: TelegramServer, port: RecordingPort) -> None:
    await telegram.block(7)
    await telegram.block(7, blocked=False)
    async with polling(telegram, port):
        await telegram.until(lambda: not telegram.updates)
    assert [(update.reachable, update.address) for update in port.address_updates] == [
        (False, "telegram:7"),
        (True, "telegram:7"),
    ]


async def test_we_ask_only_for_what_we_read(telegram: TelegramServer, port: RecordingPort) -> None:
    async with polling(telegram, port):
        await telegram.until(lambda: telegram.called("getUpdates"))
        await telegram.push({"message_reaction": {"chat": {"id": 7}}})
        await telegram.until(lambda: not telegram.updates)
    asked = telegram.called("getUpdates")[0]["allowed_updates"]
    assert "callback_query" in asked
    assert "message_reaction" not in asked
    assert port.arrivals == []


# Webhook


class OurServer:
    """The gateway's HTTP server with the channel's routes, and nothing else."""

    def __init__(
        self, telegram: TelegramServer, port: RecordingPort, pause: Callable[[float], Awaitable[object]]
    ) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/telegram"
        settings = TelegramSettings(
            token=telegram.token, api_base=telegram.url, webhook_url=self.url, webhook_secret=SECRET
        )
        self.bot, self.port = Telegram(settings, clock=FrozenClock(), pause=pause), port

    async def __aenter__(self) -> OurServer:
        app = web.Application()
        app.add_routes(self.bot.routes())
        self.runner = web.AppRunner(app, shutdown_timeout=0.01)
        await self.runner.setup()
        await web.SockSite(self.runner, self.socket).start()
        await self.bot.start(self.port)
        self.client = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        await self.bot.stop()
        await self.runner.cleanup()

    async def post(self, body: bytes, headers: dict[str, str] | None = None) -> int:
        async with self.client.post(
            self.url, data=io.BytesIO(body), headers=HEADERS if headers is None else headers
        ) as answer:
            return answer.status


@pytest.fixture
async def ours(telegram: TelegramServer, port: RecordingPort, pauses: Pauses) -> AsyncIterator[OurServer]:
    async with OurServer(telegram, port, pauses) as server:
        await telegram.until(lambda: telegram.webhook["url"])
        yield server


def update(number: int = 1, text: str = "hello") -> bytes:
    person = {"id": 7, "is_bot": False, "first_name": "Wang"}
    chat = {"id": 7, "type": "private"}
    message = {"message_id": 1, "from": person, "chat": chat, "date": 1_770_000_000, "text": text}
    return json.dumps({"update_id": number, "message": message}).encode()


async def test_telegram_calls_us_and_is_answered_after_the_commit(
    telegram: TelegramServer, port: RecordingPort, ours: OurServer
) -> None:
    await telegram.say(7, "hello")
    await telegram.until(lambda: not telegram.updates)
    assert (port.texts, telegram.webhook_answers) == (["hello"], [200])
    assert telegram.called("setWebhook")[0]["secret_token"] == SECRET


async def test_while_storage_is_down_telegram_is_told_to_come_back(
    telegram: TelegramServer, port: RecordingPort, ours: OurServer
) -> None:
    port.unavailable = 2
    await telegram.say(7, "keep me")
    await telegram.until(lambda: not telegram.updates)
    assert (port.texts, telegram.webhook_answers) == (["keep me"], [503, 503, 200])


@pytest.mark.parametrize("headers", [{}, {"X-Telegram-Bot-Api-Secret-Token": "guess"},
                                     {"X-Telegram-Bot-Api-Secret-Token": SECRET + "x"},
                                     {"X-Telegram-Bot-Api-Secret-Token": "密"}])  # fmt: skip
async def test_whoever_does_not_know_the_secret_is_turned_away_and_leaves_a_hash(
    port: RecordingPort, ours: OurServer, headers: dict[str, str]
) -> None:
    body = update()
    assert await ours.post(body, headers) == 401
    assert port.texts == []
    (refusal,) = port.refusals
    assert (refusal.reason, refusal.size) == ("forged", len(body))
    assert refusal.sha256 == hashlib.sha256(body).hexdigest()


async def test_an_oversize_body_leaves_its_size_and_hash(port: RecordingPort, ours: OurServer) -> None:
    body = update(text="x" * (BODY_LIMIT + 1))
    assert await ours.post(body) == 413
    (refusal,) = port.refusals
    assert (refusal.reason, refusal.size) == ("too large", len(body))
    assert refusal.sha256 == hashlib.sha256(body).hexdigest()


async def test_an_update_of_exactly_the_limit_is_taken(port: RecordingPort, ours: OurServer) -> None:
    assert await ours.post(update(text="x" * (BODY_LIMIT - len(update(text=""))))) == 200
    assert len(port.texts) == 1


@pytest.mark.parametrize("body", [b"", b"foo", b"\xff\xfe", b"[]", b'{"message": {}}'])
async def test_what_is_no_update_is_a_bad_request_and_leaves_its_hash(
    port: RecordingPort, ours: OurServer, body: bytes
) -> None:
    assert await ours.post(body) == 400
    (refusal,) = port.refusals
    assert (refusal.size, refusal.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert SECRET not in str(refusal.headers)
    assert "User-Agent" in refusal.headers


async def test_an_update_that_we_cannot_read_is_refused_once_and_not_asked_for_again(
    telegram: TelegramServer, port: RecordingPort, ours: OurServer
) -> None:
    await telegram.push({"message": {"chat": "?"}})
    await telegram.say(7, "next")
    await telegram.until(lambda: not telegram.updates)
    assert (len(port.refusals), port.texts, telegram.webhook_answers) == (1, ["next"], [200, 200])


async def test_a_repeated_update_is_stored_once(port: RecordingPort, ours: OurServer) -> None:
    assert [await ours.post(update(5)), await ours.post(update(5))] == [200, 200]
    assert port.texts == ["hello"]


async def test_an_ignored_update_is_acknowledged_without_a_commit(port: RecordingPort, ours: OurServer) -> None:
    assert await ours.post(b'{"update_id": 3, "poll": {}}') == 200
    assert port.attempts == 0


async def test_a_button_pressed_over_the_webhook_is_answered(telegram: TelegramServer, ours: OurServer) -> None:
    await telegram.say(7, "hi")
    await telegram.press(7, 1, "yes")
    await telegram.until(lambda: telegram.answered)


@pytest.mark.parametrize("secret", [None, "", "with space", "ü", "x" * 257])
async def test_a_webhook_without_a_proper_secret_refuses_to_start(port: RecordingPort, secret: str | None) -> None:
    bot = Telegram(TelegramSettings(token=TOKEN, webhook_url="https://a.example/telegram", webhook_secret=secret))
    with pytest.raises(InsecureWebhook):
        await bot.start(port)


async def test_the_webhook_is_set_as_soon_as_telegram_answers(
    telegram: TelegramServer, port: RecordingPort, pauses: Pauses
) -> None:
    telegram.fail("setWebhook", bare(502), too_many(9), Drop(after=False))
    async with OurServer(telegram, port, pauses):
        await telegram.until(lambda: telegram.webhook["url"])
    assert pauses.seconds == [1, 9, 4]


async def test_with_a_webhook_there_is_nothing_to_poll(telegram: TelegramServer, ours: OurServer) -> None:
    poll = asyncio.create_task(ours.bot.poll())
    await telegram.say(7, "hello")
    await telegram.until(lambda: not telegram.updates)
    assert not poll.done()
    assert telegram.called("getUpdates") == []
    poll.cancel()


def test_without_a_webhook_there_is_no_route_to_attack() -> None:
    assert Telegram(TelegramSettings(token=TOKEN)).routes() == []


def test_neither_token_nor_secret_shows() -> None:
    settings = TelegramSettings(token=TOKEN, webhook_secret=SECRET)
    assert TOKEN not in f"{settings!r}{settings}"
    assert SECRET not in f"{settings!r}{settings}"


def test_a_stop_does_not_wait_for_the_library_that_is_still_being_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = threading.Event()
    monkeypatch.setattr("channels.telegram.channel.importlib.import_module", lambda _name: imported.wait(20))

    async def live() -> None:
        telegram = Telegram(TelegramSettings(token=TOKEN))
        await telegram.start(RecordingPort())
        await asyncio.sleep(0)
        await telegram.stop()

    try:
        asyncio.run(live())
        assert not imported.is_set()
        assert any(thread.name == "import" and thread.daemon for thread in threading.enumerate())
    finally:
        imported.set()
