"""SendGrid. https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event and
https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/setting-up-the-inbound-parse-webhook"""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from channels.mail.providers import proof
from channels.mail.providers.assembling import AttachedFile, assemble, split_headers
from channels.mail.providers.refusals import TRACED, gone_for_good, traced
from channels.mail.providers.seam import Credentials, MailEvent, Occurrence, Provider, Reason, ReceivedMail
from channels.request import Fields, Node, Request, Unreadable

OCCURRENCES: Final[Mapping[str, Occurrence]] = {
    "processed": Occurrence.QUEUED,
    "deferred": Occurrence.DEFERRED,
    "delivered": Occurrence.DELIVERED,
    "dropped": Occurrence.REJECTED,
    "bounce": Occurrence.BOUNCED,
    "open": Occurrence.OPENED,
    "click": Occurrence.CLICKED,
    "spamreport": Occurrence.COMPLAINED,
    "unsubscribe": Occurrence.UNSUBSCRIBED,
    "group_unsubscribe": Occurrence.UNSUBSCRIBED,
    "group_resubscribe": Occurrence.SUBSCRIBED,
}
REASONS: Final[Mapping[str, Reason]] = {
    "invalid": Reason.INVALID,
    "bounce": Reason.BOUNCED,
    "bounced address": Reason.BOUNCED,
    "blocked": Reason.BLOCKED,
    "expired": Reason.TIMED_OUT,
    "unsubscribed address": Reason.UNSUBSCRIBED,
    "spam reporting address": Reason.SPAM,
}
"""Of what SendGrid dropped, in lower case."""
PERMANENT: Final[Mapping[str, bool]] = {"bounce": True, "blocked": False, "expired": False}
"""By a bounce's type."""

# fmt: off
_OWN_FIELDS: Final = frozenset({
    "asm_group_id", "attempt", "bounce_classification", "category", "cert_err", "email", "event", "ip",
    "marketing_campaign_id", "marketing_campaign_name", "newsletter", "nlvx_campaign_id",
    "nlvx_campaign_split_id", "nlvx_user_id", "pool", "post_type", "reason", "response", "send_at",
    "sg_content_type", "sg_event_id", "sg_machine_open", "sg_message_id", "sg_template_id", "sg_template_name",
    "smtp-id", "status", "timestamp", "tls", "type", "url", "url_offset", "useragent",
})
# fmt: on
_SIGNATURE: Final = "X-Twilio-Email-Event-Webhook-Signature"
_TIMESTAMP: Final = "X-Twilio-Email-Event-Webhook-Timestamp"


def verify(request: Request, credentials: Credentials, now: datetime) -> None:
    """With a key: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features

    Without one, the user and password of the webhook's URL.
    """
    if not credentials.key:
        proof.basic(request, credentials)
        return
    stamp = request.header(_TIMESTAMP)
    proof.ecdsa_signed(credentials.key, stamp.encode("utf-8", "replace") + request.body, request.header(_SIGNATURE))
    proof.fresh_seconds(stamp, now, proof.RETRY_WINDOW)


def read(request: Request) -> Sequence[MailEvent]:
    if request.is_json:
        payload = request.json()
        return [_event(one) for one in payload.nodes() or [payload]]
    return [_received(request.form())]


def _event(event: Node) -> MailEvent:
    kind = event.text("event") or ""
    dropped, why = kind == "dropped", event.text("type", "reason") or ""
    answer = None if dropped else event.text("response", "reason")
    metadata = {name: value for name, value in event.pairs().items() if name not in _OWN_FIELDS}
    return MailEvent(
        occurrence=OCCURRENCES.get(kind, Occurrence.UNKNOWN),
        id=event.text("sg_event_id"),
        message_id=event.text("smtp-id", "sg_message_id"),
        ours=traced(metadata) or event.text("smtp-id"),
        at=event.seconds("timestamp"),
        recipient=event.text("email"),
        reason=REASONS.get(why.lower(), Reason.OTHER) if dropped else None,
        gone=_gone(kind, why.lower(), event.text("status"), answer),
        answer=answer,
        description=event.text("reason") if dropped else event.text("bounce_classification"),
        machine=event.flag("sg_machine_open") is True,
        url=event.text("url"),
        user_agent=event.text("useragent"),
        tags=event.at("category").texts(),
        metadata=metadata,
    )


def _gone(kind: str, why: str, status: str | None, answer: str | None) -> bool | None:
    if kind == "bounce":
        return gone_for_good(PERMANENT.get(why), f"{status or ''} {answer or ''}")
    return True if kind == "dropped" and REASONS.get(why) in (Reason.INVALID, Reason.BOUNCED) else None


def _received(form: Fields) -> MailEvent:
    envelope = Node(form.first("envelope")).nested()
    recipients = envelope.at("to").texts()
    mail = ReceivedMail(
        raw=_raw(form),
        sender=envelope.text("from"),
        recipient=recipients[0] if recipients else None,
        spam_score=Node({"score": form.first("spam_score")}).number("score"),
    )
    return MailEvent(occurrence=Occurrence.RECEIVED, recipient=mail.recipient, mail=mail)


def _raw(form: Fields) -> bytes:
    """As it came, or from its parts, of which each is in a charset of its own."""
    whole, headers = form.content("email"), form.content("headers")
    if whole is not None:
        return whole
    if headers is None:
        raise Unreadable("neither headers nor email")
    charsets = Node(form.first("charsets")).nested()
    block = headers.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode()
    texts = [_decoded(form.content(name), charsets.text(name)) for name in ("text", "html")]
    return assemble(split_headers(block), texts[0], texts[1], _files(form))


def _decoded(content: bytes | None, charset: str | None) -> str | None:
    if content is None:
        return None
    try:
        return content.decode(codecs.lookup(charset or "utf-8").name, "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _files(form: Fields) -> list[AttachedFile]:
    info = Node(form.first("attachment-info")).nested()
    return [
        AttachedFile(
            content=file.content,
            content_type=file.content_type,
            name=file.file_name or info.at(file.name).text("filename", "name"),
            content_id=(info.at(file.name).text("content-id") or "").strip("<>") or None,
        )
        for file in form.files()
    ]


def tracing(message_id: str) -> tuple[str, str]:
    """https://www.twilio.com/docs/sendgrid/for-developers/sending-email/unique-arguments"""
    return "X-SMTPAPI", json.dumps({"unique_args": {TRACED: message_id}})


SENDGRID: Final = Provider(name="sendgrid", read=read, verify=verify, proven_by=("key", "password"), tracing=tracing)
