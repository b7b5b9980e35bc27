"""What a mail system reports about a mail that came back: its prose, its fields, and what it returns of the mail.

Fields are those of RFC 3464 (`Final-Recipient`, `Action`, `Status`, …), wherever they stand: in the part made for
them, or in the text, as some forwarders and Amazon WorkMail leave them. Prose is everything that comes before the
returned mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from channels.mail import charsets, html
from channels.mail.structure import Part

FIELD_TYPES: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
RETURNED_TYPES: Final = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
LONGEST: Final = 64_000
"""Characters of prose that are read. Reports are short; what is longer repeats the mail."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A report, taken apart."""

    prose: str
    blocks: tuple[Mapping[str, str], ...]
    """Fields of one recipient each, names in lower case."""
    returned: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers of the mail that came back, names in lower case: the first of each name."""


def read(root: Part) -> Report:
    """Take a report apart. Says nothing about whether it is one."""
    prose: list[str] = []
    fields: list[str] = []
    returned: dict[str, str] = {}
    marked: list[str] = []
    for part in top_parts(root):
        if part.content_type in RETURNED_TYPES:
            returned = returned or _headers_of(part)
        elif part.content_type in FIELD_TYPES:
            fields.append(_text(part))
        elif part.content_type == "text/html":
            marked.append(_text(part))
        elif part.content_type.startswith(("text/", "multipart/")) and not returned:
            prose.append(_text(part))
    said, copy = _divided("\n".join(prose))
    if marked and not _ADDRESS_LINE.search(said):
        said, copy = _divided(html.text_of("\n".join(marked)[: 4 * LONGEST]))
    told, more = _divided("\n\n".join(fields))
    return Report(
        prose=_FIELD_LINE.sub("", said[:LONGEST]),
        blocks=tuple(_blocks(told) or _blocks(said)),
        returned=returned or _headers_in(copy) or _headers_in(more) or _headers_in(said),
    )


def top_parts(root: Part) -> Iterator[Part]:
    """All parts without children, but those inside of a mail that is carried: that one itself comes instead."""
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if part.children and part.content_type not in RETURNED_TYPES:
            waiting.extend(reversed(part.children))
        else:
            yield part


def _text(part: Part) -> str:
    reading = charsets.read(part.content[: 4 * LONGEST], part.headers.parameter("content-type", "charset"))
    return reading.text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _headers_of(part: Part) -> dict[str, str]:
    if part.children:
        headers: dict[str, str] = {}
        for name, value in part.children[0].headers:
            headers.setdefault(name, value)
        return headers
    return _headers_in(_text(part))


_COPY: Final = re.compile(
    r"""^[ \t]*(?:
        -{2,}[^\n]{0,40}\b(?:copy|original|returned|return|enclosed|attached|attachment|header|headers|message)\b[^\n]*
        | -*[ ]?(?:the[ ])?original[ ](?:e-?mail|mail|message)(?:[ ]headers?)?[ ]?(?:follows|is[ ]attached|below|:|-)
          [^\n]*
        | [^\n]{0,40}(?:headers[ ]follow|bounced[ ]e-?mail:|copy[ ]of[ ](?:the|your)[ ](?:original[ ])?message)[^\n]*
        | content-type:[ \t]*(?:message/rfc822|text/rfc822-headers|message/global)[^\n]*
        | (?:return-path|received|x-received|delivered-to|dkim-signature|arc-seal|arc-message-signature):[^\n]*
    )$""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)


def _divided(text: str) -> tuple[str, str]:
    """What the mail system says, and what it repeats of the mail."""
    text = text[: 4 * LONGEST]
    for mark in _COPY.finditer(text):
        if _ADDRESS_LINE.search(text, 0, mark.start()) or mark.start() > 400:
            return text[: mark.start()], text[mark.start() :]
    return text, ""


_ADDRESS_LINE: Final = re.compile(r"[^\s@]@[^\s@]")
_RETURNED_HEADER: Final = re.compile(
    r"^[ \t>]*(message-id|to|cc|from|subject|received|x-failed-recipients)[ \t]*:[ \t]*([^\n]*(?:\n[ \t]+[^\n]+)*)",
    re.IGNORECASE | re.MULTILINE,
)


def _headers_in(text: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    for found in _RETURNED_HEADER.finditer(text[:LONGEST]):
        headers.setdefault(found[1].lower(), " ".join(found[2].split()))
    return headers


_FIELD: Final = re.compile(
    r"^[ \t>]*(original-recipient|final-recipient|x-actual-recipient|action|status|diagnostic-code|remote-mta|"
    r"reporting-mta|will-retry-until)[ \t]*:[ \t]*([^\n]*(?:\n[ \t]+[^\n]+)*)",
    re.IGNORECASE | re.MULTILINE,
)
_FIELD_LINE: Final = re.compile(
    r"^[ \t>]*(?:(?:original|final|x-actual)-recipient|action|status|diagnostic-code|[a-z-]{1,20}-mta|arrival-date|"
    r"last-attempt-date|will-retry-until|original-envelope-id|x-postfix-[a-z-]{1,20}|x-display-name):"
    r"[^\n]*(?:\n[ \t]+[^\n]+)*",
    re.IGNORECASE | re.MULTILINE,
)
_OF_A_RECIPIENT: Final = ("final-recipient", "original-recipient", "action", "status", "diagnostic-code")


def _blocks(text: str) -> Sequence[Mapping[str, str]]:
    """Fields, divided where a name comes a second time or an empty line stands between."""
    blocks: list[dict[str, str]] = []
    block: dict[str, str] = {}
    end = 0
    for found in _FIELD.finditer(text):
        name = found[1].lower()
        if name in block or "\n\n" in text[end : found.start() + 1].replace("\r", ""):
            blocks.append(block)
            block = {}
        block[name] = " ".join(found[2].replace("\n>", "\n").split())
        end = found.end()
    blocks.append(block)
    return [block for block in blocks if any("recipient" in name for name in block) or _complete(block)]


def _complete(block: Mapping[str, str]) -> bool:
    return sum(name in block for name in _OF_A_RECIPIENT) >= 2
