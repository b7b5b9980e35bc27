"""From bytes to a tree of parts, in one pass and time that grows with the bytes alone, whatever they say.

Not the standard library's parser: that compares every line with the boundary of every enclosing part, so that a mail
nested a hundred deep costs a hundred times its size, and one nested a thousand deep ends in a RecursionError. Here all
lines that could be boundaries are found once; each part then looks up its own. What a part consists of is given as
the standard library's Message (`Part.message`) to those who know that.

Sources: RFC 5322, RFC 2046 (5.1.1: a boundary of an outer part ends an inner one, too).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from itertools import islice
from typing import Final

from channels.mail.headers import Headers
from channels.mail.transfer import decoded

_DELIMITER: Final = re.compile(rb"^--([^\r\n]{1,300})", re.MULTILINE)
_HEADER: Final = re.compile(rb"[!-9;-~]+[ \t]*:")
_NEWLINE: Final = re.compile(rb"\r*\n")
_MOST_DELIMITERS: Final = 500_000
"""Lines that begin with `--`; what is below so many is no longer taken apart."""
_MBOX: Final = re.compile(rb"\A(?:\s*\n)?>?From [^\r\n]*\r*\n")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class TooLarge(ValueError):
    """A mail is beyond one of our limits."""

    def __init__(self, limit: str, allowed: int) -> None:
        """`limit` is the name of the setting."""
        super().__init__(f"a mail may have at most {allowed} {limit}")
        self.limit = limit
        self.allowed = allowed


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a mail may cost us at most."""

    bytes: int = 50 * 1024 * 1024
    """Of the whole mail, as it came."""
    depth: int = 100
    """Parts within parts. What is deeper stays closed: it is kept as an attachment."""
    parts: int = 1_000
    headers: int = 10_000
    """Lines, of all parts together."""
    header_bytes: int = 1024 * 1024
    attachments: int = 50 * 1024 * 1024
    """Bytes of all attachments together, decoded."""
    text: int = 8 * 1024 * 1024
    """Bytes of all parts that are text; what is beyond is kept with the mail, and not read."""
    html: int = 2 * 1024 * 1024
    """Characters of all parts that are HTML; likewise."""


@dataclass(kw_only=True, slots=True)
class Part:
    """One part of a mail, or all of it. `children` are those of a multipart, or the one mail that it carries."""

    headers: Headers
    content_type: str
    """In lower case, without parameters; what RFC 2045 says where nothing is said."""
    raw: bytes = field(repr=False)
    """What `start` and `end` count in: shared by all parts, so that nothing is copied."""
    start: int
    end: int
    """Of the body."""
    depth: int
    children: tuple[Part, ...] = ()
    _content: bytes | None = field(default=None, repr=False)

    @property
    def body(self) -> bytes:
        """As it was transferred."""
        return self.raw[self.start : self.end]

    @property
    def content(self) -> bytes:
        """Without its transfer encoding."""
        if self._content is None:
            self._content = decoded(self.body, self.headers.plain("content-transfer-encoding"))
        return self._content

    def walk(self) -> Iterator[Part]:
        """This part and all below, as they stand in the mail."""
        waiting: list[Part] = [self]
        while waiting:
            part = waiting.pop()
            yield part
            waiting.extend(reversed(part.children))

    def message(self) -> Message:
        """The same as the standard library gives it (policy compat32): headers and bodies with surrogates for what is
        not ASCII, so that `get_payload(decode=True)` has the bytes."""
        message = Message()
        message.set_default_type(self.content_type)
        for name, value in self.headers.raw:
            message.set_raw(name, value.decode("ascii", "surrogateescape"))
        if self.children:
            message.set_payload([child.message() for child in self.children])
        elif self.content_type.startswith("message/") and self.depth < _DEEPEST_BLOCKS:
            message.set_payload(list(self._blocks()))
        else:
            message.set_payload(self.body.decode("ascii", "surrogateescape"))
        return message

    def _blocks(self) -> Iterator[Message]:
        """A delivery status and its kind consist of headers alone, in blocks (RFC 3464, 2.1)."""
        content = self.content
        at, count = 0, 0
        while at < len(content) and count < _MOST_BLOCKS:
            block = Message()
            lines, following = _head(content, at, len(content), len(content))
            for name, value in lines:
                block.set_raw(name, value.decode("ascii", "surrogateescape"))
            count += 1
            if self.content_type not in _IN_BLOCKS or following == at:
                block.set_payload(content[following:].decode("ascii", "surrogateescape"))
                following = len(content)
            else:
                block.set_payload("")
            at = _after_newlines(content, following, len(content))
            yield block


