"""MailerSend. https://developers.mailersend.com/api/v1/webhooks.html and
https://developers.mailersend.com/api/v1/inbound.html#inbound-route-example-payload"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from channels.mail.providers import proof
from channels.mail.providers.refusals import gone_for_good
from channels.mail.providers.seam import Credentials, MailEvent, Occurrence, Provider, Reason, ReceivedMail
from channels.request import Node, Request

OCCURRENCES: Final[Mapping[str, Occurrence]] = {
    "sent": Occurrence.SENT,
    "delivered": Occurrence.DELIVERED,
    "deferred": Occurrence.DEFERRED,
    "soft_bounced": Occurrence.BOUNCED,
    "hard_bounced": Occurrence.BOUNCED,
    "opened": Occurrence.OPENED,
    "opened_unique": Occurrence.OPENED,
    "clicked": Occurrence.CLICKED,
    "clicked_unique": Occurrence.CLICKED,
    "unsubscribed": Occurrence.UNSUBSCRIBED,
    "spam_complaint": Occurrence.COMPLAINED,
}
REASONS: Final[Mapping[str, Reason]] = {
    "recipient_bounce": Reason.BOUNCED,
    "spam_complaint": Reason.SPAM,
    "recipient_unsubscribe": Reason.UNSUBSCRIBED,
}
PERMANENT: Final[Mapping[str, bool]] = {"hard_bounced": True, "soft_bounced": False}


def verify(request: Request, credentials: Credentials, now: datetime) -> None:
    """https://developers.mailersend.com/api/v1/webhooks.html#security"""
    proof.hmac_hex(credentials.key, request.body, request.header("Signature"))


def read(request: Request) -> Sequence[MailEvent]:
    payload = request.json()
    data = payload.at("data")
    return [_received(data) if payload.text("type") == "inbound.message" else _event(payload, data)]


def _event(payload: Node, data: Node) -> MailEvent:
    kind = data.text("type") or (payload.text("type") or "").removeprefix("activity.")
    mail, facts = data.at("email"), data.at("morph")
    why = facts.text("readable_reason", "reason")
    return MailEvent(
        occurrence=OCCURRENCES.get(kind, Occurrence.UNKNOWN),
        id=data.text("id"),
        message_id=mail.at("message").text("id"),
        at=data.moment("created_at"),
        recipient=mail.at("recipient").text("email"),
        reason=REASONS.get(facts.text("object") or ""),
        gone=gone_for_good(PERMANENT.get(kind), why),
        description=why,
        url=facts.text("url"),
        tags=mail.at("tags").texts(),
    )


def _received(data: Node) -> MailEvent:
    recipients = [one.text("email") for one in data.at("recipients", "rcptTo").nodes()]
    recipient = recipients[0] if recipients else None
    mail = ReceivedMail(
        raw=(data.text("raw") or "").encode("utf-8", "replace"),
        sender=data.at("sender").text("email"),
        recipient=recipient,
    )
    return MailEvent(
        occurrence=Occurrence.RECEIVED,
        id=data.text("id"),
        at=data.moment("created_at"),
        recipient=recipient,
        mail=mail,
    )


MAILERSEND: Final = Provider(name="mailersend", read=read, verify=verify)
