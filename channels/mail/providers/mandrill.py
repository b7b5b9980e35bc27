"""Mandrill (Mailchimp Transactional). https://mailchimp.com/developer/transactional/docs/webhooks/"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from channels.mail.providers import proof
from channels.mail.providers.refusals import TRACED, gone_for_good, traced
from channels.mail.providers.seam import Credentials, Forged, MailEvent, Occurrence, Provider, ReceivedMail
from channels.request import Node, Request, Unreadable

OCCURRENCES: Final[Mapping[str, Occurrence]] = {
    "send": Occurrence.SENT,
    "delivered": Occurrence.DELIVERED,
    "deferral": Occurrence.DEFERRED,
    "hard_bounce": Occurrence.BOUNCED,
    "soft_bounce": Occurrence.BOUNCED,
    "open": Occurrence.OPENED,
    "click": Occurrence.CLICKED,
    "spam": Occurrence.COMPLAINED,
    "unsub": Occurrence.UNSUBSCRIBED,
    "reject": Occurrence.REJECTED,
}
PERMANENT: Final[Mapping[str, bool]] = {"hard_bounce": True, "soft_bounce": False}


def verify(request: Request, credentials: Credentials, now: datetime) -> None:
    """https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/#authenticating-webhook-requests

    The signature is over the URL as Mandrill knows it, and holds no time: that an event counts once is what stands
    against a replay.
    """
    try:
        form = request.form()
    except Unreadable as unreadable:
        raise Forged(str(unreadable)) from None
    parameters = dict(form.texts())
    signed = (credentials.public_url or request.url) + "".join(name + parameters[name] for name in sorted(parameters))
    proof.hmac_base64(
        credentials.key, signed.encode("utf-8", "replace"), request.header("X-Mandrill-Signature"), digest="sha1"
    )


def read(request: Request) -> Sequence[MailEvent]:
    events = request.form().first("mandrill_events")
    if events is None:
        raise Unreadable("no mandrill_events")
    return [_received(one) if one.text("event") == "inbound" else _event(one) for one in Node(events).nested().nodes()]


def _event(event: Node) -> MailEvent:
    kind, mail = event.text("event", "type") or "", event.at("msg")
    metadata, answer = mail.at("metadata").pairs(), mail.text("diag")
    return MailEvent(
        occurrence=OCCURRENCES.get(kind, Occurrence.UNKNOWN),
        message_id=event.text("_id"),
        ours=traced(metadata),
        at=event.seconds("ts"),
        recipient=mail.text("email") or event.at("reject").text("email"),
        gone=gone_for_good(PERMANENT.get(kind), answer),
        answer=answer,
        description=event.at("reject").text("detail", "reason"),
        url=event.text("url"),
        user_agent=event.text("user_agent"),
        tags=mail.at("tags").texts(),
        metadata=metadata,
    )


def _received(event: Node) -> MailEvent:
    message = event.at("msg")
    mail = ReceivedMail(
        raw=(message.text("raw_msg") or "").encode("utf-8", "replace"),
        recipient=message.text("email"),
        spam_score=message.at("spam_report").number("score"),
    )
    return MailEvent(occurrence=Occurrence.RECEIVED, at=event.seconds("ts"), recipient=mail.recipient, mail=mail)


def tracing(message_id: str) -> tuple[str, str]:
    """https://mailchimp.com/developer/transactional/docs/tags-metadata/"""
    return "X-MC-Metadata", json.dumps({TRACED: message_id})


MANDRILL: Final = Provider(name="mandrill", read=read, verify=verify, tracing=tracing)
