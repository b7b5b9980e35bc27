"""SparkPost (Bird). https://developers.sparkpost.com/api/webhooks/ and https://developers.sparkpost.com/api/relay-webhooks/

SparkPost signs nothing: its webhook carries the user and password given to it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from channels.mail.providers import proof
from channels.mail.providers.refusals import TRACED, traced
from channels.mail.providers.seam import Credentials, MailEvent, Occurrence, Provider, Reason, ReceivedMail
from channels.request import Node, Request, Unreadable

OCCURRENCES: Final[Mapping[str, Occurrence]] = {
    "injection": Occurrence.QUEUED,
    "delivery": Occurrence.DELIVERED,
    "delay": Occurrence.DEFERRED,
    "bounce": Occurrence.BOUNCED,
    "out_of_band": Occurrence.BOUNCED,
    "policy_rejection": Occurrence.REJECTED,
    "generation_rejection": Occurrence.REJECTED,
    "generation_failure": Occurrence.FAILED,
    "spam_complaint": Occurrence.COMPLAINED,
    "open": Occurrence.OPENED,
    "click": Occurrence.CLICKED,
    "amp_open": Occurrence.OPENED,
    "amp_click": Occurrence.CLICKED,
    "list_unsubscribe": Occurrence.UNSUBSCRIBED,
    "link_unsubscribe": Occurrence.UNSUBSCRIBED,
}
"""An `initial_open` is left out: the `open` of the same reading follows."""
CLASSES: Final[Mapping[str, tuple[Reason, Occurrence | None, bool | None]]] = {
    "1": (Reason.OTHER, None, None),  # undetermined
    "10": (Reason.INVALID, None, True),  # invalid recipient
    "20": (Reason.BOUNCED, None, False),  # soft bounce
    "21": (Reason.BOUNCED, None, False),  # DNS failure
    "22": (Reason.BOUNCED, None, False),  # mailbox full
    "23": (Reason.BOUNCED, None, False),  # too large
    "24": (Reason.TIMED_OUT, None, False),  # timeout
    "25": (Reason.BLOCKED, None, False),  # admin failure
    "30": (Reason.BOUNCED, None, True),  # no recipient
    "40": (Reason.BOUNCED, None, False),  # generic
    "50": (Reason.BLOCKED, None, False),  # mail block
    "51": (Reason.SPAM, None, False),  # spam block
    "52": (Reason.SPAM, None, False),  # spam content
    "53": (Reason.OTHER, None, False),  # prohibited attachment
    "54": (Reason.BLOCKED, None, False),  # relaying denied
    "60": (Reason.OTHER, Occurrence.AUTORESPONDED, None),  # auto-reply
    "70": (Reason.BOUNCED, None, False),  # transient failure
    "80": (Reason.OTHER, Occurrence.SUBSCRIBED, None),
    "90": (Reason.UNSUBSCRIBED, Occurrence.UNSUBSCRIBED, None),
    "100": (Reason.OTHER, Occurrence.AUTORESPONDED, None),  # challenge-response
}
"""Reason, what it makes of the event, whether the address is gone.
https://www.sparkpost.com/docs/deliverability/bounce-classification-codes/"""


def verify(request: Request, credentials: Credentials, now: datetime) -> None:
    proof.basic(request, credentials)


def read(request: Request) -> Sequence[MailEvent]:
    envelopes = [one.at("msys") for one in request.json().nodes()]
    return [
        _received(envelope.at(name)) if name == "relay_message" else _event(envelope.at(name))
        for envelope in envelopes
        for name in envelope.pairs()  # none: a ping
    ]


def _event(event: Node) -> MailEvent:
    occurrence = OCCURRENCES.get(event.text("type") or "", Occurrence.UNKNOWN)
    reason, gone, category = None, None, event.text("bounce_class")
    if category is not None:
        reason, instead, gone = CLASSES.get(category, (Reason.OTHER, None, None))
        occurrence = instead or occurrence
    metadata, campaign = event.at("rcpt_meta").pairs(), event.text("campaign_id")
    return MailEvent(
        occurrence=occurrence,
        id=event.text("event_id"),
        message_id=event.text("transmission_id"),
        ours=traced(metadata),
        at=event.seconds("timestamp"),
        recipient=event.text("raw_rcpt_to", "rcpt_to"),  # raw keeps the case
        reason=reason,
        gone=gone,
        answer=event.text("raw_reason"),
        machine=event.flag("is_prefetched") is True,
        url=event.text("target_link_url"),
        user_agent=event.text("user_agent"),
        tags=(campaign,) if campaign else (),
        metadata=metadata,
    )


def _received(message: Node) -> MailEvent:
    content = message.at("content").text("email_rfc822") or ""
    try:
        encoded = message.at("content").flag("email_rfc822_is_base64")
        raw = base64.b64decode(content) if encoded else content.encode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise Unreadable("email_rfc822 is not base64") from None
    mail = ReceivedMail(raw=raw, sender=message.text("msg_from"), recipient=message.text("rcpt_to"))
    return MailEvent(occurrence=Occurrence.RECEIVED, recipient=mail.recipient, mail=mail)


def tracing(message_id: str) -> tuple[str, str]:
    """https://developers.sparkpost.com/api/smtp/#header-using-the-x-msys-api-custom-header"""
    return "X-MSYS-API", json.dumps({"metadata": {TRACED: message_id}})


SPARKPOST: Final = Provider(name="sparkpost", read=read, verify=verify, proven_by=("password",), tracing=tracing)
