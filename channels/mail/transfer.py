"""Transfer encodings, also as they are broken in the wild. RFC 2045, 6."""

from __future__ import annotations

import binascii
import quopri
import re
from typing import Final

_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]+")


def decoded(body: bytes, encoding: str) -> bytes:
    """The bytes behind a body. What does not decode stays as it is."""
    match encoding:
        case "base64":
            return base64(body)
        case "quoted-printable":
            return quopri.decodestring(body)
        case "x-uuencode" | "uuencode" | "uue" | "x-uue":
            return uuencoded(body)
        case _:
            return body


def base64(body: bytes) -> bytes:
    """Junk is passed over, padding is not needed; text that follows the last line (a list's footer) is none of it."""
    try:
        return binascii.a2b_base64(body, strict_mode=False)
    except binascii.Error:
        pass
    letters = _NOT_BASE64.sub(b"", body)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def uuencoded(body: bytes) -> bytes:
    lines = body.splitlines()
    begin = next((number for number, line in enumerate(lines) if line.startswith(b"begin ")), -1)
    content: list[bytes] = []
    for line in lines[begin + 1 :]:
        if line in {b"end", b"`", b" ", b""}:
            if line == b"end":
                break
            continue
        try:
            content.append(binascii.a2b_uu(line))
        except binascii.Error:
            length = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                content.append(binascii.a2b_uu(line[:length]))
            except binascii.Error:
                return body
    return b"".join(content)