@dataclass(slots=True)
class _Budget:
    """What is left of the limits while one mail is taken apart."""

    limits: Limits
    parts: int = 0
    headers: int = 0
    header_bytes: int = 0
    carried: int = 0

    def may_decode(self, size: int) -> bool:
        """Whether a mail within a mail is opened: mails within mails, each encoded anew, are the sum of their sizes."""
        self.carried += size
        return self.carried <= 4 * self.limits.bytes

    def spend(self, *, headers: int, header_bytes: int) -> None:
        self.parts += 1
        self.headers += headers
        self.header_bytes += header_bytes
        if self.parts > self.limits.parts:
            raise TooLarge("parts", self.limits.parts)
        if self.headers > self.limits.headers:
            raise TooLarge("headers", self.limits.headers)
        if self.header_bytes > self.limits.header_bytes:
            raise TooLarge("header_bytes", self.limits.header_bytes)


def take_apart(raw: bytes, limits: Limits) -> Part:
    """The tree of a mail's parts. Raises TooLarge."""
    if len(raw) > limits.bytes:
        raise TooLarge("bytes", limits.bytes)
    return _parse(_unwrapped(raw), _Budget(limits))


def _unwrapped(raw: bytes) -> bytes:
    """Without what a file or a mailbox put before the mail; with line ends that have a line feed."""
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    raw = raw.removeprefix(_BYTE_ORDER_MARK)
    envelope = _MBOX.match(raw)
    if envelope:
        raw = raw[envelope.end() :]
    return raw.lstrip(b"\r\n")


def _parse(raw: bytes, budget: _Budget, depth: int = 0) -> Part:
    return _Mail(raw, budget).part(0, len(raw), depth, "text/plain")


_NAMES = """
    from to cc bcc sender reply-to subject date message-id in-reply-to references received return-path
    delivered-to envelope-to mime-version content-type content-transfer-encoding content-disposition
    content-id content-language resent-from resent-to resent-date resent-message-id auto-submitted
    precedence list-id list-unsubscribe user-agent dkim-signature authentication-results received-spf
    arc-seal importance thread-topic thread-index errors-to apparently-to organization keywords comments
"""
_OF_A_MAIL: Final = frozenset(_NAMES.split())
"""Names of headers; what has not a single one of them, nor a private one (`X-…`), has no headers."""


def _is_of_a_mail(name: str) -> bool:
    return name in _OF_A_MAIL or name.startswith("x")


