"""Inspecting what mail providers tell by webhook: a JSON object for each file, with the events in it."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import orjson

from channels.mail.message import ParsedMail, TooLarge, parse
from channels.mail.message import Unreadable as NoMail
from channels.mail.providers import PROVIDERS
from channels.mail.providers.news import news
from channels.mail.providers.seam import MailEvent, ReceivedMail
from channels.protocol import Inspection
from channels.request import Request, Unreadable
from gateway.inspecting import lines

CHANNEL = "mail"
ALIASES: Mapping[str, str] = {"amazon_ses": "ses", "sendinblue": "brevo"}
"""Other names by which people know a provider."""


def inspect_mailhook(provider: str, raw: bytes) -> dict[str, Any]:
    """What `rapport inspect mailhook` prints for one file, which holds JSON {method, url, headers, body}."""
    try:
        request = _request(raw)
        events = PROVIDERS[ALIASES.get(provider, provider)].read(request)
    except Unreadable as unreadable:
        return {"provider": provider, "error": str(unreadable)}
    return {"provider": provider, "events": [_event(event, request) for event in events]}


def _event(event: MailEvent, request: Request) -> dict[str, Any]:
    return {
        "event_type": event.occurrence,
        "event_id": event.id,
        "message_id": event.message_id,
        "timestamp": event.at.isoformat() if event.at else None,
        "recipient": event.recipient,
        "reject_reason": event.reason,
        "gone": event.gone,
        "mta_response": event.answer,
        "description": event.description,
        "click_url": event.url,
        "user_agent": event.user_agent,
        "tags": event.tags,
        "metadata": event.metadata,
        **(_received(event.mail) if event.mail is not None else _news(event, request)),
    }


def _news(event: MailEvent, request: Request) -> dict[str, Any]:
    """What it means here; a Message-ID is taken for ours."""
    told = news(event, channel=CHANNEL, raw=request.body, now=datetime.now(UTC), wrote=lambda _: True)
    return {"arrivals": lines(Inspection(arrivals=tuple(told)))}


def _received(mail: ReceivedMail) -> dict[str, Any]:
    return {
        "envelope_sender": mail.sender,
        "envelope_recipient": mail.recipient,
        "stripped_text": mail.stripped,
        "spam_detected": mail.spam,
        "spam_score": mail.spam_score,
        "complete": not mail.fetch_from,
        "message": _mail(mail.raw),
    }


def _mail(raw: bytes) -> dict[str, Any]:
    try:
        return _read(parse(raw))
    except (NoMail, TooLarge) as problem:
        return {"error": str(problem)}


def _read(mail: ParsedMail) -> dict[str, Any]:
    return {
        "external_id": mail.external_id,
        "from": mail.from_.address,
        "from_name": mail.from_.name,
        "to": [person.address for person in mail.to],
        "cc": [person.address for person in mail.cc],
        "subject": mail.subject,
        "date": mail.date.isoformat() if mail.date else None,
        "text": mail.text,
        "html": mail.html,
        "in_reply_to": mail.in_reply_to,
        "references": mail.references,
        "attachments": [
            {
                "name": each.name,
                "content_type": each.content_type,
                "size": each.size,
                "sha256": each.sha256,
                "inline": each.inline,
            }
            for each in mail.attachments
        ],
    }


def _request(raw: bytes) -> Request:
    try:
        written: object = orjson.loads(raw)
    except orjson.JSONDecodeError:
        written = None
    if not isinstance(written, dict):
        raise Unreadable("the file should hold JSON {method, url, headers, body}")
    fields = cast("Mapping[str, object]", written)
    headers = _headers(fields.get("headers"))
    if isinstance(content_type := fields.get("content_type"), str):
        headers.setdefault("content-type", content_type)
    return Request(
        method=str(fields.get("method") or "POST"),
        url=str(fields.get("url") or fields.get("path") or ""),
        headers=headers,
        body=_body(fields.get("body"), fields.get("body_encoding")),
    )


def _headers(written: object) -> dict[str, str]:
    if not isinstance(written, dict):
        return {}
    return {str(name).lower(): str(value) for name, value in cast("Mapping[object, object]", written).items()}


def _body(written: object, encoding: object) -> bytes:
    """Text; base64 where `body_encoding` says so, as JSON holds no bytes; or the JSON that was posted, itself."""
    match written:
        case None:
            return b""
        case str() if encoding == "base64":
            try:
                return b64decode(written)
            except (NotBase64, ValueError):
                raise Unreadable("body is not base64") from None
        case str():
            return written.encode("utf-8", "surrogatepass")
        case _:
            return orjson.dumps(cast("Sequence[object] | Mapping[str, object]", written))
