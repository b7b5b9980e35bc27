"""Vonage's SMS API, once Nexmo: forms (or JSON) in by POST or GET, a form out, JSON back.

In: https://developer.vonage.com/en/messaging/sms/guides/inbound-sms, …/guides/delivery-receipts
Out: https://developer.vonage.com/en/api/sms
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from channels.envelope import DeliveryStatus, Part, SendError, SendErrorCode
from channels.protocol import Inspection
from channels.request import Field, Fields, Request, Unreadable, need_instant, need_moment
from channels.sms.arrivals import became, came, closed, stopped
from channels.sms.provider import Answer, Call, Reply, Text, bare, is_status, knows_secret, same
from channels.sms.settings import SmsSettings

API: Final = "https://rest.nexmo.com"

STATUSES: Final[Mapping[str, DeliveryStatus]] = {
    "accepted": DeliveryStatus.SENT,
    "buffered": DeliveryStatus.SENT,
    "unknown": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "expired": DeliveryStatus.FAILED,
    "failed": DeliveryStatus.FAILED,
    "rejected": DeliveryStatus.FAILED,
}
REASONS: Final[Mapping[str, str]] = {
    "1": "unknown",
    "2": "absent for now",
    "3": "absent for good",
    "4": "barred by the person",
    "5": "number portability",
    "6": "anti-spam rejection",
    "7": "handset busy",
    "8": "network error",
    "9": "illegal number",
    "10": "illegal message",
    "11": "unroutable",
    "12": "unreachable",
    "13": "age restriction",
    "14": "number blocked by the carrier",
    "15": "prepaid, without credit",
    "16": "gateway quota exceeded",
    "50": "entity filter",
    "51": "header filter",
    "52": "content filter",
    "53": "consent filter",
    "54": "regulation",
    "99": "general error",
}
"""https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts#dlr-error-codes"""
CODES: Final[Mapping[str, SendErrorCode]] = {
    "1": SendErrorCode.RATE_LIMITED,
    "4": SendErrorCode.UNAUTHORIZED,
    "5": SendErrorCode.PROVIDER_ERROR,
    "7": SendErrorCode.BLOCKED,  # the number is barred
    "8": SendErrorCode.UNAUTHORIZED,  # our account is barred
    "9": SendErrorCode.UNAUTHORIZED,  # no credit
    "10": SendErrorCode.RATE_LIMITED,  # too many connections
    "11": SendErrorCode.UNAUTHORIZED,
    "12": SendErrorCode.TOO_LARGE,
    "14": SendErrorCode.UNAUTHORIZED,
    "15": SendErrorCode.UNAUTHORIZED,  # the sender is not ours
    "29": SendErrorCode.UNAUTHORIZED,  # a trial account, and not one of its numbers
    "32": SendErrorCode.UNAUTHORIZED,
    "33": SendErrorCode.BAD_ADDRESS,
}
"""All others refuse this one content.
https://developer.vonage.com/en/messaging/sms/guides/troubleshooting-sms#sms-api-error-codes"""
_GONE: Final = ("3", "9")
_CONSENT: Final = "53"
_DIGESTS: Final = ("md5", "sha1", "sha256", "sha512")
_WHOLE_CHANNEL: Final = (SendErrorCode.UNAUTHORIZED, SendErrorCode.RATE_LIMITED)


