"""One mail, from its bytes to what a person would say it says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from hashlib import sha256
from typing import Final

from channels.cleaning import clean
from channels.mail.addresses import Person, first
from channels.mail.attachments import Attached, attached
from channels.mail.charsets import codec, likely
from channels.mail.contents import contents_of
from channels.mail.dates import instant
from channels.mail.headers import Headers
from channels.mail.structure import Limits, Part, TooLarge, take_apart

__all__ = ["Attached", "Limits", "ParsedMail", "Part", "Person", "TooLarge", "Unreadable", "parse"]

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
    root = take_apart(raw, limits)
    if not _is_mail(root):
        raise Unreadable("these bytes are no mail")
    headers = root.headers
    contents = contents_of(root, hint=_hint(headers), limits=limits)
    _suppose(root, contents.hint)
    attachments = (*attached(contents.others, contents.sources), *contents.files)
    if sum(each.size for each in attachments) > limits.attachments:
        raise TooLarge("attachments", limits.attachments)
    return ParsedMail(
        external_id=next(iter(headers.identities("message-id")), None) or f"sha256:{sha256(raw).hexdigest()}",
        from_=_writer(headers),
        sender=next(iter(headers.people("sender")), None),
        reply_to=headers.people("reply-to"),
        to=headers.people("to"),
        cc=headers.people("cc"),
        subject=headers.get("subject"),
        text=clean(contents.text),
        text_is_from_html=contents.is_from_html,
        html="\n".join(contents.sources) or None,
        in_reply_to=next(iter(headers.identities("in-reply-to")), None),
        references=headers.identities("references"),
        attachments=attachments,
        calendar=contents.calendar,
        date=headers.date("date"),
        received=tuple(
            at for value in headers.all("received") if (at := instant(value.rpartition(";")[2])) is not None
        ),
        list_id=next(iter(headers.identities("list-id")), None),
        charset_repaired=contents.repaired,
        headers=headers,
        structure=root,
    )


def _writer(headers: Headers) -> Person:
    """Whom `From` names; where it is missing, whoever sent it or wants the answers."""
    named = (headers.people(name) for name in ("from", "sender", "reply-to", "return-path"))
    return first(next((people for people in named if people), ()))


def _suppose(root: Part, hint: str | None) -> None:
    """Tell each part's headers how to read raw bytes: all of them alike, for alone they say too little."""
    for part in root.walk():
        raw = b"\n".join(value for _, value in part.headers.raw if not value.isascii())
        if raw:
            part.headers.suppose(likely(raw, hint))


def _is_mail(root: Part) -> bool:
    """Headers that a mail has, or at least a text that somebody could have typed."""
    if any(name in root.headers for name in _TELLING_HEADERS):
        return True
    sample = root.body[:2000]
    return bool(sample.strip(b"\0\r\n\t ")) and len(_BINARY.findall(sample)) * 20 <= len(sample)


_TELLING_HEADERS: Final = ("from", "to", "subject", "date", "message-id", "received", "content-type", "mime-version")
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def _hint(headers: Headers) -> str | None:
    """The character set of the first encoded word that is not UTF-8: a mail seldom mixes two."""
    for name in ("subject", "from"):
        for declared in _WORD_SET.findall(headers.plain(name)):
            if codec(declared) not in {None, "ascii", "utf_8"}:
                return declared
    return None


_WORD_SET: Final = re.compile(r"=\?([^?*\s]+)(?:\*[^?]*)?\?[bq]\?", re.IGNORECASE)
