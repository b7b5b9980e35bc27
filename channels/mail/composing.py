"""An OutboundMessage becomes the bytes of a mail.

The standard library takes a millisecond for each; here all that is constant is put together once, and a mail is what
changes between those pieces (RFC 5322, RFC 2045 to 2047).
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final
from zoneinfo import ZoneInfo

from channels.envelope import OutboundMessage, SendError, SendErrorCode
from channels.mail.alternatives import Page, alternatives
from channels.mail.enclosing import Enclosure, with_enclosures
from channels.mail.fields import Path, identities, identity, mailbox, path, unstructured
from channels.mail.layout import LAYOUTS, Layout, spoken
from channels.mail.reply_address import HEADER, ReplyAddresses
from channels.mail.unsubscribing import Unsubscribing

SCHEME: Final = "mailto:"
MOST_REFERENCES: Final = 20
"""The first, which names the thread, and the newest: RFC 5322 sets no limit, servers do."""

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ANSWERS: Final = re.compile(
    r"\s*(?:re|aw|sv|vs|antw|antwort|odp|ynt|ref|rif|res|r|回复|答复|回覆|答覆|回信|返信)(?:\[\d+\]|\(\d+\))?\s*[:：]",
    re.IGNORECASE,
)
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """Who our mails are from."""

    address: str
    """Of the mailbox: `support@shop.example`."""
    name: str = ""
    """As people shall see it."""
    return_path: str | None = None
    """Where bounces go; None: to the mailbox."""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """By whose clock a quoted message was written."""
    separator: str = "+"
    """Between the mailbox and what follows it in a reply address."""
    about: str = ""
    """Who the business is and where: below every marketing mail, as the law wants it in many countries."""
    list_name: str = "News"
    """Of what one unsubscribes from, in List-Id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """A mail ready for submission."""

    id: str
    """Its Message-ID without brackets."""
    sender: str
    """The envelope's: where bounces go."""
    recipient: str
    content: bytes = field(repr=False)
    """Lines end in CRLF, the last one too; no line is longer than 998 octets."""
    beyond_ascii: bool = False
    """Needs a server with SMTPUTF8."""


