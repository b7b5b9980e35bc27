"""Alibaba Cloud's SMS service (阿里云短信服务): JSON lists in, a signed request out, JSON back.

In: https://help.aliyun.com/zh/sms/developer-reference/smsreport-2, …/smsup-2 (HTTP 批量推送模式)
Out: https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms, signed as
https://help.aliyun.com/zh/sdk/product-overview/rpc-mechanism says.

Numbers in China get texts by approved templates only: ours has one variable, which is the whole text.
"""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from channels.envelope import Arrival, DeliveryStatus, SendError, SendErrorCode
from channels.protocol import Inspection
from channels.request import Node, Request, Unreadable
from channels.sms.arrivals import became, came, closed, stopped
from channels.sms.provider import Answer, Call, Reply, Text, bare, knows_secret
from channels.sms.settings import SmsSettings

API: Final = "https://dysmsapi.aliyuncs.com"
_VERSION: Final = "2017-05-25"
_CHINA: Final = timezone(timedelta(hours=8))
"""All times in its callbacks."""

CODES: Final[Mapping[str, SendErrorCode]] = {
    "isv.BUSINESS_LIMIT_CONTROL": SendErrorCode.RATE_LIMITED,  # so many a minute, an hour and a day to one number
    "isv.DAY_LIMIT_CONTROL": SendErrorCode.RATE_LIMITED,
    "Throttling": SendErrorCode.RATE_LIMITED,
    "Throttling.User": SendErrorCode.RATE_LIMITED,
    "Throttling.Api": SendErrorCode.RATE_LIMITED,
    "isv.MOBILE_NUMBER_ILLEGAL": SendErrorCode.BAD_ADDRESS,
    "isv.MOBILE_COUNT_OVER_LIMIT": SendErrorCode.REJECTED,
    "isv.PARAM_LENGTH_LIMIT": SendErrorCode.TOO_LARGE,
    "isv.BLACK_KEY_CONTROL_LIMIT": SendErrorCode.REJECTED,  # a forbidden word
    "isv.AMOUNT_NOT_ENOUGH": SendErrorCode.UNAUTHORIZED,
    "isv.OUT_OF_SERVICE": SendErrorCode.UNAUTHORIZED,
    "isv.PRODUCT_UNSUBSCRIBE": SendErrorCode.UNAUTHORIZED,
    "isv.ACCOUNT_NOT_EXISTS": SendErrorCode.UNAUTHORIZED,
    "isv.ACCOUNT_ABNORMAL": SendErrorCode.UNAUTHORIZED,
    "isv.SMS_SIGNATURE_ILLEGAL": SendErrorCode.UNAUTHORIZED,  # no such sign_name
    "isv.SMS_TEMPLATE_ILLEGAL": SendErrorCode.UNAUTHORIZED,
    "isp.RAM_PERMISSION_DENY": SendErrorCode.UNAUTHORIZED,
    "InvalidAccessKeyId.NotFound": SendErrorCode.UNAUTHORIZED,
    "InvalidAccessKeyId.Inactive": SendErrorCode.UNAUTHORIZED,
    "SignatureDoesNotMatch": SendErrorCode.UNAUTHORIZED,
    "isp.SYSTEM_ERROR": SendErrorCode.PROVIDER_ERROR,
    "isp.GATEWAY_ERROR": SendErrorCode.PROVIDER_ERROR,
}
"""All others refuse this one content. https://help.aliyun.com/zh/sms/developer-reference/api-error-codes"""
_OF_ONE_NUMBER: Final = ("isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL")
_GONE: Final = ("MK:0001", "MI:0013", "MK:0012", "MOBILE_NOT_ON_SERVICE", "UNKNOWN_SUBSCRIBER", "空号")
_STOPPED: Final = ("MOBILE_IN_BLACK", "BLACK", "黑名单")
"""Signs in a report's code or words. https://help.aliyun.com/zh/sms/user-guide/error-codes-of-carriers"""


