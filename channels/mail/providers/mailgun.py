"""Mailgun: events as JSON and, from before July 2018, as forms; received mail as a form, parsed, raw, or stored.

https://documentation.mailgun.com/docs/mailgun/user-manual/events/webhooks and
https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/receive-http
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from channels.mail.providers import proof
from channels.mail.providers.assembling import AttachedFile, Header, assemble
from channels.mail.providers.refusals import bracketed, gone_for_good, plain_address, traced
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
from channels.request import Fields, Node, Request, Unreadable

OCCURRENCES: Final[Mapping[str, Occurrence]] = {
    "accepted": Occurrence.QUEUED,
    "delivered": Occurrence.DELIVERED,
    "failed": Occurrence.BOUNCED,
    "rejected": Occurrence.REJECTED,
    "opened": Occurrence.OPENED,
    "clicked": Occurrence.CLICKED,
    "unsubscribed": Occurrence.UNSUBSCRIBED,
    "complained": Occurrence.COMPLAINED,
    "bounced": Occurrence.BOUNCED,  # of the forms
    "dropped": Occurrence.REJECTED,  # of the forms
}
REASONS: Final[Mapping[str, Reason]] = {
    "bounce": Reason.BOUNCED,
    "suppress-bounce": Reason.BOUNCED,
    "suppress-complaint": Reason.SPAM,
    "suppress-unsubscribe": Reason.UNSUBSCRIBED,
    "espblock": Reason.BLOCKED,
    "blacklisted": Reason.BLOCKED,
    "old": Reason.TIMED_OUT,
}
CODES: Final[Mapping[str, Reason]] = {"499": Reason.TIMED_OUT, "605": Reason.BOUNCED, "607": Reason.SPAM}
"""Mailgun's own, of the forms: 605 bounced before, 607 complained before."""

# fmt: off
_OWN_FIELDS: Final = frozenset({
    "event", "recipient", "domain", "ip", "country", "region", "city", "user-agent", "device-type",
    "client-type", "client-name", "client-os", "campaign-id", "campaign-name", "tag", "mailing-list",
    "timestamp", "token", "signature", "url", "body-plain", "h", "message-id", "Message-Id",
})
# fmt: on


def verify(request: Request, credentials: Credentials, now: datetime) -> None:
    """https://documentation.mailgun.com/docs/mailgun/user-manual/events/webhooks#securing-webhooks"""
    try:
        timestamp, token, signature = _signature(request)
    except Unreadable as unreadable:
        raise Forged(str(unreadable)) from None
    proof.hmac_hex(credentials.key, f"{timestamp}{token}".encode("utf-8", "replace"), signature)
    proof.fresh_seconds(timestamp, now, proof.RETRY_WINDOW)


def _signature(request: Request) -> tuple[str, str, str]:
    if request.is_json:
        block = request.json().at("signature")
        return block.text("timestamp") or "", block.text("token") or "", block.text("signature") or ""
    form = request.form()
    return form.last("timestamp") or "", form.last("token") or "", form.last("signature") or ""


def read(request: Request) -> Sequence[MailEvent]:
    if request.is_json:
        payload = request.json()
        return [_event(payload.at("event-data"), payload.at("signature").text("token"))]
    form = request.form()
    return [_received(form) if form.first("event") in (None, "inbound") else _form_event(form)]


def _event(event: Node, token: str | None) -> MailEvent:
    headers, status = event.at("message", "headers"), event.at("delivery-status")
    occurrence = OCCURRENCES.get(event.text("event") or "", Occurrence.UNKNOWN)
    why = event.text("reason")
    if occurrence is Occurrence.BOUNCED and event.text("severity") == "temporary":
        occurrence = Occurrence.DEFERRED
    message_id, answer = bracketed(headers.text("message-id")), status.text("message")
    failed = occurrence in (Occurrence.BOUNCED, Occurrence.DEFERRED)
    return MailEvent(
        occurrence=occurrence,
        id=token,  # `id` is unique within a day only
        message_id=message_id,
        ours=message_id,
        at=event.seconds("timestamp"),
        recipient=event.text("recipient")
        or (plain_address(headers.text("to")) if occurrence is Occurrence.REJECTED else None),
        reason=_reason(occurrence, why),
        gone=_gone(occurrence, event.text("severity"), why, answer) if failed else None,
        answer=answer,
        description=status.text("description") or event.at("reject").text("reason") or status.text("description"),
        machine=event.at("client-info").text("bot") not in (None, ""),
        url=event.text("url"),
        user_agent=event.at("client-info").text("user-agent"),
        tags=event.at("tags").texts(),
        metadata=event.at("user-variables").pairs(),
    )


def _reason(occurrence: Occurrence, why: str | None) -> Reason | None:
    if why is None:
        return Reason.OTHER if occurrence is Occurrence.REJECTED else None
    return REASONS.get(why, Reason.OTHER)