class Composer:
    """Writes one mailbox's mails. Pure: the same message at the same time is the same mail."""

    def __init__(
        self,
        sender: Sender,
        *,
        secret: bytes,
        layouts: Mapping[str, Layout] = LAYOUTS,
        unsubscribing: Unsubscribing | None = None,
        tracing: Callable[[str], tuple[str, str]] | None = None,
    ) -> None:
        """`secret` signs reply addresses and Message-IDs. Without `unsubscribing` no marketing leaves. `tracing` makes
        the header in which a provider keeps our Message-ID.
        Raises Misshapen, and ValueError where the sender's own address is none."""
        own, back = path(sender.address), path(sender.return_path or sender.address)
        if own is None or back is None:
            raise ValueError("the mailbox's own address is no mail address")
        self._sender, self._own, self._back = sender, own, back
        self._domain = own.text.rpartition("@")[2]
        self._reply_addresses = ReplyAddresses(own.text, secret, separator=sender.separator)
        self._unsubscribing = unsubscribing
        self._tracing = tracing
        self._key = hmac.digest(secret, b"mail message id\0" + own.text.lower().encode(), "sha256")
        self._from = mailbox("From", sender.name, own.text)
        self._list = "".join(
            [
                "Precedence: bulk\r\n",
                mailbox("List-Id", sender.list_name, f"news.{self._domain}"),
                "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
            ]
        )
        self._pages = {language: Page(layout=it, pieces=it.pieces()) for language, it in layouts.items()}

    def compose(self, message: OutboundMessage, *, at: datetime, enclosures: Sequence[Enclosure] = ()) -> Mail:
        """Raises SendError: BAD_ADDRESS, and UNSUPPORTED for marketing that would have no way out."""
        to = path(message.address.removeprefix(SCHEME))
        if to is None:
            raise SendError(SendErrorCode.BAD_ADDRESS, "this is no mail address")
        way_out = self._way_out(message)
        mac = self._mac(message.key)
        page = self._pages[spoken(message.language)]
        own_id = f"{_readable(message.key)}.{mac}@{self._domain}"
        headers = self._headers(message, to, own_id, page.layout, at, way_out)
        body = alternatives(message, page, mac, zone=self._sender.zone, about=self._sender.about, way_out=way_out)
        if enclosures:
            body = with_enclosures(body, enclosures, mac)
        return Mail(
            id=own_id,
            sender=self._back.text,
            recipient=to.text,
            content=headers.encode() + body,
            beyond_ascii=to.beyond_ascii or self._own.beyond_ascii or self._back.beyond_ascii,
        )

    def wrote(self, identity: str) -> bool:
        """Whether a Message-ID (without brackets) is one of ours: a mail that bears it is our own come back."""
        local, _, domain = identity.rpartition("@")
        key, _, mac = local.rpartition(".")
        return domain == self._domain and hmac.compare_digest(self._mac(key).encode(), mac.encode("utf-8", "replace"))

    # The headers

    def _headers(
        self, message: OutboundMessage, to: Path, own_id: str, layout: Layout, at: datetime, way_out: str | None
    ) -> str:
        answers = identity(message.reply_to) if message.reply_to else None
        return "".join(
            [
                f"Date: {_date(int(at.timestamp()))}\r\n",
                self._from,
                f"To: {to.text}\r\n" if len(to.text) < 72 else f"To:\r\n {to.text}\r\n",
                unstructured("Subject", self._subject(message, layout)),
                f"Message-ID: <{own_id}>\r\n",
                f"In-Reply-To: <{answers}>\r\n" if answers else "",
                identities("References", _references(message, answers)),
                self._thread(message.thread) if message.thread else "",
                _automatic(answers) if message.automatic else "",
                self._trace(own_id),
                f"{self._list}List-Unsubscribe: <{way_out}>\r\n" if way_out else "",
                "MIME-Version: 1.0\r\n",
            ]
        )

    def _subject(self, message: OutboundMessage, layout: Layout) -> str:
        name = self._sender.name or self._domain
        subject = message.subject if message.subject and message.subject.strip() else layout.subject.format(name=name)
        in_thread = bool(message.reply_to or message.references)
        return f"Re: {subject}" if in_thread and not _ANSWERS.match(subject) else subject

    def _thread(self, thread: str) -> str:
        address = self._reply_addresses.address(thread)
        reply_to = mailbox("Reply-To", self._sender.name, address) if address else ""
        return f"{reply_to}{HEADER}:\r\n {self._reply_addresses.token(thread)}\r\n"

    def _trace(self, own_id: str) -> str:
        if self._tracing is None:
            return ""
        name, value = self._tracing(own_id)
        return f"{name}:\r\n {value}\r\n"

    def _way_out(self, message: OutboundMessage) -> str | None:
        if not message.marketing:
            return None
        if self._unsubscribing is None:
            raise SendError(SendErrorCode.UNSUPPORTED, "marketing mail needs a public https address to unsubscribe at")
        return self._unsubscribing.link(message.address, message.language, message.key)

    def _mac(self, key: str) -> str:
        return b32encode(hmac.digest(self._key, _readable(key).encode(), "sha256")[:10]).decode().lower()


def _references(message: OutboundMessage, answers: str | None) -> list[str]:
    """RFC 5322, 3.6.4: those of the mail that is answered, then its own; each once."""
    known = [known for each in message.references if (known := identity(each)) and known != answers]
    ids = [*dict.fromkeys(known), *([answers] if answers else [])]
    return ids if len(ids) <= MOST_REFERENCES else [ids[0], *ids[1 - MOST_REFERENCES :]]


def _automatic(answers: str | None) -> str:
    """RFC 3834, 5; the second is Exchange's way to be asked for no out-of-office note."""
    kind = "auto-replied" if answers else "auto-generated"
    return f"Auto-Submitted: {kind}\r\nX-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply\r\n"


@lru_cache(maxsize=8)
def _date(seconds: int) -> str:
    """RFC 5322, 3.3; no locale has a say in it."""
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} {at:%H:%M:%S} +0000"


def _readable(key: str) -> str:
    """A key as it is, where it can stand in a Message-ID: then it can be looked for."""
    return key if _KEY.fullmatch(key) else sha256(key.encode("utf-8", "replace")).hexdigest()[:32]
