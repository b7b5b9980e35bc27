"""Bandwidth: JSON lists in, JSON out.

In: https://dev.bandwidth.com/docs/messaging/webhooks
Out: https://dev.bandwidth.com/apis/messaging-apis/messaging/#tag/Messages/operation/createMessage
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote

from channels.envelope import Arrival, DeliveryStatus, SendError, SendErrorCode
from channels.protocol import Inspection
from channels.request import Node, Request, Unreadable, need_moment
from channels.sms.arrivals import became, came, closed, media, stopped
from channels.sms.provider import Answer, Call, Reply, Text, bare, basic, is_status, knows_secret
from channels.sms.settings import SmsSettings

API: Final = "https://messaging.bandwidth.com/api/v2"

STATUSES: Final[Mapping[str, DeliveryStatus]] = {
    "message-sending": DeliveryStatus.SENT,
    "message-sent": DeliveryStatus.SENT,
    "message-delivered": DeliveryStatus.DELIVERED,
    "message-read": DeliveryStatus.READ,
    "message-failed": DeliveryStatus.FAILED,
}
_STOPPED: Final = ("4771", "5771")
"""The person opted out. https://dev.bandwidth.com/docs/messaging/errors/codes"""
_GONE: Final = ("4720", "4721", "5106", "5620")
"""No such number, or one that takes no texts. Same source."""
_BAD_FIELD: Final = "to"


class Bandwidth:
    """`account` is the account's id, `token` the API password; options `user` (of the API) and `application` (its id).
    Bandwidth signs nothing: it gives `webhook_secret` as a password, or in our address."""

    def __init__(self, settings: SmsSettings) -> None:
        self.settings = settings

    def missing(self) -> Sequence[str]:
        options = self.settings.options
        needed = {
            "account": self.settings.account,
            "token": self.settings.token,
            "sender": self.settings.sender,
            "user": options.get("user", ""),
            "application": options.get("application", ""),
        }
        return [name for name, value in needed.items() if not value]

    def verify(self, request: Request, at: datetime) -> bool:
        return knows_secret(request, self.settings)

    def read(self, request: Request, at: datetime) -> Inspection:
        arrivals = [arrival for event in request.json().need_objects() for arrival in self._event(event, request)]
        return Inspection(arrivals=tuple(arrivals)) if arrivals else Inspection(ignored="no messages")

    def _event(self, event: Node, request: Request) -> list[Arrival]:
        kind, message = event.need("type"), event.at("message").need_object("message")
        identity = message.need("id")
        if kind in STATUSES or is_status(request):
            return self._to_update(kind, identity, event, message, request)
        return [self._to_inbound(identity, message, request)]

    def _to_inbound(self, identity: str, message: Node, request: Request) -> Arrival:
        return came(
            self.settings,
            request,
            external_id=identity,
            written_by=message.need("from"),
            sent_at=need_moment(message.need("time")),
            text=message.text("text") or "",
            attachments=[media(url) for url in _texts(message.at("media"))],
        )

    def _to_update(self, kind: str, identity: str, event: Node, message: Node, request: Request) -> list[Arrival]:
        if (status := STATUSES.get(kind)) is None:
            raise Unreadable(f"unknown status {kind[:32]!r}")
        stamp, to, code = event.text("time", "at"), event.text("to"), event.text("errorCode") or ""
        at = need_moment(stamp or message.text("time") or "")
        failed = status is DeliveryStatus.FAILED
        reason = f"{code} {event.text('description') or ''}".strip() if failed else None
        arrivals: list[Arrival] = [
            became(self.settings, request, external_id=identity, status=status, at=at, reason=reason, to=to)
        ]
        if code in _STOPPED:
            arrivals += stopped(self.settings, request, to=to, at=at, key=identity)
        if code in _GONE:
            arrivals += closed(self.settings, request, to=to, at=at, key=identity, reason=reason or kind)
        return arrivals

    def response(self, inspection: Inspection) -> Reply:
        return Reply()

    def call(self, text: Text) -> Call:
        """The delivery reports' address is set with the application."""
        base = (self.settings.api_base or API).rstrip("/")
        fields: dict[str, object] = {
            "applicationId": self.settings.options.get("application", ""),
            "to": [text.to],
            "from": self.settings.sender,
            "text": text.text,
            "tag": text.key,
        }
        if text.media:
            fields["media"] = list(text.media)
        return Call.json(
            f"{base}/users/{quote(self.settings.account, safe='')}/messages",
            fields,
            basic(self.settings.options.get("user", ""), self.settings.token),
        )

    def receipt(self, text: Text, answer: Answer) -> str:
        stated = answer.stated
        if not answer.ok:
            raise _refusal(stated, answer)
        identity = stated.text("id")
        if not identity:
            raise SendError(SendErrorCode.NO_ANSWER, f"{answer.status} without an id")
        return identity


def _refusal(stated: Node, answer: Answer) -> SendError:
    errors = stated.at("fieldErrors").objects()
    said = next((text for each in errors if (text := each.text("description"))), None)
    detail = f"{stated.text('type') or ''} {said or stated.text('description') or ''}".strip()
    if any((each.text("fieldName") or "").startswith(_BAD_FIELD) for each in errors):
        return SendError(SendErrorCode.BAD_ADDRESS, detail[:200])
    return bare(answer, detail)


def _texts(node: Node) -> list[str]:
    return [each.value for each in node.nodes() if isinstance(each.value, str)]
