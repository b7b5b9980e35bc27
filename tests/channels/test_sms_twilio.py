"""Twilio, and what speaks like it: what it tells us, and what we ask of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from channels.envelope import ConsentUpdate, DeliveryStatus, DeliveryUpdate, InboundMessage, SendError, SendErrorCode
from channels.sms.parting import parted
from channels.sms.provider import Answer, Stopped, Text
from channels.sms.providers.twilio import STATUSES, Twilio
from channels.sms.segments import is_gsm
from channels.sms.settings import SmsSettings
from tests.channels import courier

SENT = [case for case in courier.outgoing("twiml") if "MsgTemplating" not in case]
"""Without templates of WhatsApp's: this is about texts."""


@pytest.mark.parametrize("case", courier.incoming("twiml"), ids=courier.label)
def test_every_given_request_is_understood(case: dict[str, Any]) -> None:
    courier.check(courier.read("twilio", case), case)


@pytest.mark.parametrize("case", SENT, ids=courier.label)
def test_every_given_text_is_asked_for_and_its_answer_understood(case: dict[str, Any]) -> None:
    (url, answers), *_ = case["MockResponses"].items()
    expected = case["ExpectedRequests"]
    twilio = Twilio(_settings(url, expected[0]["Form"]))
    texts = parted(case.get("MsgText", ""), 1) or ("",)
    # Courier parts texts of more than 160 characters, we send them whole: each part is tried by itself.
    if len(texts) > 1:
        texts = tuple(request["Form"]["Body"][0] for request in expected)
    for text, request, answer in zip(texts, expected, answers, strict=True):
        one = Text(
            to=_to(case["MsgURN"]),
            text=text,
            unicode=not is_gsm(text),
            key="k",
            status_url=request["Form"]["StatusCallback"][0],
            media=tuple(each.partition(":")[2] for each in case.get("MsgAttachments", ())),
        )
        call = twilio.call(one)
        assert parse_qs((call.body or b"").decode(), keep_blank_values=True) == request["Form"]
        for name, value in request.get("Headers", {}).items():
            assert call.headers[name] == value
        assert urlsplit(call.url).path == request.get("Path", urlsplit(str(url)).path)
        _judge(twilio, one, answer["args"], case)


def _settings(url: str, form: dict[str, list[str]]) -> SmsSettings:
    service, sender = form.get("MessagingServiceSid", [""])[0], form.get("From", [""])[0]
    return SmsSettings(
        provider="twilio",
        account="accountSID",
        token="authToken",
        sender=sender.removeprefix("whatsapp:"),
        api_base=url.partition("/2010-04-01")[0],
        options={
            **({"messaging_service": service} if service else {}),
            **({"shorten_urls": "true"} if "ShortenUrls" in form else {}),
        },
    )


def _to(urn: str) -> str:
    scheme, _, path = urn.partition(":")
    return path if scheme == "tel" else f"{scheme}:+{path}"


def _judge(twilio: Twilio, text: Text, answer: list[Any], case: dict[str, Any]) -> None:
    status, _, body = answer
    given = Answer(status=status, body=body.encode())
    if case.get("ExpectedExtIDs"):
        assert twilio.receipt(text, given) in case["ExpectedExtIDs"]
        return
    with pytest.raises(SendError) as refused:
        twilio.receipt(text, given)
    if case.get("ExpectedError") == "channels.ErrContactStopped":
        assert isinstance(refused.value, Stopped)
    elif status == 200:
        assert refused.value.code is SendErrorCode.NO_ANSWER
    else:
        assert refused.value.code is (SendErrorCode.UNAUTHORIZED if status == 401 else SendErrorCode.REJECTED)


def told(url: str, form: str) -> tuple[object, ...]:
    return courier.read("twilio", {"URL": url, "Data": form}).arrivals


@pytest.mark.parametrize("word", STATUSES)
def test_each_word_of_twilios_means_one_of_ours(word: str) -> None:
    (update,) = told("/sms/sms/status", f"MessageSid=SM1&MessageStatus={word}")
    assert isinstance(update, DeliveryUpdate)
    assert update.status is STATUSES[word]


def test_a_landline_is_not_written_to_again() -> None:
    form = "MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30006&To=%2B12065551234"
    update, address = told("/sms/sms/status", form)
    assert isinstance(update, DeliveryUpdate)
    assert (update.status, update.reason) == (DeliveryStatus.FAILED, "30006 undelivered")
    assert getattr(address, "reachable", None) is False


def test_a_word_of_the_accounts_own_that_twilio_took_for_stop_withdraws() -> None:
    form = "MessageSid=SM1&From=%2B12065551234&Body=genug&OptOutType=STOP"
    message, consent = told("/sms/sms/inbound", form)
    assert isinstance(message, InboundMessage)
    assert isinstance(consent, ConsentUpdate)
    assert not consent.granted


def test_a_button_of_whatsapps_says_its_label() -> None:
    form = "MessageSid=SM1&From=whatsapp%3A%2B12065551234&Body=x&ButtonText=Confirm&Latitude=1.5&Longitude=103.8"
    (message,) = told("/sms/sms/inbound", form)
    assert isinstance(message, InboundMessage)
    assert (message.text, message.address) == ("Confirm", "whatsapp:12065551234")
    assert message.attachments[0].data == {"latitude": 1.5, "longitude": 103.8}


@pytest.mark.parametrize("code", ["aGVsbG8gd29ybGQ=", "A" * 64, "hello world " * 10])
def test_what_only_looks_wrapped_stays_as_it_is(code: str) -> None:
    (message,) = told("/sms/sms/inbound", f"MessageSid=SM1&From=%2B12065551234&Body={code.replace(' ', '+')}")
    assert isinstance(message, InboundMessage)
    assert message.text == code
