"""Postal, the mail server that a business runs itself. https://docs.postalserver.io/developer/webhooks and
https://docs.postalserver.io/developer/http-payloads"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from channels.mail.providers import proof
from channels.mail.providers.refusals import address_is_gone, bracketed, plain_address
from channels.mail.providers.seam import Credentials, MailEvent, Occurrence, Provider, Reason, ReceivedMail
from channels.request import Node, Request, Unreadable

STATUSES: Final[Mapping[str, Occurrence]] = {
    "Sent": Occurrence.DELIVERED,
    "SoftFail": Occurrence.DEFERRED,
    "HardFail": Occurrence.FAILED,
    "Held": Occurrence.QUEUED,
}


def verify(request: Request, credentials: Credentials, now: datetime) -> None:
    """https://docs.postalserver.io/developer/webhooks#verifying-webhooks: the key is in the DKIM record of the server.

    The signature holds no time: that an event counts once is what stands against a replay.
    """
    proof.rsa_signed(credentials.key, request.body, request.header("X-Postal-Signature"))


def read(request: Request) -> Sequence[MailEvent]:
    payload = request.json()
    if payload.has("rcpt_to"):
        return [_received(payload)]
    facts = payload.at("payload")
    message = facts.at("message") if facts.has("message") else facts.at("original_message")
    if message.text("direction") == "incoming":
        return []
    return [_event(payload, facts, message)]


def _event(payload: Node, facts: Node, message: Node) -> MailEvent:
    occurrence, answer, tag = _occurrence(facts), facts.text("output"), message.text("tag")
    bounced = occurrence is Occurrence.BOUNCED
    seconds = payload.number("timestamp")
    return MailEvent(
        occurrence=occurrence,
        id=payload.text("uuid"),
        message_id=message.text("id"),
        ours=bracketed(message.text("message_id")),
        at=Node({"at": int(seconds)}).seconds("at") if seconds else None,
        recipient=plain_address(message.text("to")),
        reason=Reason.BOUNCED if bounced else None,
        gone=address_is_gone(answer) if bounced or occurrence is Occurrence.FAILED else None,
        answer=answer,
        description=facts.text("details"),
        url=facts.text("url"),
        user_agent=facts.text("user_agent"),
        tags=(tag,) if tag else (),
    )


def _occurrence(facts: Node) -> Occurrence:
    """An event is told from its facts: its name stands for several."""
    if facts.has("status"):
        return STATUSES.get(facts.text("status") or "", Occurrence.UNKNOWN)
    if facts.has("bounce"):
        return Occurrence.BOUNCED
    return Occurrence.CLICKED if facts.has("url") else Occurrence.UNKNOWN


def _received(payload: Node) -> MailEvent:
    content = payload.text("message") or ""
    try:
        raw = base64.b64decode(content) if payload.flag("base64") else content.encode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise Unreadable("message is not base64") from None
    mail = ReceivedMail(raw=raw, sender=payload.text("mail_from"), recipient=payload.text("rcpt_to"))
    return MailEvent(occurrence=Occurrence.RECEIVED, id=payload.text("id"), recipient=mail.recipient, mail=mail)


POSTAL: Final = Provider(name="postal", read=read, verify=verify)
