"""Bodies as they are written: lines end in CRLF, all of it is ASCII, and no line is too long, whatever was said."""

from __future__ import annotations

import re
from binascii import b2a_base64, b2a_qp
from typing import Final

_SHORT_LINES: Final = re.compile(rb"(?:[\t -~]{0,76}\r\n)*")
_NEEDS_NO_QUOTING: Final = bytes([9, 10, 13, *(b for b in range(32, 127) if b != 61)])
_LINE: Final = 76
"""Characters: RFC 2045, 6.7 and 6.8."""


def text_part(text: str) -> tuple[bytes, bytes]:
    """Content-Transfer-Encoding and content, in the shortest form that every server carries unchanged.

    `text` has its lines apart by a line feed alone, and went through `clean`.
    """
    lines = text.replace("\n", "\r\n")
    data = (lines if lines.endswith("\n") else f"{lines}\r\n").encode()
    if _SHORT_LINES.fullmatch(data):
        return b"7bit", data
    if 2 * len(data.translate(None, _NEEDS_NO_QUOTING)) <= len(data) // 3:
        return b"quoted-printable", b2a_qp(data)
    return b"base64", base64_lines(data)


def base64_lines(data: bytes) -> bytes:
    """Base64 in lines of 76 characters."""
    encoded = b2a_base64(data, newline=False)
    if len(encoded) <= _LINE:
        return encoded + b"\r\n"
    return b"\r\n".join([encoded[start : start + _LINE] for start in range(0, len(encoded), _LINE)]) + b"\r\n"
