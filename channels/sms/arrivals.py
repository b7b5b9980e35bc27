"""What providers tell, put into the envelope: one way for all to say that a text came, or what became of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from mimetypes import guess_type
from typing import Final
from urllib.parse import urlsplit

from channels.envelope import (
    AddressUpdate,
    Attachment,
    AttachmentKind,
    ConsentUpdate,
    DeliveryStatus,
    DeliveryUpdate,
    Event,
    InboundMessage,
    Part,
)
from channels.request import Request, Unreadable
from channels.sms.numbers import person
from channels.sms.settings import SmsSettings

_KINDS: Final[Mapping[str, AttachmentKind]] = {
    "image": AttachmentKind.IMAGE,
    "audio": AttachmentKind.AUDIO,
    "video": AttachmentKind.VIDEO,
}


def came(
    settings: SmsSettings,
    request: Request,
    *,
    external_id: str,
    written_by: str,
    sent_at: datetime,
    text: str,
    attachments: Sequence[Attachment] = (),
    part: Part | None = None,
) -> InboundMessage:
    """A person's text. Raises Unreadable where `written_by` is no number."""
    return InboundMessage(
        channel=settings.name,
        event=Event.MESSAGE,
        external_id=external_id,
        message_id=external_id,
        address=person(written_by, settings.region),
        sent_at=sent_at,
        raw=raw_of(request),
        text=text,
        attachments=tuple(attachments),
        part=part,
    )


def became(
    settings: SmsSettings,
    request: Request,
    *,
    external_id: str,
    status: DeliveryStatus,
    at: datetime,
    reason: str | None = None,
    to: str | None = None,
) -> DeliveryUpdate:
    """News of a text of ours; `to` as the provider writes it."""
    return DeliveryUpdate(
        channel=settings.name,
        external_id=external_id,
        status=status,
        at=at,
        raw=raw_of(request),
        reason=reason,
        address=address_of(settings, to),
    )


def stopped(settings: SmsSettings, request: Request, *, to: str | None, at: datetime, key: str) -> list[ConsentUpdate]:
    """The carrier or the provider has a STOP of this person; nothing where `to` is no number."""
    if (address := address_of(settings, to)) is None:
        return []
    return [
        ConsentUpdate(
            channel=settings.name,
            address=address,
            granted=False,
            source="carrier",
            at=at,
            raw=raw_of(request),
            external_id=f"{key}:stop",
        )
    ]


def closed(
    settings: SmsSettings, request: Request, *, to: str | None, at: datetime, key: str, reason: str
) -> list[AddressUpdate]:
    """Nobody can be reached at this number; nothing where `to` is no number."""
    if (address := address_of(settings, to)) is None:
        return []
    return [
        AddressUpdate(
            channel=settings.name,
            address=address,
            reachable=False,
            reason=reason,
            at=at,
            raw=raw_of(request),
            external_id=f"{key}:closed",
        )
    ]


def media(url: str, content_type: str | None = None) -> Attachment:
    """A picture or a recording at the provider's; what kind it is, its address tells where nothing else does."""
    try:
        known = content_type or guess_type(urlsplit(url).path)[0]
    except ValueError:
        known = content_type
    kind = _KINDS.get((known or "").partition("/")[0], AttachmentKind.FILE)
    return Attachment(kind=kind, id=url, content_type=known)


def raw_of(request: Request) -> bytes:
    return request.body or request.url.encode("utf-8", "replace")


def address_of(settings: SmsSettings, written: str | None) -> str | None:
    """None: there is no number."""
    try:
        return person(written, settings.region) if written else None
    except Unreadable:
        return None
