"""Characters: from bytes and what a mail says about them to what was written."""

from __future__ import annotations

import codecs
from email.header import decode_header as standard_words
from typing import Final

_NAMES: Final = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "us-ascii": "utf-8", "ascii": "utf-8"}


def decode_text(content: bytes, charset: str | None) -> tuple[str, bool]:
    """The text, and whether it is not what the declaration gives."""
    name = (charset or "us-ascii").strip("\"' ").lower()
    try:
        return content.decode(codecs.lookup(_NAMES.get(name, name)).name), False
    except (LookupError, UnicodeDecodeError, ValueError):
        return repaired(content), True


def repaired(content: bytes) -> str:
    """Text of which nothing is declared."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def decode_header(value: bytes) -> str:
    """A header's value, unfolded, its encoded words decoded (RFC 2047)."""
    text = repaired(value).replace("\r", "").replace("\n", "")
    if "=?" not in text:
        return text.strip()
    try:
        words = standard_words(text)
    except ValueError:
        return text
    return "".join(word if isinstance(word, str) else decode_text(word, charset)[0] for word, charset in words).strip()
