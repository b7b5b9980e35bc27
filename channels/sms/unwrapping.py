"""Texts that carriers wrapped on the way: base64 where plain words were meant."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Final

_SHORTEST: Final = 60
"""Characters below which what looks like base64 may just as well be a code or a password that a person typed."""
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def unwrapped(text: str) -> str:
    """What a person wrote, where a carrier sent it as base64 (some do with each text that is not ASCII); else the same
    text. A carrier cuts such a text by its bytes, so that the last character may be torn: it goes."""
    packed = re.sub(r"[\r\n]", "", text).strip()
    if len(packed) < _SHORTEST or not _BASE64.fullmatch(packed):
        return text
    content = b64decode(packed)
    for torn in range(4):
        try:
            written = content[: len(content) - torn].decode()
        except UnicodeDecodeError:
            continue
        return written if _reads_like_words(written) else text
    return text


def _reads_like_words(written: str) -> bool:
    """No control characters, and white space somewhere or a script that needs none: a random key decodes to neither."""
    printable = all(each.isprintable() or each in "\r\n\t" for each in written)
    return printable and bool(re.search(r"\s|[\u0e00-\u0eff\u3040-\u9fff\uac00-\ud7af]", written))
