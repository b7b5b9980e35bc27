"""The whole house in front of a business's own Rasa assistant: it answers, and everything else is as before."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from desk import conversations
from gateway.replaying import replay
from nlu.understanding import Language
from storage.consents import Consent
from storage.conversations import Conversation, Owner
from storage.deliveries import Delivery
from storage.interactions import Direction, Interaction, TurnRecord
from tests.acceptance import starter_bot
from tests.acceptance.starter_bot import (
    CHEERING,
    GREAT,
    GREETING,
    QUESTION,
    SAD,
    answer,
    cheered_up,
    cheered_up_by_text_message,
    handed_over_and_back,
    press,
)
from tests.acceptance.tea_house import TeaHouse, Visitor, label, open_tea_house, playbook, wording
from tests.acceptance.test_sms import NUMBER, Phone
from tests.channels.sms_server import TwilioServer
from tests.channels.telegram_faults import stated
from tests.channels.telegram_server import TelegramServer
from tests.gateway import rasa_channel
from tests.gateway.rasa_channel import RasaChannel
from tests.waiting import until

CAT = "https://shop.example/cat.jpg"
VERY_SAD = '/mood_unhappy{"how": "very"}'
BOT_TOKEN = "4242424242:loopback-token-of-a-bot"
ANSWERS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "hello": [
        {
            "text": GREETING,
            "buttons": [{"title": GREAT, "payload": "/mood_great"}, {"title": SAD, "payload": VERY_SAD}],
        }
    ],
    VERY_SAD: [{"text": CHEERING}, {"image": CAT}, {"text": QUESTION}],
    "show me": [{"custom": {"card": {"product": "longjing", "price": 12}, "text": "Longjing, 12 euros"}}],
    "discount": [{"text": "One moment."}, {"custom": {"handoff": True, "reason": "wants a discount"}}],
    "nothing": [],
}


@pytest.fixture
async def rasa() -> AsyncGenerator[RasaChannel]:
    async with rasa_channel.running() as rasa:
        rasa.answers = dict(ANSWERS)
        yield rasa


@pytest.fixture
async def http() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def house(tmp_path: Path, trained_models: Path, rasa: RasaChannel) -> AsyncGenerator[TeaHouse]:
    async with open_tea_house(tmp_path, trained_models, assistant=behind(rasa)) as house:
        yield house


def behind(rasa: RasaChannel, **changes: object) -> dict[str, Any]:
    return starter_bot.behind(rasa.url, **{"timeout": 0.5, **changes})


def owner(house: TeaHouse) -> str:
    return house.rows(Conversation)[-1]["owner"]


def outbound(house: TeaHouse) -> list[dict[str, Any]]:
    return [row for row in house.rows(Interaction) if row["direction"] == Direction.OUT]


async def test_a_conversation_with_buttons_pictures_and_payloads_is_carried_recorded_and_runs_again(
    tmp_path: Path, trained_models: Path, rasa: RasaChannel, http: aiohttp.ClientSession, migrated_url: str
) -> None:
    database = {"url": migrated_url}
    async with open_tea_house(tmp_path, trained_models, assistant=behind(rasa), database=database) as house:
        visitor = await Visitor(house, http).visit()
        said = await cheered_up(visitor, "hello", CAT)
        assert rasa.heard[-1] == VERY_SAD, "the payload goes back as it was"
        await visitor.write("show me")
        (card,) = await visitor.replies()
        assert card["custom"] == ANSWERS["show me"][0]["custom"]

        visitor.read = 0
        again = [frame for frame in await visitor.replies() if frame["author"] == "bot"]
        assert again == [*said, card], "all of it stands in the stream"
        assert [row["status"] for row in house.rows(Delivery)] == ["sent"] * 5
        assert [question["sender"] for question in rasa.asked] == [rasa.asked[0]["sender"]] * 3
        received = [row["id"] for row in house.rows(Interaction) if row["direction"] == Direction.IN]
        assert [question["metadata"]["message_id"] for question in rasa.asked] == [str(each) for each in received]
        turns = await house.gateway.database.read(lambda connection: replay(connection, 1, playbook()))
        assert [turn.differs for turn in turns] == [False] * 3
        assert [turn.unreadable for turn in turns] == [None] * 3


async def test_it_hands_over_and_is_not_asked_while_people_have_the_conversation(
    house: TeaHouse, rasa: RasaChannel, http: aiohttp.ClientSession
) -> None:
    visitor = await Visitor(house, http).visit()
    await handed_over_and_back(house, visitor, "discount", said="One moment.", reason="wants a discount")
    assert rasa.heard == ["discount"]
    assert await visitor.ask("me again") == "re me again"


async def test_who_asks_for_a_person_or_a_lawyer_or_stops_offers_is_ours(
    house: TeaHouse, rasa: RasaChannel, http: aiohttp.ClientSession
) -> None:
    stopping, asking, suing = [await Visitor(house, http).visit() for _ in range(3)]
    assert wording("consent.stopped", Language.EN).search(await stopping.ask("STOP"))
    assert [(row["granted"], row["words"]) for row in house.rows(Consent)][-1] == (False, "STOP")
    assert wording("handoff.requested", Language.ZH_HANS).search(await asking.ask("转人工"))
    assert wording("handoff.legal", Language.EN).search(await suing.ask("My lawyer will sue you"))
    assert rasa.heard == []
    assert await stopping.ask("hello") == GREETING


async def test_what_an_agent_took_over_meanwhile_is_not_talked_into(
    house: TeaHouse, rasa: RasaChannel, http: aiohttp.ClientSession
) -> None:
    rasa.holds = {"slow"}
    visitor = await Visitor(house, http).visit()
    await visitor.send({"type": "message", "id": "s1", "text": "slow"})
    await until(lambda: rasa.heard == ["slow"])
    await house.gateway.commits.run(lambda transaction: conversations.take(transaction, conversation=1, by="Mei"))
    rasa.released.set()
    await house.gateway.settle()
    assert await visitor.replies() == []
    (reply,) = house.rows(Delivery)
    assert reply["status"] == "skipped"
    assert outbound(house)[0]["text"] == "re slow", "and the agent can read what it would have said"


async def test_a_customer_who_waits_for_it_holds_up_nobody_else(
    house: TeaHouse, rasa: RasaChannel, http: aiohttp.ClientSession
) -> None:
    rasa.holds = {"slow"}
    waiting, other = [await Visitor(house, http).visit() for _ in range(2)]
    await waiting.send({"type": "message", "id": "s1", "text": "slow"})
    await until(lambda: rasa.heard == ["slow"])
    await other.send({"type": "message", "id": "o1", "text": "hello"})
    await until(lambda: [row["text"] for row in outbound(house)] == [GREETING])
    rasa.released.set()
    await house.gateway.settle()
    assert [reply["text"] for reply in await waiting.replies()] == ["re slow"]


@pytest.mark.parametrize(
    ("misbehaviour", "reason"),
    [
        ({"silent": True}, "rasa: timed out after 0.5 s"),
        ({"status": 500}, "rasa: answered 500"),
        ({"body": b"<html>nginx</html>"}, "rasa: answered nonsense: no JSON"),
        ({"body": b'[{"text": ["a"]}]'}, "rasa: answered nonsense: message 1: its text is no text"),
        (
            {"body": b'[{"recipient_id": "another", "text": "hi"}]'},
            "rasa: answered nonsense: it is for another recipient",
        ),
        ({"body": b"[]"}, "rasa: answered nothing"),
        ({"body": b'[{"text": "' + b"x" * 2_000_000 + b'"}]'}, "rasa: answered more than 1000000 bytes"),
    ],
    ids=["slow", "failing", "a page", "malformed", "another's", "empty", "huge"],
)
async def test_where_it_does_not_answer_the_customer_hears_why_not_and_a_person_the_second_time(
    house: TeaHouse, rasa: RasaChannel, http: aiohttp.ClientSession, misbehaviour: dict[str, Any], reason: str
) -> None:
    for name, value in misbehaviour.items():
        setattr(rasa, name, value)
    visitor = await Visitor(house, http).visit()
    assert wording("assistant.unavailable", Language.EN).search(await visitor.ask("where is my parcel"))
    turn = house.rows(TurnRecord)[-1]
    assert turn["failure"] == reason
    assert orjson.loads(turn["facts"])["assistant"]["answer"]["reason"] == reason
    assert owner(house) == Owner.BOT
    assert wording("handoff.failure", Language.EN).search(await visitor.ask("hello?"))
    (conversation,) = house.rows(Conversation)
    assert (conversation["owner"], conversation["handoff_reason"]) == (Owner.QUEUE, "failure")
    assert reason in conversation["handoff_summary"]
    assert rasa.heard == ["where is my parcel", "hello?"], "each is asked once"


async def test_what_is_chosen_instead_of_waiting_is_ours(
    house: TeaHouse, rasa: RasaChannel, http: aiohttp.ClientSession
) -> None:
    visitor = await Visitor(house, http).visit()
    await visitor.write("nothing")
    (sorry,) = await visitor.replies()
    values = {button["label"]: button["value"] for button in sorry["buttons"]}
    (handed,) = await press(visitor, values[label("button.person", Language.EN)])
    assert wording("handoff.requested", Language.EN).search(handed["text"])
    assert rasa.heard == ["nothing"]


async def test_a_crash_between_its_answer_and_ours_asks_again_under_the_same_id(
    house: TeaHouse, rasa: RasaChannel, http: aiohttp.ClientSession
) -> None:
    rasa.holds = {"once"}
    visitor = await Visitor(house, http).visit()
    await visitor.send({"type": "message", "id": "c1", "text": "once"})
    await until(lambda: rasa.heard == ["once"])
    for task in tuple(house.gateway.turns._running):
        task.cancel()  # the process is gone, with what it had in hand
    rasa.holds = set()
    await house.restart()
    await house.gateway.settle()
    assert [reply["text"] for reply in await visitor.replies()] == ["re once"]
    first, second = rasa.asked
    assert first["metadata"]["message_id"] == second["metadata"]["message_id"]
    assert first["sender"] == second["sender"]


@pytest.mark.slow
async def test_by_text_message_a_number_chooses_and_a_picture_is_a_link(
    tmp_path: Path, trained_models: Path, rasa: RasaChannel
) -> None:
    async with (
        TwilioServer() as twilio,
        open_tea_house(
            tmp_path, trained_models, assistant=behind(rasa), sms=[NUMBER | {"api_base": twilio.url}]
        ) as house,
    ):
        wang = Phone(house, twilio)
        await cheered_up_by_text_message(wang, CAT)
        assert rasa.heard[-1] == VERY_SAD
        assert await answer(wang, "show me") == "Longjing, 12 euros"
        assert wording("consent.stopped@sms", Language.EN).search(await answer(wang, "STOP"))
        assert wording("small.help@sms", Language.EN).search(await answer(wang, "HELP"))
        assert "STOP" not in rasa.heard
        assert "HELP" not in rasa.heard


@pytest.mark.slow
async def test_on_telegram_a_picture_is_shown_and_one_that_cannot_be_had_is_a_link(
    tmp_path: Path, trained_models: Path, rasa: RasaChannel
) -> None:
    async with (
        TelegramServer(token=BOT_TOKEN) as telegram,
        open_tea_house(
            tmp_path,
            trained_models,
            assistant=behind(rasa),
            telegram={"token": BOT_TOKEN, "api_base": telegram.url},
        ),
    ):
        await telegram.say(7, "hello")
        await telegram.until(lambda: len(telegram.inbox(7)) == 1, within=60)
        greeting = telegram.inbox(7)[0]
        keys = [key for row in greeting["reply_markup"]["inline_keyboard"] for key in row]
        assert [key["text"] for key in keys] == [GREAT, SAD]
        await telegram.press(7, greeting["message_id"], keys[1]["callback_data"])
        await telegram.until(lambda: len(telegram.inbox(7)) == 4, within=60)
        assert rasa.heard == ["hello", VERY_SAD]
        assert [call["photo"] for call in telegram.called("sendPhoto")] == [CAT]
        telegram.fail("sendPhoto", stated(400, "Bad Request: failed to get HTTP URL content"))
        await telegram.press(7, greeting["message_id"], keys[1]["callback_data"])
        await telegram.until(lambda: len(telegram.inbox(7)) == 7, within=60)
        assert telegram.inbox(7)[5]["text"] == CAT
