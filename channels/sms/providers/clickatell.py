"""Clickatell's platform: JSON in, a GET (or JSON) out, JSON back.

In: https://docs.clickatell.com/channels/sms-channels/sms-api-reference/#tag/SMS-API/operation/replyCallback
Out: https://docs.clickatell.com/channels/sms-channels/sms-api-reference/#tag/SMS-API/operation/sendMessageHTTP
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import unquote_plus, unquote_to_bytes

from channels.envelope import DeliveryStatus, SendError, SendErrorCode
from channels.protocol import Inspection
from channels.request import Node, Request, Unreadable, need_instant
from channels.sms.arrivals import became, came, closed
from channels.sms.provider import Answer, Call, Reply, Text, bare, is_status, knows_secret
from channels.sms.settings import SmsSettings

API: Final = "https://platform.clickatell.com"

STATUSES: Final[Mapping[str, tuple[DeliveryStatus, str]]] = {
    "1": (DeliveryStatus.FAILED, "message unknown"),
    "2": (DeliveryStatus.SENT, "queued"),
    "3": (DeliveryStatus.SENT, "delivered to the operator"),
    "4": (DeliveryStatus.SENT, "received by the recipient, or sent to the supplier"),
    "5": (DeliveryStatus.FAILED, "error in the message"),
    "6": (DeliveryStatus.FAILED, "cancelled"),
    "7": (DeliveryStatus.FAILED, "error delivering"),
    "8": (DeliveryStatus.SENT, "accepted"),
    "9": (DeliveryStatus.FAILED, "routing error"),
    "10": (DeliveryStatus.FAILED, "expired"),
    "11": (DeliveryStatus.SENT, "delayed"),
    "12": (DeliveryStatus.FAILED, "out of credit"),
    "14": (DeliveryStatus.FAILED, "too long"),
}
"""https://docs.clickatell.com/channels/sms-channels/sms-api-reference/#section/Message-Status-Codes; the One API has
another table, in which 4 promises less, so that no more than both say is taken from a number."""
WORDS: Final[Mapping[str, DeliveryStatus]] = {
    "QUEUED": DeliveryStatus.SENT,
    "SCHEDULED": DeliveryStatus.SENT,
    "SENT_TO_SUPPLIER": DeliveryStatus.SENT,
    "DELIVERED_TO_GATEWAY": DeliveryStatus.SENT,
    "RECEIVED_BY_RECIPIENT": DeliveryStatus.DELIVERED,
    "DEVICE_ACK": DeliveryStatus.DELIVERED,
    "READ": DeliveryStatus.READ,
    "EXPIRED": DeliveryStatus.FAILED,
    "STOPPED_BY_USER": DeliveryStatus.FAILED,
    "STOPPED_BY_ADMIN": DeliveryStatus.FAILED,
    "DELIVERY_FAILURE": DeliveryStatus.FAILED,
    "ROUTING_ERROR": DeliveryStatus.FAILED,
    "RECIPIENT_DOES_NOT_EXIST": DeliveryStatus.FAILED,
}
"""A status in words, where a report has one, is the same in both.
https://docs.clickatell.com/channels/one-api/one-api-message-status-table/"""
_NOBODY: Final = "RECIPIENT_DOES_NOT_EXIST"
CODES: Final[Mapping[str, SendErrorCode]] = {
    "105": SendErrorCode.BAD_ADDRESS,
    "114": SendErrorCode.BAD_ADDRESS,  # cannot be routed
    "121": SendErrorCode.BLOCKED,  # the number is on a list of those who want nothing
    "122": SendErrorCode.BLOCKED,
    "301": SendErrorCode.UNAUTHORIZED,  # no credit
    "001": SendErrorCode.UNAUTHORIZED,
    "108": SendErrorCode.UNAUTHORIZED,
    "607": SendErrorCode.UNAUTHORIZED,  # the sender is not ours
    "901": SendErrorCode.PROVIDER_ERROR,
}
_CHARSETS: Final[Mapping[str, str]] = {"ISO-8859-1": "latin-1", "WINDOWS-1252": "cp1252"}


