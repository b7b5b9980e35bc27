"""The whole house on Telegram: people talk with it through a loopback Bot API that has its good and its bad days."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from channels.envelope import SendErrorCode
from nlu.understanding import Language
from storage.cases import Case
from storage.contacts import Address, Contact, Link
from storage.conversations import Conversation
from storage.deliveries import Delivery
from storage.interactions import Direction, Interaction, InteractionKind
from storage.media import Media, MediaState
from tests.acceptance.tea_house import (
    TELEGRAM_SECRET,
    TeaHouse,
    Visitor,
    label,
    open_tea_house,
    wording,
)
from tests.channels.telegram_faults import Drop, bare, stated, too_many
from tests.channels.telegram_server import TelegramServer, private
from tests.channels.test_webchat_files import PNG
from tests.waiting import until as look_until

pytestmark = pytest.mark.slow

WANG = 4242
TOKEN = "4242424242:loopback-token-of-a-bot"


@pytest.fixture
async def telegram() -> AsyncGenerator[TelegramServer]:
    async with TelegramServer(token=TOKEN) as server:
        yield server


@asynccontextmanager
async def opened(
    folder: Path, models: Path, telegram: TelegramServer, *, webhook: bool = False
) -> AsyncGenerator[TeaHouse]:
    settings: dict[str, Any] = {"token": TOKEN, "api_base": telegram.url}
    async with open_tea_house(folder, models, telegram=settings) as house:
        if webhook:
            await house.close()
            house.settings = house.settings.model_copy(
                update={
                    "server": house.settings.server.model_copy(update={"public_url": house.url}),
                    "telegram": house.settings.telegram.model_copy(
                        update={"webhook": True, "webhook_secret": SecretStr(TELEGRAM_SECRET)}
                    ),
                }
            )
            await house.open()
        yield house


@pytest.fixture
async def house(tmp_path: Path, trained_models: Path, telegram: TelegramServer) -> AsyncGenerator[TeaHouse]:
    async with opened(tmp_path, trained_models, telegram) as house:
        yield house


async def until(house: TeaHouse, condition: Callable[[], object], within: float = 15.0) -> None:
    """Until the database or the server shows it; time does not help a house that has not got there by then."""
    await look_until(condition, within=within)


class Chat:
    """One person's private chat with the bot."""

    def __init__(self, telegram: TelegramServer, number: int = WANG) -> None:
        self.telegram = telegram
        self.number = number
        self.read = 0

    async def hear(self, key: str, language: Language) -> dict[str, Any]:
        """The next thing that the bot says; it must be one of these wordings."""
        await self.telegram.until(lambda: len(self.telegram.inbox(self.number)) > self.read, within=15)
        message = self.telegram.inbox(self.number)[self.read]
        self.read += 1
        assert wording(key, language).search(message["text"]), message["text"]
        return message

    async def press(self, message: dict[str, Any], name: str) -> None:
        buttons = [button for row in message["reply_markup"]["inline_keyboard"] for button in row]
        (data,) = (button["callback_data"] for button in buttons if button["text"] == name)
        await self.telegram.press(self.number, message["message_id"], data)

    def heard(self) -> list[str]:
        return [message["text"] for message in self.telegram.inbox(self.number)]


@pytest.mark.parametrize("webhook", [False, True], ids=["polling", "webhook"])
async def test_a_conversation_in_both_languages_with_buttons_and_an_edited_message(
    tmp_path: Path, trained_models: Path, telegram: TelegramServer, webhook: bool
) -> None:
    async with opened(tmp_path, trained_models, telegram, webhook=webhook) as house:
        wang, ann = Chat(telegram), Chat(telegram, 7)
        await wang.telegram.say(WANG, "你好")
        await wang.hear("small.hello", Language.ZH_HANS)
        await ann.telegram.say(7, "How long does delivery take?")
        answer = await ann.hear("knowledge.answer", Language.EN)
        await ann.press(answer, label("button.not_meant", Language.EN))
        await ann.hear("knowledge.perhaps", Language.EN)
        await until(house, lambda: len(telegram.answered) == 1)

        await telegram.say(WANG, "茶壶裂了")
        asked = await wang.hear("complaint.ask_order", Language.ZH_HANS)
        await wang.press(asked, label("button.no_order", Language.ZH_HANS))
        await wang.hear("complaint.ask_happened", Language.ZH_HANS)
        said = await telegram.say(WANG, "上周")
        await wang.hear("complaint.ask_bought", Language.ZH_HANS)
        await telegram.edit(WANG, said["message"]["message_id"], text="昨天")
        await wang.hear("complaint.corrected", Language.ZH_HANS)
        kinds = [row["kind"] for row in house.rows(Interaction) if row["direction"] is Direction.IN]
        assert kinds.count(InteractionKind.EDIT) == 1
        assert kinds.count(InteractionKind.CALLBACK) == 2
        (case,) = house.rows(Case)
        assert case["facts"]["happened"].startswith("昨天")
        assert telegram.webhook["url"] == (f"{house.url}/telegram" if webhook else "")
        assert {answer for answer in telegram.webhook_answers if answer != 0} <= {200}


