"""Kannel, the open gateway that speaks SMPP and the like to operators: HTTP to and from its smsbox.

In (`get-url` of an sms-service, chapter 6.7) and out (`sendsms`, chapter 6.10; delivery reports, 6.11) by the user's
guide: https://www.kannel.org/download/1.4.5/userguide-1.4.5/userguide.html. The lines of
kannel.conf that this file answers to are in docs/sms.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlsplit

from channels.cleaning import clean
from channels.envelope import (
    DeliveryStatus,
    DeliveryUpdate,
    Event,
    InboundMessage,
    Part,
    SendError,
    SendErrorCode,
)
from channels.protocol import Inspection
from channels.request import Fields, Request, Unreadable, need_instant
from channels.sms.numbers import person
from channels.sms.provider import Answer, Call, Reply, Text, bare, is_status, knows_secret, with_links
from channels.sms.settings import SmsSettings

API: Final = "http://127.0.0.1:13013"
SENDSMS: Final = "/cgi-bin/sendsms"
DLR_MASK: Final = "27"
"""Delivered 1, not delivered 2, taken by the operator 8, rejected by it 16."""

STATUSES: Final[Mapping[str, DeliveryStatus]] = {
    "1": DeliveryStatus.DELIVERED,
    "2": DeliveryStatus.FAILED,
    "4": DeliveryStatus.SENT,
    "8": DeliveryStatus.SENT,
    "16": DeliveryStatus.FAILED,
    "32": DeliveryStatus.SENT,
}
"""Values of `%d`."""
_REASONS: Final[Mapping[str, str]] = {"2": "not delivered", "16": "rejected by the operator"}

_CHARSETS: Final[Mapping[str, str]] = {"utf-16be": "utf-16-be", "ucs-2": "utf-16-be", "iso-8859-1": "latin-1"}
"""Values of `%C` that do not mean UTF-8, in which Kannel hands over what came in the GSM alphabet."""
_UNICODE: Final = "2"
"""Value of `%c` and of `coding` for UCS-2."""
_ACCEPTED: Final = re.compile(r"0: |3: |Sent\.")
"""Accepted for delivery; queued for later delivery; what old versions say."""
_CONCATENATED: Final = {0x00: 1, 0x08: 2}
"""Information elements of a concatenated message, and the octets of their reference.
Source: 3GPP TS 23.040, 9.2.3.24.1 and 9.2.3.24.8"""


class Kannel:
    """`account` and `token` are a sendsms-user's name and password, `api_base` is smsbox's address, `webhook_secret`
    part of the addresses that kannel.conf names. Options go along as parameters of sendsms: `smsc` picks an operator's
    link, `priority`, `validity` and `account` mean what the guide says."""

    def __init__(self, settings: SmsSettings) -> None:
        self.settings = settings

    def missing(self) -> Sequence[str]:
        ours = self.settings
        needed = {"account": ours.account, "token": ours.token, "webhook_secret": ours.webhook_secret}
        return [name for name, value in needed.items() if not value]

    def verify(self, request: Request, at: datetime) -> bool:
        return knows_secret(request, self.settings)

    def read(self, request: Request, at: datetime) -> Inspection:
        fields = request.fields()
        return self._to_update(fields, request, at) if is_status(request) else self._to_inbound(fields, request, at)

    def _to_inbound(self, fields: Fields, request: Request, at: datetime) -> Inspection:
        sender = person(fields.need("sender", "from"), self.settings.region)
        identity = fields.need("id")
        message = InboundMessage(
            channel=self.settings.name,
            event=Event.MESSAGE,
            external_id=identity,
            message_id=identity,
            address=sender,
            sent_at=_time(fields, at),
            raw=request.url.encode("utf-8", "surrogatepass"),
            text=_text(fields),
            part=_part(fields),
        )
        return Inspection(arrivals=(message,))

    def _to_update(self, fields: Fields, request: Request, at: datetime) -> Inspection:
        said = fields.need("status")
        if (status := STATUSES.get(said)) is None:
            raise Unreadable(f"unknown status {said[:32]!r}")
        update = DeliveryUpdate(
            channel=self.settings.name,
            external_id=fields.need("id", "uuid"),
            status=status,
            at=_time(fields, at),
            raw=request.url.encode("utf-8", "surrogatepass"),
            reason=_reason(said, fields),
        )
        return Inspection(arrivals=(update,))

    def response(self, inspection: Inspection) -> Reply:
        """Nothing: smsbox would send each word of it to the customer."""
        return Reply()

    def call(self, text: Text) -> Call:
        ours = self.settings
        fields = [
            ("username", ours.account),
            ("password", ours.token),
            ("to", text.to),
            ("text", with_links(text)),
            ("charset", "UTF-8"),
            *([("from", ours.sender)] if ours.sender else []),
            *([("coding", _UNICODE)] if text.unicode else []),
            *ours.options.items(),
        ]
        if text.status_url is not None:
            # `%` begins a code of Kannel's own, so that each of ours is doubled.
            report = f"{text.status_url}?id={quote(text.key, safe='')}".replace("%", "%%")
            report += "&status=%d&ts=%T&answer=%A"
            fields += [("dlr-mask", DLR_MASK), ("dlr-url", report)]
        return Call.get(_sendsms(ours.api_base or API), fields)

    def receipt(self, text: Text, answer: Answer) -> str:
        """Kannel's own id never comes back, so the text goes by our key."""
        said = answer.body.decode("utf-8", "replace").strip()
        if answer.ok:
            if _ACCEPTED.match(said):
                return text.key
            raise SendError(SendErrorCode.NO_ANSWER, f"{answer.status} without an answer of Kannel's")
        if said.startswith("Authorization failed"):
            raise SendError(SendErrorCode.UNAUTHORIZED, said[:80], whole_channel=True)
        if said.startswith("Temporal failure"):
            raise SendError(SendErrorCode.PROVIDER_ERROR, said[:80])
        if said.startswith("Not routable"):
            raise SendError(SendErrorCode.REJECTED, said[:80])
        raise bare(answer)


