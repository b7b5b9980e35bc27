"""A number as a channel: who may call us, what is stored before we answer, and what sending can come to."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol
from hypothesis import given as property_of
from hypothesis import strategies as st

from channels.envelope import (
    Attachment,
    AttachmentKind,
    ConsentUpdate,
    DeliveryStatus,
    DeliveryUpdate,
    InboundMessage,
    OutboundMessage,
    SendError,
    SendErrorCode,
)
from channels.protocol import Measures, Probes, Schemed
from channels.request import Request
from channels.sms.calling import Caller, whole
from channels.sms.channel import FORGED, IncompleteSms, Sms
from channels.sms.provider import Call, inspect
from channels.sms.providers import PROVIDERS
from channels.sms.settings import Prices, SmsSettings
from channels.sms.signatures import twilio_signature
from tests.channels.courier import AT
from tests.channels.sms_house import House, house
from tests.channels.sms_server import ACCOUNT, TOKEN, TwilioServer
from tests.clock import FrozenClock

OURS = "+12028831111"
PERSON = "+8613800138000"
WORLD = "https://shop.example.com:8443/rapport"
SETTINGS = SmsSettings(
    provider="twilio",
    name="sms",
    sender=OURS,
    account=ACCOUNT,
    token=TOKEN,
    region="US",
    public_url=WORLD,
    prices=Prices(currency="USD", per_segment={"CN": Decimal("0.03"), "CA": Decimal("0.02"), "*": Decimal("0.0079")}),
)
ASKED = {"MessageSid": "SM7", "From": PERSON, "To": OURS, "Body": "我的包裹在哪里？"}


async def told(found: House, fields: dict[str, str], path: str = "/sms/sms/inbound", *, signed_as: str = "") -> int:
    """The status that Twilio gets for a request which it signed as made to `signed_as`, or to our public address."""
    signed = (signed_as or WORLD + path) + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    headers = {"X-Twilio-Signature": twilio_signature(TOKEN, signed, "")}
    return await posted(found, path, urlencode(fields).encode(), headers)


async def posted(found: House, path: str, body: bytes, headers: dict[str, str]) -> int:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(found.url + path, data=body, headers=kind | headers) as answer,
    ):
        return answer.status


# What comes in


async def test_a_signed_text_is_stored_and_then_acknowledged() -> None:
    async with house(SETTINGS) as found:
        assert await told(found, ASKED) == 200
        (message,) = found.port.arrivals
        assert isinstance(message, InboundMessage)
        assert (message.text, message.address, message.external_id) == (ASKED["Body"], f"tel:{PERSON}", "SM7")
        assert b"MessageSid=SM7" in message.raw


async def test_a_text_that_cannot_be_stored_is_asked_for_again() -> None:
    async with house(SETTINGS) as found:
        found.port.unavailable = 1
        assert await told(found, ASKED) == 503
        assert found.port.arrivals == []
        assert await told(found, ASKED) == 200
        assert found.port.texts == [ASKED["Body"]]


async def test_a_webhook_that_comes_twice_says_nothing_new() -> None:
    async with house(SETTINGS) as found:
        assert [await told(found, ASKED), await told(found, ASKED)] == [200, 200]
        assert found.port.texts == [ASKED["Body"]]


async def test_a_forged_webhook_is_turned_away_and_leaves_its_hash_size_headers_and_reason() -> None:
    async with house(SETTINGS) as found:
        body = urlencode(ASKED).encode()
        assert await posted(found, "/sms/sms/inbound", body, {}) == 401
        assert await posted(found, "/sms/sms/inbound", body, {"X-Twilio-Signature": "AAAA"}) == 401
        assert await told(found, ASKED, signed_as="https://elsewhere.example/sms/sms/inbound") == 401
        assert len(found.port.arrivals) == 3
        refusal, *_ = found.port.refusals
        assert (refusal.reason, refusal.size) == (FORGED, len(body))
        assert refusal.sha256 == hashlib.sha256(body).hexdigest()
        assert refusal.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert refusal.headers["peer"] == "127.0.0.1"


async def test_a_signed_webhook_that_is_replayed_long_after_is_on_record_as_forged() -> None:
    settings = SmsSettings(
        provider="nexmo", name="sms", sender=OURS, account="a", token="b", signing_secret="s3cret", replay_window=300
    )
    async with house(settings) as found:
        now = int(FrozenClock()().timestamp())
        for at, status in ((now - 200, 200), (now - 400, 401)):
            fields = {"messageId": "m", "msisdn": PERSON[1:], "to": "2020", "text": "Hi", "timestamp": str(at)}
            written = "".join(f"&{name}={fields[name]}" for name in sorted(fields)) + "s3cret"
            signature = hashlib.md5(written.encode(), usedforsecurity=False).hexdigest()
            assert (
                await posted(found, "/sms/sms/inbound", urlencode(fields | {"sig": signature}).encode(), {}) == status
            )
        assert (found.port.texts, [refusal.reason for refusal in found.port.refusals]) == (["Hi"], [FORGED])


async def test_who_forges_without_end_fills_no_disk() -> None:
    async with house(replace(SETTINGS, forged_per_hour=2, body_limit=1024)) as found:
        for body in [b"From=1"] * 3 + [b"a" * 2000] * 3:
            assert await posted(found, "/sms/sms/inbound", body, {}) == (413 if len(body) > 1024 else 401)
        assert len(found.port.refusals) == 2
        assert await told(found, ASKED) == 200
        assert found.port.texts == [ASKED["Body"]]


async def test_a_body_beyond_the_limit_leaves_its_size_and_hash() -> None:
    async with house(replace(SETTINGS, body_limit=1024)) as found:
        assert await told(found, ASKED | {"Body": "a" * 2000}) == 413
        (refusal,) = found.port.refusals
        assert refusal.reason == "too large: max_body_bytes"
        assert refusal.size > 2000
        assert refusal.sha256 == hashlib.sha256(urlencode(ASKED | {"Body": "a" * 2000}).encode()).hexdigest()


@pytest.mark.parametrize("sender", ["ACME", "", "12", "whatever"])
async def test_a_number_that_is_none_is_refused_and_recorded(sender: str) -> None:
    async with house(SETTINGS) as found:
        assert await told(found, ASKED | {"From": sender}) == 400
        assert len(found.port.refusals) == 1


async def test_a_short_codes_text_is_kept_and_never_answered() -> None:
    async with house(SETTINGS) as found:
        assert await told(found, ASKED | {"From": "24453"}) == 200
        (message,) = found.port.arrivals
        assert isinstance(message, InboundMessage)
        assert (message.address, message.automatic) == ("sms:24453", "short_code")


async def test_only_a_trusted_proxy_says_under_which_address_we_were_called() -> None:
    seen = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example.com:8443"}
    signed = "https://shop.example.com:8443/sms/sms/inbound" + "".join(f"{name}{ASKED[name]}" for name in sorted(ASKED))
    headers = seen | {"X-Twilio-Signature": twilio_signature(TOKEN, signed, "")}
    for networks, status in ((("127.0.0.0/8",), 200), ((), 401)):
        async with house(replace(SETTINGS, public_url="", trusted_proxies=networks)) as found:
            assert await posted(found, "/sms/sms/inbound", urlencode(ASKED).encode(), headers) == status


async def test_a_carriers_opt_out_is_a_failed_text_and_a_withdrawal() -> None:
    async with house(SETTINGS) as found:
        fields = {"MessageSid": "SM9", "MessageStatus": "failed", "ErrorCode": "21610", "To": PERSON}
        assert await told(found, fields, "/sms/sms/status") == 200
        update, consent = found.port.arrivals
        assert isinstance(update, DeliveryUpdate)
        assert (update.external_id, update.status) == ("SM9", DeliveryStatus.FAILED)
        assert isinstance(consent, ConsentUpdate)
        assert (consent.address, consent.granted, consent.source) == (f"tel:{PERSON}", False, "carrier")


async def test_a_report_about_a_text_that_we_do_not_know_is_the_gateways_to_judge() -> None:
    async with house(SETTINGS) as found:
        assert await told(found, {"MessageSid": "nobody", "MessageStatus": "delivered"}, "/sms/sms/status") == 200
        assert await told(found, {"MessageSid": "SM1", "MessageStatus": "huh"}, "/sms/sms/status") == 400
        assert [type(each).__name__ for each in found.port.arrivals] == ["DeliveryUpdate", "Refusal"]


async def test_where_nothing_is_signed_our_secret_is_part_of_the_address() -> None:
    settings = SmsSettings(provider="kannel", name="op", account="a", token="b", webhook_secret="s3cret-s3cret-s3cret")
    query = f"?id=1&sender=%2B{PERSON[1:]}&message=Hi"
    async with house(settings) as found, aiohttp.ClientSession() as session:
        for path, status in (
            ("/sms/op/inbound", 401),
            ("/sms/op/wrong/inbound", 401),
            ("/sms/op/s3cret-s3cret-s3cret/inbound", 200),
        ):
            async with session.get(found.url + path + query) as answer:
                assert (answer.status, await answer.text()) == (status, "" if status == 200 else await answer.text())
        assert found.port.texts == ["Hi"]
        assert len({refusal.sha256 for refusal in found.port.refusals}) == 2


async def test_a_number_without_credentials_does_not_start() -> None:
    with pytest.raises(IncompleteSms, match="token"):
        async with house(replace(SETTINGS, token="")):
            pass


@property_of(
    st.sampled_from(sorted(PROVIDERS)),
    st.sampled_from(["/x/inbound", "/x/status?status=1", "/x/receive?id=1&sender=%2B8613800138000&ts=1e99&udh=%05"]),
    st.binary(max_size=200)
    | st.text(max_size=200).map(str.encode)
    | st.sampled_from([b"{}", b"[]", b"[[]]", b"a=%FF"]),
    st.sampled_from(["", "application/json", "application/x-www-form-urlencoded"]),
)
def test_whatever_is_posted_is_accounted_for(name: str, url: str, body: bytes, kind: str) -> None:
    request = Request.of(method="POST", url=url, headers={"Content-Type": kind}, body=body)
    inspection = inspect(PROVIDERS[name](SmsSettings(provider=name)), request, AT)
    assert inspection.arrivals or inspection.ignored is not None or inspection.error is not None


# What goes out


def outbound(text: str = "Your parcel is on its way.", *, address: str = f"tel:{PERSON}") -> OutboundMessage:
    return OutboundMessage(channel="sms", address=address, text=text, key="k1")


@asynccontextmanager
async def at_twilio(settings: SmsSettings = SETTINGS) -> AsyncGenerator[tuple[House, TwilioServer]]:
    async with TwilioServer() as server, house(replace(settings, api_base=server.url)) as found:
        yield found, server


async def refused(found: House, message: OutboundMessage | None = None) -> SendError:
    with pytest.raises(SendError) as error:
        await found.channel.send(message or outbound())
    assert TOKEN not in str(error.value)
    return error.value


async def test_a_text_is_sent_with_where_we_want_to_hear_of_it() -> None:
    async with at_twilio() as (found, server):
        receipt = await found.channel.send(outbound())
        assert receipt.external_ids == ("SM1",)
        assert server.asked == [
            {
                "To": [PERSON],
                "Body": ["Your parcel is on its way."],
                "From": [OURS],
                "StatusCallback": [f"{WORLD}/sms/sms/status"],
            }
        ]


@pytest.mark.parametrize(
    ("text", "address", "units", "cost"),
    [
        ("a" * 160, "tel:+12065551234", 1, Decimal("0.0079")),
        ("a" * 161, "tel:+12065551234", 2, Decimal("0.0158")),
        ("a", "tel:+14165550123", 1, Decimal("0.02")),  # Canada shares the code of the United States
        ("订" * 71, f"tel:{PERSON}", 2, Decimal("0.06")),
    ],
)
async def test_segments_are_what_is_counted_and_paid(text: str, address: str, units: int, cost: Decimal) -> None:
    async with at_twilio() as (found, _):
        message = outbound(text, address=address)
        assert isinstance(found.channel, Measures)
        assert found.channel.units(message) == units
        receipt = await found.channel.send(message)
        assert (receipt.units, receipt.cost, receipt.currency) == (units, cost, "USD")


async def test_a_text_beyond_the_limit_leaves_in_parts_and_goes_on_where_it_stopped() -> None:
    async with at_twilio(replace(SETTINGS, segment_limit=1)) as (found, server):
        text = " ".join(f"This is sentence number {number}." for number in range(12))
        server.answers.extend([(201, '{"sid": "SM1"}', {}), (500, '{"code": 20500, "message": "broken"}', {})])
        error = await refused(found, outbound(text))
        assert (error.code, error.sent) == (SendErrorCode.PROVIDER_ERROR, ("SM1",))
        server.asked.clear()
        receipt = await found.channel.send(replace(outbound(text), sent=error.sent))
        assert "number 0." not in server.asked[0]["Body"][0]
        assert (
            receipt.units == len(receipt.external_ids) == len(server.asked) == found.channel.units(outbound(text)) - 1
        )


async def test_typography_gives_way_only_where_it_was_asked_to() -> None:
    for transliterate, sent in ((True, "It's here"), (False, "It\u2019s here")):
        async with at_twilio(replace(SETTINGS, transliterate=transliterate)) as (found, server):
            await found.channel.send(outbound("It\u2019s here"))
            assert server.asked[0]["Body"] == [sent]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, '{"code": 21211, "message": "invalid"}', SendErrorCode.BAD_ADDRESS),
        (400, '{"code": 21614}', SendErrorCode.BAD_ADDRESS),
        (400, '{"code": 21617}', SendErrorCode.TOO_LARGE),
        (400, '{"code": 30007}', SendErrorCode.REJECTED),
        (400, '{"code": 21606}', SendErrorCode.UNAUTHORIZED),
        (401, '{"code": 20003}', SendErrorCode.UNAUTHORIZED),
        (401, '{"error": "out of credits"}', SendErrorCode.UNAUTHORIZED),
        (429, '{"code": 20429}', SendErrorCode.RATE_LIMITED),
        (429, "Too many", SendErrorCode.RATE_LIMITED),
        (500, '{"code": 20500}', SendErrorCode.PROVIDER_ERROR),
        (503, '{"message": "Service unavailable"}', SendErrorCode.PROVIDER_ERROR),
        (502, "<html>Bad gateway", SendErrorCode.NO_ANSWER),
        (200, "{ }", SendErrorCode.NO_ANSWER),
        (200, "not JSON", SendErrorCode.NO_ANSWER),
    ],
)
async def test_each_answer_has_its_meaning(status: int, body: str, code: SendErrorCode) -> None:
    async with at_twilio() as (found, server):
        server.answers.append((status, body, {"Retry-After": "7"} if status == 429 else {}))
        error = await refused(found)
        assert error.code is code
        assert error.retry_after == (7 if status == 429 else None)


async def test_an_opt_out_at_the_carrier_is_recorded_as_a_withdrawal() -> None:
    async with at_twilio() as (found, server):
        server.answers.append((400, '{"code": 21610, "message": "Attempt to send to unsubscribed recipient"}', {}))
        assert (await refused(found)).code is SendErrorCode.BLOCKED
        (consent,) = found.port.arrivals
        assert isinstance(consent, ConsentUpdate)
        assert (consent.address, consent.granted, consent.source) == (f"tel:{PERSON}", False, "carrier")


async def test_an_answer_that_was_lost_is_not_asked_for_twice() -> None:
    async with at_twilio() as (found, server):
        server.drops = 1
        assert (await refused(found)).code is SendErrorCode.NO_ANSWER
        assert len(server.asked) == 1


async def test_a_text_that_a_get_sends_is_not_written_again_where_its_connection_was_lost() -> None:
    """Twice a customer would have read what Kannel had taken already."""
    seen: list[bytes] = []

    async def smsbox(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the first request of a connection, and hangs up on the second."""
        with suppress(asyncio.IncompleteReadError):
            for answer in (b"HTTP/1.1 202 Accepted\r\nContent-Length: 24\r\n\r\n0: Accepted for delivery", b""):
                seen.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(smsbox, "127.0.0.1", 0) as server:
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        settings = SmsSettings(provider="kannel", account="u", token="p", api_base=base)
        channel = Sms(settings, PROVIDERS["kannel"](settings))
        text = OutboundMessage(channel="sms", address=f"tel:{PERSON}", text="hello", key="d1")
        try:
            assert (await channel.send(text)).external_ids == ("d1",)
            with pytest.raises(SendError) as lost:
                await channel.send(text)
        finally:
            await channel.stop()
    assert lost.value.code is SendErrorCode.NO_ANSWER
    assert len(seen) == 2


