"""Transfer encodings, also as they are broken in the wild (RFC 2045, 6)."""

from __future__ import annotations

import binascii
import quopri
import re
from typing import Final

_NAME: Final = re.compile(r"[^a-z0-9]+")
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/ \t\r\n"
_OTHERS: Final = bytes(byte for byte in range(256) if byte not in _ALPHABET or byte in b" \t\r\n")
_PADDING: Final = re.compile(rb"=+")
_UUENCODED: Final = re.compile(rb"^begin [0-7]{3,4} [^\r\n]+\r?\n", re.MULTILINE)


def decoded(body: bytes, encoding: str) -> bytes:
    """The bytes behind a body. What is not encoded as it says stays as it is."""
    name = _NAME.sub("", encoding.lower())
    if name.startswith("base64"):
        return base64(body)
    if name.startswith("quoted"):
        return quopri.decodestring(body)
    if "uue" in name:
        found = _UUENCODED.search(body)
        return uuencoded(body[found.end() :] if found else body)
    return body


def base64(body: bytes) -> bytes:
    """Padding may be missing or stand in the middle; a list's footer below is passed over."""
    if _is_base64(body) and not _is_words(body.lstrip()[:1000].split(b"\n", 1)[0]):
        return _letters(body)
    lines = body.strip().split(b"\n")
    count = next((number for number, line in enumerate(lines) if not _is_base64(line) or _is_words(line)), len(lines))
    if count:
        return b"".join(_letters(piece) for piece in _PADDING.split(b"".join(lines[:count])))
    letters = body.translate(None, _OTHERS)
    said = len(body.translate(None, b"= \t\r\n"))
    return body if _is_words(lines[0]) or len(letters) < said * 0.9 else _letters(letters)


def _is_base64(text: bytes) -> bool:
    """Nothing but letters of it, and padding at its end."""
    return not text.rstrip(b"= \t\r\n").translate(None, _ALPHABET)


def _is_words(line: bytes) -> bool:
    return b" " in line.strip()


def _letters(body: bytes) -> bytes:
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:
        letters = body.translate(None, _OTHERS)
        letters = letters[: len(letters) - (len(letters) % 4 == 1)]
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def uuencoded(body: bytes) -> bytes:
    """The lines below `begin`; some encoders pad them wrongly."""
    content: list[bytes] = []
    for line in body.splitlines():
        if line.strip() == b"end":
            break
        if not line or line in {b"`", b" "}:
            continue
        try:
            content.append(binascii.a2b_uu(line))
        except binascii.Error:
            stated = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                content.append(binascii.a2b_uu(line[:stated]))
            except binascii.Error:
                return b"".join(content) or body
    return b"".join(content)
