"""Kannel: what it tells us and what we ask of it; over a real one, with a fake link and one that speaks SMPP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from channels.envelope import (
    DeliveryStatus,
    DeliveryUpdate,
    InboundMessage,
    OutboundMessage,
    Part,
    SendError,
    SendErrorCode,
)
from channels.protocol import Inspection
from channels.sms.provider import Answer, Text
from channels.sms.providers.kannel import Kannel
from channels.sms.segments import count, is_gsm
from channels.sms.settings import SmsSettings
from tests.channels import courier
from tests.channels.kannel import EXTRAS, FAKE_LINK, NUMBER, PASSWORD, SMPP_LINK, USER, kannel, needed
from tests.channels.sms_house import House, house
from tests.channels.smsc import Smsc
from tests.ports import free_port
from tests.waiting import until

PERSON = "+8613800138000"
SECRET = "loopback-secret"


@pytest.mark.parametrize("case", courier.outgoing("kannel"), ids=courier.label)
def test_every_given_text_is_asked_for_and_answered_as_expected(case: dict[str, Any]) -> None:
    ((_, answers),) = case["MockResponses"].items()
    (expected,) = ({name: value for name, (value,) in each["Params"].items()} for each in case["ExpectedRequests"])
    options = {name: expected[name] for name in ("priority", "auth") if name in expected}
    kannel = Kannel(
        SmsSettings(
            provider="kannel",
            sender="2020",
            account="Username",
            token="Password",
            api_base="http://example.com/send",
            options=options,
        )
    )
    text = Text(
        to=case["MsgURN"].removeprefix("tel:"),
        text=case["MsgText"],
        unicode=not is_gsm(case["MsgText"]),
        key="k-1",
        status_url="https://localhost/status",
        media=tuple(each.partition(":")[2] for each in case.get("MsgAttachments") or []),
    )
    call = kannel.call(text)
    asked = dict(parse_qsl(urlsplit(call.url).query))
    if isinstance(expected["text"], list):  # the octets of UCS-2, which Kannel makes itself of our UTF-8
        expected["text"] = bytes(expected["text"]).decode("utf-16-be")
    assert asked.pop("charset") == "UTF-8"
    expected.pop("dlr-url")
    report = asked.pop("dlr-url")
    assert report.startswith("https://localhost/status?id=k-1&status=%d")
    assert call.url.startswith("http://example.com/send?")
    assert asked == expected
    status, _, body = answers[0]["args"]
    assert kannel.receipt(text, Answer(status=status, body=body.encode())) == "k-1"


@pytest.mark.parametrize("case", courier.incoming("kannel"), ids=courier.label)
def test_every_given_request_is_understood(case: dict[str, Any]) -> None:
    courier.check(courier.read("kannel", case), case)


def inbound(query: str) -> Inspection:
    return courier.read("kannel", {"URL": f"/sms/kannel/x/inbound?id=1&sender=%2B8613800138000&{query}"})


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("coding=0&charset=UTF-8&message=5%E2%82%AC+%C3%A9", "5€ é"),
        ("coding=2&charset=UTF-16BE&message=%90%00%8B%A2%D8%3D%DE%00", "退订😀"),
        ("coding=2&message=%90%00%8B%A2", "退订"),
        ("charset=ISO-8859-1&message=caf%E9", "café"),
        ("coding=1&charset=8-BIT&message=a%00b", "ab"),
        ("coding=2&charset=UTF-16BE&message=%D8%3D", "\ufffd"),
        ("message=100%25+%26+more", "100% & more"),
    ],
)
def test_a_text_is_read_in_the_charset_that_kannel_names(query: str, text: str) -> None:
    (message,) = inbound(query).arrivals
    assert getattr(message, "text", None) == text


@pytest.mark.parametrize(
    ("udh", "part"),
    [
        ("%05%00%03%07%02%01", Part(group="07:2", number=1, count=2)),
        ("%06%08%04%01%07%03%02", Part(group="0107:3", number=2, count=3)),
        ("%0B%05%04%0B%84%23%F0%00%03%07%02%02", Part(group="07:2", number=2, count=2)),
        ("%05%00%03%07%02%03", None),
        ("%05%00%03%07%01%01", None),
        ("", None),
        ("%FF", None),
    ],
)
def test_a_part_of_a_long_text_says_where_it_belongs(udh: str, part: Part | None) -> None:
    (message,) = inbound(f"message=x&udh={udh}").arrivals
    assert getattr(message, "part", None) == part


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, "Authorization failed for sendsms", SendErrorCode.UNAUTHORIZED),
        (400, "Empty receiver number not allowed, rejected", SendErrorCode.REJECTED),
        (503, "Temporal failure, try again later.", SendErrorCode.PROVIDER_ERROR),
        (403, "Not routable. Do not try again.", SendErrorCode.REJECTED),
        (502, "<html>Bad gateway", SendErrorCode.NO_ANSWER),
        (200, "<html>Welcome", SendErrorCode.NO_ANSWER),
        (429, "", SendErrorCode.RATE_LIMITED),
    ],
)
def test_each_refusal_has_its_meaning(status: int, body: str, code: SendErrorCode) -> None:
    text = Text(to=PERSON, text="Hi", unicode=False, key="k1")
    with pytest.raises(SendError) as refused:
        Kannel(SmsSettings(provider="kannel")).receipt(text, Answer(status=status, body=body.encode()))
    assert refused.value.code is code


@pytest.mark.parametrize("body", ["0: Accepted for delivery", "3: Queued for later delivery", "Sent."])
def test_a_text_that_kannel_took_goes_by_our_key(body: str) -> None:
    text = Text(to=PERSON, text="Hi", unicode=False, key="k1")
    assert Kannel(SmsSettings(provider="kannel")).receipt(text, Answer(status=202, body=body.encode())) == "k1"


# Over a real Kannel


@asynccontextmanager
async def number(folder: Path, link: str, *, joins: bool = True) -> AsyncGenerator[House]:
    """A number of ours at a Kannel of its own."""
    listen = free_port()
    ours = f"http://127.0.0.1:{listen}"
    async with kannel(folder, f"{ours}/sms/kannel/{SECRET}/inbound", link, joins=joins) as operator:
        settings = SmsSettings(
            provider="kannel",
            name="kannel",
            sender=NUMBER,
            account=USER,
            token=PASSWORD,
            webhook_secret=SECRET,
            region="CN",
            public_url=ours,
            api_base=operator.sendsms,
        )
        async with house(settings, listen=listen) as found:
            yield found


def outbound(text: str, key: str = "k1") -> OutboundMessage:
    return OutboundMessage(channel="kannel", address=f"tel:{PERSON}", text=text, key=key)


def news(found: House) -> list[tuple[str, DeliveryStatus]]:
    return [(each.external_id, each.status) for each in found.port.arrivals if isinstance(each, DeliveryUpdate)]


async def test_texts_go_and_come_over_an_smpp_link(tmp_path: Path) -> None:
    needed()
    async with Smsc() as smsc, number(tmp_path, SMPP_LINK.format(port=smsc.port)) as found:
        await until(lambda: smsc.bound)
        for text in ("Your parcel is on its way.", "It costs 5€ {incl. VAT} @ the door", "您的包裹已发出😀"):
            smsc.deliver(PERSON, NUMBER, text)
            await until(lambda text=text: text in found.port.texts)
            receipt = await found.channel.send(outbound(text, key=text[:4]))
            assert (receipt.units, receipt.external_ids) == (1, (text[:4],))
            await until(lambda text=text: any(each.text == text for each in smsc.submitted))
            await until(lambda text=text: (text[:4], DeliveryStatus.DELIVERED) in news(found))
        assert {each.source for each in smsc.submitted} == {NUMBER}
        messages = [each for each in found.port.arrivals if isinstance(each, InboundMessage)]
        assert {each.address for each in messages} == {f"tel:{PERSON}"}


async def test_kannel_sends_as_many_segments_as_we_counted(tmp_path: Path) -> None:
    needed()
    async with Smsc() as smsc, number(tmp_path, SMPP_LINK.format(port=smsc.port)) as found:
        await until(lambda: smsc.bound)
        for number_, text in enumerate(("a" * 160, "a" * 161, "b" * 306, "c" * 307, "订" * 70, "订" * 71, "单" * 134)):
            smsc.submitted.clear()
            receipt = await found.channel.send(outbound(text, key=f"long{number_}"))
            assert receipt.units == count(text).segments
            await until(lambda units=receipt.units: len(smsc.submitted) >= units)
            parts = sorted(smsc.submitted, key=lambda part: part.header[-1:])
            assert "".join(part.text for part in parts) == text
            assert len(parts) == receipt.units


async def test_a_long_text_comes_as_one_whether_kannel_joins_it_or_we_do(tmp_path: Path) -> None:
    needed()
    for joins in (True, False):
        folder = tmp_path / str(joins)
        folder.mkdir()
        async with Smsc() as smsc, number(folder, SMPP_LINK.format(port=smsc.port), joins=joins) as found:
            await until(lambda smsc=smsc: smsc.bound)
            smsc.deliver(PERSON, NUMBER, "world", header=b"\x05\x00\x03\x2a\x02\x02")
            smsc.deliver(PERSON, NUMBER, "hello ", header=b"\x05\x00\x03\x2a\x02\x01")
            await until(lambda found=found, joins=joins: len(found.port.texts) == (1 if joins else 2))
            parts = [getattr(each, "part", None) for each in found.port.arrivals]
            if joins:
                assert (found.port.texts, parts) == (["hello world"], [None])
            else:
                assert {part.number for part in parts if part} == {1, 2}
                assert {(part.group, part.count) for part in parts if part} == {("2a:2", 2)}


async def test_what_the_operator_could_not_deliver_is_failed(tmp_path: Path) -> None:
    needed()
    async with Smsc() as smsc, number(tmp_path, SMPP_LINK.format(port=smsc.port)) as found:
        await until(lambda: smsc.bound)
        smsc.fate = "UNDELIV"
        await found.channel.send(outbound("Are you there?"))
        await until(lambda: ("k1", DeliveryStatus.FAILED) in news(found))


async def test_a_text_waits_in_kannel_while_our_storage_is_away(tmp_path: Path) -> None:
    needed()
    async with Smsc() as smsc, number(tmp_path, SMPP_LINK.format(port=smsc.port)) as found:
        await until(lambda: smsc.bound)
        found.port.unavailable = 1
        smsc.deliver(PERSON, NUMBER, "Where is it?")
        await until(lambda: found.port.texts == ["Where is it?"])
        assert found.port.attempts == 2


async def test_a_wrong_password_stops_the_whole_channel(tmp_path: Path) -> None:
    needed()
    async with (
        Smsc() as smsc,
        number(tmp_path, SMPP_LINK.format(port=smsc.port)) as found,
        house(replace(found.settings, token="wrong")) as other,
    ):
        with pytest.raises(SendError) as refused:
            await other.channel.send(outbound("Hi"))
        assert refused.value.code is SendErrorCode.UNAUTHORIZED
        assert refused.value.whole_channel


async def test_texts_come_over_kannels_own_fake_link(tmp_path: Path) -> None:
    fakesmsc = EXTRAS / "fakesmsc"
    needed(fakesmsc)
    port = free_port()
    async with number(tmp_path, FAKE_LINK.format(port=port)) as found:
        phone = await asyncio.create_subprocess_exec(
            *(str(fakesmsc), "-H", "127.0.0.1", "-r", str(port), "-m", "1"),
            f"{PERSON.removeprefix('+86')} {NUMBER} ucs2 %90%00%8b%a2",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            await until(lambda: found.port.texts == ["退订"])
            await found.channel.send(outbound("Done."))
            await until(lambda: ("k1", DeliveryStatus.DELIVERED) in news(found))
        finally:
            phone.kill()
            _, said = await phone.communicate()
        assert f"{NUMBER} {PERSON} text Done." in said.decode("utf-8", "replace").replace("+", "+")
