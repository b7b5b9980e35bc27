"""Plivo: forms in, JSON out.

In: https://www.plivo.com/docs/messaging/api/message/receive-message, …/send-notification
Out: https://www.plivo.com/docs/messaging/api/message/send-a-message
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from channels.envelope import DeliveryStatus, SendError, SendErrorCode
from channels.protocol import Inspection
from channels.request import Fields, Request, Unreadable
from channels.sms.arrivals import became, came, closed, media, stopped
from channels.sms.provider import Answer, Call, Reply, Text, bare, basic, is_status, same
from channels.sms.settings import SmsSettings

API: Final = "https://api.plivo.com"

STATUSES: Final[Mapping[str, DeliveryStatus]] = {
    "queued": DeliveryStatus.SENT,
    "sent": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.READ,
    "undelivered": DeliveryStatus.FAILED,
    "failed": DeliveryStatus.FAILED,
    "rejected": DeliveryStatus.FAILED,
}
_STOPPED: Final = "200"
"""The person opted out. https://www.plivo.com/docs/messaging/troubleshooting/error-codes"""
_GONE: Final = ("40", "50", "60")
"""No such number, unreachable for good, a landline. Same source."""
_MEDIA: Final = 10


class Plivo:
    """`account` is the auth ID, `token` the auth token."""

    def __init__(self, settings: SmsSettings) -> None:
        self.settings = settings

    def missing(self) -> Sequence[str]:
        needed = {"account": self.settings.account, "token": self.settings.token, "sender": self.settings.sender}
        return [name for name, value in needed.items() if not value]

    def verify(self, request: Request, at: datetime) -> bool:
        """Version 3 or, where only that is there, version 2 of Plivo's signature.

        https://www.plivo.com/docs/messaging/concepts/signature-validation
        """
        token = self.settings.signing_secret or self.settings.token
        if not token:
            return False
        given = request.header("x-plivo-signature-v3")
        if given:
            signed = f"{_written(request)}.{request.headers.get('x-plivo-signature-v3-nonce', '')}"
        else:
            given = request.header("x-plivo-signature-v2")
            signed = _bare(request.url) + request.header("x-plivo-signature-v2-nonce")
        expected = b64encode(hmac.digest(token.encode(), signed.encode("utf-8", "replace"), "sha256")).decode()
        return any(same(each.strip(), expected) for each in given.split(","))

    def read(self, request: Request, at: datetime) -> Inspection:
        fields = request.fields()
        return self._to_update(fields, request, at) if is_status(request) else self._to_inbound(fields, request, at)

    def _to_inbound(self, fields: Fields, request: Request, at: datetime) -> Inspection:
        self._mine(fields.need("To"))
        urls = [url for number in range(_MEDIA) if (url := fields.last(f"Media{number}"))]
        message = came(
            self.settings,
            request,
            external_id=fields.need("MessageUUID"),
            written_by=fields.need("From"),
            sent_at=at,
            text=fields.last("Text") or "",
            attachments=[media(url) for url in urls],
        )
        return Inspection(arrivals=(message,))

    def _to_update(self, fields: Fields, request: Request, at: datetime) -> Inspection:
        """A long text's segments are reported each under their parent, which is what we know."""
        said, to = fields.need("Status", "status"), fields.need("To")
        identity = fields.last("ParentMessageUUID") or fields.need("MessageUUID")
        ours = fields.need("From")
        if (status := STATUSES.get(said.lower())) is None:
            return Inspection(ignored=f"unknown status {said[:32]!r}")
        self._mine(ours)
        code = fields.last("ErrorCode") or ""
        failed = status is DeliveryStatus.FAILED
        reason = f"{code} {said}".strip() if failed else None
        update = became(self.settings, request, external_id=identity, status=status, at=at, reason=reason, to=to)
        gone = closed(self.settings, request, to=to, at=at, key=identity, reason=reason or said)
        withdrawn = stopped(self.settings, request, to=to, at=at, key=identity)
        return Inspection(
            arrivals=(
                update,
                *(gone if failed and code in _GONE else []),
                *(withdrawn if failed and code == _STOPPED else []),
            )
        )

    def _mine(self, number: str) -> None:
        """All numbers of an application may lead to one address; what is another channel's is not ours. Raises
        Unreadable."""
        ours = self.settings.sender.removeprefix("+")
        if ours.isdigit() and number.removeprefix("+") != ours:
            raise Unreadable("another number than ours")

    def response(self, inspection: Inspection) -> Reply:
        """An empty document: nothing to say at once."""
        return Reply(body="<Response></Response>", content_type="application/xml")

    def call(self, text: Text) -> Call:
        base = (self.settings.api_base or API).rstrip("/")
        fields: dict[str, object] = {
            "src": self.settings.sender.removeprefix("+"),
            "dst": text.to.removeprefix("+"),
            "text": text.text,
        }
        if text.status_url is not None:
            fields |= {"url": text.status_url, "method": "POST"}
        if text.media:
            fields |= {"type": "mms", "media_urls": list(text.media)}
        return Call.json(
            f"{base}/v1/Account/{quote(self.settings.account, safe='')}/Message/",
            fields,
            basic(self.settings.account, self.settings.token),
        )

    def receipt(self, text: Text, answer: Answer) -> str:
        if not answer.ok:
            raise bare(answer, answer.stated.text("error") or "")
        identity = next(iter(answer.stated.at("message_uuid").texts()), None)
        if not identity:
            raise SendError(SendErrorCode.NO_ANSWER, f"{answer.status} without a message_uuid")
        return identity


def _written(request: Request) -> str:
    """The address, its query in order of name, and after it the form's names and values in order."""
    query, form = sorted(request.query().texts()), sorted(request.form().texts())
    url = _bare(request.url)
    if query or form:
        url += "?" + "&".join(f"{name}={value}" for name, value in query)
    if query and form:
        url += "."
    return url + "".join(name + value for name, value in form)


def _bare(url: str) -> str:
    try:
        return urlunsplit(urlsplit(url)._replace(query="", fragment=""))
    except ValueError:
        return url
