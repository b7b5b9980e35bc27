"""Transfer encodings, also as they are broken in the wild (RFC 2045, 6)."""

from __future__ import annotations

import binascii
import quopri
import re
from typing import Final

_NAME: Final = re.compile(r"[^a-z0-9]+")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\s]*={0,2}\s*\Z")
_LINES: Final = re.compile(rb"(?:[A-Za-z0-9+/]+[ \t\r]*=*[ \t\r]*(?:\n\s*|\Z))*")
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]+")
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
    if _BASE64.match(body):
        return _letters(body)
    lines = _LINES.match(body.lstrip())
    encoded = lines[0] if lines else b""
    if len(encoded) * 2 < len(body):
        letters = _NOT_BASE64.sub(b"", body)
        blanks = sum(body.count(blank) for blank in (b" ", b"\n", b"\r", b"\t", b"="))
        if len(letters) < (len(body) - blanks) * 0.95 or b" " in body.strip().split(b"\n", 1)[0].strip():
            return body
        encoded = body
    return b"".join(_letters(piece) for piece in _PADDING.split(encoded))


def _letters(body: bytes) -> bytes:
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:
        letters = _NOT_BASE64.sub(b"", body)
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