class _Mail:
    """One buffer and where the lines stand in it that could be boundaries."""

    def __init__(self, raw: bytes, budget: _Budget) -> None:
        self._raw = raw
        self._budget = budget
        self._index: Mapping[bytes, list[int]] | None = None

    def part(self, start: int, end: int, depth: int, default: str) -> Part:
        lines, body = _head(self._raw, start, end, self._budget.limits.header_bytes)
        if depth == 0 and not any(_is_of_a_mail(name.lower()) for name, _ in lines):
            # "Hey:)" and an empty line: somebody's words, and no header.
            lines, body = [], start
        self._budget.spend(headers=len(lines), header_bytes=body - start)
        headers = Headers(lines)
        content_type = headers.content_type or default
        part = Part(headers=headers, content_type=content_type, raw=self._raw, start=body, end=end, depth=depth)
        if depth < self._budget.limits.depth:
            if content_type.startswith("multipart/"):
                part.children = tuple(self._children(part))
            elif content_type in _CARRIERS and self._budget.may_decode(end - body):
                part.children = (self._carried(part),)
        return part

    def _children(self, part: Part) -> Iterator[Part]:
        default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        boundary = part.headers.parameter("content-type", "boundary")
        if boundary is None:
            return
        for start, end in self._between(boundary.encode("utf-8", "surrogateescape").rstrip(), part.start, part.end):
            yield self.part(start, end, part.depth + 1, default)

    def _between(self, boundary: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where the parts lie that a boundary separates; the last may lack its end."""
        if self._index is None:
            self._index = _delimiters(self._raw)
        opening = self._index.get(boundary, [])
        closing = self._index.get(boundary + b"--", [])
        stop = next((at for at in closing[bisect_left(closing, start) :] if at < end), end)
        marks = opening[bisect_left(opening, start) : bisect_left(opening, end)]
        for mark, following in zip(marks, [*marks[1:], end], strict=False):
            if mark > stop:
                break
            yield _after_line(self._raw, mark, end), _before_newline(self._raw, mark, min(following, stop))

    def _carried(self, part: Part) -> Part:
        if part.headers.plain("content-transfer-encoding").lower().startswith(("base64", "quoted")):
            return _parse(_unwrapped(part.content), self._budget, part.depth + 1)
        start = _after_newlines(self._raw, part.start, part.end)
        return self.part(start, part.end, part.depth + 1, "text/plain")


_CARRIERS: Final = frozenset({"message/rfc822", "message/global", "message/news"})
_IN_BLOCKS: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
_MOST_BLOCKS: Final = 1_000
_DEEPEST_BLOCKS: Final = 50


def _delimiters(raw: bytes) -> Mapping[bytes, list[int]]:
    index: dict[bytes, list[int]] = {}
    for found in islice(_DELIMITER.finditer(raw), _MOST_DELIMITERS):
        index.setdefault(found[1].rstrip(), []).append(found.start())
    return index


def _after_line(raw: bytes, at: int, end: int) -> int:
    newline = raw.find(b"\n", at, end)
    return end if newline < 0 else newline + 1


def _after_newlines(raw: bytes, at: int, end: int) -> int:
    while at < end and raw[at] in b"\r\n":
        at += 1
    return at


def _before_newline(raw: bytes, start: int, end: int) -> int:
    """The line end before a boundary belongs to the boundary."""
    if end > start and raw[end - 1 : end] == b"\n" and end < len(raw):
        end -= 1
        if end > start and raw[end - 1 : end] == b"\r":
            end -= 1
    return end


def _head(raw: bytes, start: int, end: int, most: int) -> tuple[list[tuple[str, bytes]], int]:
    """The headers from here, and where the body begins.

    A line that is none, with headers after it, is a continuation that lost its indentation; without, the body
    has begun and only its empty line is missing.
    """
    lines: list[tuple[str, list[bytes]]] = []
    at, goes_on = start, start
    while at < end:
        newline = raw.find(b"\n", at, end)
        stop = end if newline < 0 else newline
        line = raw[at:stop].rstrip(b"\r")
        following = min(stop + 1, end)
        if not line:
            at = following
            break
        if line[0] in b" \t" and lines:
            lines[-1][1].append(line)
        elif _HEADER.match(line):
            name, _, value = line.partition(b":")
            lines.append((name.rstrip().decode("ascii", "replace"), [value.lstrip(b" \t")]))
        elif lines and (goes_on > at or (goes_on := _next_header(raw, following, end)) > at):
            lines[-1][1].append(b" " + line)
        else:
            break
        if following - start > most:
            raise TooLarge("header_bytes", most)
        at = following
    return [(name, b"\n".join(value)) for name, value in lines], at


_NEXT: Final = re.compile(
    rb"^(?:(\r?\n)|(?:received|from|to|cc|subject|date|sender|mime-version|message-id|return-path|reply-to|references"
    rb"|in-reply-to|content-[a-z-]+|list-[a-z-]+|x-[a-z0-9-]+):[ \t])",
    re.MULTILINE | re.IGNORECASE,
)
_FAR: Final = 16 * 1024
"""Bytes within which the headers must go on."""


def _next_header(raw: bytes, at: int, end: int) -> int:
    """Where headers go on before the first empty line; 0 where they do not."""
    found = _NEXT.search(raw, at, min(end, at + _FAR))
    return found.start() if found and found[1] is None else 0
