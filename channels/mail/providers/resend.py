"""Resend, signed by svix. https://resend.com/docs/dashboard/webhooks/event-types and
https://resend.com/docs/dashboard/receiving/introduction

Its webhook of a received mail holds no text: that is fetched.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote

from channels.mail.providers import proof
from channels.mail.providers.assembling import AttachedFile, assemble, headers_of
from channels.mail.providers.refusals import TRACED, gone_for_good, plain_address, traced
from channels.mail.providers.seam import (
    Credentials,
    Forged,
    Get,
    MailEvent,
    Occurrence,
    Provider,
    Reason,
    ReceivedMail,
)
from channels.request import Node, Request

API: Final = "https://api.resend.com"

OCCURRENCES: Final[Mapping[str, Occurrence]] = {
    "email.sent": Occurrence.SENT,
    "email.scheduled": Occurrence.QUEUED,
    "email.delivered": Occurrence.DELIVERED,
    "email.delivery_delayed": Occurrence.DEFERRED,
    "email.complained": Occurrence.COMPLAINED,
    "email.bounced": Occurrence.BOUNCED,
    "email.suppressed": Occurrence.REJECTED,
    "email.failed": Occurrence.FAILED,
    "email.opened": Occurrence.OPENED,
    "email.clicked": Occurrence.CLICKED,
    "email.received": Occurrence.RECEIVED,
}
SIGNS: Final[Mapping[str, Reason]] = {
    "suppressed sending": Reason.BLOCKED,
    "suppression list": Reason.BLOCKED,
    "bounce message": Reason.BOUNCED,
}
"""In the sentence that explains a bounce; there is nothing else to tell them by."""
PERMANENT: Final[Mapping[str, bool]] = {"Permanent": True, "Transient": False}


def verify(request: Request, credentials: Credentials, now: datetime) -> None:
    """https://docs.svix.com/receiving/verifying-payloads/how-manual"""
    try:
        key = base64.b64decode(credentials.key.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise Forged("the key set is not a signing secret") from None
    if not key:
        raise Forged("no key is set")
    stamp = request.header("svix-timestamp")
    signed = f"{request.header('svix-id')}.{stamp}.".encode("utf-8", "replace") + request.body
    expected = base64.b64encode(hmac.new(key, signed, "sha256").digest())
    given = [one.removeprefix("v1,") for one in request.header("svix-signature").split() if one.startswith("v1,")]
    if not any(hmac.compare_digest(one.encode("utf-8", "replace"), expected) for one in given):
        raise Forged("wrong signature")
    proof.fresh_seconds(stamp, now, proof.REPLAY_WINDOW)


def read(request: Request) -> Sequence[MailEvent]:
    payload = request.json()
    kind, data = payload.text("type") or "", payload.at("data")
    occurrence, identity = OCCURRENCES.get(kind, Occurrence.UNKNOWN), request.header("svix-id") or None
    at = payload.moment("created_at")
    return [
        _received(data, identity, at) if occurrence is Occurrence.RECEIVED else _event(occurrence, data, identity, at)
    ]


def _event(occurrence: Occurrence, data: Node, identity: str | None, at: datetime | None) -> MailEvent:
    to, why, metadata = data.at("to").texts(), data.at("bounce").text("message"), _header(data, "x-metadata").pairs()
    gone = gone_for_good(PERMANENT.get(data.at("bounce").text("type") or ""), why)
    return MailEvent(
        occurrence=occurrence,
        id=identity,
        message_id=data.text("email_id"),
        ours=traced(metadata) or data.text("message_id"),
        at=at,
        recipient=plain_address(to[0]) if to else None,
        reason=_reason(why),
        gone=gone if occurrence is Occurrence.BOUNCED else None,
        description=why or data.at("failed").text("reason"),
        url=data.at("click").text("link"),
        user_agent=data.at("click").text("userAgent"),
        tags=_header(data, "x-tags").texts(),
        metadata=metadata,
    )


def _reason(why: str | None) -> Reason | None:
    if why is None:
        return None
    return next((reason for sign, reason in SIGNS.items() if sign in why), Reason.OTHER)


def _header(data: Node, name: str) -> Node:
    """A header of our mail that holds JSON."""
    headers = data.at("headers").nodes()
    value = next((one.text("value") for one in headers if (one.text("name") or "").lower() == name), None)
    return Node(value).nested()


def _received(data: Node, identity: str | None, at: datetime | None) -> MailEvent:
    stored = data.text("email_id")
    mail = ReceivedMail(raw=_mail(data, []), fetch_from={"email_id": stored} if stored else {})
    return MailEvent(occurrence=Occurrence.RECEIVED, id=identity, message_id=stored, at=at, mail=mail)


async def fetch(mail: ReceivedMail, credentials: Credentials, get: Get, now: datetime) -> bytes:
    """https://resend.com/docs/api-reference/emails/retrieve-received-email: raw, or else its parts."""
    base = credentials.api_base or API
    url = f"{base}/emails/receiving/{quote(mail.fetch_from['email_id'], safe='')}"
    headers = {"Authorization": f"Bearer {credentials.api_key}", "Accept": "application/json"}
    data = Request(method="GET", url=url, headers={}, body=await get(url, headers)).json()
    whole = data.at("raw").text("download_url")
    if whole:
        return await get(whole, {})
    return _mail(data, [await _file(one, get) for one in data.at("attachments").nodes()])


async def _file(attachment: Node, get: Get) -> AttachedFile:
    url = attachment.text("download_url")
    return AttachedFile(
        content=await get(url, {}) if url else b"",
        content_type=attachment.text("content_type") or "application/octet-stream",
        name=attachment.text("filename"),
        content_id=(attachment.text("content_id") or "").strip("<>") or None,
    )


def _mail(data: Node, files: Sequence[AttachedFile]) -> bytes:
    headers = headers_of(data.at("headers")) or [
        (one.text("name") or "", one.text("value") or "") for one in data.at("headers").nodes()
    ]
    there = {name.lower() for name, _ in headers}
    own = [
        ("From", data.text("from") or ""),
        *((name, ", ".join(data.at(name.lower()).texts())) for name in ("To", "Cc", "Bcc")),
        ("Reply-To", ", ".join(data.at("reply_to").texts())),
        ("Subject", data.text("subject") or ""),
        ("Message-ID", data.text("message_id") or ""),
        ("Date", data.text("date") or ""),
    ]
    missing = [(name, value) for name, value in own if value and name.lower() not in there]
    return assemble([*missing, *headers], data.text("text"), data.text("html"), files)


def tracing(message_id: str) -> tuple[str, str]:
    """Events tell the headers that a mail had beside the usual ones."""
    return "X-Metadata", json.dumps({TRACED: message_id})


RESEND: Final = Provider(name="resend", read=read, verify=verify, fetch=fetch, tracing=tracing)
