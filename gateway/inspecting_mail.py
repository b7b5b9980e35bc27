"""Inspecting a mail: what the adapter reads in it, one JSON object, without storing anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from channels.mail.attachments import Attached
from channels.mail.automatic import Automatic, automatic
from channels.mail.bounces import Bounce, bounces_of
from channels.mail.feedback import Feedback, feedback_of
from channels.mail.message import ParsedMail, TooLarge, Unreadable, parse
from channels.mail.written import written_now

A_PERSON_MAY_HAVE_WRITTEN: Final = frozenset({None, Automatic.LIST, Automatic.NO_REPLY})
"""Not answered either, but nobody's auto-reply."""


def inspect_mail(raw: bytes) -> dict[str, Any]:
    """What `rapport inspect mail` prints for one file."""
    try:
        mail = parse(raw)
    except (Unreadable, TooLarge) as problem:
        return {"error": str(problem)}
    reason = automatic(mail)
    return {
        "from": mail.from_.address,
        "from_name": mail.from_.name,
        "reply_to": [person.address for person in mail.reply_to],
        "to": [person.address for person in mail.to],
        "cc": [person.address for person in mail.cc],
        "subject": mail.subject,
        "text": mail.text,
        "reply": written_now(mail.text, is_answer=is_answer(mail)).reply,
        "external_id": mail.external_id,
        "in_reply_to": mail.in_reply_to,
        "references": mail.references,
        "attachments": [_attachment(each) for each in mail.attachments],
        "date": _instant(mail.date),
        "auto_submitted": None if reason in A_PERSON_MAY_HAVE_WRITTEN else reason,
        "automatic": reason,
        "bounce": _bounce(bounces_of(mail)),
        "feedback": _feedback(feedback_of(mail)),
        "charset_repaired": mail.charset_repaired,
    }


def is_answer(mail: ParsedMail) -> bool:
    return mail.in_reply_to is not None or bool(mail.references)


def _attachment(each: Attached) -> dict[str, Any]:
    return {
        "name": each.name,
        "content_type": each.content_type,
        "size": each.size,
        "sha256": each.sha256,
        "inline": each.inline,
    }


def _bounce(bounces: Sequence[Bounce]) -> dict[str, Any] | None:
    """The first failure; a mail that tells of several recipients names the others beside it."""
    if not bounces:
        return None
    first, *others = ({"recipient": each.recipient, "kind": each.kind, "status": each.status} for each in bounces)
    return first | {"others": others} if others else first


def _feedback(feedback: Feedback | None) -> dict[str, Any] | None:
    if feedback is None:
        return None
    return {
        "type": feedback.type,
        "recipients": feedback.recipients,
        "original_message_id": feedback.original_message_id,
        "source": feedback.source,
        "complaint": feedback.is_complaint,
    }


def _instant(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at is not None else None
