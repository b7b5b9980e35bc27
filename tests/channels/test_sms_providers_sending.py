"""Providers of SMS beside Twilio and Kannel: what we ask of them, and what their answers mean to a Delivery."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from channels.envelope import OutboundMessage, SendError, SendErrorCode
from channels.sms.channel import Sms
from channels.sms.provider import Answer, Call, Stopped, Text
from channels.sms.providers import PROVIDERS
from channels.sms.providers.aliyun import signature
from channels.sms.settings import SmsSettings
from tests.channels import courier

KEY = "0191e180-7d60-7000-aded-7d8b151cbd5b"
STATUS_URL = "https://localhost/status"
SETTINGS: Mapping[str, SmsSettings] = {
    "nexmo": SmsSettings(provider="nexmo", sender="2020", account="nexmo-api-key", token="nexmo-api-secret"),
    "infobip": SmsSettings(
        provider="infobip", sender="2020", account="Username", token="Password", options={"basic": "true"}
    ),
    "plivo": SmsSettings(provider="plivo", sender="2020", account="AuthID", token="AuthToken"),
    "messagebird": SmsSettings(provider="messagebird", sender="18005551212", token="authtoken"),
    "clickatell": SmsSettings(provider="clickatell", sender="2020", token="API-KEY"),
    "africastalking": SmsSettings(provider="africastalking", sender="2020", account="Username", token="KEY"),
    "bandwidth": SmsSettings(
        provider="bandwidth",
        sender="2020",
        account="accound-id",
        token="pass1",
        options={"user": "user1", "application": "application-id"},
    ),
    "aliyun": SmsSettings(
        provider="aliyun", sender="小店", account="testId", token="testSecret", options={"template": "SMS_1"}
    ),
}
TAKEN: Mapping[str, object] = {
    "nexmo": {"message-count": "1", "messages": [{"status": "0", "message-id": "id-1"}]},
    "infobip": {"messages": [{"messageId": "id-1", "status": {"groupId": 1, "groupName": "PENDING"}}]},
    "plivo": {"message": "message(s) queued", "message_uuid": ["id-1"], "api_id": "a"},
    "messagebird": {"id": "id-1", "direction": "mt", "recipients": {"totalCount": 1}},
    "clickatell": {"messages": [{"apiMessageId": "id-1", "accepted": True, "to": "1", "error": None}], "error": None},
    "africastalking": {
        "SMSMessageData": {"Recipients": [{"statusCode": 101, "status": "Success", "messageId": "id-1"}]}
    },
    "bandwidth": {"id": "id-1", "owner": "2020", "segmentCount": 1},
    "aliyun": {"Message": "OK", "RequestId": "r", "Code": "OK", "BizId": "id-1"},
}
"""What each of them answers, as documented, to a text that it takes."""

ERRORS: Mapping[str, set[SendErrorCode]] = {
    "channels.ErrConnectionThrottled": {SendErrorCode.RATE_LIMITED},
    "channels.ErrConnectionFailed": {SendErrorCode.NO_ANSWER, SendErrorCode.PROVIDER_ERROR},
    "channels.ErrResponseStatus": {SendErrorCode.REJECTED, SendErrorCode.UNAUTHORIZED},
    "channels.ErrResponseContent": {SendErrorCode.NO_ANSWER, SendErrorCode.REJECTED},
    "channels.ErrFailedWithReason": {SendErrorCode.RATE_LIMITED, SendErrorCode.REJECTED},
}
DIFFERENT = {
    ("infobip", "Send MMS with Attachment"): "the answer given is no JSON: whether the text was taken is not known",
}


def given_cases() -> list[Any]:
    names = [name for name in SETTINGS if name != "aliyun"]
    return [
        pytest.param(name, case, id=f"{name}: {courier.label(case)}")
        for name in names
        for case in courier.outgoing(name)
    ]


@pytest.mark.parametrize(("name", "case"), given_cases())
def test_every_given_text_is_asked_for_and_answered_as_expected(name: str, case: dict[str, Any]) -> None:
    ((url, answers),) = case["MockResponses"].items()
    settings = SETTINGS[name]
    if case["_group"].startswith("shared"):
        settings = replace(settings, sender="")
    if case["_group"].startswith("customSendURL"):
        settings = replace(settings, api_base=url)
    provider = PROVIDERS[name](settings)
    text = Text(
        to=case["MsgURN"].removeprefix("tel:"),
        text=case["MsgText"],
        unicode=not case["MsgText"].isascii(),
        key=KEY,
        status_url=STATUS_URL,
        media=tuple(each.partition(":")[2] for each in case.get("MsgAttachments") or []),
    )
    call = provider.call(text)
    assert call.url.startswith(url.removesuffix("*"))
    for expected in case["ExpectedRequests"]:
        check_request(call, expected)
    status, headers, body = answers[0]["args"]
    answer = Answer(status=status, body=body.encode(), headers=headers or {})
    if (name, case["Label"]) in DIFFERENT:
        with pytest.raises(SendError) as unknown:
            provider.receipt(text, answer)
        assert unknown.value.code is SendErrorCode.NO_ANSWER
    elif error := case.get("ExpectedError"):
        with pytest.raises(SendError) as refused:
            provider.receipt(text, answer)
        assert refused.value.code in ERRORS[error if isinstance(error, str) else error["$call"]]
    else:
        assert [provider.receipt(text, answer)] == case["ExpectedExtIDs"]


def check_request(call: Call, expected: dict[str, Any]) -> None:
    """We may say more (that a text is Unicode, where reports shall go), never less."""
    headers = {name.lower(): value for name, value in call.headers.items()}
    for name, value in (expected.get("Headers") or {}).items():
        assert headers[name.lower()] == value
    for encoded, wanted in ((call.body, expected.get("Form")), (urlsplit(call.url).query, expected.get("Params"))):
        if wanted is not None:
            text = encoded.decode() if isinstance(encoded, bytes) else encoded
            assert parse_qs(text or "").items() >= {**wanted, **ours(wanted)}.items()
    if "Body" in expected:
        wanted, written = without_urls(json.loads(expected["Body"])), without_urls(json.loads(call.body or b""))
        assert written.items() >= wanted.items()


def ours(wanted: Mapping[str, Any]) -> dict[str, list[str]]:
    return {"callback": [STATUS_URL]} if "callback" in wanted else {}


def without_urls(value: Any) -> Any:
    """Where reports go is ours to say."""
    match value:
        case dict():
            return {name: without_urls(each) for name, each in value.items() if name != "url"}
        case list():
            return [without_urls(each) for each in value]
        case _:
            return value


# Over HTTP


@dataclass
class Provider:
    """A provider on this machine: keeps what it is asked, and answers as told."""

    answer: object
    status: int = 200
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    async def handle(self, request: web.Request) -> web.Response:
        body = (await request.read()).decode()
        self.asked.append({"path": request.path, "query": request.query_string, "body": body})
        return web.json_response(self.answer, status=self.status)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        return app


@pytest.mark.parametrize("name", SETTINGS)
async def test_a_text_reaches_the_provider_and_its_id_comes_back(name: str) -> None:
    provider = Provider(answer=TAKEN[name])
    async with TestServer(provider.app()) as server:
        settings = replace(SETTINGS[name], api_base=str(server.make_url("")), name=name)
        channel = Sms(settings, PROVIDERS[name](settings))
        try:
            receipt = await channel.send(outbound(name, "您的订单已发货。"))
        finally:
            await channel.stop()
    assert receipt.external_ids == ("id-1",)
    (asked,) = provider.asked
    written = "".join(str(each) for each in [*parse_qsl(asked["query"]), *parse_qsl(asked["body"])]) + asked["body"]
    assert "您的订单已发货。" in written or "您的订单已发货。" in str(json.loads(asked["body"]))


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("status", [429, 401, 502])
async def test_a_page_of_something_in_between_means_no_more_than_it_surely_does(name: str, status: int) -> None:
    provider = Provider(answer="a page", status=status)
    async with TestServer(provider.app()) as server:
        settings = replace(SETTINGS[name], api_base=str(server.make_url("")), name=name)
        channel = Sms(settings, PROVIDERS[name](settings))
        try:
            with pytest.raises(SendError) as refused:
                await channel.send(outbound(name, "hello"))
        finally:
            await channel.stop()
    expected = {429: SendErrorCode.RATE_LIMITED, 401: SendErrorCode.UNAUTHORIZED, 502: SendErrorCode.NO_ANSWER}
    assert refused.value.code is expected[status]
    assert not any(secret in str(refused.value) for secret in (SETTINGS[name].token, "hello"))


def outbound(name: str, text: str) -> OutboundMessage:
    return OutboundMessage(channel=name, address="tel:+8613800138000", text=text, key="key-1", language="zh-Hans")


REFUSALS = [
    ("nexmo", {"messages": [{"status": "33", "error-text": "deactivated"}]}, SendErrorCode.BAD_ADDRESS),
    ("nexmo", {"messages": [{"status": "4", "error-text": "Bad Credentials"}]}, SendErrorCode.UNAUTHORIZED),
    ("nexmo", {"messages": [{"status": "1", "error-text": "Throughput Rate Exceeded"}]}, SendErrorCode.RATE_LIMITED),
    ("infobip", {"messages": [{"status": {"groupId": 5, "name": "REJECTED_PREFIX"}}]}, SendErrorCode.REJECTED),
    ("messagebird", {"errors": [{"code": 2, "description": "wrong access_key"}]}, SendErrorCode.UNAUTHORIZED),
    (
        "messagebird",
        {"errors": [{"code": 9, "description": "no (correct) recipients", "parameter": "recipients"}]},
        SendErrorCode.BAD_ADDRESS,
    ),
    (
        "clickatell",
        {"messages": [{"accepted": False, "error": "opted out", "errorCode": "121"}]},
        SendErrorCode.BLOCKED,
    ),
    (
        "africastalking",
        {"SMSMessageData": {"Recipients": [{"statusCode": 403, "status": "InvalidPhoneNumber"}]}},
        SendErrorCode.BAD_ADDRESS,
    ),
    (
        "africastalking",
        {"SMSMessageData": {"Message": "InvalidSenderId", "Recipients": []}},
        SendErrorCode.REJECTED,
    ),
    ("aliyun", {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": "非法手机号"}, SendErrorCode.BAD_ADDRESS),
    ("aliyun", {"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "触发分钟级流控"}, SendErrorCode.RATE_LIMITED),
    ("aliyun", {"Code": "SignatureDoesNotMatch", "Message": "…"}, SendErrorCode.UNAUTHORIZED),
    ("aliyun", {"Code": "isv.NOT_HEARD_OF", "Message": "…"}, SendErrorCode.REJECTED),
]


@pytest.mark.parametrize(("name", "stated", "code"), REFUSALS)
def test_a_refusal_has_its_reason(name: str, stated: object, code: SendErrorCode) -> None:
    with pytest.raises(SendError) as refused:
        receipt_of(name, stated)
    assert refused.value.code is code


def test_who_is_on_the_providers_list_of_those_who_opted_out_has_withdrawn() -> None:
    recipients = [{"statusCode": 406, "status": "UserInBlacklist"}]
    with pytest.raises(Stopped):
        receipt_of("africastalking", {"SMSMessageData": {"Recipients": recipients}})


def test_a_limit_for_one_number_holds_up_no_other() -> None:
    with pytest.raises(SendError) as limited:
        receipt_of("aliyun", {"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "触发天级流控"})
    assert not limited.value.whole_channel


def receipt_of(name: str, stated: object) -> str:
    text = Text(to="+8613800138000", text="hello", unicode=False, key=KEY)
    return PROVIDERS[name](SETTINGS[name]).receipt(text, Answer(status=200, body=json.dumps(stated).encode()))


def test_aliyuns_published_example_is_signed_as_published() -> None:
    """https://help.aliyun.com/document_detail/101343.html"""
    fields = {
        "AccessKeyId": "testId",
        "Action": "SendSms",
        "Format": "XML",
        "OutId": "123",
        "PhoneNumbers": "15300000001",
        "RegionId": "cn-hangzhou",
        "SignName": "阿里云短信测试专用",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "45e25e9b-0a6f-4070-8c85-2956eda1b466",
        "SignatureVersion": "1.0",
        "TemplateCode": "SMS_71390007",
        "TemplateParam": '{"customer":"test"}',
        "Timestamp": "2017-07-12T02:42:19Z",
        "Version": "2017-05-25",
    }
    assert signature("testSecret", "GET", fields) == "zJDF+Lrzhj/ThnlvIToysFRq6t4="


def test_aliyun_gets_the_whole_text_as_the_templates_variable_and_the_national_number() -> None:
    text = Text(to="+8613800138000", text='他说："好"', unicode=True, key="key-1", at=courier.AT)
    fields = dict(parse_qsl((PROVIDERS["aliyun"](SETTINGS["aliyun"]).call(text).body or b"").decode()))
    assert json.loads(fields["TemplateParam"]) == {"content": '他说："好"'}
    assert fields["PhoneNumbers"] == "13800138000"
    assert fields["Signature"] == signature("testSecret", "POST", {k: v for k, v in fields.items() if k != "Signature"})
