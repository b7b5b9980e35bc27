"""What a reader sees of a mail: its text parts in order, the better of two alternatives, HTML as text.

Sources: RFC 2046 (5.1), RFC 2387 (related), RFC 3676 (format=flowed).
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from channels.mail import html
from channels.mail.attachments import Attached, safe_name, unpacked
from channels.mail.charsets import codec, read
from channels.mail.structure import Limits, Part
from channels.mail.transfer import uuencoded

_READ: Final = frozenset({"text/plain", "text/html", "text/enriched", "text/markdown", "text/x-markdown"})
_FOR_PROGRAMS: Final = frozenset({"text/x-amp-html", "text/watch-html"})
"""Alternatives that say the same again to some programs: no reader misses them."""
_META: Final = re.compile(rb"<meta\b[^>]{0,200}?\bcharset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]+)", re.IGNORECASE)
_NEWLINE: Final = re.compile(r"(?<!\r)\r+\n|\r(?!\n)")
_LOOKS_LIKE_HTML: Final = re.compile(r"\s*(?:<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>])", re.IGNORECASE)
_SAYS_HTML: Final = re.compile(
    r"\bhtml\b|web ?(?:browser|version)|browser|mail ?(?:client|program)|浏览器|瀏覽器|网页版|ブラウザ|MIME",
    re.IGNORECASE,
)
_APOLOGY: Final = 400
"""Characters: a plain text that only says that there is another is not longer."""
_BEGIN: Final = re.compile(r"^begin [0-7]{3,4} (\S[^\n]*)\n", re.MULTILINE)
_LONGEST_LINE: Final = 64
"""Characters of a uuencoded line, and a few for those who pad."""


@dataclass(kw_only=True, slots=True)
class Segment:
    """One stretch of what is read."""

    text: str
    html: str | None = None
    """What it was made of."""


@dataclass(kw_only=True, slots=True)
class Contents:
    """All that a reader sees, and what of the mail is left for the attachments."""

    segments: list[Segment] = field(default_factory=list[Segment])
    others: list[Part] = field(default_factory=list[Part])
    """Parts that are not text to be read."""
    files: list[Attached] = field(default_factory=list[Attached])
    """What stood uuencoded within the text."""
    calendar: str | None = None
    sources: list[str] = field(default_factory=list[str])
    """HTML that came, whether or not it was the better alternative."""
    repaired: bool = False
    hint: str | None = None
    """The character set that some part of the mail declares."""
    limits: Limits
    bytes_read: int = 0
    html_read: int = 0

    @property
    def text(self) -> str:
        return "\n".join(text for segment in self.segments if (text := segment.text.strip("\n")).strip())

    @property
    def is_from_html(self) -> bool:
        seen = [segment for segment in self.segments if segment.text.strip()]
        return bool(seen) and all(segment.html is not None for segment in seen)


def contents_of(root: Part, *, hint: str | None, limits: Limits) -> Contents:
    """Sort a mail's parts. `hint` is a character set that its headers name."""
    contents = Contents(hint=_declared_somewhere(root) or hint, limits=limits)
    _sort(root, contents)
    if not contents.text:
        _unpack(contents)
    return contents


def _unpack(contents: Contents) -> None:
    """Outlook may have packed the text away with the files (`winmail.dat`)."""
    for part in contents.others:
        packed = unpacked(part)
        if packed is not None and packed.html:
            contents.sources.append(packed.html)
            contents.segments.append(Segment(text=html.text_of(packed.html[: contents.limits.html]), html=packed.html))
        elif packed is not None:
            contents.segments.append(Segment(text=packed.text))


def _declared_somewhere(root: Part) -> str | None:
    for part in root.walk():
        if part.content_type.startswith("text/") and "content-type" in part.headers:
            declared = part.headers.parameter("content-type", "charset")
            if codec(declared) not in {None, "ascii", "utf_8"}:
                return declared
    return None


def _sort(part: Part, contents: Contents) -> None:
    kind = part.content_type
    if part.children and kind.startswith("multipart/"):
        if kind == "multipart/alternative":
            _alternative(part, contents)
        elif kind == "multipart/related":
            _related(part, contents)
        elif kind in {"multipart/digest", "multipart/parallel"}:
            contents.others.extend(part.children)
        else:
            for child in part.children:
                _sort(child, contents)
    elif kind == "text/calendar":
        contents.calendar = contents.calendar or _read(part, contents)
        if is_attached(part):
            contents.others.append(part)
    elif _is_read(part):
        _append(part, contents)
    elif (part.end > part.start or part.depth) and kind not in _FOR_PROGRAMS:
        contents.others.append(part)


def is_attached(part: Part) -> bool:
    """The sender gave it as a file."""
    headers = part.headers
    if headers.token("content-disposition") == "attachment":
        return True
    return headers.parameter("content-disposition", "filename") is not None


def _is_read(part: Part) -> bool:
    if part.content_type.startswith("multipart/"):
        return not part.depth or not is_attached(part)  # without its boundary it is one text
    if part.content_type not in _READ:
        return False
    return not is_attached(part) or (not part.depth and part.headers.token("content-disposition") != "attachment")


def _related(part: Part, contents: Contents) -> None:
    """The first part is what is read (or the one that `start` names); the others are shown within it."""
    start = (part.headers.parameter("content-type", "start") or "").strip("<> ")
    root = next((c for c in part.children if start and start in c.headers.identities("content-id")), part.children[0])
    for child in part.children:
        if (
            child is root
            or child.content_type.startswith("multipart/")
            or (not is_attached(child) and child.content_type == "text/plain" and "content-id" not in child.headers)
        ):
            _sort(child, contents)
        else:
            contents.others.append(child)


