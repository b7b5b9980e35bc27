"""MessageBird (Bird): forms in, reports by GET, JSON out.

In: https://developers.messagebird.com/api/sms-messaging/#receive-a-message, …/#handle-a-status-report
Out: https://developers.messagebird.com/api/sms-messaging/#send-outbound-sms, …/api/mms-messaging/
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from channels.envelope import Arrival, DeliveryStatus, SendError, SendErrorCode
from channels.protocol import Inspection
from channels.request import Fields, Node, Request, Unreadable, need_moment, parse_json
from channels.sms.arrivals import became, came, closed, media, stopped
from channels.sms.provider import Answer, Call, Reply, Text, bare, is_status, knows_secret, same
from channels.sms.settings import SmsSettings

API: Final = "https://rest.messagebird.com"

STATUSES: Final[Mapping[str, DeliveryStatus]] = {
    "scheduled": DeliveryStatus.SENT,
    "buffered": DeliveryStatus.SENT,
    "sent": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "expired": DeliveryStatus.FAILED,
    "delivery_failed": DeliveryStatus.FAILED,
}
"""https://developers.messagebird.com/api/sms-messaging/#sms-statuses"""
CODES: Final[Mapping[int, SendErrorCode]] = {
    2: SendErrorCode.UNAUTHORIZED,  # request not allowed: a wrong access key
    9: SendErrorCode.REJECTED,  # a parameter is missing
    10: SendErrorCode.REJECTED,
    20: SendErrorCode.UNAUTHORIZED,
    21: SendErrorCode.REJECTED,
    25: SendErrorCode.UNAUTHORIZED,  # not enough balance
    98: SendErrorCode.NO_ANSWER,
    99: SendErrorCode.PROVIDER_ERROR,
}
"""https://developers.messagebird.com/api/#errors"""
_STOPPED: Final = "103"
_GONE: Final = ("1", "5", "13", "27")
"""Unknown, unidentified or illegal subscriber. https://developers.messagebird.com/api/sms-messaging/#sms-errors"""
_SHORT_CODE_TIME: Final = "%Y%m%d%H%M%S"
_LEEWAY: Final = timedelta(seconds=30)


