"""Complaints that mailbox providers pass on: somebody pressed "this is spam" at a mail of ours.

Sources: RFC 5965 (ARF) and RFC 6650; RFC 6591 (reports of failed authentication, which no person made); Microsoft's
Junk Mail Reporting Program, which returns the mail with `X-HmXmrOriginalRecipient` and no report; AOL and others, which
replace the recipient by `redacted`: then only the returned mail's Message-ID tells who complained.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from channels.mail import charsets
from channels.mail.bounce_reports import RETURNED_TYPES, read, top_parts
from channels.mail.bounce_texts import ADDRESS
from channels.mail.message import ParsedMail
from channels.mail.structure import Part


class FeedbackType(StrEnum):
    """What is reported (IANA, Messaging Abuse Reporting Format: Feedback Report Type Values)."""

    ABUSE = "abuse"  # unwanted mail
    FRAUD = "fraud"  # phishing
    VIRUS = "virus"
    OPT_OUT = "opt-out"  # wants no more of it
    NOT_SPAM = "not-spam"  # a mail was rescued from the junk folder
    AUTHENTICATION = "auth-failure"  # SPF, DKIM or DMARC failed: a machine's report
    OTHER = "other"


COMPLAINTS: Final = frozenset({FeedbackType.ABUSE, FeedbackType.FRAUD, FeedbackType.OPT_OUT, FeedbackType.OTHER})
"""A person did not want the mail: consent to marketing is withdrawn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """One report about one mail of ours."""

    type: FeedbackType
    recipients: tuple[str, ...] = ()
    """Addresses of those who complained; empty where the provider hides them."""
    original_message_id: str | None = None
    """Message-ID of the mail, without brackets."""
    source: str | None = None
    """Who reports: the report's User-Agent, else the domain it came from."""
    count: int = 1
    """Reports that this one stands for."""

    @property
    def is_complaint(self) -> bool:
        return self.type in COMPLAINTS


def feedback_of(mail: ParsedMail) -> Feedback | None:
    """The report that a mail is; None for every other mail."""
    if not _may_report(mail):
        return None
    parts = tuple(top_parts(mail.structure))
    stated = next((_text(part) for part in parts if part.content_type in _REPORTS), "")
    fields = stated or _fields_in_text(parts)
    if not fields and not _of_a_provider_without_reports(mail, parts):
        return None
    returned = read(mail.structure).returned
    identity = _IDENTITY.search(returned.get("message-id", "")) or _IDENTITY.search(
        _value(fields, "original-message-id")
    )
    agent = _value(fields, "user-agent") or mail.from_.address.rpartition("@")[2]
    incidents = _value(fields, "incidents")
    return Feedback(
        type=_TYPES.get(_value(fields, "feedback-type").lower(), FeedbackType.OTHER) if fields else FeedbackType.ABUSE,
        recipients=_recipients(mail, fields, returned.get("to", "")),
        original_message_id=identity[1] if identity else None,
        source=agent or None,
        count=max(1, int(incidents)) if incidents.isdecimal() and len(incidents) < 10 else 1,
    )


_REPORTS: Final = frozenset({"message/feedback-report"})
_TYPES: Final = {
    "abuse": FeedbackType.ABUSE,
    "complaint": FeedbackType.ABUSE,
    "spam": FeedbackType.ABUSE,
    "fraud": FeedbackType.FRAUD,
    "phishing": FeedbackType.FRAUD,
    "virus": FeedbackType.VIRUS,
    "opt-out": FeedbackType.OPT_OUT,
    "opt-out-list": FeedbackType.OPT_OUT,
    "unsubscribe": FeedbackType.OPT_OUT,
    "not-spam": FeedbackType.NOT_SPAM,
    "auth-failure": FeedbackType.AUTHENTICATION,
    "dmarc": FeedbackType.AUTHENTICATION,
    "dkim": FeedbackType.AUTHENTICATION,
    "miscategorized": FeedbackType.OTHER,
    "other": FeedbackType.OTHER,
}
_REPORTERS: Final = re.compile(
    r"(?:abuse|fbl|feedback(?:[-_.]?loop)?|feedback[-_.]?report\w*|complaints?|scomp|staff|jmrpp?|junk\w*|"
    r"spam[-_.]?report\w*)@",
    re.IGNORECASE,
)
_ORIGINAL: Final = ("x-hmxmroriginalrecipient", "x-original-recipient-to")
_SUBJECT: Final = re.compile(
    r"complaint about (?:a )?message|abuse report|feedback report|spam (?:report|complaint)|junk (?:mail )?report|"
    r"投诉|垃圾邮件举报",
    re.IGNORECASE,
)
_FIELD: Final = re.compile(r"^[ \t]*([A-Za-z-]{3,40})[ \t]*:[ \t]*([^\n]*)", re.MULTILINE)
_IDENTITY: Final = re.compile(r"<([^<>\s]+)>")
_HIDDEN: Final = re.compile(r"redact|undisclosed|^x+@|^\*+@|hidden|anonym", re.IGNORECASE)


def _may_report(mail: ParsedMail) -> bool:
    """Headers and content types alone: this is asked of every mail."""
    headers = mail.headers
    if headers.content_type == "multipart/report":
        return (headers.parameter("content-type", "report-type") or "").lower() not in {
            "delivery-status",
            "disposition-notification",
        }
    return (
        any(part.content_type in _REPORTS for part in mail.structure.children)
        or any(name in headers for name in _ORIGINAL)
        or bool(_REPORTERS.match(mail.from_.address) and _SUBJECT.search(mail.subject))
    )


def _fields_in_text(parts: tuple[Part, ...]) -> str:
    """The report's fields where their part lost its type."""
    for part in parts:
        if part.content_type in {"text/plain", "multipart/report"}:
            text = _text(part)
            start = re.search(r"^[ \t]*feedback-type[ \t]*:", text, re.IGNORECASE | re.MULTILINE)
            if start:
                return text[max(0, text.rfind("\n\n", 0, start.start())) :].strip("\n").partition("\n\n")[0]
    return ""


def _of_a_provider_without_reports(mail: ParsedMail, parts: tuple[Part, ...]) -> bool:
    if any(name in mail.headers for name in _ORIGINAL):
        return True
    return bool(_SUBJECT.search(mail.subject)) and any(part.content_type in RETURNED_TYPES for part in parts)


def _recipients(mail: ParsedMail, fields: str, returned_to: str) -> tuple[str, ...]:
    named = _values(fields, "original-rcpt-to") or _values(fields, "removal-recipient")
    named = named or [value for name in _ORIGINAL for value in mail.headers.all(name)] or [returned_to]
    found = {address[0].lower(): address[0] for value in named for address in ADDRESS.finditer(value)}
    return tuple(address for address in found.values() if not _HIDDEN.search(address))


def _text(part: Part) -> str:
    reading = charsets.read(part.content[:64_000], part.headers.parameter("content-type", "charset"))
    return reading.text.replace("\r\n", "\n").replace("\0", "")


def _values(fields: str, name: str) -> list[str]:
    return [found[2].strip() for found in _FIELD.finditer(fields) if found[1].lower() == name]


def _value(fields: str, name: str) -> str:
    return next(iter(_values(fields, name)), "")
