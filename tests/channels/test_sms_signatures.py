"""Twilio's signature: right behind proxies and on any port, and never by accident."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from channels.request import Request
from channels.sms.providers.twilio import Twilio
from channels.sms.settings import SmsSettings
from channels.sms.signatures import twilio_signature, twilio_valid
from tests.channels.courier import AT
from tests.given import given

GIVEN = json.loads(given("channels/signatures/twilio_request_validator.json").read_bytes())
TOKEN = "12345"
URL = "https://shop.example.com/sms/inbound?site=7"
PARAMS = {"From": "+14158675309", "Body": "Where is my parcel? 我的包裹", "To": "+18005551212", "MessageSid": "SM1"}
SIGNED = URL + "".join(f"{name}{PARAMS[name]}" for name in sorted(PARAMS))


def valid(url: str = URL, *, params: list[tuple[str, str]] | None = None, signed: str = SIGNED) -> bool:
    pairs = list(PARAMS.items()) if params is None else params
    signature = twilio_signature(TOKEN, signed, "")
    return twilio_valid(token=TOKEN, url=url, params=pairs, body=b"", signature=signature)


@pytest.mark.parametrize("case", GIVEN, ids=lambda case: case["name"])
def test_every_given_signature_is_judged_as_expected(case: dict[str, Any]) -> None:
    body: str = case.get("body") or ""
    params: dict[str, str] = case.get("params") or {}
    assert case["valid"] == twilio_valid(
        token=case["auth_token"],
        url=case["url"],
        params=params.items(),
        body=body.encode(),
        signature=case["signature"],
    )


def test_a_request_is_verified_whole() -> None:
    twilio = Twilio(SmsSettings(provider="twilio", token=TOKEN))
    signature = twilio_signature(TOKEN, SIGNED, "")
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}

    def verified(body: str) -> bool:
        return twilio.verify(Request.of(method="POST", url=URL, headers=headers, body=body.encode()), AT)

    assert verified(urlencode(PARAMS))
    assert not verified(urlencode(PARAMS | {"Body": "STOP"}))
    assert not verified(urlencode(PARAMS) + "&Extra=1")


@pytest.mark.parametrize("signed_port", ["", ":443"])
@pytest.mark.parametrize("seen_port", ["", ":443"])
def test_the_schemes_own_port_may_be_there_or_not(signed_port: str, seen_port: str) -> None:
    signed = SIGNED.replace("example.com", f"example.com{signed_port}")
    assert valid(URL.replace("example.com", f"example.com{seen_port}"), signed=signed)


def test_an_unusual_port_is_part_of_the_address() -> None:
    odd = URL.replace("example.com", "example.com:8443")
    assert valid(odd, signed=SIGNED.replace("example.com", "example.com:8443"))
    assert not valid(URL, signed=SIGNED.replace("example.com", "example.com:8443"))


@pytest.mark.parametrize(
    "url",
    [
        URL.replace("https", "http"),
        URL.replace("site=7", "site=8"),
        URL.replace("shop.", "evil."),
        URL + "&more=1",
        "https://[broken",
        "",
    ],
)
def test_another_address_is_not_what_was_signed(url: str) -> None:
    assert not valid(url)


def test_a_field_that_comes_twice_counts_with_each_of_its_values() -> None:
    signed = URL + "Digits1234" + "Digits5678" + "SidCA1"
    pairs = [("Sid", "CA1"), ("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")]
    assert valid(params=pairs, signed=signed)


def test_a_body_that_is_no_form_is_signed_by_its_hash() -> None:
    body = b'{"property": "value", "boolean": true}'
    url = f"{URL}&bodySHA256={hashlib.sha256(body).hexdigest()}"
    signature = twilio_signature(TOKEN, url, "")
    assert twilio_valid(token=TOKEN, url=url, params=(), body=body, signature=signature)
    assert not twilio_valid(token=TOKEN, url=url, params=(), body=body + b" ", signature=signature)


@pytest.mark.parametrize("signature", ["", "é", "\udcff", "RSOYDt4T1cUTdK1PDd93/VVr8B8"])
def test_what_is_no_signature_is_none(signature: str) -> None:
    assert not twilio_valid(token=TOKEN, url=URL, params=PARAMS.items(), body=b"", signature=signature)


def test_without_a_token_nothing_is_valid() -> None:
    signature = twilio_signature("", SIGNED, "")
    assert not twilio_valid(token="", url=URL, params=PARAMS.items(), body=b"", signature=signature)
