"""Twilio, and what speaks like it (SignalWire and other TwiML services): forms in, forms out, JSON back.

In: https://www.twilio.com/docs/messaging/guides/webhook-request, …/guides/track-outbound-message-status
Out: https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote

from channels.envelope import (
    AddressUpdate,
    Arrival,
    Attachment,
    AttachmentKind,
    ConsentUpdate,
    DeliveryStatus,
    DeliveryUpdate,
    Event,
    InboundMessage,
    SendError,
    SendErrorCode,
)
from channels.protocol import Inspection
from channels.request import Fields, Request, Unreadable
from channels.sms.numbers import person
from channels.sms.provider import Answer, Call, Reply, Stopped, Text, bare, basic, is_status, retry_after
from channels.sms.settings import SmsSettings
from channels.sms.signatures import twilio_valid
from channels.sms.unwrapping import unwrapped

API: Final = "https://api.twilio.com"
_MEDIA: Final = 10
"""Pictures in one message. Source: https://www.twilio.com/docs/messaging/guides/webhook-request"""
_WHATSAPP: Final = "whatsapp:"
_STOPPED: Final = "21610"
"""The carrier, or Twilio's own opt-out, has a STOP of this person.
Source: https://www.twilio.com/docs/api/errors/21610"""

STATUSES: Final[Mapping[str, DeliveryStatus]] = {
    "accepted": DeliveryStatus.SENT,
    "scheduled": DeliveryStatus.SENT,
    "queued": DeliveryStatus.SENT,
    "sending": DeliveryStatus.SENT,
    "sent": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "partially_delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.READ,
    "undelivered": DeliveryStatus.FAILED,
    "failed": DeliveryStatus.FAILED,
    "canceled": DeliveryStatus.FAILED,
}
"""Source: https://www.twilio.com/docs/messaging/api/message-resource#message-status-values"""

_GONE: Final = ("30005", "30006")
"""Unknown or inactive number; a landline. Source: https://www.twilio.com/docs/api/errors"""

_CODES: Final[Mapping[str, SendErrorCode]] = {
    "14107": SendErrorCode.RATE_LIMITED,  # too many messages a second
    "20429": SendErrorCode.RATE_LIMITED,  # too many requests
    "21611": SendErrorCode.RATE_LIMITED,  # the number's queue is full
    "30001": SendErrorCode.RATE_LIMITED,  # the queue overflowed
    "21211": SendErrorCode.BAD_ADDRESS,  # invalid To
    "21214": SendErrorCode.BAD_ADDRESS,  # To cannot be reached
    "21217": SendErrorCode.BAD_ADDRESS,  # not a phone number
    "21265": SendErrorCode.BAD_ADDRESS,  # To is a short code
    "21401": SendErrorCode.BAD_ADDRESS,
    "21407": SendErrorCode.BAD_ADDRESS,
    "21421": SendErrorCode.BAD_ADDRESS,
    "21604": SendErrorCode.BAD_ADDRESS,
    "21614": SendErrorCode.BAD_ADDRESS,  # not a mobile number
    "21635": SendErrorCode.BAD_ADDRESS,  # a landline
    "30005": SendErrorCode.BAD_ADDRESS,
    "30006": SendErrorCode.BAD_ADDRESS,
    "63003": SendErrorCode.BAD_ADDRESS,
    "21605": SendErrorCode.TOO_LARGE,
    "21617": SendErrorCode.TOO_LARGE,  # more than 1600 characters
    "20003": SendErrorCode.UNAUTHORIZED,
    "20005": SendErrorCode.UNAUTHORIZED,  # the account is not active
    "20404": SendErrorCode.UNAUTHORIZED,
    "21212": SendErrorCode.UNAUTHORIZED,  # From is not a number of ours
    "21603": SendErrorCode.UNAUTHORIZED,
    "21606": SendErrorCode.UNAUTHORIZED,
    "21659": SendErrorCode.UNAUTHORIZED,
    "21660": SendErrorCode.UNAUTHORIZED,
    "21701": SendErrorCode.UNAUTHORIZED,  # no such messaging service
    "21703": SendErrorCode.UNAUTHORIZED,  # it has no numbers
    "30002": SendErrorCode.UNAUTHORIZED,  # the account is suspended
    "21620": SendErrorCode.UNSUPPORTED,  # media that it does not carry
}
"""All others refuse this one content. Source: https://www.twilio.com/docs/api/errors"""
_WHOLE_CHANNEL: Final = (SendErrorCode.UNAUTHORIZED, SendErrorCode.RATE_LIMITED)


