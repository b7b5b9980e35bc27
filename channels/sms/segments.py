"""Texts as operators count them: septets of the GSM alphabet or UTF-16 units, in segments.

Sources: 3GPP TS 23.038 (the alphabets, 6.2.1 and 6.2.1.1), TS 23.040, 9.2.3.24 (headers of concatenated messages). A
segment carries 140 octets: 160 septets or 70 units, or, behind a header of six octets (seven with a 16-bit reference),
153 or 67 (152 or 66). What belongs together stays in one segment: an escape and its sign, a surrogate pair, and what a
person sees as one character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet in order of code."""
EXTENSION: Final[dict[str, int]] = {
    "\f": 0x0A, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F, "[": 0x3C, "~": 0x3D, "]": 0x3E, "|": 0x40, "€": 0x65,
}  # fmt: skip
"""Signs behind an escape: two septets each."""

_ONE: Final = frozenset(BASIC) - {"\x1b"}
_GSM: Final = re.compile(f"[{re.escape(''.join(_ONE) + ''.join(EXTENSION))}]*")
_PLAIN_GSM: Final = re.compile(f"[{re.escape(''.join(sorted(_ONE)))}]*")
_PLAIN_UCS2: Final = re.compile("[\n\x20-\u02ff\u2010-\u2027\u3000-\u3029\u3031-\u3098\u309b-\u9fff\uff00-\uff9d]*")
"""Characters that stand by themselves, in one unit each: Latin letters, Chinese, kana and their punctuation."""
_BITS: Final = 1120
"""Of user data in one segment."""


class Encoding(StrEnum):
    """What a text travels as."""

    GSM_7 = "GSM-7"  # the default alphabet, seven bits a sign
    UCS_2 = "UCS-2"  # in truth UTF-16, as every phone reads it


class Reference(StrEnum):
    """How the parts of one text are numbered."""

    EIGHT_BIT = "8-bit"  # six octets of header: what nearly every operator does
    SIXTEEN_BIT = "16-bit"  # seven octets


_HEADER_OCTETS: Final = {Reference.EIGHT_BIT: 6, Reference.SIXTEEN_BIT: 7}


@dataclass(frozen=True, kw_only=True, slots=True)
class Segments:
    """What a text costs on its way."""

    encoding: Encoding
    units: int
    """Septets, or UTF-16 units, without headers."""
    segments: int
    forced_by: tuple[str, ...]
    """The characters that are not in the GSM alphabet, each once, in order: the reason for UCS-2."""
    bits: int
    """Of the text, without headers."""
    total_bits: int
    """With them."""
    characters: int
    """As a person counts them."""


def count(text: str, reference: Reference = Reference.EIGHT_BIT) -> Segments:
    """What operators will count for a text."""
    encoding = Encoding.GSM_7 if is_gsm(text) else Encoding.UCS_2
    sizes = tuple(size(text, encoding))
    parts = _parts(sizes, encoding, reference)
    unit_bits = 7 if encoding is Encoding.GSM_7 else 16
    bits = sum(sizes) * unit_bits
    return Segments(
        encoding=encoding,
        units=sum(sizes),
        segments=parts,
        forced_by=forced_by(text),
        bits=bits,
        total_bits=bits + (parts * _HEADER_OCTETS[reference] * 8 if parts > 1 else 0),
        characters=len(sizes),
    )


def segments(text: str) -> int:
    """How many segments a text takes: the same as `count` says, and quicker for nearly every text."""
    if _PLAIN_GSM.fullmatch(text):
        return _of_single_units(len(text), Encoding.GSM_7)
    if _PLAIN_UCS2.fullmatch(text) and not is_gsm(text):
        return _of_single_units(len(text), Encoding.UCS_2)
    return count(text).segments


def _of_single_units(units: int, encoding: Encoding) -> int:
    """Where each character is one unit, none can be torn."""
    if units <= capacity(encoding, joined=False):
        return 1
    return -(-units // capacity(encoding, joined=True))


def is_gsm(text: str) -> bool:
    """Whether the default alphabet and its extension can say it."""
    return _GSM.fullmatch(text) is not None


def forced_by(text: str) -> tuple[str, ...]:
    """The characters that force UCS-2, each once, in order."""
    return tuple(dict.fromkeys(each for each in text if each not in _ONE and each not in EXTENSION))


def size(text: str, encoding: Encoding) -> Iterable[int]:
    """Units of each character that must not be torn."""
    if encoding is Encoding.GSM_7:
        return (1 if each in _ONE else 2 for each in text)
    return (_units(each) for each in graphemes(text))


def capacity(encoding: Encoding, *, joined: bool, reference: Reference = Reference.EIGHT_BIT) -> int:
    """Units that fit a segment, alone or `joined` to others."""
    room = _BITS - (_HEADER_OCTETS[reference] * 8 if joined else 0)
    return room // (7 if encoding is Encoding.GSM_7 else 16)


def graphemes(text: str) -> Sequence[str]:
    """What a person sees as one character each; a line's end in two characters stays two, as operators count it."""
    if text.isascii():
        return text
    from regex import findall

    return [part for each in findall(r"\X", text) for part in (tuple(each) if each == "\r\n" else (each,))]


def _parts(sizes: Sequence[int], encoding: Encoding, reference: Reference) -> int:
    if sum(sizes) <= capacity(encoding, joined=False):
        return 1
    room = capacity(encoding, joined=True, reference=reference)
    parts, used = 1, 0
    for each in sizes:
        if used + each > room and used:
            parts, used = parts + 1, 0
        # A character longer than a segment (dozens of marks upon one letter) has to be torn.
        parts, used = parts + (used + each - 1) // room, (used + each - 1) % room + 1
    return parts


def _units(character: str) -> int:
    return len(character.encode("utf-16-le", "surrogatepass")) // 2
