"""Amazon SES, by way of Amazon SNS. https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
and https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html

An S3 object holds a received mail beyond 150 KB, or wherever the receipt rule says so; `api_key` is then
`<access key id>:<secret access key>`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlsplit

from channels.mail.providers import proof
from channels.mail.providers.assembling import assemble
from channels.mail.providers.refusals import TRACED, bracketed, gone_for_good, traced
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
from channels.request import Node, Request, Unreadable

OCCURRENCES: Final[Mapping[str, Occurrence]] = {
    "Send": Occurrence.SENT,
    "Delivery": Occurrence.DELIVERED,
    "Bounce": Occurrence.BOUNCED,
    "Complaint": Occurrence.COMPLAINED,
    "Reject": Occurrence.REJECTED,
    "Open": Occurrence.OPENED,
    "Click": Occurrence.CLICKED,
    "Rendering Failure": Occurrence.FAILED,
    "DeliveryDelay": Occurrence.DEFERRED,
    "Subscription": Occurrence.UNSUBSCRIBED,
    "Received": Occurrence.RECEIVED,
}
REASONS: Final[Mapping[str, Reason]] = {
    "Bounce": Reason.BOUNCED,
    "Complaint": Reason.SPAM,
    "Reject": Reason.BLOCKED,
}
SPAM: Final[Mapping[str, bool]] = {"PASS": False, "FAIL": True}

_PLACES: Final[Mapping[str, str]] = {"Rendering Failure": "failure", "DeliveryDelay": "deliveryDelay"}
"""Where an event's own facts are; of the others, under its name in lower case."""
_SIGNED: Final[Mapping[str, Sequence[str]]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_AMAZON: Final = re.compile(r"sns\.[a-z0-9-]{3,40}\.amazonaws\.com(\.cn)?", re.ASCII)
_EMPTY: Final = hashlib.sha256(b"").hexdigest()


def verify(request: Request, credentials: Credentials, now: datetime) -> None:
    """https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html"""
    notice = _notice(request)
    if not credentials.topic:
        raise Forged("no topic is set")
    proof.same((notice.text("TopicArn") or "").encode(), credentials.topic.encode(), "another topic")
    names = _SIGNED.get(notice.text("Type") or "")
    if names is None:
        raise Forged("not a kind of notification")
    signed = "".join(f"{name}\n{value}\n" for name in names if (value := notice.at(name).value) is not None)
    proof.certified(
        credentials.certificate,
        signed.encode("utf-8", "replace"),
        notice.text("Signature") or "",
        sha1=notice.text("SignatureVersion") != "2",
    )
    proof.fresh(notice.moment("Timestamp"), now, proof.RETRY_WINDOW)


def certificate_url(request: Request) -> str | None:
    """Amazon's certificates come from Amazon: anybody can sign with a certificate of their own."""
    url = _notice(request).text("SigningCertURL") or ""
    if not _amazons(url) or not urlsplit(url).path.endswith(".pem"):
        raise Forged("the certificate is not Amazon's")
    return url


def read(request: Request) -> Sequence[MailEvent]:
    notice = request.json()
    kind = notice.text("Type")
    if kind == "SubscriptionConfirmation":
        return [_confirmation(notice)]
    if kind != "Notification":
        return []
    message = notice.at("Message").nested()
    event = message.text("eventType", "notificationType") if message.pairs() else None
    if event is None:
        return []
    return [_received(message)] if event == "Received" else _events(notice, message, event)


def _confirmation(notice: Node) -> MailEvent:
    url = notice.text("SubscribeURL") or ""
    return MailEvent(
        occurrence=Occurrence.CONFIRMATION, id=notice.text("MessageId"), url=url if _amazons(url) else None
    )


def _events(notice: Node, message: Node, kind: str) -> list[MailEvent]:
    mail, facts = message.at("mail"), message.at(_PLACES.get(kind, kind.lower()))
    metadata = _metadata(mail)
    whole = MailEvent(
        occurrence=_occurrence(kind, facts),
        id=notice.text("MessageId"),
        message_id=mail.text("messageId"),
        ours=traced(metadata) or bracketed(mail.at("commonHeaders").text("messageId")),
        at=notice.moment("Timestamp"),
        description=_description(kind, facts),
        reason=REASONS.get(kind),
        url=facts.text("link"),
        user_agent=facts.text("userAgent"),
        tags=_headers(mail, "x-tag"),
        metadata=metadata,
    )
    return [_to(whole, one, facts) for one in _recipients(kind, facts, mail)]


def _occurrence(kind: str, facts: Node) -> Occurrence:
    if kind == "Subscription" and facts.at("newTopicPreferences").flag("unsubscribeAll") is False:
        return Occurrence.SUBSCRIBED
    return OCCURRENCES.get(kind, Occurrence.UNKNOWN)


def _description(kind: str, facts: Node) -> str | None:
    if kind == "Bounce":
        return f"{facts.text('bounceType')}: {facts.text('bounceSubType')}"
    return facts.text("complaintFeedbackType", "reason", "errorMessage", "delayType")


def _recipients(kind: str, facts: Node, mail: Node) -> list[Node]:
    names = ("bouncedRecipients", "complainedRecipients", "delayedRecipients", "recipients")
    return next((found for name in names if (found := facts.at(name).nodes())), mail.at("destination").nodes())


def _to(whole: MailEvent, recipient: Node, facts: Node) -> MailEvent:
    answer = recipient.text("diagnosticCode") or facts.text("smtpResponse")
    gone = None
    if whole.occurrence is Occurrence.BOUNCED:
        permanent = {"Permanent": True, "Transient": False}.get(facts.text("bounceType") or "")
        gone = gone_for_good(permanent and facts.text("bounceSubType") != "UnsubscribedRecipient", answer)
    return replace(whole, recipient=recipient.text("emailAddress") or recipient.as_text(), answer=answer, gone=gone)


def _headers(mail: Node, name: str) -> tuple[str, ...]:
    headers = mail.at("headers").nodes()
    return tuple(header.text("value") or "" for header in headers if (header.text("name") or "").lower() == name)


def _metadata(mail: Node) -> Mapping[str, object]:
    values = _headers(mail, "x-metadata")
    return Node(values[-1]).nested().pairs() if values else {}


def _received(message: Node) -> MailEvent:
    mail, receipt = message.at("mail"), message.at("receipt")
    recipients = receipt.at("recipients").texts()
    return MailEvent(
        occurrence=Occurrence.RECEIVED,
        id=mail.text("messageId"),
        at=mail.moment("timestamp"),
        recipient=recipients[0] if recipients else None,
        mail=ReceivedMail(
            raw=_content(message, mail),
            fetch_from=_object(receipt.at("action")),
            sender=mail.text("source"),
            recipient=recipients[0] if recipients else None,
            spam=SPAM.get((receipt.at("spamVerdict").text("status") or "").upper()),
        ),
    )


def _content(message: Node, mail: Node) -> bytes:
    content = message.text("content")
    if content is None:
        headers = mail.at("headers").nodes()
        return assemble([(one.text("name") or "", one.text("value") or "") for one in headers], None, None)
    if (message.at("receipt", "action").text("encoding") or "").upper() != "BASE64":
        return content.encode("utf-8", "replace")
    try:
        return base64.b64decode(content)
    except (binascii.Error, ValueError):
        raise Unreadable("content is not base64") from None


def _object(action: Node) -> dict[str, str]:
    if action.text("type") != "S3":
        return {}
    topic = (action.text("topicArn") or "").split(":")
    return {
        "bucket": action.text("bucketName") or "",
        "key": action.text("objectKey") or "",
        "region": topic[3] if len(topic) > 3 else "us-east-1",
    }


async def fetch(mail: ReceivedMail, credentials: Credentials, get: Get, now: datetime) -> bytes:
    """The object, by a request signed with Signature Version 4.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    """
    place = mail.fetch_from
    base = credentials.api_base or f"https://{place['bucket']}.s3.{place['region']}.amazonaws.com"
    path = "/" + quote(place["key"], safe="/~")
    signed = sign_get(urlsplit(base).netloc, path, "", region=place["region"], access_key=credentials.api_key, now=now)
    return await get(base + path, signed)


def sign_get(host: str, path: str, query: str, *, region: str, access_key: str, now: datetime) -> dict[str, str]:
    """The headers that sign a GET from S3; `path` and `query` as they are written in the URL."""
    identity, _, secret = access_key.partition(":")
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    scope = f"{day}/{region}/s3/aws4_request"
    names = "host;x-amz-content-sha256;x-amz-date"
    canonical = "\n".join(
        ["GET", path, query, f"host:{host}", f"x-amz-content-sha256:{_EMPTY}", f"x-amz-date:{stamp}", "", names, _EMPTY]
    )
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for step in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, step.encode(), "sha256").digest()
    signature = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
    proof_of_us = f"Credential={identity}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {
        "x-amz-content-sha256": _EMPTY,
        "x-amz-date": stamp,
        "Authorization": f"AWS4-HMAC-SHA256 {proof_of_us}",
    }


def tracing(message_id: str) -> tuple[str, str]:
    """SES gives each mail another Message-ID, and tells headers of ours where its notifications include them."""
    return "X-Metadata", json.dumps({TRACED: message_id})


def _notice(request: Request) -> Node:
    try:
        return request.json()
    except Unreadable as unreadable:
        raise Forged(str(unreadable)) from None


def _amazons(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and _AMAZON.fullmatch(parts.netloc) is not None


SES: Final = Provider(
    name="ses",
    read=read,
    verify=verify,
    proven_by=("topic",),
    fetch=fetch,
    certificate_url=certificate_url,
    tracing=tracing,
)