async def test_a_photo_is_fetched_and_kept_as_a_blob(house: TeaHouse, telegram: TelegramServer) -> None:
    telegram.files["photo-1"] = PNG
    sizes = [
        {"file_id": "photo-0", "file_unique_id": "0", "width": 1, "height": 1, "file_size": 10},
        {"file_id": "photo-1", "file_unique_id": "1", "width": 640, "height": 480, "file_size": len(PNG)},
    ]
    chat = Chat(telegram)
    await telegram.say(WANG, photo=sizes, caption="the teapot arrived broken")
    await chat.hear("complaint.ask_order", Language.EN)
    await until(house, lambda: [row["state"] for row in house.rows(Media)] == [MediaState.KEPT])
    (message,) = (row for row in house.rows(Interaction) if row["direction"] is Direction.IN)
    (attachment,) = message["content"]["attachments"]
    assert attachment["id"] == sha256(PNG).hexdigest()
    blob = await house.gateway.blobs.find(attachment["id"])
    assert blob is not None
    assert blob.path.read_bytes() == PNG
    (case,) = house.rows(Case)
    assert case["facts"]["evidence"] == [message["id"]]


async def test_a_deep_link_from_web_chat_makes_both_addresses_one_persons_with_the_evidence(
    house: TeaHouse, telegram: TelegramServer
) -> None:
    async with aiohttp.ClientSession() as http:
        visitor = await Visitor(house, http).visit()
        async with http.get(f"{house.url}/webchat/poll", headers=visitor.headers) as response:
            assert (await response.json())[0]["links"] == ["telegram"], "the window shows a button"
        assert await links(house, http, visitor) == [], "nobody is known there yet"
        await visitor.ask("Hello")
        stale, link = await links(house, http, visitor), await links(house, http, visitor)
        assert stale != link
        chat = Chat(telegram)
        await telegram.say(WANG, f"/start {code_in(stale)}")
        await chat.hear("small.hello", Language.ZH_HANS)
        await house.gateway._link()
        assert house.rows(Link) == [], "the newer link has taken its place"
        await telegram.say(WANG, f"/start {code_in(link)}")
        await until(house, lambda: house.rows(Link))
        (made,) = house.rows(Link)
        addresses = {row["uri"]: row for row in house.rows(Address)}
        web, phone = addresses[visitor.address], addresses[f"telegram:{WANG}"]
        assert web["contact_id"] == phone["contact_id"] == made["contact_id"]
        assert web["proven_at"] is not None
        assert phone["proven_at"] is not None
        assert (made["made_by"], made["undone_at"]) == ("customer", None)
        assert made["evidence"] == f"a code given on address {web['id']} was shown on address {phone['id']}"
        stranger = Chat(telegram, 99)
        await telegram.say(99, f"/start {code_in(link)}")
        await until(house, stranger.heard)
        await house.gateway.settle()
        assert len(house.rows(Link)) == 1, "a code counts once"


def code_in(links: list[str]) -> str:
    (link,) = links
    page, _, code = link.partition("?start=")
    assert page == "https://t.me/loopback_bot"
    return code


async def links(house: TeaHouse, http: aiohttp.ClientSession, visitor: Visitor) -> list[str]:
    async with http.post(f"{house.url}/webchat/link", headers=visitor.headers) as response:
        assert response.status == 200
        return [link["url"] for link in (await response.json())["links"]]


async def test_a_visitor_gets_no_link_with_a_token_that_is_not_ours(house: TeaHouse) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{house.url}/webchat/link", headers={"Authorization": "Bearer e30.e30"}) as response,
    ):
        assert response.status == 401


async def test_a_429_is_obeyed_and_a_stated_error_is_tried_again(house: TeaHouse, telegram: TelegramServer) -> None:
    telegram.fail("sendMessage", too_many(2), stated(500, "Internal Server Error"))
    chat = Chat(telegram)
    began = house.clock()
    await telegram.say(WANG, "你好")
    await telegram.until(lambda: len(telegram.called("sendMessage")) == 1)
    await chat.hear("small.hello", Language.ZH_HANS)
    assert (house.clock() - began).total_seconds() >= 2, "we were told to wait for two seconds"
    assert len(telegram.called("sendMessage")) == 3
    assert len(chat.heard()) == 1
    await until(house, lambda: [row["status"] for row in house.rows(Delivery)] == ["sent"])
    (delivery,) = house.rows(Delivery)
    assert delivery["attempts"] == 3