class Twilio:
    """`account` is the account's SID, `token` its auth token; `sender` a number, a short code, a name or a messaging
    service (`MG…`). Options: `messaging_service` beside a sender of its own, `shorten_urls` = `true`."""

    def __init__(self, settings: SmsSettings) -> None:
        self.settings = settings
        account = f"{(settings.api_base or API).rstrip('/')}/2010-04-01/Accounts/{quote(settings.account, safe='')}"
        self._messages, self._account = f"{account}/Messages.json", f"{account}.json"
        self._login = basic(settings.account, settings.token)

    def missing(self) -> Sequence[str]:
        needed = {"account": self.settings.account, "token": self.settings.token, "sender": self.settings.sender}
        return [name for name, value in needed.items() if not value]

    def verify(self, request: Request, at: datetime) -> bool:
        return twilio_valid(
            token=self.settings.signing_secret or self.settings.token,
            url=request.url,
            params=request.form().texts(),
            body=request.body,
            signature=request.header("x-twilio-signature"),
        )

    def read(self, request: Request, at: datetime) -> Inspection:
        fields = request.fields()
        return self._to_update(fields, request, at) if is_status(request) else self._to_inbound(fields, request, at)

    def _to_inbound(self, fields: Fields, request: Request, at: datetime) -> Inspection:
        sid = fields.need("MessageSid", "SmsMessageSid", "SmsSid")
        address = _address(fields, self.settings.region)
        message = InboundMessage(
            channel=self.settings.name,
            event=Event.MESSAGE,
            external_id=sid,
            message_id=sid,
            address=address,
            sent_at=at,
            raw=request.body or request.url.encode(),
            text=_text(fields, address),
            name=fields.last("ProfileName") or None,
            attachments=tuple(_attachments(fields)),
        )
        consent = self._consent(fields, message)
        return Inspection(arrivals=(message,) if consent is None else (message, consent))

    def _consent(self, fields: Fields, message: InboundMessage) -> ConsentUpdate | None:
        """A word that Twilio took for STOP or START, in whichever language the account's lists are.
        Source: https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out#identifying-opt-out-events"""
        meant = fields.last("OptOutType")
        if meant not in ("STOP", "START"):
            return None
        return ConsentUpdate(
            channel=message.channel,
            address=message.address,
            granted=meant == "START",
            source="carrier",
            at=message.sent_at,
            raw=message.raw,
            external_id=f"{message.external_id}:{meant}",
        )

    def _to_update(self, fields: Fields, request: Request, at: datetime) -> Inspection:
        said = fields.last("MessageStatus", "SmsStatus")
        if not said:
            return Inspection(ignored="no message status")
        if (status := STATUSES.get(said.lower())) is None:
            raise Unreadable(f"unknown status {said[:32]!r}")
        sid, code = fields.need("MessageSid", "SmsSid"), fields.last("ErrorCode") or None
        to = _recipient(fields, self.settings.region)
        raw = request.body or request.url.encode()
        arrivals: list[Arrival] = [
            DeliveryUpdate(
                channel=self.settings.name,
                external_id=sid,
                status=status,
                at=at,
                raw=raw,
                reason=None if code is None else f"{code} {fields.last('ErrorMessage') or said}",
                address=to,
            )
        ]
        if to is not None and code == _STOPPED:
            arrivals.append(
                ConsentUpdate(
                    channel=self.settings.name,
                    address=to,
                    granted=False,
                    source="carrier",
                    at=at,
                    raw=raw,
                    external_id=f"{sid}:{code}",
                )
            )
        if to is not None and code in _GONE:
            arrivals.append(
                AddressUpdate(
                    channel=self.settings.name,
                    address=to,
                    reachable=False,
                    reason=f"{code} {said}",
                    at=at,
                    raw=raw,
                    external_id=f"{sid}:{code}",
                )
            )
        return Inspection(arrivals=tuple(arrivals))

    def response(self, inspection: Inspection) -> Reply:
        """An empty TwiML document: nothing to say at once."""
        return Reply(body='<?xml version="1.0" encoding="UTF-8"?><Response/>', content_type="text/xml")

    def call(self, text: Text) -> Call:
        fields = [("To", text.to), ("Body", text.text), *(("MediaUrl", url) for url in text.media), *self._sender(text)]
        if text.status_url is not None:
            fields.append(("StatusCallback", text.status_url))
        return Call.form(self._messages, fields, self._login)

    def _sender(self, text: Text) -> Sequence[tuple[str, str]]:
        ours, options = self.settings.sender, self.settings.options
        service = options.get("messaging_service") or (ours if ours.startswith("MG") else "")
        fields: list[tuple[str, str]] = []
        if ours and not ours.startswith("MG"):
            whatsapp = text.to.startswith(_WHATSAPP) and not ours.startswith(_WHATSAPP)
            fields.append(("From", f"{_WHATSAPP}{ours}" if whatsapp else ours))
        if service:
            fields.append(("MessagingServiceSid", service))
        if options.get("shorten_urls") == "true":
            fields.append(("ShortenUrls", "true"))
        return fields

    def probe(self) -> Call:
        return Call(method="GET", url=self._account, headers=self._login)

    def receipt(self, text: Text, answer: Answer) -> str:
        stated = answer.stated
        code = stated.text("code") or stated.text("error_code")
        if code is not None and code not in ("0", ""):
            raise _refusal(code, answer)
        if not answer.ok:
            raise bare(answer, stated.text("message") or "")
        sid = stated.text("sid")
        if not sid:
            raise SendError(SendErrorCode.NO_ANSWER, f"{answer.status} without a sid")
        return sid


