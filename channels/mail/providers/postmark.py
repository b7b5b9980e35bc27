"""Postmark. https://postmarkapp.com/developer/webhooks/webhooks-overview and
https://postmarkapp.com/developer/user-guide/inbound/parse-an-email

Postmark signs nothing: its webhook's URL carries a user and a password.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from channels.mail.providers import proof
from channels.mail.providers.assembling import AttachedFile, Header, address, assemble
from channels.mail.providers.refusals import TRACED, gone_for_good, plain_address, traced
from channels.mail.providers.seam import Credentials, MailEvent, Occurrence, Provider, Reason, ReceivedMail
from channels.request import Node, Request

Told = tuple[Occurrence, Reason | None]

RECORDS: Final[Mapping[str, Occurrence]] = {
    "Delivery": Occurrence.DELIVERED,
    "Bounce": Occurrence.BOUNCED,
    "SpamComplaint": Occurrence.COMPLAINED,
    "Open": Occurrence.OPENED,
    "Click": Occurrence.CLICKED,
    "SubscriptionChange": Occurrence.UNSUBSCRIBED,
}
TYPES: Final[Mapping[str, Told]] = {
    "HardBounce": (Occurrence.BOUNCED, Reason.BOUNCED),
    "SoftBounce": (Occurrence.BOUNCED, Reason.BOUNCED),
    "VirusNotification": (Occurrence.BOUNCED, Reason.OTHER),
    "Transient": (Occurrence.DEFERRED, None),
    "DnsError": (Occurrence.DEFERRED, None),
    "OpenRelayTest": (Occurrence.DEFERRED, None),
    "AutoResponder": (Occurrence.AUTORESPONDED, None),
    "AddressChange": (Occurrence.AUTORESPONDED, None),
    "ChallengeVerification": (Occurrence.AUTORESPONDED, None),
    "SpamNotification": (Occurrence.COMPLAINED, Reason.SPAM),
    "SpamComplaint": (Occurrence.COMPLAINED, Reason.SPAM),
    "Unsubscribe": (Occurrence.UNSUBSCRIBED, Reason.UNSUBSCRIBED),
    "ManualSuppression": (Occurrence.UNSUBSCRIBED, Reason.UNSUBSCRIBED),
    "Subscribe": (Occurrence.SUBSCRIBED, None),
    "BadEmailAddress": (Occurrence.REJECTED, Reason.INVALID),
    "ManuallyDeactivated": (Occurrence.REJECTED, Reason.BLOCKED),
    "Unconfirmed": (Occurrence.REJECTED, None),
    "Blocked": (Occurrence.REJECTED, Reason.BLOCKED),
    "DMARCPolicy": (Occurrence.REJECTED, Reason.BLOCKED),
    "SMTPApiError": (Occurrence.FAILED, None),
    "TemplateRenderingFailed": (Occurrence.FAILED, None),
    "InboundError": (Occurrence.RECEIVING_FAILED, None),
    "Unknown": (Occurrence.UNKNOWN, None),
}
"""https://postmarkapp.com/developer/api/bounce-api#bounce-types"""
PERMANENT: Final[Mapping[str, bool]] = {"HardBounce": True, "BadEmailAddress": True, "SoftBounce": False}


def verify(request: Request, credentials: Credentials, now: datetime) -> None:
    proof.basic(request, credentials)


def read(request: Request) -> Sequence[MailEvent]:
    payload = request.json()
    inbound = payload.text("RecordType") == "Inbound" or (payload.has("FromFull") and not payload.has("RecordType"))
    return [_received(payload) if inbound else _event(payload)]


def _event(payload: Node) -> MailEvent:
    occurrence, reason = _told(payload)
    kind = payload.text("Type", "SuppressionReason") or ""
    metadata, tag = payload.at("Metadata").pairs(), payload.text("Tag")
    return MailEvent(
        occurrence=occurrence,
        id=payload.text("ID"),
        message_id=payload.text("MessageID"),
        ours=traced(metadata),
        at=payload.moment("DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt"),
        recipient=payload.text("Email", "Recipient"),
        reason=reason,
        gone=gone_for_good(PERMANENT.get(kind), payload.text("Details")) if reason is not None else None,
        answer=payload.text("Details"),
        description=payload.text("Description"),
        url=payload.text("OriginalLink"),
        user_agent=payload.text("UserAgent"),
        tags=(tag,) if tag else (),
        metadata=metadata,
    )


def _told(payload: Node) -> Told:
    plain = RECORDS.get(payload.text("RecordType") or "", Occurrence.UNKNOWN)
    match plain:
        case Occurrence.BOUNCED | Occurrence.COMPLAINED:
            return TYPES.get(payload.text("Type") or "", (plain, None))
        case Occurrence.UNSUBSCRIBED if payload.flag("SuppressSending") is False:
            return TYPES["Subscribe"]
        case Occurrence.UNSUBSCRIBED:
            # A suppression has the same record, whether the person asked for it or a bounce did.
            return TYPES.get(payload.text("SuppressionReason") or "", (plain, None))
        case _:
            return plain, None


def _received(payload: Node) -> MailEvent:
    headers = [(one.text("Name") or "", one.text("Value") or "") for one in payload.at("Headers").nodes()]
    sender = None
    if headers and headers[0][0].lower() == "return-path":
        # Postmark puts it first; any other is the sender's own, and proves nothing.
        sender, headers = plain_address(headers[0][1]), headers[1:]
    marks = {name.lower(): value for name, value in headers}
    whole = payload.text("RawEmail")
    mail = ReceivedMail(
        raw=whole.encode("utf-8", "replace") if whole is not None else _assembled(payload, headers),
        sender=sender,
        recipient=payload.text("OriginalRecipient"),
        stripped=payload.text("StrippedTextReply"),
        spam=marks.get("x-spam-status", "No").lower().startswith("yes"),
        spam_score=Node(marks).number("x-spam-score"),
    )
    return MailEvent(occurrence=Occurrence.RECEIVED, id=payload.text("MessageID"), recipient=mail.recipient, mail=mail)


def _assembled(payload: Node, headers: list[Header]) -> bytes:
    """Postmark takes these headers out of the list."""
    own = [
        ("From", address(payload.at("FromFull"), name="Name", email="Email")),
        *((name, _addresses(payload.at(f"{name}Full"))) for name in ("To", "Cc", "Bcc")),
        *((name, payload.text(name.replace("-", "")) or "") for name in ("Subject", "Date", "Reply-To")),
    ]
    there = {name.lower() for name, _ in headers}
    missing = [(name, value) for name, value in own if value and name.lower() not in there]
    files = [
        AttachedFile(
            content=_decoded(one.text("Content", "Data") or ""),
            content_type=one.text("ContentType") or "application/octet-stream",
            name=one.text("Name"),
            content_id=(one.text("ContentID") or "").strip("<>") or None,
        )
        for one in payload.at("Attachments").nodes()
    ]
    return assemble([*missing, *headers], payload.text("TextBody"), payload.text("HtmlBody"), files)


def _addresses(node: Node) -> str:
    return ", ".join(address(one, name="Name", email="Email") for one in node.nodes())


def _decoded(content: str) -> bytes:
    try:
        return base64.b64decode(content)
    except (binascii.Error, ValueError):
        return content.encode("utf-8", "replace")


def tracing(message_id: str) -> tuple[str, str]:
    """https://postmarkapp.com/support/article/1125-custom-metadata-faq"""
    return f"X-PM-Metadata-{TRACED}", message_id


POSTMARK: Final = Provider(name="postmark", read=read, verify=verify, proven_by=("password",), tracing=tracing)
