"""Providers of SMS beside Twilio and Kannel: what they tell us, and what we ask of them."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import example, settings
from hypothesis import given as property_of
from hypothesis import strategies as st

from channels.envelope import (
    AddressUpdate,
    ConsentUpdate,
    DeliveryStatus,
    DeliveryUpdate,
    InboundMessage,
    Part,
)
from channels.protocol import Inspection
from channels.request import Request
from channels.sms.provider import inspect
from channels.sms.providers import PROVIDERS
from channels.sms.settings import SmsSettings
from tests.channels import courier

NAMES: Final = (
    "results", "message", "messageId", "id", "from", "to", "text", "status", "groupName", "receivedAt", "time", "type",
    "media", "biz_id", "success", "phone_number", "sequence_id", "send_time", "timestamp", "fromNumber", "statusCode",
    "error", "contentType", "url", "value", "charset", "msisdn",
)  # fmt: skip

DIFFERENT = {
    (
        "clickatell",
        "Valid Receive UTF-16BE",
    ): "an í is expected to become ý, which is a fault of that gateway's decoder",
}


def cases() -> list[Any]:
    names = ("africastalking", "bandwidth", "clickatell", "infobip", "messagebird", "nexmo", "plivo")
    return [
        pytest.param(name, case, id=f"{name}: {case['Label']}") for name in names for case in courier.incoming(name)
    ]


@pytest.mark.parametrize(("name", "case"), cases())
def test_every_given_request_is_understood(name: str, case: dict[str, Any]) -> None:
    inspection = courier.read(name, case)
    if (name, case["Label"]) in DIFFERENT:
        case = {**case, "ExpectedMsgText": case["ExpectedMsgText"].replace("ý", "í")}
    courier.check(inspection, case)


# What the given requests do not show


def read(name: str, url: str, body: object = None, **settings: Any) -> Inspection:
    return inspect(PROVIDERS[name](SmsSettings(provider=name, **settings)), request(url, body), courier.AT)


def request(url: str, body: object = None, headers: dict[str, str] | None = None) -> Request:
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Request.of(method="POST" if raw else "GET", url=url, headers=headers or {}, body=raw)


def test_aliyun_brings_what_people_wrote_with_the_time_in_china() -> None:
    written = {
        "phone_number": "13900000001",
        "send_time": "2017-09-01 11:00:00",
        "content": "退订",
        "sign_name": "阿里云",
        "dest_code": "12345",
        "sequence_id": 1234567890,
    }
    (message,) = read("aliyun", "/sms/a/inbound", [written]).arrivals
    assert isinstance(message, InboundMessage)
    assert (message.address, message.text, message.external_id) == ("tel:+8613900000001", "退订", "1234567890")
    assert message.sent_at == datetime(2017, 9, 1, 3, 0, tzinfo=UTC)


def test_aliyun_reports_what_arrived_and_why_not() -> None:
    report = {"phone_number": "15612345678", "report_time": "2017-08-30 00:00:00", "biz_id": "12345", "sms_size": "1"}
    good = {**report, "success": True, "err_code": "DELIVERED", "err_msg": "用户接收成功"}
    bad = {**report, "biz_id": "12346", "success": False, "err_code": "MK:0001", "err_msg": "空号"}
    delivered, failed, closed = read("aliyun", "/sms/a/status", [good, bad]).arrivals
    assert isinstance(delivered, DeliveryUpdate)
    assert isinstance(failed, DeliveryUpdate)
    assert (delivered.status, delivered.external_id) == (DeliveryStatus.DELIVERED, "12345")
    assert (failed.status, failed.reason) == (DeliveryStatus.FAILED, "MK:0001 空号")
    assert isinstance(closed, AddressUpdate)
    assert closed.address == "tel:+8615612345678"


def test_the_parts_of_a_long_text_say_where_they_belong() -> None:
    fields = "msisdn=447700900000&to=447700900001&messageId=m2&text=there&concat=true&concat-ref=7"
    (message,) = read("nexmo", f"/sms/n/inbound?{fields}&concat-total=2&concat-part=2").arrivals
    assert isinstance(message, InboundMessage)
    assert message.part == Part(group="7", number=2, count=2)


@pytest.mark.parametrize(
    ("code", "word", "status"),
    [
        (4, None, DeliveryStatus.SENT),
        (4, "RECEIVED_BY_RECIPIENT", DeliveryStatus.DELIVERED),
        (4, "SENT_TO_SUPPLIER", DeliveryStatus.SENT),
        (5, "DEVICE_ACK", DeliveryStatus.DELIVERED),
        (5, None, DeliveryStatus.FAILED),
        (29, "RECIPIENT_DOES_NOT_EXIST", DeliveryStatus.FAILED),
    ],
)
def test_clickatells_two_tables_of_numbers_are_told_apart_by_their_words(
    code: int, word: str | None, status: DeliveryStatus
) -> None:
    report = {"messageId": "m", "statusCode": code, **({"status": word} if word else {})}
    update, *_ = read("clickatell", "/sms/c/status", report).arrivals
    assert isinstance(update, DeliveryUpdate)
    assert update.status is status


STOPS = [
    ("messagebird", "/status?id=m&recipient=18885551515&status=delivery_failed&statusErrorCode=103", None),
    ("plivo", "/status", b"MessageUUID=m&Status=undelivered&To=18885551515&From=2020&ErrorCode=200"),
    ("nexmo", "/status?messageId=m&msisdn=18885551515&status=rejected&err-code=53", None),
    ("africastalking", "/status", b"id=m&status=Failed&failureReason=UserInBlacklist&phoneNumber=%2B18885551515"),
    ("africastalking", "/inbound", b"senderId=2020&phoneNumber=%2B18885551515"),
    (
        "bandwidth",
        "/status",
        [{"type": "message-failed", "time": "2026-11-22T07:00:00Z", "to": "+18885551515", "errorCode": 4771,
          "message": {"id": "m"}}],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "url", "body"), STOPS)
def test_a_stop_that_the_carrier_knows_of_is_a_withdrawal(name: str, url: str, body: object) -> None:
    withdrawals = [each for each in read(name, url, body).arrivals if isinstance(each, ConsentUpdate)]
    assert [(each.address, each.granted, each.source) for each in withdrawals] == [
        ("tel:+18885551515", False, "carrier")
    ]


def test_what_is_for_another_number_of_the_account_is_not_ours() -> None:
    inspection = read("plivo", "/inbound", b"To=1010&From=60124361111&MessageUUID=a&Text=Hi", sender="2020")
    assert inspection.error == "another number than ours"


@pytest.mark.parametrize("name", PROVIDERS)
@property_of(url=st.text(), body=st.binary(max_size=200), status=st.booleans())
@settings(max_examples=40)
def test_whatever_comes_is_accounted_for(name: str, url: str, body: bytes, status: bool) -> None:
    inspection = read(name, f"/x/{'status' if status else 'inbound'}?{url}", body)
    assert inspection.arrivals or inspection.ignored is not None or inspection.error is not None


SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(NAMES), each, max_size=5),
    max_leaves=12,
)


@pytest.mark.parametrize("name", ["infobip", "clickatell", "bandwidth", "aliyun", "nexmo"])
@property_of(body=SHAPES, status=st.booleans())
@settings(max_examples=80)
def test_documents_of_another_shape_are_accounted_for(name: str, body: object, status: bool) -> None:
    inspection = read(name, f"/x/{'status' if status else 'inbound'}", json.dumps(body).encode())
    assert inspection.arrivals or inspection.ignored is not None or inspection.error is not None


# Who calls

URL = "https://shop.example.com/sms/x/inbound"


def verified(name: str, call: Request, *, at: datetime = courier.AT, **settings: Any) -> bool:
    return PROVIDERS[name](SmsSettings(provider=name, **settings)).verify(call, at)


@pytest.mark.parametrize("name", PROVIDERS)
def test_without_a_secret_nobody_is_the_provider(name: str) -> None:
    assert not verified(name, request(URL, b"a=1"))
    assert not verified(name, request("/sms/x//inbound", b"a=1"))


@pytest.mark.parametrize(
    "name", ["infobip", "clickatell", "africastalking", "bandwidth", "aliyun", "nexmo", "messagebird"]
)
def test_where_nothing_is_signed_our_address_holds_a_secret(name: str) -> None:
    assert verified(name, request("/sms/x/s3cret-and-long/inbound", b"a=1"), webhook_secret="s3cret-and-long")
    assert not verified(name, request("/sms/x/s3cret-and-wrong/inbound", b"a=1"), webhook_secret="s3cret-and-long")


SIGNATURES = st.dictionaries(
    st.sampled_from(
        [
            "authorization",
            "content-type",
            "messagebird-signature-jwt",
            "x-plivo-signature-v3",
            "x-plivo-signature-v2",
            "x-twilio-signature",
        ]
    ),
    st.text(max_size=40) | st.sampled_from(["a.b.c", "e30.e30.e30", "Basic e30="]),
)


@pytest.mark.parametrize("name", PROVIDERS)
@property_of(query=st.text(max_size=40), body=st.binary(max_size=60), headers=SIGNATURES)
@example(query="", body=b"{", headers={})
@settings(max_examples=40)
def test_whatever_comes_is_forged_and_breaks_nothing(
    name: str, query: str, body: bytes, headers: dict[str, str]
) -> None:
    call = request(f"{URL}?{query}", body, headers)
    assert not verified(name, call, token="token", signing_secret="signing", webhook_secret="s3cret-and-long")


@pytest.mark.parametrize("method", ["md5hash", "sha256", "sha512"])
def test_vonages_signature_covers_every_field_and_the_time(method: str) -> None:
    stamp = int(courier.AT.timestamp())
    written = f"&messageId=m&msisdn=447700900000&text=a_b_c&timestamp={stamp}&to=447700900001"
    digest = (
        hashlib.md5((written + "secret").encode()).hexdigest()
        if method == "md5hash"
        else hmac.new(b"secret", written.encode(), method).hexdigest()
    )
    query = f"messageId=m&msisdn=447700900000&text=a%26b%3Dc&timestamp={stamp}&to=447700900001&sig={digest.upper()}"
    known: dict[str, Any] = {"signing_secret": "secret", "options": {"signature_method": method}}
    assert verified("nexmo", request(f"{URL}?{query}"), **known)
    assert not verified("nexmo", request(f"{URL}?{query.replace('text=a', 'text=b')}"), **known)
    assert not verified("nexmo", request(f"{URL}?{query}"), at=courier.AT + timedelta(minutes=6), **known)


def test_plivos_signature_covers_the_address_and_the_form() -> None:
    signed = f"{URL}?a=1&b=2.From60124361111Textäöü.nonce"
    given = b64encode(hmac.digest(b"token", signed.encode(), "sha256")).decode()
    headers = {"X-Plivo-Signature-V3": f"other,{given}", "X-Plivo-Signature-V3-Nonce": "nonce"}
    form = b"Text=%C3%A4%C3%B6%C3%BC&From=60124361111"
    assert verified("plivo", request(f"{URL}?b=2&a=1", form, headers), token="token")
    assert not verified("plivo", request(f"{URL}?b=2&a=1", form + b"&x=1", headers), token="token")
    assert not verified("plivo", request(f"{URL}?b=2&a=1", form, headers), token="another")


def test_plivos_older_signature_covers_the_address() -> None:
    given = b64encode(hmac.digest(b"token", f"{URL}nonce".encode(), "sha256")).decode()
    headers = {"X-Plivo-Signature-V2": given, "X-Plivo-Signature-V2-Nonce": "nonce"}
    assert verified("plivo", request(URL, b"Text=hi", headers), token="token")
    assert not verified("plivo", request(f"{URL}/other", b"Text=hi", headers), token="token")


def token_of(body: bytes, *, url: str = URL, secret: bytes = b"secret", **claims: object) -> str:
    now = int(courier.AT.timestamp())
    stated = {"iss": "MessageBird", "nbf": now, "exp": now + 60, "url_hash": hashlib.sha256(url.encode()).hexdigest()}
    if body:
        stated["payload_hash"] = hashlib.sha256(body).hexdigest()
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "HS256"}, stated | claims)]
    signature = urlsafe_b64encode(hmac.digest(secret, b".".join(parts), "sha256")).rstrip(b"=")
    return b".".join([*parts, signature]).decode()


def test_messagebirds_token_covers_address_body_and_time() -> None:
    def known(token: str, body: bytes = b"body=hi", at: datetime = courier.AT) -> bool:
        call = request(URL, body, {"MessageBird-Signature-JWT": token})
        return verified("messagebird", call, at=at, signing_secret="secret")

    assert known(token_of(b"body=hi"))
    assert known(token_of(b""), b"")
    assert not known(token_of(b"body=hi"), b"body=ho")
    assert not known(token_of(b""))
    assert not known(token_of(b"body=hi", url=URL + "/other"))
    assert not known(token_of(b"body=hi", secret=b"another"))
    assert not known(token_of(b"body=hi", iss="Somebody"))
    assert not known(token_of(b"body=hi"), at=courier.AT + timedelta(minutes=2))
    assert not known("no.token.at all")


@pytest.mark.parametrize("stamp", ["2026-11-22T07:00:00%2B00:00", "2026-11-22T07:00:00+00:00", "2026-11-22 07:00:00"])
def test_messagebirds_times_are_read_also_where_a_plus_became_a_space(stamp: str) -> None:
    url = f"/status?id=m&recipient=18885551515&status=delivered&statusDatetime={stamp}"
    (update,) = read("messagebird", url).arrivals
    assert isinstance(update, DeliveryUpdate)
    assert update.at == datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