def _address(fields: Fields, region: str | None) -> str:
    written = fields.need("From")
    if written.startswith(_WHATSAPP):
        return _whatsapp(written)
    return person(written, fields.last("FromCountry") or region)


def _recipient(fields: Fields, region: str | None) -> str | None:
    written = fields.last("To")
    if not written:
        return None
    try:
        return _whatsapp(written) if written.startswith(_WHATSAPP) else person(written, region)
    except Unreadable:
        return None


def _whatsapp(written: str) -> str:
    """`whatsapp:14155550100`; people without a number there have an id such as `US.1234`."""
    return _WHATSAPP + written.removeprefix(_WHATSAPP).removeprefix("+")


def _text(fields: Fields, address: str) -> str:
    """What they wrote, or the label of the button that they pressed."""
    button = fields.last("ButtonText") if address.startswith(_WHATSAPP) else None
    return button or unwrapped(fields.last("Body") or "")


def _attachments(fields: Fields) -> Sequence[Attachment]:
    media = [
        Attachment(kind=_kind(content_type), id=url, content_type=content_type)
        for number in range(_MEDIA)
        if (url := fields.last(f"MediaUrl{number}"))
        for content_type in [fields.last(f"MediaContentType{number}") or None]
    ]
    latitude, longitude = _degrees(fields.last("Latitude")), _degrees(fields.last("Longitude"))
    if latitude is None or longitude is None:
        return media
    place: dict[str, str | float] = {"latitude": latitude, "longitude": longitude}
    return [*media, Attachment(kind=AttachmentKind.LOCATION, id="", data=place)]


def _kind(content_type: str | None) -> AttachmentKind:
    match (content_type or "").partition("/")[0]:
        case "image":
            return AttachmentKind.IMAGE
        case "audio":
            return AttachmentKind.AUDIO
        case "video":
            return AttachmentKind.VIDEO
        case _:
            return AttachmentKind.FILE


def _degrees(written: str | None) -> float | None:
    try:
        value = float(written or "")
    except ValueError:
        return None
    return value if -180 <= value <= 180 else None


def _refusal(code: str, answer: Answer) -> SendError:
    detail = f"{code} {(answer.stated.text('message', 'error_message') or '')[:200]}".strip()
    if code == _STOPPED:
        return Stopped(detail)
    if answer.status >= 500:
        return SendError(SendErrorCode.PROVIDER_ERROR, detail)
    kind = _CODES.get(code) or (SendErrorCode.RATE_LIMITED if answer.status == 429 else SendErrorCode.REJECTED)
    wait = retry_after(answer) if kind is SendErrorCode.RATE_LIMITED else None
    return SendError(kind, detail, retry_after=wait, whole_channel=kind in _WHOLE_CHANNEL)