class Clickatell:
    """`token` is the API key. Clickatell signs nothing: `webhook_secret` is in our address, or its password."""

    def __init__(self, settings: SmsSettings) -> None:
        self.settings = settings

    def missing(self) -> Sequence[str]:
        return [] if self.settings.token else ["token"]

    def verify(self, request: Request, at: datetime) -> bool:
        return knows_secret(request, self.settings)

    def read(self, request: Request, at: datetime) -> Inspection:
        holder = request.json().need_object()
        return self._to_update(holder, request, at) if is_status(request) else self._to_inbound(holder, request)

    def _to_inbound(self, holder: Node, request: Request) -> Inspection:
        stamp = holder.need("timestamp")
        message = came(
            self.settings,
            request,
            external_id=holder.need("messageId"),
            written_by=holder.need("fromNumber"),
            sent_at=need_instant(stamp),
            text=_unescaped(holder.need("text"), (holder.text("charset") or "").upper()),
        )
        return Inspection(arrivals=(message,))

    def _to_update(self, holder: Node, request: Request, at: datetime) -> Inspection:
        identity, code = holder.need("messageId"), holder.need("statusCode")
        word = (holder.text("status") or "").upper()
        if word in WORDS:
            status, said = WORDS[word], word
        elif code in STATUSES:
            status, said = STATUSES[code]
        else:
            raise Unreadable(f"unknown status {code[:32]!r}")
        reason = f"{code} {said}" if status is DeliveryStatus.FAILED else None
        to = holder.text("toNumber", "to")
        update = became(self.settings, request, external_id=identity, status=status, at=at, reason=reason, to=to)
        gone = closed(self.settings, request, to=to, at=at, key=identity, reason=f"{code} {said}")
        return Inspection(arrivals=(update, *(gone if said == _NOBODY else [])))

    def response(self, inspection: Inspection) -> Reply:
        return Reply()

    def call(self, text: Text) -> Call:
        """The delivery reports' address is set in Clickatell's portal."""
        base = (self.settings.api_base or API).rstrip("/")
        fields = {
            "apiKey": self.settings.token,
            "to": text.to.removeprefix("+"),
            "content": "\n".join([text.text, *text.media]),
        }
        if self.settings.sender:
            fields["from"] = self.settings.sender.removeprefix("+")
        return Call.get(f"{base}/messages/http/send", fields, {"Accept": "application/json"})

    def receipt(self, text: Text, answer: Answer) -> str:
        stated = answer.stated
        message = next(iter(stated.at("messages").objects()), None)
        if message is not None and (identity := message.text("apiMessageId")):
            return identity
        for holder in (message or Node(None), stated):
            if (refusal := _refusal(holder, answer)) is not None:
                raise refusal
        raise (
            SendError(SendErrorCode.NO_ANSWER, f"{answer.status} without an apiMessageId")
            if answer.ok
            else bare(answer)
        )


def _refusal(holder: Node, answer: Answer) -> SendError | None:
    error, code = holder.text("error", "errorDescription"), holder.text("errorCode")
    if not error and not code:
        return None
    known = CODES.get(code or "")
    if known is None:
        return bare(answer, error or "") if not answer.ok else SendError(SendErrorCode.REJECTED, (error or "")[:200])
    detail = f"{code} {(error or '')[:200]}".strip()
    return SendError(known, detail, whole_channel=known is SendErrorCode.UNAUTHORIZED)


def _unescaped(text: str, charset: str) -> str:
    """Beyond UTF-8, Clickatell writes a text's bytes as the `%` escapes of a form."""
    if charset == "UTF-16BE":
        return unquote_to_bytes(text.replace("+", " ")).decode("utf-16-be", "replace")
    if charset in _CHARSETS:
        return unquote_plus(text, encoding=_CHARSETS[charset], errors="replace")
    return text
