"""Mailjet. https://dev.mailjet.com/email/guides/webhooks/ and https://dev.mailjet.com/email/guides/parse-api/

Mailjet signs nothing: its webhook's URL carries a user and a password.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.message import Message
from typing import Final

from channels.mail.providers import proof
from channels.mail.providers.assembling import AttachedFile, assemble, headers_of
from channels.mail.providers.refusals import TRACED, traced
from channels.mail.providers.seam import Credentials, MailEvent, Occurrence, Provider, Reason, ReceivedMail
from channels.request import Node, Request

OCCURRENCES: Final[Mapping[str, Occurrence]] = {
    "sent": Occurrence.DELIVERED,  # the recipient's server took it
    "open": Occurrence.OPENED,
    "click": Occurrence.CLICKED,
    "bounce": Occurrence.BOUNCED,
    "blocked": Occurrence.REJECTED,
    "spam": Occurrence.COMPLAINED,
    "unsub": Occurrence.UNSUBSCRIBED,
}
REASONS: Final[Mapping[str, Reason]] = {
    "user unknown": Reason.BOUNCED,
    "mailbox inactive": Reason.BOUNCED,
    "quota exceeded": Reason.BOUNCED,
    "invalid domain": Reason.BOUNCED,
    "no mail host": Reason.BOUNCED,
    "relay/access denied": Reason.BOUNCED,
    "connection issue": Reason.TIMED_OUT,
    "typofix": Reason.INVALID,
    "blacklisted": Reason.BLOCKED,
    "sender blocked": Reason.BLOCKED,
    "content blocked": Reason.BLOCKED,
    "policy issue": Reason.BLOCKED,
    "preblocked": Reason.BLOCKED,
    "spam reporter": Reason.SPAM,
}
GONE: Final = frozenset({"user unknown", "mailbox inactive", "invalid domain", "no mail host", "typofix"})


def verify(request: Request, credentials: Credentials, now: datetime) -> None:
    proof.basic(request, credentials)


def read(request: Request) -> Sequence[MailEvent]:
    payload = request.json()
    if any(payload.has(name) for name in ("Headers", "Parts", "Recipient", "Text-part")):
        return [_received(payload)]
    return [_event(one) for one in payload.nodes() or ([payload] if payload.pairs() else [])]


def _event(event: Node) -> MailEvent:
    why, hard = event.text("error"), event.flag("hard_bounce")
    occurrence = OCCURRENCES.get(event.text("event") or "", Occurrence.UNKNOWN)
    if why == "greylisted" and not hard:
        occurrence = Occurrence.DEFERRED
    metadata = event.at("Payload").nested().pairs()
    campaign = event.text("customcampaign")
    return MailEvent(
        occurrence=occurrence,
        message_id=event.text("MessageID"),
        ours=traced(metadata),
        at=event.seconds("time"),
        recipient=event.text("email"),
        reason=None if why is None else REASONS.get(why, Reason.OTHER),
        gone=None if why is None else bool(hard) and why in GONE,
        answer=event.text("smtp_reply"),
        description=event.text("comment"),
        url=event.text("url"),
        user_agent=event.text("agent"),
        tags=(campaign,) if campaign else (),
        metadata=metadata,
    )


def _received(payload: Node) -> MailEvent:
    mail = ReceivedMail(
        raw=assemble(
            headers_of(payload.at("Headers")), payload.text("Text-part"), payload.text("Html-part"), _files(payload)
        ),
        sender=payload.text("Sender"),
        recipient=payload.text("Recipient"),
        spam_score=payload.number("SpamAssassinScore"),
    )
    return MailEvent(occurrence=Occurrence.RECEIVED, recipient=mail.recipient, mail=mail)


def _files(payload: Node) -> list[AttachedFile]:
    """Attachment1, InlineAttachment1 and so on, always in base64; their headers are in Parts."""
    return [
        _file(payload, part, reference)
        for part in payload.at("Parts").nodes()
        if "Attachment" in (reference := part.text("ContentRef") or "")
    ]


def _file(payload: Node, part: Node, reference: str) -> AttachedFile:
    headers = Message()
    for name, value in headers_of(part.at("Headers")):
        headers[name] = value.replace("\r", " ").replace("\n", " ")
    try:
        content = base64.b64decode(payload.text(reference) or "")
    except (binascii.Error, ValueError):
        content = (payload.text(reference) or "").encode("utf-8", "replace")
    return AttachedFile(
        content=content,
        content_type=headers.get_content_type(),
        name=headers.get_filename(),
        content_id=str(headers.get("Content-ID", "")).strip("<> ") or None,
    )


def tracing(message_id: str) -> tuple[str, str]:
    """https://dev.mailjet.com/email/guides/send-api-v31/#sending-messages-with-event-payload"""
    return "X-MJ-EventPayload", json.dumps({TRACED: message_id})


MAILJET: Final = Provider(name="mailjet", read=read, verify=verify, proven_by=("password",), tracing=tracing)