class Nexmo:
    """`account` is the API key, `token` the API secret. Where the account signs its webhooks, `signing_secret` is the
    signature secret and the option `signature_method` one of `md5hash`, `md5`, `sha1`, `sha256`, `sha512`."""

    def __init__(self, settings: SmsSettings) -> None:
        self.settings = settings

    def missing(self) -> Sequence[str]:
        needed = {"account": self.settings.account, "token": self.settings.token, "sender": self.settings.sender}
        return [name for name, value in needed.items() if not value]

    def verify(self, request: Request, at: datetime) -> bool:
        """https://developer.vonage.com/en/getting-started/concepts/signing-messages"""
        if not self.settings.signing_secret:
            return knows_secret(request, self.settings)
        try:
            fields = dict(_fields(request).texts())
            age = at - need_instant(fields.get("timestamp", ""))
        except Unreadable:
            return False
        fresh = abs(age) <= timedelta(seconds=self.settings.replay_window)
        return same(fields.pop("sig", "").lower(), self._signature(fields)) and fresh

    def _signature(self, fields: Mapping[str, str]) -> str:
        secret, method = self.settings.signing_secret, self.settings.options.get("signature_method", "md5hash")
        written = "".join(f"&{name}={_harmless(fields[name])}" for name in sorted(fields))
        if method not in _DIGESTS:
            return hashlib.md5((written + secret).encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
        return hmac.new(secret.encode(), written.encode("utf-8", "replace"), method).hexdigest()

    def read(self, request: Request, at: datetime) -> Inspection:
        fields = _fields(request)
        return self._to_update(fields, request, at) if is_status(request) else self._to_inbound(fields, request, at)

    def _to_inbound(self, fields: Fields, request: Request, at: datetime) -> Inspection:
        if not fields.last("to"):
            return Inspection(ignored="no number that it went to: a check of the address")
        stamp = fields.last("message-timestamp")
        message = came(
            self.settings,
            request,
            external_id=fields.need("messageId"),
            written_by=fields.need("msisdn"),
            sent_at=need_moment(stamp) if stamp else at,
            text=fields.last("text") or "",
            part=_part(fields),
        )
        return Inspection(arrivals=(message,))

    def _to_update(self, fields: Fields, request: Request, at: datetime) -> Inspection:
        said, identity = (fields.last("status") or "").lower(), fields.last("messageId")
        if not identity:
            return Inspection(ignored="no messageId")
        if (status := STATUSES.get(said)) is None:
            return Inspection(ignored=f"unknown status {said[:32]!r}")
        code, to = fields.last("err-code") or "0", fields.last("msisdn")
        reason = None if code == "0" else f"{code} {REASONS.get(code, said)}"
        update = became(self.settings, request, external_id=identity, status=status, at=at, reason=reason, to=to)
        failed = status is DeliveryStatus.FAILED
        gone = closed(self.settings, request, to=to, at=at, key=identity, reason=reason or said)
        withdrawn = stopped(self.settings, request, to=to, at=at, key=identity)
        return Inspection(
            arrivals=(
                update,
                *(gone if failed and code in _GONE else []),
                *(withdrawn if failed and code == _CONSENT else []),
            )
        )

    def response(self, inspection: Inspection) -> Reply:
        return Reply()

    def call(self, text: Text) -> Call:
        base = (self.settings.api_base or API).rstrip("/")
        fields = {
            "api_key": self.settings.account,
            "api_secret": self.settings.token,
            "from": self.settings.sender.removeprefix("+"),
            "to": text.to.removeprefix("+"),
            "text": "\n".join([text.text, *text.media]),
            "type": "unicode" if text.unicode else "text",
        }
        if text.status_url is not None:
            fields |= {"status-report-req": "1", "callback": text.status_url}
        return Call.form(f"{base}/sms/json", fields)

    def receipt(self, text: Text, answer: Answer) -> str:
        """A long text has one message in the answer for each segment; the first names it."""
        messages = answer.stated.at("messages").objects()
        if not messages:
            raise bare(answer)
        refused = next((each for each in messages if each.text("status") != "0"), None)
        if refused is not None:
            raise _refusal(refused.text("status") or "", refused.text("error-text") or "")
        identity = messages[0].text("message-id")
        if not identity:
            raise SendError(SendErrorCode.NO_ANSWER, f"{answer.status} without a message-id")
        return identity


def _fields(request: Request) -> Fields:
    """Those of a form, or of JSON where the account is set to it."""
    if not (request.is_json and request.body):
        return request.fields()
    holder = request.json().need_object()
    texts = [(name, value) for name in holder.pairs() if (value := holder.text(name)) is not None]
    return Fields(every=[Field(name=name, content=value.encode()) for name, value in texts])


def _part(fields: Fields) -> Part | None:
    """https://developer.vonage.com/en/messaging/sms/guides/concatenation-and-encoding"""
    if fields.last("concat") != "true":
        return None
    number, count = fields.last("concat-part") or "", fields.last("concat-total") or ""
    if not (number.isascii() and number.isdigit() and count.isascii() and count.isdigit() and len(number + count) < 7):
        return None
    return Part(group=fields.last("concat-ref") or "", number=int(number), count=int(count))


def _harmless(value: str) -> str:
    return value.replace("&", "_").replace("=", "_")


def _refusal(code: str, detail: str) -> SendError:
    kind = CODES.get(code, SendErrorCode.REJECTED)
    return SendError(kind, f"{code} {detail[:200]}".strip(), whole_channel=kind in _WHOLE_CHANNEL)
