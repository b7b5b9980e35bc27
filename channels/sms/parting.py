"""A text too long for one message, parted where a reader would pause: never inside a character or a link."""

from __future__ import annotations

import re
from typing import Final

from channels.cleaning import clean
from channels.sms.segments import Encoding, capacity, graphemes, is_gsm, segments, size

_LINK: Final = re.compile(r"\b(?:https?://|www\.)[^\s\u3000-\u303f\uff00-\uffef\u4e00-\u9fff]+", re.IGNORECASE)
_PAUSES: Final = (
    re.compile(r"\n\s*"),
    re.compile(r"[。！？…]+[”’」』）]*\s*|(?<![.!?])[.!?]++[\"'”’)]*+\s+"),
    re.compile(r"[\s，、；：,;]+"),
)
"""Where to part a text, best first: between lines, sentences, words and clauses."""


def parted(text: str, segment_limit: int) -> tuple[str, ...]:
    """Texts of at most so many segments each; same text, same parts. Nearly every text is one."""
    rest = clean(text).strip()
    parts: list[str] = []
    while rest:
        cut = len(rest) if segments(rest) <= segment_limit else _cut(rest, _room(rest, segment_limit))
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return tuple(parts)


def _room(text: str, segment_limit: int) -> int:
    """How many of the text's characters are sure to fit."""
    encoding = Encoding.GSM_7 if is_gsm(text) else Encoding.UCS_2
    room = capacity(encoding, joined=segment_limit > 1)
    signs = text if encoding is Encoding.GSM_7 else graphemes(text)
    parts, used, length = 1, 0, 0
    for sign, units in zip(signs, size(text, encoding), strict=True):
        if used + units > room:
            parts, used = parts + 1, 0
        used += units
        if parts > segment_limit or used > room:
            break
        length += len(sign)
    return length or len(signs[0])


def _cut(text: str, room: int) -> int:
    links = [found.span() for found in _LINK.finditer(text)]
    for pause in _PAUSES:
        # Not before a third, so that no part has two words; one beyond, because a space at the end is left out.
        ends = [found.end() for found in pause.finditer(text, room // 3, room + 1)]
        fitting = [end for end in ends if len(text[:end].rstrip()) <= room and not _torn(links, end)]
        if fitting:
            return fitting[-1]
    before = next((start for start, end in links if start < room < end), room)
    return before or room  # a link longer than a message: nothing better is left


def _torn(links: list[tuple[int, int]], cut: int) -> bool:
    return any(start < cut < end for start, end in links)
