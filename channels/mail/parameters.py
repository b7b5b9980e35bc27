"""Parameters of a structured header (RFC 2045, 5.1), continued and encoded ones too (RFC 2231)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from channels.mail import words
from channels.mail.charsets import read

_PARAMETER: Final = re.compile(
    rb";\s*([^\s=;*\"]{1,100}?)(?:\*([0-9]{1,4}))?(\*)?\s*=\s*(?:\"((?:[^\"\\]|\\.)*)(?:\"|\Z)|([^;]*))",
    re.DOTALL,
)
_ESCAPED: Final = re.compile(rb"\\([\"\\])")
_COMMENT: Final = re.compile(rb"\s+\([^()]*\)\s*\Z")
_BARE: Final = re.compile(rb"(?<=\S)\s+(?=[^\s=\"]{1,40}=[^=])")
"""Where a semicolon is missing."""
_MOST: Final = 200
"""Parameters of one header that anybody reads."""


def parameters(value: bytes, hint: str | None = None) -> Mapping[str, str]:
    """All parameters by name in lower case. Where one is there plainly and encoded, the encoded one counts."""
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[bytes, bool]]] = {}
    value = words.unfolded(value)
    if b";" not in value:
        value = _BARE.sub(b";", value)
    for number, found in enumerate(_PARAMETER.finditer(value)):
        if number >= _MOST:
            break
        name = found[1].decode("utf-8", "replace").lower()
        content = _ESCAPED.sub(rb"\1", found[4]) if found[4] is not None else _COMMENT.sub(b"", found[5].strip())
        if found[2] is None and not found[3]:
            plain.setdefault(name, words.decode(content, hint))
        else:
            sections.setdefault(name, {}).setdefault(int(found[2] or b"0"), (content, bool(found[3])))
    return plain | {name: _joined(parts, hint) for name, parts in sections.items()}


def _joined(parts: Mapping[int, tuple[bytes, bool]], hint: str | None) -> str:
    """Sections in the order of their numbers; the first one, if encoded, says in which character set."""
    ordered = [parts[number] for number in sorted(parts)]
    first, encoded = ordered[0]
    charset: str | None = None
    if encoded and first.count(b"'") >= 2:
        declared, _, first = first.split(b"'", 2)
        charset = declared.decode("ascii", "replace") or None
        ordered[0] = (first, encoded)
    if not any(encoded for _, encoded in ordered):
        return words.decode(b"".join(content for content, _ in ordered), hint)
    content = b"".join(unquote_to_bytes(content) if encoded else content for content, encoded in ordered)
    return read(content, charset or hint).text
