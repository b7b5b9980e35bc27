"""One mail, from its bytes to what a person would say it says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Final

from channels.cleaning import clean
from channels.mail.attachments import Attached
from channels.mail.charsets import decode_text
from channels.mail.headers import Headers, Person
from channels.mail.html import text_of_html
from channels.mail.structure import Limits, Part, TooLarge, take_apart

__all__ = ["Attached", "Limits", "ParsedMail", "Part", "Person", "TooLarge", "Unreadable", "parse"]

_IDENTITY: Final = re.compile(r"<([^<>\s]+)>")
DEFAULT_LIMITS: Final = Limits()


class Unreadable(ValueError):
    """Nothing can be made of these bytes: they are no mail."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedMail:
    """A mail, read. Nothing here is trusted: all of it is what the sender says."""

    external_id: str
    """Message-ID without its brackets; where there is none, `sha256:` and the hash of the mail."""
    from_: Person
    """Who wrote; both empty where nobody is named."""
    sender: Person | None = None
    """Who sent it in the writer's place."""
    reply_to: tuple[Person, ...] = ()
    """Where answers shall go, if not to `from_`."""
    to: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    subject: str = ""
    text: str = ""
    """All that a reader sees, quotes and signature with it."""
    text_is_from_html: bool = False
    html: str | None = field(default=None, repr=False)
    """For storage alone: it is never shown as it is."""
    in_reply_to: str | None = None
    """`external_id` of what this answers."""
    references: tuple[str, ...] = ()
    """`external_id` of the thread's mails, the oldest first, as stated."""
    attachments: tuple[Attached, ...] = ()
    calendar: str | None = None
    """The text/calendar part, of an invitation or the answer to one."""
    date: datetime | None = None
    """As the sender states it (UTC)."""
    received: tuple[datetime, ...] = ()
    """When each server took it, the last one (ours) first (UTC)."""
    list_id: str | None = None
    """Of a mailing list, without brackets."""
    charset_repaired: bool = False
    """Something was not in the character set that it states, or stated none."""
    headers: Headers = field(repr=False)
    structure: Part = field(repr=False)
    """The parts, for those who look for more."""

    @property
    def root(self) -> Message:
        """All of it as the standard library gives it (compat32); made anew at every call."""
        return self.structure.message()


def parse(raw: bytes, limits: Limits = DEFAULT_LIMITS) -> ParsedMail:
    """Read a mail. Raises Unreadable where these bytes are none, and TooLarge; nothing else, on any bytes."""
    if not raw.strip(b"\0\r\n\t "):
        raise Unreadable("there is nothing in it")
    root = take_apart(raw, limits)
    headers = root.headers
    if not headers.raw and not root.body.strip():
        raise Unreadable("neither headers nor a text")
    people = headers.people("from")
    texts: list[str] = []
    htmls: list[str] = []
    attached: list[Attached] = []
    repaired = False
    for part in root.walk():
        if part.children:
            continue
        if part.headers.token("content-disposition") != "attachment" and part.content_type.startswith("text/"):
            text, changed = decode_text(part.content, part.headers.parameter("content-type", "charset"))
            repaired = repaired or changed
            (htmls if part.content_type == "text/html" else texts).append(text)
        else:
            name = part.headers.parameter("content-disposition", "filename") or "file"
            attached.append(Attached(name=name, content_type=part.content_type, content=part.content))
    text = "\n".join(texts)
    return ParsedMail(
        external_id=_identity(headers.get("message-id")) or f"sha256:{sha256(raw).hexdigest()}",
        from_=people[0] if people else Person(address=""),
        reply_to=headers.people("reply-to"),
        to=headers.people("to"),
        cc=headers.people("cc"),
        subject=clean(headers.get("subject")),
        text=clean(text or text_of_html("".join(htmls))),
        text_is_from_html=not text and bool(htmls),
        html="".join(htmls) or None,
        in_reply_to=_identity(headers.get("in-reply-to")),
        references=tuple(_IDENTITY.findall(headers.get("references"))),
        attachments=tuple(attached),
        date=_instant(headers.get("date")),
        charset_repaired=repaired,
        headers=headers,
        structure=root,
    )


def _identity(value: str) -> str | None:
    found = _IDENTITY.search(value)
    return found[1] if found else None


def _instant(value: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        return None
