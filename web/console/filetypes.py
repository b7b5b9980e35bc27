"""What a file is, by what it begins with: what somebody says of it is believed only where it can do no harm."""

from __future__ import annotations

from typing import Final

_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"%PDF-", "application/pdf"),
)
_M4A: Final = (b"M4A ", b"M4B ")
SHOWN: Final = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "audio/ogg", "audio/mpeg", "audio/mp4", "video/mp4"}
    | {"video/webm", "audio/wav"}
)
"""Types that a browser shows and never runs; everything else is for download."""
ANY: Final = "application/octet-stream"
HEAD: Final = 16
"""Bytes that tell."""


def type_of(content: bytes, stated: str | None = None) -> str:
    """Its content type. A stated one is taken only for what is not shown."""
    head = content[:HEAD]
    for beginning, found in _BEGINNINGS:
        if head.startswith(beginning):
            return found
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[4:8] == b"ftyp":
        return "audio/mp4" if head[8:12] in _M4A else "video/mp4"
    plain = (stated or "").partition(";")[0].strip().lower()
    return plain if plain and plain not in SHOWN and not plain.startswith("image/") else ANY
