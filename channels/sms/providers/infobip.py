"""Infobip: JSON in and out.

In: https://www.infobip.com/docs/api/channels/sms/inbound-sms/receive-inbound-sms-messages,
…/sms/logs-and-status-reports/receive-outbound-sms-message-reports-v3
Out: https://www.infobip.com/docs/api/channels/sms/outbound-sms/send-sms-messages, …/channels/mms
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from mimetypes import guess_type
from typing import Final

from channels.envelope import Arrival, Attachment, DeliveryStatus, SendError, SendErrorCode
from channels.protocol import Inspection
from channels.request import Node, Request, Unreadable, need_moment
from channels.sms.arrivals import became, came, closed, media
from channels.sms.provider import Answer, Call, Reply, Text, bare, basic, is_status, knows_secret
from channels.sms.settings import SmsSettings

API: Final = "https://api.infobip.com"

STATUSES: Final[Mapping[str, DeliveryStatus]] = {
    "PENDING": DeliveryStatus.SENT,
    "EXPIRED": DeliveryStatus.SENT,  # it left, and nobody will ever say whether it arrived
    "DELIVERED": DeliveryStatus.DELIVERED,
    "REJECTED": DeliveryStatus.FAILED,
    "UNDELIVERABLE": DeliveryStatus.FAILED,
}
"""By group: https://www.infobip.com/docs/essentials/api-essentials/response-status-and-error-codes"""
_GONE: Final = ("EC_UNKNOWN_SUBSCRIBER", "EC_UNIDENTIFIED_SUBSCRIBER", "EC_ILLEGAL_SUBSCRIBER")
_TAKEN: Final = (1, 3)
"""Groups of a text that Infobip took: pending, delivered."""


class Infobip:
    """`token` is the API key; or `account` and `token` are user and password, with the option `basic` = `true`.
    Infobip signs nothing: `webhook_secret` is in our address."""

    def __init__(self, settings: SmsSettings) -> None:
        self.settings = settings

    def missing(self) -> Sequence[str]:
        needed = {"token": self.settings.token, "sender": self.settings.sender}
        return [name for name, value in needed.items() if not value]

    def verify(self, request: Request, at: datetime) -> bool:
        return knows_secret(request, self.settings)

    def read(self, request: Request, at: datetime) -> Inspection:
        holder = request.json().need_object()
        if not holder.has("results"):
            raise Unreadable("results is missing")
        results = holder.at("results").objects()
        if is_status(request):
            arrivals = [arrival for each in results for arrival in self._to_update(each, request, at)]
        else:
            arrivals = [arrival for each in results for arrival in self._to_inbound(each, request, at)]
        return Inspection(arrivals=tuple(arrivals)) if arrivals else Inspection(ignored="no message")

    def _to_inbound(self, result: Node, request: Request, at: datetime) -> list[Arrival]:
        """A picture message comes in segments; an empty one tells nothing, and is left."""
        segments = result.at("message").objects()
        text = _text(segments) if segments else result.text("text") or ""
        attachments = _attachments(segments)
        if not text and not attachments:
            return []
        stamp = result.text("receivedAt")
        message = came(
            self.settings,
            request,
            external_id=result.need("messageId"),
            written_by=result.need("from"),
            sent_at=need_moment(stamp) if stamp else at,
            text=text,
            attachments=attachments,
        )
        return [message]

    def _to_update(self, result: Node, request: Request, at: datetime) -> list[Arrival]:
        said = result.at("status").need_object("status").need("groupName")
        if (status := STATUSES.get(said)) is None:
            raise Unreadable(f"unknown status {said[:32]!r}")
        identity, to, stamp = result.need("messageId"), result.text("to"), result.text("doneAt")
        done, why = need_moment(stamp) if stamp else at, _why(result, said)
        expected = status in (DeliveryStatus.DELIVERED, DeliveryStatus.SENT) and said != "EXPIRED"
        update = became(
            self.settings,
            request,
            external_id=identity,
            status=status,
            at=done,
            reason=None if expected else why,
            to=to,
        )
        gone = status is DeliveryStatus.FAILED and any(sign in why for sign in _GONE)
        return [
            update,
            *(closed(self.settings, request, to=to, at=done, key=identity, reason=why) if gone else []),
        ]

    def response(self, inspection: Inspection) -> Reply:
        return Reply()

    def call(self, text: Text) -> Call:
        base = (self.settings.api_base or API).rstrip("/")
        message: dict[str, object] = {
            "sender" if text.media else "from": self.settings.sender,
            "destinations": [{"to": text.to.removeprefix("+"), "messageId": text.key}],
            "content": _pictures(text) if text.media else self._content(text),
        }
        if text.status_url is not None:
            report = {"url": text.status_url, "intermediateReport": True, "contentType": "application/json"}
            message["webhooks"] = {"delivery": report}
        path = "mms/2/messages" if text.media else "sms/3/messages"
        return Call.json(f"{base}/{path}", {"messages": [message]}, self._authorization())

    def _content(self, text: Text) -> dict[str, str]:
        transliteration = self.settings.options.get("transliteration")
        return {"text": text.text, **({"transliteration": transliteration} if transliteration else {})}

    def _authorization(self) -> Mapping[str, str]:
        if self.settings.options.get("basic") == "true":
            return basic(self.settings.account, self.settings.token)
        return {"Authorization": f"App {self.settings.token}"}

    def receipt(self, text: Text, answer: Answer) -> str:
        if not answer.ok:
            raise bare(answer, _stated_error(answer.stated))
        message = next(iter(answer.stated.at("messages").objects()), None)
        if message is None:
            raise SendError(SendErrorCode.NO_ANSWER, f"{answer.status} without messages")
        status = message.at("status")
        if not status.is_object:
            raise SendError(SendErrorCode.NO_ANSWER, f"{answer.status} without a status")
        if status.at("groupId").value not in _TAKEN:
            raise SendError(SendErrorCode.REJECTED, (status.text("name", "groupName") or "no group")[:200])
        return message.text("messageId") or text.key


def _text(segments: Sequence[Node]) -> str:
    return "\n".join(
        value for each in segments if each.text("contentType") == "text/plain" and (value := each.text("value"))
    )


def _attachments(segments: Sequence[Node]) -> list[Attachment]:
    return [
        media(url, each.text("contentType"))
        for each in segments
        if each.text("contentType") != "text/plain" and (url := each.text("url"))
    ]


def _why(result: Node, said: str) -> str:
    name = result.at("error").text("name", "description")
    return f"{said} {name}" if name and name != "NO_ERROR" else said


def _pictures(text: Text) -> dict[str, object]:
    links = [
        {"type": "LINK", "contentUrl": url, "contentType": guess_type(url)[0] or "application/octet-stream"}
        for url in text.media
    ]
    return {"title": "", "messageSegments": [*([{"type": "TEXT", "text": text.text}] if text.text else []), *links]}


def _stated_error(stated: Node) -> str:
    """In the words of the new interface, or of the old one."""
    if description := stated.text("description", "error"):
        return description
    return stated.at("requestError", "serviceException").text("text", "messageId") or ""
