"""To inbound: from a mail's bytes to what the gateway is told. Read `Reader.read` top to bottom.

Pure: the files that came along, and a raw mail that is too large for a row, are given back to be kept first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Final

from channels.cleaning import clean
from channels.envelope import Attachment, AttachmentKind, Event, InboundMessage, Refusal
from channels.mail.addresses import WRITABLE
from channels.mail.authentication import vouched_for
from channels.mail.automatic import Ours, automatic
from channels.mail.composing import SCHEME, Composer
from channels.mail.courtesies import matter_of
from channels.mail.imap import HEADER_BYTES
from channels.mail.message import Limits, ParsedMail, Person, TooLarge, Unreadable, parse
from channels.mail.reading import RAW_IN_ROW, File, Reading, Source
from channels.mail.reply_address import HEADER, ReplyAddresses
from channels.mail.returned import Returned
from channels.mail.written import written_now

UNREADABLE: Final = "unreadable"
"""`InboundMessage.automatic` of what is no mail: kept for a person to look at."""

_KINDS: Final = {"image": AttachmentKind.IMAGE, "audio": AttachmentKind.AUDIO, "video": AttachmentKind.VIDEO}
_HEAD: Final = re.compile(rb"\r?\n\r?\n|\r\r")
_DELIVERED: Final = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-delivered-to", "resent-to")
"""Headers that may hold the reply address that a mail came in by."""
_REFUSED_HEADERS: Final = ("from", "subject", "message-id", "date")


class Reader:
    """Reads one channel's mails."""

    def __init__(
        self,
        *,
        channel: str,
        address: str,
        composer: Composer,
        reply_addresses: ReplyAddresses,
        aliases: Sequence[str] = (),
        separator: str = "+",
        trusted_authserv_id: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        """`address`: of the mailbox; mail from it or from an alias is our own. `separator`: of its reply addresses."""
        self._channel = channel
        self._address = address.lower()
        self._ours = Ours(
            addresses=frozenset({self._address, *(alias.lower() for alias in aliases)}), wrote=composer.wrote
        )
        self._returned = Returned(channel=channel, address=self._address, wrote=composer.wrote)
        self._reply_addresses = reply_addresses
        self._trusted = trusted_authserv_id
        self._limits = limits or Limits()
        local = re.escape(self._address.partition("@")[0])
        self._claimed = re.compile(rf"{local}{re.escape(separator)}[a-z0-9-]+\.[a-z2-7]{{16}}@", re.IGNORECASE)

    def read(self, raw: bytes, source: Source) -> Reading:
        """Whatever the bytes are, there is something to be stored; raises nothing."""
        if source.size is not None:
            return self._too_large(raw, source, TooLarge("bytes", self._limits.bytes))
        try:
            mail = parse(raw, self._limits)
        except TooLarge as beyond:
            return self._too_large(raw, source, beyond)
        except Unreadable as mistake:
            return self._unreadable(raw, source, str(mistake))
        if news := self._returned.news(mail, raw, source):
            return Reading(arrivals=news)
        return self._message(mail, raw, source)

    # A mail to us

    def _message(self, mail: ParsedMail, raw: bytes, source: Source) -> Reading:
        writer = self._writer(mail)
        if writer is None:
            return self._unreadable(raw, source, "it names no sender")
        written = written_now(mail.text, is_answer=bool(mail.in_reply_to or mail.references))
        text = written.reply.strip() or written.forwarded.strip() or mail.subject.strip()
        files = tuple(_files(mail))
        machine = automatic(mail, ours=self._ours)
        thread, spoofed = self._thread(mail)
        address = f"{SCHEME}{writer.address.lower()}"
        proven = writer == mail.from_ and vouched_for(mail.headers, writer.address, trusted=self._trusted)
        message = InboundMessage(
            channel=self._channel,
            event=Event.MESSAGE,
            external_id=source.external_id,
            address=address,
            sent_at=_written_at(mail, source.arrived),
            raw=raw if len(raw) <= RAW_IN_ROW else raw[:RAW_IN_ROW],
            raw_blob=sha256(raw).hexdigest() if len(raw) > RAW_IN_ROW else None,
            text=clean(text),
            whole_text=mail.text if mail.text.strip() != text else None,
            matter=_matter(clean(text), writer),
            name=writer.name or None,
            message_id=mail.external_id,
            reply_to=mail.in_reply_to,
            references=_nearest_first(mail),
            subject=mail.subject or None,
            attachments=tuple(attachment for attachment, _ in files),
            proven=(address,) if proven else (),
            thread=thread,
            automatic=None if machine is None else str(machine),
            fingerprint=_fingerprint(mail, raw),
        )
        kept = [file for _, file in files]
        if message.raw_blob is not None:
            kept.append(File(sha256=message.raw_blob, content_type="message/rfc822", content=raw))
        refusals = [self._refusal("a reply address that we did not sign", raw, source, mail)] if spoofed else []
        return Reading(arrivals=(message, *refusals), files=tuple(kept))

    def _writer(self, mail: ParsedMail) -> Person | None:
        """Whom an answer reaches: the one Reply-To that is somebody else's, else From. A form on a web page sends from
        its own address, with the person's as Reply-To."""
        others = [person for person in mail.reply_to if self._is_somebody(person)]
        if len(others) == 1 and len(mail.reply_to) == 1:
            same = others[0].address.lower() == mail.from_.address.lower()
            return mail.from_ if same else others[0]
        candidates = (mail.from_, *((mail.sender,) if mail.sender else ()), *others)
        return next((person for person in candidates if WRITABLE.fullmatch(person.address)), None)

    def _is_somebody(self, person: Person) -> bool:
        return bool(WRITABLE.fullmatch(person.address)) and person.address.lower() not in self._ours.addresses

    def _thread(self, mail: ParsedMail) -> tuple[str | None, bool]:
        """The conversation that our signed address proves; and whether somebody made one up."""
        addresses = [person.address for name in _DELIVERED for person in mail.headers.people(name)]
        tokens = mail.headers.all(HEADER)
        thread = self._reply_addresses.thread_in(addresses, tokens)
        claims = bool(tokens) or any(self._claimed.match(address) for address in addresses)
        return thread, thread is None and claims

    # What is not taken as it is

    def _too_large(self, raw: bytes, source: Source, beyond: TooLarge) -> Reading:
        """The customer's own words are in the beginning, as a rule: those are taken, and the rest stays where it is."""
        size = source.size or len(raw)
        notice = f"[{size} bytes, and {beyond}: only the beginning was read; all of it is still in the mailbox]"
        refusal = self._refusal(f"too large: {beyond.limit}", raw, source, None, size=size)
        try:
            mail = parse(_beginning(raw, beyond), Limits())
        except (TooLarge, Unreadable):
            return Reading(arrivals=(refusal,), refused=True)
        reading = self._message(mail, raw[:RAW_IN_ROW], source)
        arrivals = [
            _without_files(arrival, f"{notice}\n\n{mail.text}") if isinstance(arrival, InboundMessage) else arrival
            for arrival in reading.arrivals
        ]
        return Reading(arrivals=(*arrivals, refusal), refused=True)

    def _unreadable(self, raw: bytes, source: Source, why: str) -> Reading:
        """Kept whole, and in the mailbox's own timeline, where a person finds it."""
        digest = sha256(raw).hexdigest()
        message = InboundMessage(
            channel=self._channel,
            event=Event.MESSAGE,
            external_id=source.external_id,
            address=f"{SCHEME}{self._address}",
            sent_at=source.arrived,
            raw=raw[:RAW_IN_ROW],
            raw_blob=digest,
            attachments=(
                Attachment(
                    kind=AttachmentKind.FILE,
                    id=digest,
                    name="mail.eml",
                    content_type="application/octet-stream",
                    size=len(raw),
                ),
            ),
            automatic=UNREADABLE,
        )
        return Reading(
            arrivals=(message, self._refusal(f"unreadable: {why}", raw, source, None)),
            files=(File(sha256=digest, content_type="application/octet-stream", content=raw),),
            refused=True,
        )

    def _refusal(
        self, reason: str, raw: bytes, source: Source, mail: ParsedMail | None, *, size: int | None = None
    ) -> Refusal:
        headers = {name: mail.headers.get(name)[:500] for name in _REFUSED_HEADERS} if mail else _head_of(raw)
        return Refusal(
            channel=self._channel,
            reason=reason,
            size=size or len(raw),
            sha256=sha256(raw).hexdigest(),
            at=source.arrived,
            headers={**headers, "external-id": source.external_id, **dict(source.headers)},
        )


def _written_at(mail: ParsedMail, arrived: datetime) -> datetime:
    """When the sender says, unless that is after it arrived here: clocks are wrong, and some are wrong on purpose."""
    return mail.date if mail.date is not None and mail.date <= arrived else arrived


def _matter(text: str, writer: Person) -> str | None:
    """None: all of it."""
    local = writer.address.partition("@")[0]
    matter = matter_of(text, f"{writer.name} {local}")
    return None if matter == text else matter


def _nearest_first(mail: ParsedMail) -> tuple[str, ...]:
    nearest = (mail.in_reply_to,) if mail.in_reply_to else ()
    return tuple(dict.fromkeys((*nearest, *reversed(mail.references))))


def _fingerprint(mail: ParsedMail, raw: bytes) -> str:
    """The same mail has the same, wherever it is found again; another with its Message-ID has another."""
    if mail.external_id.startswith("sha256:"):
        return mail.external_id
    head = _HEAD.search(raw)
    body = raw[head.end() :] if head else raw
    named = mail.external_id.encode("utf-8", "replace") + b"\0" + sha256(body).digest()
    return f"sha256:{sha256(named).hexdigest()}"


def _files(mail: ParsedMail) -> Iterator[tuple[Attachment, File]]:
    for each in mail.attachments:
        digest = each.sha256
        attachment = Attachment(
            kind=_KINDS.get(each.content_type.partition("/")[0], AttachmentKind.FILE),
            id=digest,
            name=each.name,
            content_type=each.content_type,
            size=each.size,
            data={"inline": "yes"} if each.inline else {},
        )
        yield attachment, File(sha256=digest, content_type=each.content_type, content=each.content)
    if mail.calendar is not None and not any(each.content_type == "text/calendar" for each in mail.attachments):
        content = mail.calendar.encode()
        digest = sha256(content).hexdigest()
        yield (
            Attachment(
                kind=AttachmentKind.FILE,
                id=digest,
                name="invitation.ics",
                content_type="text/calendar",
                size=len(content),
            ),
            File(sha256=digest, content_type="text/calendar", content=content),
        )


def _beginning(raw: bytes, beyond: TooLarge) -> bytes:
    """What is safe to be read of a mail beyond a limit: where it is the headers or the parts, a few headers alone."""
    if beyond.limit in ("bytes", "attachments", "html"):
        return raw[:HEADER_BYTES]
    kept = [
        line
        for line in raw[:RAW_IN_ROW].splitlines()
        if line.partition(b":")[0].strip().lower().decode("ascii", "replace") in _REFUSED_HEADERS
    ]
    return b"\r\n".join([*kept[:20], b"", b""])


def _without_files(message: InboundMessage, whole: str) -> InboundMessage:
    return replace(message, attachments=(), whole_text=whole, raw_blob=None)


def _head_of(raw: bytes) -> dict[str, str]:
    """A few headers of what could not be read."""
    found: dict[str, str] = {}
    for line in raw[:RAW_IN_ROW].splitlines():
        name, colon, value = line.partition(b":")
        key = name.strip().lower().decode("ascii", "replace")
        if colon and key in _REFUSED_HEADERS:
            found.setdefault(key, clean(value.strip()[:500].decode("utf-8", "replace")))
    return found