def _alternative(part: Part, contents: Contents) -> None:
    """Plain text, unless it says nothing; the HTML is kept. What is no text is an attachment on either side."""
    sides: list[Contents] = []
    for child in part.children:
        side = Contents(
            hint=contents.hint,
            limits=contents.limits,
            bytes_read=contents.bytes_read,
            html_read=contents.html_read,
        )
        _sort(child, side)
        sides.append(side)
        contents.bytes_read, contents.html_read = side.bytes_read, side.html_read
        contents.others.extend(side.others)
        contents.calendar = contents.calendar or side.calendar
        contents.sources.extend(side.sources)
        contents.files.extend(side.files)
        contents.repaired = contents.repaired or side.repaired
    told = [side for side in sides if side.text]
    plain = next((side for side in told if not side.is_from_html), None)
    rich = next((side for side in reversed(told) if side.is_from_html), None)
    if plain is not None and rich is not None and _says_nothing(plain.text, rich.text):
        plain = None
    chosen = plain or rich
    if chosen is not None:
        contents.segments.extend(chosen.segments)


def _says_nothing(plain: str, rich: str) -> bool:
    """An apology instead of the text (`This is an HTML mail`), or the HTML itself under the wrong name."""
    if _LOOKS_LIKE_HTML.match(plain):
        return True
    if len(plain) >= _APOLOGY or plain[:80].strip() in rich:
        return False
    return len(rich) > 2 * len(plain) and _SAYS_HTML.search(plain) is not None


def _append(part: Part, contents: Contents) -> None:
    text = _read(part, contents)
    if part.content_type == "text/html" or _LOOKS_LIKE_HTML.match(text):
        contents.sources.append(text)
        read_now = text[: max(0, contents.limits.html - contents.html_read)]
        contents.html_read += len(read_now)
        contents.segments.append(Segment(text=html.text_of(read_now), html=text))
    elif part.content_type == "text/enriched":
        contents.segments.append(Segment(text=_enriched(text)))
    else:
        if (part.headers.parameter("content-type", "format") or "").lower() == "flowed":
            text = _flowed(text, delete=(part.headers.parameter("content-type", "delsp") or "").lower() == "yes")
        contents.segments.append(Segment(text=_without_files(text, contents)))


def _read(part: Part, contents: Contents) -> str:
    declared = part.headers.parameter("content-type", "charset")
    content = part.content[: max(0, contents.limits.text - contents.bytes_read)]
    contents.bytes_read += len(content)
    if part.content_type == "text/html" and codec(declared) in {None, "ascii"}:
        found = _META.search(content[:4096])
        declared = found[1].decode("ascii") if found else declared
    if codec(declared) in {None, "ascii"} and contents.hint is not None and not content.isascii():
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            declared = contents.hint
    text, repaired = read(content, declared)
    contents.repaired = contents.repaired or repaired
    return _NEWLINE.sub("\n", text) if "\r" in text else text


def _without_files(text: str, contents: Contents) -> str:
    """Before MIME, and in some programs still, files stand within the text."""
    pieces: list[str] = []
    at, end = 0, -1
    for begin in _BEGIN.finditer(text):
        if begin.start() < at:
            continue
        if end < begin.end() - 1:
            end = text.find("\nend", begin.end() - 1)
        if end < 0:
            break
        if not _is_uuencoded(text[begin.end() : begin.end() + _LONGEST_LINE + 1]):
            continue
        content = uuencoded(text[begin.end() : end + 1].encode("ascii", "replace"))
        name = safe_name(begin[1]) or "attachment"
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        contents.files.append(Attached(name=name, content_type=content_type, content=content))
        pieces.append(text[at : begin.start()])
        at = end + len("\nend")
    return "".join(pieces) + text[at:] if pieces else text


def _is_uuencoded(encoded: str) -> bool:
    first = encoded.partition("\n")[0]
    if not 1 < len(first) <= _LONGEST_LINE or any(not " " <= sign <= "`" for sign in first.rstrip("\r")):
        return False
    return abs((((ord(first[0]) - 32) & 63) + 2) // 3 * 4 + 1 - len(first.rstrip())) <= 3


def _flowed(text: str, *, delete: bool) -> str:
    """Join the lines that end with a space (RFC 3676, 4.2). Quotes keep their lines: each says that it is one."""
    return "\n".join(_paragraphs(text, delete=delete))


def _paragraphs(text: str, *, delete: bool) -> Iterator[str]:
    gathered: list[str] = []
    for line in text.split("\n"):
        if line.startswith(">") or line == "-- ":
            if gathered:
                yield "".join(gathered).rstrip(" ")
            gathered = []
            yield line
            continue
        line = line.removeprefix(" ")
        if line.endswith(" ") and line.strip():
            gathered.append(line[:-1] if delete else line)
        else:
            yield "".join([*gathered, line]).rstrip(" ")
            gathered = []
    if gathered:
        yield "".join(gathered).rstrip(" ")


def _enriched(text: str) -> str:
    """RFC 1896: a single line end is a space, tags are in brackets, `<<` is one."""
    text = re.sub(r"<param>.{0,200}?</param>", "", text, flags=re.DOTALL | re.IGNORECASE)
    text = re.sub(r"<(?!<)/?[A-Za-z-]{1,60}>", "", text).replace("<<", "<")
    return re.sub(r"\n(\n*)", lambda found: found[1] or " ", text)
