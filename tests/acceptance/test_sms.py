"""The whole house by text message: people talk with it through a loopback provider that speaks as Twilio does."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest

from channels.sms.segments import segments
from channels.sms.signatures import twilio_signature
from nlu.understanding import Language
from storage.cases import Case
from storage.consents import Consent
from storage.contacts import Address
from storage.deliveries import Delivery
from storage.interactions import Interaction, InteractionKind
from tests.acceptance.tea_house import IDENTITY_KEY, TeaHouse, Visitor, open_tea_house, wording
from tests.channels.sms_server import ACCOUNT, TOKEN, TwilioServer
from tests.channels.test_webchat_identity import signed
from tests.waiting import until

pytestmark = pytest.mark.slow

WORLD = "https://shop.example.com:8443"
OURS = "+12028831111"
WANG = "+8613800138000"
NUMBER = {
    "provider": "twilio",
    "name": "shop-number",
    "sender": OURS,
    "account": ACCOUNT,
    "token": TOKEN,
    "callback_url": WORLD,
    "segments_per_second": 100,
    "prices": {"currency": "USD", "per_segment": {"CN": "0.045", "*": "0.08"}},
}


class Phone:
    """One person's telephone."""

    def __init__(self, house: TeaHouse, twilio: TwilioServer, number: str = WANG) -> None:
        self.house = house
        self.twilio = twilio
        self.number = number
        self.read = 0
        self._ids = itertools.count(1)

    async def say(self, text: str) -> None:
        await self.told("inbound", {"MessageSid": f"SM-{self.number}-{next(self._ids)}", "Body": text})

    async def told(self, path: str, fields: dict[str, str]) -> None:
        """What Twilio says about this person."""
        fields = {"From": self.number, "To": OURS} | fields
        address = f"/sms/shop-number/{path}"
        signed = f"{WORLD}{address}" + "".join(f"{name}{fields[name]}" for name in sorted(fields))
        headers = {
            "X-Twilio-Signature": twilio_signature(TOKEN, signed, ""),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.house.url + address, data=urlencode(fields).encode(), headers=headers) as answer,
        ):
            assert answer.status == 200

    def heard(self) -> list[str]:
        return [asked["Body"][0] for asked in self.twilio.asked if asked["To"] == [self.number]]

    async def hear(self, key: str, language: Language) -> str:
        """The next text that comes; it must be one of these wordings."""
        await until(lambda: len(self.heard()) > self.read)
        text = self.heard()[self.read]
        self.read += 1
        assert wording(key, language).search(text), text
        return text


@pytest.fixture
async def twilio() -> AsyncGenerator[TwilioServer]:
    async with TwilioServer() as server:
        yield server


@pytest.fixture
async def house(tmp_path: Path, trained_models: Path, twilio: TwilioServer) -> AsyncGenerator[TeaHouse]:
    async with open_tea_house(tmp_path, trained_models, sms=[NUMBER | {"api_base": twilio.url}]) as house:
        yield house


def marketing(house: TeaHouse, number: str = WANG) -> list[bool]:
    """What they said about offers on this number, in order."""
    (address,) = (row["id"] for row in house.rows(Address) if row["uri"] == f"tel:{number}")
    return [row["granted"] for row in house.rows(Consent) if row["address_id"] == address]


async def test_a_conversation_by_text_counts_and_pays_segments(house: TeaHouse, twilio: TwilioServer) -> None:
    wang = Phone(house, twilio)
    await wang.say("你好")
    hello = await wang.hear("small.hello", Language.ZH_HANS)
    await until(lambda: [row for row in house.rows(Delivery) if row["external_id"] is not None])
    (delivery,) = house.rows(Delivery)
    assert delivery["units"] == segments(hello)
    assert delivery["cost"] == Decimal("0.045") * segments(hello)
    await wang.told("status", {"MessageSid": delivery["external_id"], "MessageStatus": "delivered", "To": WANG})
    await until(lambda: house.rows(Delivery)[0]["status"] == "delivered")
    assert twilio.asked[0]["StatusCallback"] == [f"{WORLD}/sms/shop-number/status"]


async def test_choices_are_a_list_that_a_number_answers(house: TeaHouse, twilio: TwilioServer) -> None:
    wang = Phone(house, twilio)
    await wang.say("Do you have a newsletter?")
    asked = await wang.hear("consent.ask", Language.EN)
    assert "\n2. " in asked
    await wang.say("2")
    await wang.hear("consent.as_before", Language.EN)