@pytest.mark.parametrize("fault", [Drop(after=True), bare(502)], ids=["dropped", "bare 502"])
async def test_a_lost_answer_is_unknown_and_never_repeated(
    house: TeaHouse, telegram: TelegramServer, fault: Any
) -> None:
    telegram.fail("sendMessage", fault)
    chat = Chat(telegram)
    await telegram.say(WANG, "你好")
    await until(house, lambda: [row["status"] for row in house.rows(Delivery)] == ["unknown"])
    await telegram.say(WANG, "How long does delivery take?")
    await until(house, lambda: [row["status"] for row in house.rows(Delivery)] == ["unknown", "sent"])
    assert len(telegram.called("sendMessage")) == 2
    answered = [text for text in chat.heard() if wording("knowledge.answer", Language.EN).search(text)]
    assert len(answered) == 1
    (lost, _) = house.rows(Delivery)
    assert str(lost["reason"]).startswith(SendErrorCode.NO_ANSWER)


async def test_who_has_blocked_the_bot_is_not_written_to_until_they_come_back(
    house: TeaHouse, telegram: TelegramServer
) -> None:
    telegram.messages[WANG] = {}
    telegram.blocked.add(WANG)
    await telegram.say(WANG, "你好")
    await until(house, lambda: [row["status"] for row in house.rows(Delivery)] == ["failed"])
    await until(house, lambda: address(house)["closed_at"] is not None)
    assert "blocked" in address(house)["closed_reason"]
    await telegram.block(WANG, blocked=False)
    await until(house, lambda: address(house)["closed_at"] is None)
    await telegram.block(WANG)
    await until(house, lambda: address(house)["closed_at"] is not None)
    telegram.blocked.discard(WANG)
    await telegram.say(WANG, "How long does delivery take?")
    await until(house, lambda: [row["status"] for row in house.rows(Delivery)] == ["failed", "sent"])
    assert address(house)["closed_at"] is None


def address(house: TeaHouse) -> dict[str, Any]:
    (found,) = (row for row in house.rows(Address) if row["uri"] == f"telegram:{WANG}")
    return found


async def test_updates_that_come_twice_or_in_disorder_are_recorded_once_in_the_order_of_their_numbers(
    house: TeaHouse, telegram: TelegramServer
) -> None:
    messages = [telegram._message(WANG, from_bot=False, fields={"text": f"silence {count}"}) for count in range(4)]
    updates = [{"update_id": 500 + count, "message": message} for count, message in enumerate(messages)]
    telegram.updates += [updates[2], updates[0], updates[0], updates[3], updates[1], updates[2]]
    await telegram._notify()
    await until(house, lambda: len(house.rows(Interaction)) >= 4 and not telegram.updates)
    inbound = [row["text"] for row in house.rows(Interaction) if row["direction"] is Direction.IN]
    assert inbound == ["silence 0", "silence 1", "silence 2", "silence 3"]


async def test_after_a_restart_the_offset_goes_on_and_nothing_is_taken_twice(
    house: TeaHouse, telegram: TelegramServer
) -> None:
    chat = Chat(telegram)
    await telegram.say(WANG, "你好")
    await chat.hear("small.hello", Language.ZH_HANS)
    await house.close()
    await telegram.say(WANG, "How long does delivery take?")
    await house.open()
    await chat.hear("knowledge.answer", Language.EN)
    await until(house, lambda: not telegram.updates)
    assert len([row for row in house.rows(Interaction) if row["direction"] is Direction.IN]) == 2
    assert len(chat.heard()) == 2


async def test_groups_and_kinds_of_updates_that_we_do_not_know_are_left_alone(
    house: TeaHouse, telegram: TelegramServer
) -> None:
    group = {"id": -100, "type": "group", "title": "Tea lovers"}
    await telegram.push({"message": {**telegram._message(-100, from_bot=False, fields={"text": "hi"}), "chat": group}})
    await telegram.push({"a_kind_of_the_future": {"id": 1}})
    await telegram.push({"message": {"message_id": 9, "date": 1, "chat": private(WANG), "from": private(WANG)}})
    chat = Chat(telegram)
    await telegram.say(WANG, "你好")
    await chat.hear("small.hello", Language.ZH_HANS)
    assert [row["text"] for row in house.rows(Interaction) if row["direction"] is Direction.IN] == ["你好"]
    assert len(house.rows(Conversation)) == 1
    assert {row["external_id"] for row in house.rows(Contact)} == {None, "K1"}
    assert telegram.inbox(-100) == []


async def test_the_webhook_takes_nothing_without_the_secret(
    tmp_path: Path, trained_models: Path, telegram: TelegramServer
) -> None:
    update = {"update_id": 1, "message": telegram._message(WANG, from_bot=False, fields={"text": "forged"})}
    async with opened(tmp_path, trained_models, telegram, webhook=True) as house, aiohttp.ClientSession() as http:
        for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": "guessed"}):
            async with http.post(f"{house.url}/telegram", json=update, headers=headers) as response:
                assert response.status == 401
        assert house.rows(Interaction) == []
