"""Unisender Go. https://godocs.unisender.ru/web-api-ref#callback-format"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from channels.mail.providers import proof
from channels.mail.providers.refusals import traced
from channels.mail.providers.seam import Credentials, Forged, MailEvent, Occurrence, Provider, Reason
from channels.request import Node, Request, Unreadable

OCCURRENCES: Final[Mapping[str, Occurrence]] = {
    "sent": Occurrence.SENT,
    "delivered": Occurrence.DELIVERED,
    "opened": Occurrence.OPENED,
    "clicked": Occurrence.CLICKED,
    "unsubscribed": Occurrence.UNSUBSCRIBED,
    "subscribed": Occurrence.SUBSCRIBED,
    "spam": Occurrence.COMPLAINED,
    "soft_bounced": Occurrence.DEFERRED,
    "hard_bounced": Occurrence.BOUNCED,
}
STATUSES: Final[Mapping[str, tuple[Reason | None, bool]]] = {
    "err_user_unknown": (Reason.BOUNCED, True),
    "err_user_inactive": (Reason.BOUNCED, True),
    "err_mailbox_discarded": (Reason.BOUNCED, True),
    "err_domain_inactive": (Reason.BOUNCED, True),
    "err_will_retry": (None, False),
    "err_mailbox_full": (Reason.BOUNCED, False),
    "err_too_large": (Reason.BOUNCED, False),
    "err_unreachable": (Reason.BOUNCED, False),
    "err_skip_letter": (Reason.BOUNCED, False),
    "err_destination_misconfigured": (Reason.BOUNCED, False),
    "err_spam_rejected": (Reason.SPAM, False),
    "err_spam_skipped": (Reason.SPAM, False),
    "err_blacklisted": (Reason.BLOCKED, False),
    "err_unsubscribed": (Reason.UNSUBSCRIBED, False),
}
"""Reason, and whether the address is gone."""


def verify(request: Request, credentials: Credentials, now: datetime) -> None:
    """The MD5 of the body in which our API key stands where the signature stands now.

    It holds no time: that an event counts once is what stands against a replay.
    """
    try:
        given = request.json().text("auth") or ""
    except Unreadable as unreadable:
        raise Forged(str(unreadable)) from None
    if not credentials.key or not given:
        raise Forged("no key is set, or no signature given")
    signed = request.body.replace(given.encode("utf-8", "replace"), credentials.key.encode())
    proof.same(given.encode("utf-8", "replace"), proof.md5(signed).encode())


def read(request: Request) -> Sequence[MailEvent]:
    """Events in bundles by user, or one alone and flat."""
    payload = request.json()
    bundles = [event for user in payload.at("events_by_user").nodes() for event in user.at("events").nodes()]
    events = bundles if payload.has("events_by_user") else [payload]
    return [
        _event(one.at("event_data") if one.has("event_data") else one)
        for one in events
        if one.text("event_name") == "transactional_email_status"
    ]


def _event(data: Node) -> MailEvent:
    facts = data.at("delivery_info")
    status, metadata = facts.text("delivery_status") or "", data.at("metadata").pairs()
    reason, gone = STATUSES.get(status, (Reason.OTHER, None)) if status.startswith("err") else (None, None)
    return MailEvent(
        occurrence=OCCURRENCES.get(data.text("status") or "", Occurrence.UNKNOWN),
        message_id=data.text("job_id"),
        ours=traced(metadata),
        at=data.moment("event_time"),
        recipient=data.text("email"),
        reason=reason,
        gone=gone,
        answer=facts.text("destination_response"),
        description=status or data.text("comment"),
        url=data.text("url"),
        user_agent=facts.text("user_agent"),
        metadata=metadata,
    )


UNISENDER_GO: Final = Provider(name="unisender_go", read=read, verify=verify)