async def test_stop_inside_a_form_is_stop_and_is_confirmed_once(house: TeaHouse, twilio: TwilioServer) -> None:
    wang = Phone(house, twilio)
    await wang.say("茶壶裂了")
    await wang.hear("complaint.ask_order", Language.ZH_HANS)
    await wang.say("STOP")
    await wang.hear("consent.stopped@sms", Language.ZH_HANS)
    assert marketing(house) == [False]
    await wang.say("START")
    await until(lambda: marketing(house) == [False, True])


async def test_stop_to_people_is_confirmed_once_and_they_are_not_talked_over(
    house: TeaHouse, twilio: TwilioServer
) -> None:
    wang = Phone(house, twilio)
    await wang.say("I want to talk to a real person")
    await until(wang.heard)
    wang.read = len(wang.heard())
    await wang.say("STOP")
    await wang.hear("consent.stopped@sms", Language.EN)
    await wang.say("STOP")
    await wang.say("where is my order?")
    await wang.say("START")
    await wang.hear("consent.started", Language.EN)
    assert marketing(house) == [False, False, True]


@pytest.mark.parametrize("word", ["T", "TD", "退订", "回T退订", "R", "Unsubscribe", "CANCEL"])
async def test_each_keyword_withdraws_as_the_whole_message(house: TeaHouse, twilio: TwilioServer, word: str) -> None:
    wang = Phone(house, twilio)
    await wang.say(word)
    await until(wang.heard)
    assert marketing(house) == [False]
    assert len(wang.heard()) == 1
    await wang.say(word)
    await wang.say("HELP")
    await until(lambda: len(wang.heard()) > 1)
    assert "STOP" in wang.heard()[1] or "退订" in wang.heard()[1]
    assert not any(marketing(house))


async def test_a_stop_that_the_carrier_has_is_a_withdrawal(house: TeaHouse, twilio: TwilioServer) -> None:
    wang = Phone(house, twilio)
    twilio.answers.append((400, '{"code": 21610, "message": "Attempt to send to unsubscribed recipient"}', {}))
    await wang.say("你好")
    await until(lambda: marketing(house) == [False])
    await until(lambda: house.rows(Delivery)[0]["status"] == "failed")


async def test_a_short_codes_text_is_kept_and_opens_no_conversation(house: TeaHouse, twilio: TwilioServer) -> None:
    await Phone(house, twilio, "10690").say("您的验证码是 1234")
    await Phone(house, twilio).say("你好")
    await until(lambda: len(twilio.asked) == 1)
    (noted,) = (row for row in house.rows(Interaction) if row["kind"] is InteractionKind.AUTOMATIC)
    assert noted["conversation_id"] is None
    assert [asked["To"] for asked in twilio.asked] == [[WANG]]


async def test_a_text_after_a_chat_knows_who_asks_where_the_link_is_proven(
    house: TeaHouse, twilio: TwilioServer
) -> None:
    async with aiohttp.ClientSession() as http:
        claims = {"sub": "K1", "iat": int(house.clock().timestamp()), "phone_number": WANG}
        chat = await Visitor(house, http).visit(signed(claims, key=IDENTITY_KEY.encode()))
        assert wording("order.head", Language.EN).search(await chat.ask("Where is my order?"))
    wang, stranger = Phone(house, twilio), Phone(house, twilio, "+8613900139000")
    await wang.say("Where is my order?")
    assert "SL20260012" in await wang.hear("order.head", Language.EN)
    await stranger.say("Where is my order?")
    await stranger.hear("order.ask_number", Language.EN)
    homes = {row["uri"]: row["contact_id"] for row in house.rows(Address)}
    assert homes[f"tel:{WANG}"] == homes[chat.address] != homes["tel:+8613900139000"]


async def test_a_complaint_goes_on_after_stop_and_start(house: TeaHouse, twilio: TwilioServer) -> None:
    wang = Phone(house, twilio)
    await wang.say("茶壶裂了")
    await wang.hear("complaint.ask_order", Language.ZH_HANS)
    await wang.say("退订")
    await wang.hear("consent.stopped@sms", Language.ZH_HANS)
    await wang.say("没有订单号")
    await until(lambda: len(wang.heard()) > wang.read)
    (case,) = house.rows(Case)
    assert case["status"] == "waiting"
    assert marketing(house) == [False]