@asynccontextmanager
async def answering(*pieces: bytes) -> AsyncGenerator[tuple[str, list[int]]]:
    """A provider that says this to each request, and its address; with how many requests each connection brought."""
    brought: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = len(brought)
        brought.append(0)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                brought[connection] += 1
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/send", brought


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf of it"])
async def test_a_provider_that_falls_silent_is_waited_for_no_longer_than_the_time_out(said: bytes) -> None:
    async with answering(said) as (url, brought):
        caller = Caller(timeout=0.05, connections=2)
        lost = await asyncio.gather(*[caller.ask(Call(url=url)) for _ in range(2)], return_exceptions=True)
        await caller.close()
    assert [str(each) for each in lost] == ["no_answer: nothing came in time"] * 2
    assert brought == [1, 1]


async def test_however_many_texts_leave_they_share_the_connections_that_there_may_be() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok") as (url, brought):
        caller = Caller(timeout=5, connections=3)
        for _ in range(2):
            answers = await asyncio.gather(*[caller.ask(Call(url=f"{url}?{number}")) for number in range(20)])
            assert {(answer.status, answer.body) for answer in answers} == {(200, b"ok")}
        await caller.close()
    assert (len(brought), sum(brought)) == (3, 40)


async def test_a_connection_to_one_host_is_in_no_other_hosts_way() -> None:
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    async with answering(said) as (here, to_here), answering(said) as (there, to_there):
        caller = Caller(timeout=5, connections=1)
        await asyncio.gather(*[caller.ask(Call(url=url)) for url in (here, there) * 3])
        await caller.close()
    assert (sum(to_here), sum(to_there)) == (3, 3)