class Messagebird:
    """`token` is the access key, `signing_secret` the signing key."""

    def __init__(self, settings: SmsSettings) -> None:
        self.settings = settings

    def missing(self) -> Sequence[str]:
        needed = {"token": self.settings.token, "sender": self.settings.sender}
        return [name for name, value in needed.items() if not value]

    def verify(self, request: Request, at: datetime) -> bool:
        """A token that holds the hashes of address and body (RFC 7519, HS256), or else our secret in the address.

        https://developers.messagebird.com/api/#verifying-http-requests
        """
        if not self.settings.signing_secret:
            return knows_secret(request, self.settings)
        claims = self._claims(request.header("messagebird-signature-jwt"), at)
        if claims is None:
            return False
        url = hashlib.sha256(request.url.encode("utf-8", "replace")).hexdigest()
        if not same(claims.text("url_hash") or "", url):
            return False
        given = claims.text("payload_hash")
        return same(given or "", hashlib.sha256(request.body).hexdigest()) if request.body else given is None

    def _claims(self, token: str, at: datetime) -> Node | None:
        head, _, rest = token.partition(".")
        body, _, signature = rest.partition(".")
        secret = self.settings.signing_secret.encode()
        expected = hmac.digest(secret, f"{head}.{body}".encode("utf-8", "replace"), "sha256")
        try:
            genuine = hmac.compare_digest(_decoded(signature), expected)
            kind, claims = Node(parse_json(_decoded(head))), Node(parse_json(_decoded(body)))
        except (NotBase64, ValueError):
            return None
        valid = genuine and kind.text("alg") == "HS256" and claims.text("iss") == "MessageBird"
        return claims if valid and _in_time(claims, at) else None

    def read(self, request: Request, at: datetime) -> Inspection:
        fields = _caseless(request.fields())
        return self._to_update(fields, request, at) if is_status(request) else self._to_inbound(fields, request)

    def _to_inbound(self, fields: Fields, request: Request) -> Inspection:
        short = bool(fields.last("shortcode"))
        text = fields.last("message" if short else "body") or ""
        urls = [value for name, value in fields.texts() if name.startswith("mediaurls")]
        if not text and not urls:
            raise Unreadable("neither text nor media")
        message = came(
            self.settings,
            request,
            external_id=fields.need("mid" if short else "id"),
            written_by=fields.need("originator"),
            sent_at=_short_code_time(fields) if short else need_moment(fields.need("createddatetime")),
            text=text,
            attachments=[media(url) for url in urls if url],
        )
        return Inspection(arrivals=(message,))

    def _to_update(self, fields: Fields, request: Request, at: datetime) -> Inspection:
        said = fields.need("status")
        if (status := STATUSES.get(said)) is None:
            raise Unreadable(f"unknown status {said[:32]!r}")
        identity, to = fields.need("id"), fields.last("recipient")
        code, stamp = fields.last("statuserrorcode") or "", fields.last("statusdatetime")
        done = need_moment(stamp.replace(" ", "+") if "T" in stamp else stamp) if stamp else at
        failed = status is DeliveryStatus.FAILED
        reason = " ".join(filter(None, (code, fields.last("statusreason") or said))) if failed else None
        arrivals: list[Arrival] = [
            became(self.settings, request, external_id=identity, status=status, at=done, reason=reason, to=to)
        ]
        if code == _STOPPED:
            arrivals += stopped(self.settings, request, to=to, at=done, key=identity)
        if failed and code in _GONE:
            arrivals += closed(self.settings, request, to=to, at=done, key=identity, reason=reason or said)
        return Inspection(arrivals=tuple(arrivals))

    def response(self, inspection: Inspection) -> Reply:
        return Reply(body="OK")

    def call(self, text: Text) -> Call:
        base = (self.settings.api_base or API).rstrip("/")
        fields: dict[str, object] = {
            "recipients": [text.to.removeprefix("+")],
            "reference": text.key,
            "originator": self.settings.sender,
        }
        if text.text:
            fields["body"] = text.text
        if text.media:
            fields["mediaUrls"] = list(text.media)
        elif text.unicode:
            fields["datacoding"] = "unicode"
        if text.status_url is not None and not text.media:
            fields["reportUrl"] = text.status_url
        headers = {"Authorization": f"AccessKey {self.settings.token}"}
        return Call.json(f"{base}/{'mms' if text.media else 'messages'}", fields, headers)

    def receipt(self, text: Text, answer: Answer) -> str:
        stated = answer.stated
        error = next(iter(stated.at("errors").objects()), None)
        if error is not None:
            raise _refusal(error, answer)
        if not answer.ok:
            raise bare(answer)
        identity = stated.text("id")
        if not identity:
            raise SendError(SendErrorCode.NO_ANSWER, f"{answer.status} without an id")
        return identity


def _refusal(error: Node, answer: Answer) -> SendError:
    code, said = error.at("code").value, error.text("description") or ""
    known = CODES.get(code) if isinstance(code, int) else None
    if known is None:
        return bare(answer, said)
    if error.text("parameter") in ("recipient", "recipients"):
        known = SendErrorCode.BAD_ADDRESS
    return SendError(known, f"{code} {said[:200]}".strip(), whole_channel=known is SendErrorCode.UNAUTHORIZED)


def _caseless(fields: Fields) -> Fields:
    """MessageBird writes `createdDatetime` and `CreatedDatetime`."""
    return Fields(every=[replace(field, name=field.name.lower()) for field in fields.every])


def _short_code_time(fields: Fields) -> datetime:
    try:
        return datetime.strptime(fields.need("receive_datetime"), _SHORT_CODE_TIME).replace(tzinfo=UTC)
    except ValueError:
        raise Unreadable("receive_datetime is not a time") from None


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part.encode("ascii", "replace") + b"=" * (-len(part) % 4))


def _in_time(claims: Node, at: datetime) -> bool:
    start, end = claims.at("nbf").value, claims.at("exp").value
    if not (isinstance(start, int | float) and isinstance(end, int | float)):
        return False
    return start - _LEEWAY.total_seconds() <= at.timestamp() <= end + _LEEWAY.total_seconds()