def _gone(occurrence: Occurrence, severity: str | None, why: str | None, answer: str | None) -> bool | None:
    if occurrence is Occurrence.DEFERRED or REASONS.get(why or "", Reason.BOUNCED) is not Reason.BOUNCED:
        return False
    return gone_for_good(True if severity == "permanent" else None, answer)


def _form_event(form: Fields) -> MailEvent:
    occurrence = OCCURRENCES.get(form.first("event") or "", Occurrence.UNKNOWN)
    message_id, answer = bracketed(form.first("Message-Id", "message-id")), form.first("error", "notification")
    metadata, code = _variables(form), form.first("code")
    bounced = occurrence is Occurrence.BOUNCED
    return MailEvent(
        occurrence=occurrence,
        id=form.last("token"),
        message_id=message_id,
        ours=message_id or traced(metadata),
        at=_time(form),
        recipient=form.first("recipient"),
        reason=_reason_of_code(code),
        gone=gone_for_good((code or "").startswith("5"), f"{code} {answer or ''}") if bounced else None,
        answer=answer,
        description=form.first("description"),
        url=form.first("url"),
        user_agent=form.first("user-agent"),
        tags=tuple(form.all("tag") or form.all("X-Mailgun-Tag")),
        metadata=metadata,
    )


def _reason_of_code(code: str | None) -> Reason | None:
    """By a basic or an enhanced status code."""
    if not code:
        return None
    return CODES.get(code) or (Reason.BOUNCED if code[0] in "45" else Reason.OTHER)


def _variables(form: Fields) -> dict[str, object]:
    """What the sender had attached: whole in a header of the mail, else mixed with the event's own fields."""
    headers = form.first("message-headers")
    if headers is None:
        if form.first("event") not in ("opened", "clicked", "unsubscribed"):
            return {}
        return {field.name: form.last(field.name) for field in form.every if field.name not in _OWN_FIELDS}
    found: dict[str, object] = {}
    for name, value in _pairs(headers):
        if name == "X-Mailgun-Variables":
            found |= Node(value).nested().pairs()
    return found


def _received(form: Fields) -> MailEvent:
    headers = _pairs(form.first("message-headers") or "[]")
    raw = form.content("body-mime")
    mark = dict(headers)
    mail = ReceivedMail(
        raw=raw
        if raw is not None
        else assemble(headers, form.first("body-plain"), form.first("body-html"), _files(form)),
        fetch_from=_stored(form) if raw is None else {},
        sender=form.first("sender"),
        recipient=form.first("recipient"),
        stripped=form.first("stripped-text"),
        spam=mark.get("X-Mailgun-Sflag", "No").lower() == "yes",
        spam_score=Node(mark).number("X-Mailgun-Sscore"),
    )
    return MailEvent(
        occurrence=Occurrence.RECEIVED, id=form.last("token"), at=_time(form), recipient=mail.recipient, mail=mail
    )


def _stored(form: Fields) -> dict[str, str]:
    """A route's `store()` gives only a list of the attachments, and where the mail is for three days."""
    url = form.first("message-url")
    return {"url": url} if url and form.first("attachments") else {}


async def fetch(mail: ReceivedMail, credentials: Credentials, get: Get, now: datetime) -> bytes:
    """https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/storing-and-retrieving-messages"""
    # Mailgun signs no more than a time and a token: whoever has these must not learn our key by another address.
    try:
        place = urlsplit(mail.fetch_from["url"])
    except ValueError:
        raise Unreadable("message-url is no address") from None
    if place.scheme != "https" or not (place.hostname or "").endswith(".mailgun.net"):
        raise Unreadable("message-url is not Mailgun's")
    login = base64.b64encode(f"api:{credentials.api_key}".encode()).decode()
    answer = await get(mail.fetch_from["url"], {"Authorization": f"Basic {login}", "Accept": "message/rfc2822"})
    payload = Request(method="GET", url="", headers={}, body=answer).json()
    return (payload.text("body-mime") or "").encode("utf-8", "replace")


def _files(form: Fields) -> list[AttachedFile]:
    places = Node(form.first("content-id-map")).nested()
    ids = {places.text(content_id): content_id.strip("<>") for content_id in places.pairs()}
    return [
        AttachedFile(
            content=file.content,
            content_type=file.content_type,
            name=file.file_name or None,
            content_id=ids.get(file.name),
        )
        for file in form.files()
        if file.content or file.file_name
    ]


def _pairs(headers: str) -> list[Header]:
    pairs = [one.texts() for one in Node(headers).nested().nodes()]
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]


def _time(form: Fields) -> datetime | None:
    return Node({"timestamp": form.last("timestamp")}).seconds("timestamp")


MAILGUN: Final = Provider(name="mailgun", read=read, verify=verify, fetch=fetch)