async def test_a_connection_that_the_provider_closes_is_not_written_to_again() -> None:
    said = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with answering(said) as (url, brought):
        caller = Caller(timeout=5, connections=2)
        await asyncio.gather(*[caller.ask(Call(url=url)) for _ in range(6)])
        await caller.close()
    assert brought == [1] * 6


@pytest.mark.parametrize(
    "call",
    [
        Call(url="{base}/2010-04-01/Accounts/A/Messages.json", headers={"X": "a\r\nY: b"}),
        Call(url="{base}/2010-04-01/Accounts/A/Messages.json", headers={"X": "a\nY: b"}),
        Call(method="GET", url="{base}/2010-04-01/Accounts/A/Messages.json?a=b HTTP/1.1\r\nX: y"),
        Call(url="ftp://127.0.0.1/x"),
        Call(url="not an address"),
    ],
)
async def test_nothing_is_written_that_would_be_more_than_one_request(call: Call) -> None:
    async with TwilioServer() as server:
        caller = Caller(timeout=5, connections=1)
        with pytest.raises(SendError) as refused:
            await caller.ask(replace(call, url=call.url.format(base=server.url)))
        await caller.close()
        assert (refused.value.code, server.asked) == (SendErrorCode.UNREACHABLE, [])


async def test_an_answer_that_comes_in_pieces_is_read_whole() -> None:
    loop = asyncio.get_running_loop()
    connection = BaseProtocol(loop)
    connection.connection_made(asyncio.Transport())
    content = aiohttp.StreamReader(connection, 2**16, loop=loop)
    content.feed_data(b'{"sid": ')
    reading = asyncio.create_task(whole(content))
    await asyncio.sleep(0)
    content.feed_data(b'"SM1"}')
    content.feed_eof()
    assert await reading == b'{"sid": "SM1"}'


