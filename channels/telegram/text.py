"""Text as Telegram counts it, split where a reader would pause."""

from __future__ import annotations

import re
from typing import Final

from channels.cleaning import clean

TEXT_LIMIT: Final = 4096
CAPTION_LIMIT: Final = 1024
"""UTF-16 code units. Source: https://core.telegram.org/bots/api#sendmessage, #sendphoto, #messageentity."""

_PAUSES: Final = (
    re.compile(r"\n[^\S\n]*\n\s*"),
    re.compile(r"\n\s*"),
    re.compile(r"[。！？…]+[”’」』）]*\s*|(?<![.!?])[.!?]++[\"'”’)]*+\s+"),
    re.compile(r"\s+|[，、；：]+"),
)
"""Where to part a text, best first: between paragraphs, lines, sentences, words and clauses."""


def units(text: str) -> int:
    """Length as Telegram counts it: in UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


def split(text: str, limit: int = TEXT_LIMIT) -> tuple[str, ...]:
    """Parts of at most `limit` UTF-16 code units, cut where a reader would pause; same text, same parts."""
    rest = clean(text).strip()
    parts: list[str] = []
    while rest:
        room = _room(rest, limit)
        cut = room if room == len(rest) else _cut(rest, room)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return tuple(parts)


def _room(text: str, limit: int) -> int:
    """How many of the text's characters fit. A pair that the limit would tear apart stays outside."""
    return len(text[:limit].encode("utf-16-le")[: 2 * limit].decode("utf-16-le", "ignore"))


def _cut(text: str, room: int) -> int:
    for pause in _PAUSES:
        # Not before a third, so that no part has two words; one beyond, because a space at the end is left out.
        ends = [found.end() for found in pause.finditer(text, room // 3, room + 1)]
        fitting = [end for end in ends if len(text[:end].rstrip()) <= room]
        if fitting and not _joined(text, fitting[-1]):
            return fitting[-1]
    return _between_graphemes(text, room)


def _joined(text: str, cut: int) -> bool:
    """Whether the characters beside the cut are one sign, as an exclamation mark and its emoji selector are."""
    from regex import fullmatch

    return fullmatch(r"\X", text[cut - 1 : cut + 1]) is not None


def _between_graphemes(text: str, room: int) -> int:
    from regex import finditer

    lookahead = 64  # beyond the room, so that the last sign is seen whole
    ends = [found.end() for found in finditer(r"\X", text[: room + lookahead])]
    fitting = [end for end in ends if end <= room]
    return fitting[-1] if fitting else room  # a single sign longer than a message: nothing better is left
