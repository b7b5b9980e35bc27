"""Mailtrap. https://docs.mailtrap.io/email-api-smtp/advanced/webhooks"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from channels.mail.providers import proof
from channels.mail.providers.refusals import TRACED, gone_for_good, traced
from channels.mail.providers.seam import Credentials, MailEvent, Occurrence, Provider, Reason
from channels.request import Node, Request

EVENTS: Final[Mapping[str, tuple[Occurrence, Reason | None]]] = {
    "delivery": (Occurrence.DELIVERED, None),
    "open": (Occurrence.OPENED, None),
    "click": (Occurrence.CLICKED, None),
    "bounce": (Occurrence.BOUNCED, Reason.BOUNCED),
    "soft bounce": (Occurrence.DEFERRED, Reason.OTHER),
    "suspension": (Occurrence.DEFERRED, Reason.OTHER),
    "spam": (Occurrence.COMPLAINED, Reason.SPAM),
    "unsubscribe": (Occurrence.UNSUBSCRIBED, Reason.UNSUBSCRIBED),
    "reject": (Occurrence.REJECTED, Reason.BLOCKED),
}


def verify(request: Request, credentials: Credentials, now: datetime) -> None:
    """https://docs.mailtrap.io/email-api-smtp/advanced/webhooks#verifying-the-signature"""
    proof.hmac_hex(credentials.key, request.body, request.header("Mailtrap-Signature"))


def read(request: Request) -> Sequence[MailEvent]:
    return [_event(one) for one in request.json().at("events").nodes()]


def _event(event: Node) -> MailEvent:
    kind = (event.text("event") or "").replace("_", " ")
    occurrence, reason = EVENTS.get(kind, (Occurrence.UNKNOWN, None))
    metadata, category, answer = event.at("custom_variables").pairs(), event.text("category"), event.text("response")
    return MailEvent(
        occurrence=occurrence,
        id=event.text("event_id"),
        message_id=event.text("message_id"),
        ours=traced(metadata),
        at=event.seconds("timestamp"),
        recipient=event.text("email"),
        reason=reason,
        gone=gone_for_good({"bounce": True, "soft bounce": False}.get(kind), answer),
        answer=answer,
        description=event.text("reason", "bounce_category"),
        url=event.text("url"),
        user_agent=event.text("user_agent"),
        tags=(category,) if category else (),
        metadata=metadata,
    )


def tracing(message_id: str) -> tuple[str, str]:
    """https://docs.mailtrap.io/email-api-smtp/advanced/custom-variables"""
    return "X-MT-Custom-Variables", json.dumps({TRACED: message_id})


MAILTRAP: Final = Provider(name="mailtrap", read=read, verify=verify, tracing=tracing)