def _sendsms(base: str) -> str:
    """Where smsbox was told to listen; an address with a path of its own is the whole of it."""
    return base if urlsplit(base).path.strip("/") else base.rstrip("/") + SENDSMS


def _time(fields: Fields, at: datetime) -> datetime:
    stated = fields.last("ts")
    return need_instant(stated, "ts") if stated else at


def _text(fields: Fields) -> str:
    content = next((raw for name in ("message", "text") if (raw := fields.content(name)) is not None), b"")
    charset = (fields.last("charset") or "").lower()
    encoding = _CHARSETS.get(charset)
    if encoding is None and not charset and fields.last("coding") == _UNICODE:
        encoding = "utf-16-be"
    if encoding is None:
        return fields.last("message", "text") or ""
    return clean(content.decode(encoding, "replace"))


def _part(fields: Fields) -> Part | None:
    """Where the text belongs, if Kannel was told not to join long ones itself (`sms-combine-concatenated-mo`)."""
    header = fields.content("udh") or b""
    elements = header[1:] if header and header[0] == len(header) - 1 else b""
    while len(elements) >= 2:
        kind, length = elements[0], elements[1]
        data, elements = elements[2 : 2 + length], elements[2 + length :]
        octets = _CONCATENATED.get(kind)
        if octets is None or len(data) != octets + 2:
            continue
        count, number = data[octets], data[octets + 1]
        if 1 <= number <= count and count > 1:
            return Part(group=f"{data[:octets].hex()}:{count}", number=number, count=count)
    return None


def _reason(said: str, fields: Fields) -> str | None:
    reason = _REASONS.get(said)
    answer = (fields.last("answer") or "").strip()
    return f"{reason}: {answer[:100]}" if reason and answer else reason
