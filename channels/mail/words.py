"""Encoded words (RFC 2047), as they are meant and as they are broken.

Broken in the wild, and read nevertheless: characters cut between two words, spaces and line ends within a word, padding
that is missing, words within quotes or glued to other text, raw bytes beside words, words that never end.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from channels.mail.charsets import read

_WORD: Final = re.compile(rb"=\?([^?\s]*)\?([bBqQ])\?((?:[^?]|\?(?!=))*)(?:\?=|\?\Z|\Z)")
_BYTE: Final = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]")


class _Piece(NamedTuple):
    """A stretch of a value: raw, or the bytes of one or more encoded words."""

    content: bytes
    charset: str | None
    is_word: bool


def decode(value: bytes, hint: str | None = None) -> str:
    """A header's value, unfolded, with its encoded words decoded. `hint` is the character set of raw bytes, if the rest
    of the mail lets one suppose it."""
    value = unfolded(value)
    if b"=?" not in value:
        return read(value, hint).text if not value.isascii() or b"\x1b" in value else value.decode("ascii")
    return "".join(
        read(piece.content, piece.charset if piece.is_word else hint).text for piece in _pieces(value)
    ).strip()


def unfolded(value: bytes) -> bytes:
    """One line, without the spaces around."""
    return b" ".join(line.strip(b" \t\r") for line in value.split(b"\n")).strip()


def decode_text(text: str) -> str:
    """The same for a piece of a value that was made text before (`raw`)."""
    return decode(text.encode("utf-8", "surrogateescape"), "utf-8") if "=?" in text else text


def raw(value: bytes, hint: str | None = None) -> str:
    """A header's value, unfolded, its encoded words as they stand: for those that have a grammar."""
    value = unfolded(value)
    return value.decode("ascii") if value.isascii() and b"\x1b" not in value else read(value, hint).text


def _pieces(value: bytes) -> Iterator[_Piece]:
    """Raw stretches and words, words of one character set joined before anybody reads their bytes."""
    pending: _Piece | None = None
    rest = b""
    """Letters of base64 that do not yet make a byte."""
    at = 0
    for found in _WORD.finditer(value):
        between = value[at : found.start()]
        at = found.end()
        charset = found[1].split(b"*")[0].decode("ascii", "replace").lower()
        if pending is not None and (between.strip() or charset != pending.charset):
            yield pending
            pending, rest = None, b""
        if between.strip() or (between and pending is None and found.start() == len(between)):
            yield _Piece(between, None, is_word=False)
        if found[2] in b"bB":
            letters = rest + _NOT_BASE64.sub(b"", found[3])
            whole = len(letters) - len(letters) % 4 if b"=" not in found[3] else len(letters)
            rest = letters[whole:]
            content = _base64(letters[:whole])
        else:
            content = _quoted(found[3])
        pending = _Piece((pending.content if pending else b"") + content, charset, is_word=True)
    if pending is not None:
        yield _Piece(pending.content + _base64(rest), pending.charset, is_word=True)
    if value[at:]:
        yield _Piece(value[at:], None, is_word=False)


def _base64(letters: bytes) -> bytes:
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def _quoted(text: bytes) -> bytes:
    return _BYTE.sub(lambda found: bytes((int(found[1], 16),)), text.replace(b"_", b" "))
