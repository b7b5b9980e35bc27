"""Brevo, once Sendinblue. https://developers.brevo.com/docs/transactional-webhooks and
https://developers.brevo.com/docs/inbound-parse-webhooks

Brevo signs nothing: its webhook's URL carries a user and a password.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote

import orjson

from channels.mail.providers import proof
from channels.mail.providers.assembling import AttachedFile, assemble, headers_of
from channels.mail.providers.refusals import gone_for_good, plain_address
from channels.mail.providers.seam import (
    Credentials,
    Get,
    MailEvent,
    Occurrence,
    Provider,
    Reason,
    ReceivedMail,
)
from channels.request import Node, Request, parse_json

API: Final = "https://api.brevo.com/v3"

EVENTS: Final[Mapping[str, tuple[Occurrence, Reason | None]]] = {
    "request": (Occurrence.QUEUED, None),  # may still be blocked
    "sent": (Occurrence.QUEUED, None),
    "delivered": (Occurrence.DELIVERED, None),
    "deferred": (Occurrence.DEFERRED, None),
    "hard_bounce": (Occurrence.BOUNCED, Reason.BOUNCED),
    "soft_bounce": (Occurrence.BOUNCED, Reason.BOUNCED),
    "invalid_email": (Occurrence.BOUNCED, Reason.INVALID),
    "blocked": (Occurrence.REJECTED, Reason.BLOCKED),
    "error": (Occurrence.FAILED, None),
    "spam": (Occurrence.COMPLAINED, Reason.SPAM),
    "complaint": (Occurrence.COMPLAINED, Reason.SPAM),
    "opened": (Occurrence.OPENED, None),
    "unique_opened": (Occurrence.OPENED, None),
    "proxy_open": (Occurrence.OPENED, None),
    "unique_proxy_open": (Occurrence.OPENED, None),
    "click": (Occurrence.CLICKED, None),
    "unsubscribe": (Occurrence.UNSUBSCRIBED, None),
    "unsubscribed": (Occurrence.UNSUBSCRIBED, None),
    "list_addition": (Occurrence.SUBSCRIBED, None),
}
PERMANENT: Final[Mapping[str, bool]] = {"hard_bounce": True, "invalid_email": True, "soft_bounce": False}


def verify(request: Request, credentials: Credentials, now: datetime) -> None:
    proof.basic(request, credentials)


def read(request: Request) -> Sequence[MailEvent]:
    payload = request.json()
    if payload.has("items"):
        return [_received(item) for item in payload.at("items").nodes()]
    return [_event(one) for one in payload.nodes() or [payload]]


def _event(event: Node) -> MailEvent:
    kind = event.text("event") or ""
    occurrence, reason = EVENTS.get(kind, (Occurrence.UNKNOWN, None))
    return MailEvent(
        occurrence=occurrence,
        message_id=event.text("message-id"),
        ours=event.text("message-id"),
        at=event.seconds("ts_epoch"),  # the others are in the time zone of the account
        recipient=event.text("email"),
        reason=reason,
        gone=gone_for_good(PERMANENT.get(kind), event.text("reason")),
        answer=event.text("reason"),
        machine="proxy" in kind,
        url=event.text("link"),
        tags=event.at("tags").texts() or event.at("tag").texts(),
        metadata=event.at("X-Mailin-custom").nested().pairs(),
    )


def _received(item: Node) -> MailEvent:
    identities = item.at("Uuid").texts()
    headers = {name.lower(): value for name, value in headers_of(item.at("Headers"))}
    sender, recipient = plain_address(headers.get("return-path")), plain_address(headers.get("delivered-to"))
    mail = ReceivedMail(
        raw=_mail(item, []),
        fetch_from={"item": orjson.dumps(item.value).decode()} if item.at("Attachments").nodes() else {},
        sender=sender,
        recipient=recipient,
        stripped=item.text("ExtractedMarkdownMessage"),
        spam_score=item.number("SpamScore") or item.at("Spam").number("Score"),
    )
    return MailEvent(
        occurrence=Occurrence.RECEIVED, id=identities[0] if identities else None, recipient=recipient, mail=mail
    )


async def fetch(mail: ReceivedMail, credentials: Credentials, get: Get, now: datetime) -> bytes:
    """https://developers.brevo.com/reference/get-inbound-email-attachment"""
    item, files = Node(parse_json(mail.fetch_from["item"].encode())), list[AttachedFile]()
    for attachment in item.at("Attachments").nodes():
        token = quote(attachment.text("DownloadToken") or "", safe="")
        content = await get(
            f"{credentials.api_base or API}/inbound/attachments/{token}", {"api-key": credentials.api_key}
        )
        files.append(
            AttachedFile(
                content=content,
                content_type=attachment.text("ContentType") or "application/octet-stream",
                name=attachment.text("Name"),
                content_id=attachment.text("ContentID"),
            )
        )
    return _mail(item, files)


def _mail(item: Node, files: Sequence[AttachedFile]) -> bytes:
    return assemble(headers_of(item.at("Headers")), item.text("RawTextBody"), item.text("RawHtmlBody"), files)


BREVO: Final = Provider(name="brevo", read=read, verify=verify, proven_by=("password",), fetch=fetch)