async def test_a_provider_that_is_not_there_got_nothing() -> None:
    async with house(replace(SETTINGS, api_base="http://127.0.0.1:9")) as found:
        assert (await refused(found)).code is SendErrorCode.UNREACHABLE


@pytest.mark.parametrize("address", ["sms:10690", "sms:ACME", "mailto:a@b.example", "tel:12"])
async def test_nobody_is_written_to_who_cannot_read_it(address: str) -> None:
    async with at_twilio() as (found, server):
        assert (await refused(found, outbound(address=address))).code is SendErrorCode.BAD_ADDRESS
        assert server.asked == []


async def test_a_picture_goes_by_its_address_and_a_file_of_ours_not_at_all() -> None:
    async with at_twilio() as (found, server):
        picture = Attachment(kind=AttachmentKind.IMAGE, id="https://shop.example.com/a.jpg")
        await found.channel.send(replace(outbound(), attachments=(picture,)))
        assert server.asked[0]["MediaUrl"] == ["https://shop.example.com/a.jpg"]
        ours = Attachment(kind=AttachmentKind.IMAGE, id="0" * 64)
        error = await refused(found, replace(outbound(), attachments=(ours,)))
        assert error.code is SendErrorCode.UNSUPPORTED


async def test_the_credentials_can_be_tried_and_are_never_shown() -> None:
    async with at_twilio() as (found, _):
        assert isinstance(found.channel, Probes)
        assert isinstance(found.channel, Schemed)
        assert await found.channel.probe() == f"{OURS} at twilio"
    async with at_twilio(replace(SETTINGS, account="AC9")) as (found, _):
        with pytest.raises(SendError):
            await found.channel.probe()
    assert TOKEN not in repr(SETTINGS)