class Aliyun:
    """`account` is the AccessKey id, `token` its secret, `sender` the approved signature (签名). Options: `template`
    (its code) and `variable` (the name of its one variable; `content`). Aliyun signs none of its callbacks:
    `webhook_secret` is in our address. Numbers of mainland China come without their country code."""

    def __init__(self, settings: SmsSettings) -> None:
        self.settings = settings if settings.region else replace(settings, region="CN")

    def missing(self) -> Sequence[str]:
        needed = {
            "account": self.settings.account,
            "token": self.settings.token,
            "sender": self.settings.sender,
            "template": self.settings.options.get("template", ""),
        }
        return [name for name, value in needed.items() if not value]

    def verify(self, request: Request, at: datetime) -> bool:
        return knows_secret(request, self.settings)

    def read(self, request: Request, at: datetime) -> Inspection:
        """Both kinds of callback are lists; a report has a `biz_id`, whatever address it came to."""
        arrivals = [
            arrival
            for event in request.json().need_objects()
            for arrival in (
                self._to_update(event, request, at) if event.has("biz_id") else [self._to_inbound(event, request, at)]
            )
        ]
        return Inspection(arrivals=tuple(arrivals)) if arrivals else Inspection(ignored="no messages")

    def _to_inbound(self, event: Node, request: Request, at: datetime) -> Arrival:
        return came(
            self.settings,
            request,
            external_id=event.need("sequence_id"),
            written_by=event.need("phone_number"),
            sent_at=_time(event.text("send_time"), at),
            text=event.text("content") or "",
        )

    def _to_update(self, event: Node, request: Request, at: datetime) -> list[Arrival]:
        success = event.flag("success")
        if success is None:
            raise Unreadable("success is neither true nor false")
        identity, to = event.need("biz_id"), event.text("phone_number")
        reason = " ".join(text for name in ("err_code", "err_msg") if (text := event.text(name)))
        done = _time(event.text("report_time"), at)
        update = became(
            self.settings,
            request,
            external_id=identity,
            status=DeliveryStatus.DELIVERED if success else DeliveryStatus.FAILED,
            at=done,
            reason=None if success else reason,
            to=to,
        )
        arrivals: list[Arrival] = [update]
        if not success and any(sign in reason for sign in _STOPPED):
            arrivals += stopped(self.settings, request, to=to, at=done, key=identity)
        if not success and any(sign in reason for sign in _GONE):
            arrivals += closed(self.settings, request, to=to, at=done, key=identity, reason=reason)
        return arrivals

    def response(self, inspection: Inspection) -> Reply:
        """Anything else makes Aliyun push it again, ten times over."""
        return Reply(body='{"code":0,"msg":"接收成功"}', content_type="application/json")

    def call(self, text: Text) -> Call:
        at = text.at or datetime.now(UTC)
        variable = self.settings.options.get("variable", "content")
        fields = {
            "AccessKeyId": self.settings.account,
            "Action": "SendSms",
            "Format": "JSON",
            "OutId": text.key,
            "PhoneNumbers": text.to.removeprefix("+86").removeprefix("+"),
            "SignName": self.settings.sender,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureNonce": sha256(f"{text.key} {at.isoformat()}".encode()).hexdigest()[:32],
            "SignatureVersion": "1.0",
            "TemplateCode": self.settings.options.get("template", ""),
            "TemplateParam": json.dumps({variable: text.text}, ensure_ascii=False),
            "Timestamp": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Version": _VERSION,
        }
        base = (self.settings.api_base or API).rstrip("/")
        return Call.form(f"{base}/", fields | {"Signature": signature(self.settings.token, "POST", fields)})

    def receipt(self, text: Text, answer: Answer) -> str:
        """A refusal comes with a status of 200, or of 400 and above, and always with a code."""
        stated = answer.stated
        code = stated.text("Code")
        if code is None:
            raise bare(answer)
        if code != "OK":
            raise _refusal(code, stated.text("Message") or "")
        identity = stated.text("BizId")
        if not identity:
            raise SendError(SendErrorCode.NO_ANSWER, f"{answer.status} without a BizId")
        return identity


def signature(secret: str, method: str, fields: Mapping[str, str]) -> str:
    """HMAC-SHA1 over the method and the fields in order, in base64."""
    written = "&".join(f"{_escaped(name)}={_escaped(fields[name])}" for name in sorted(fields))
    signed = f"{method}&{_escaped('/')}&{_escaped(written)}"
    return b64encode(hmac.digest(f"{secret}&".encode(), signed.encode(), "sha1")).decode()


def _escaped(value: str) -> str:
    return quote(value, safe="-_.~")


def _refusal(code: str, said: str) -> SendError:
    kind = CODES.get(code) or CODES.get(code.partition(".")[0], SendErrorCode.REJECTED)
    whole = kind in (SendErrorCode.UNAUTHORIZED, SendErrorCode.RATE_LIMITED) and code not in _OF_ONE_NUMBER
    return SendError(kind, f"{code} {said[:200]}".strip(), whole_channel=whole)


def _time(written: str | None, at: datetime) -> datetime:
    try:
        return datetime.fromisoformat(written or "").replace(tzinfo=_CHINA).astimezone(UTC)
    except (ValueError, OverflowError):
        return at
