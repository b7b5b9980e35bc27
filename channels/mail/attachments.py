"""What travels with a mail: files, pictures within the text, mails within mails."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from channels.cleaning import clean
from channels.mail import tnef
from channels.mail.structure import Part

_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
"""Control characters, and those that turn the writing direction around: `invoice\u202efdp.exe` is shown as a PDF."""
_PATH: Final = re.compile(r"^.*[/\\]", re.DOTALL)
_LONGEST: Final = 180
_EXTENSIONS: Final = {"image/jpg": ".jpg", "image/jpeg": ".jpg", "text/plain": ".txt", "message/rfc822": ".eml",
                      "text/calendar": ".ics", "application/pgp-signature": ".asc", "image/heic": ".heic"}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Attached:
    """One thing that came with a mail."""

    name: str
    """Safe to show and to store under: no path, no control characters, never empty."""
    content_type: str
    content: bytes = field(repr=False)
    inline: bool = False
    """The mail shows it within its text."""
    content_id: str | None = None
    """What `cid:` refers to."""

    @property
    def size(self) -> int:
        return len(self.content)

    @property
    def sha256(self) -> str:
        return sha256(self.content).hexdigest()


def attached(parts: Sequence[Part], sources: Sequence[str]) -> Iterator[Attached]:
    """The files among a mail's parts; `sources` is the HTML that may show some of them."""
    for number, part in enumerate(parts, start=1):
        packed = unpacked(part)
        if packed is not None:
            yield from _packed(packed.files, number)
            continue
        content_id = next(iter(part.headers.identities("content-id")), None)
        yield Attached(
            name=_name(part, number),
            content_type=part.content_type,
            content=part.content,
            inline=_is_shown(part, content_id, sources),
            content_id=content_id,
        )


def unpacked(part: Part) -> tnef.Unpacked | None:
    """What Outlook packed into a `winmail.dat`; None for every other part."""
    return tnef.unpack(part.content) if part.content_type in _MAY_BE_PACKED else None


_MAY_BE_PACKED: Final = tnef.CONTENT_TYPES | {"application/octet-stream"}


def _packed(files: Sequence[tnef.Packed], start: int) -> Iterator[Attached]:
    for number, file in enumerate(files, start=start):
        content_type = file.content_type or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        yield Attached(
            name=safe_name(file.name) or f"attachment-{number}{extension(content_type)}",
            content_type=content_type,
            content=file.content,
            content_id=file.content_id,
        )


def _name(part: Part, number: int) -> str:
    stated = part.headers.parameter("content-disposition", "filename") or part.headers.parameter("content-type", "name")
    name = safe_name(stated or "")
    if name:
        return name
    if part.content_type == "message/rfc822" and part.children:
        subject = safe_name(re.sub(r"[/\\:]+", "-", part.children[0].headers.get("subject")))
        if subject:
            return f"{subject}.eml"
    return f"attachment-{number}{extension(part.content_type)}"


def safe_name(name: str) -> str:
    """Without what could harm where it is shown or stored; may be empty."""
    name = _UNSAFE.sub("", clean(name)).strip()
    name = _PATH.sub("", name.rstrip("/\\")).strip().strip(".") if set(name) - set("./\\ ") else ""
    if len(name) <= _LONGEST:
        return name
    stem, dot, suffix = name.rpartition(".")
    return f"{stem[: _LONGEST - len(suffix) - 1]}.{suffix}" if dot and len(suffix) <= 10 else name[:_LONGEST]


def extension(content_type: str) -> str:
    """With its dot; for what nobody knows, `.txt` or `.bin`."""
    unknown = ".txt" if content_type.startswith(("text/", "message/")) else ".bin"
    return _EXTENSIONS.get(content_type) or mimetypes.guess_extension(content_type) or unknown


def _is_shown(part: Part, content_id: str | None, sources: Sequence[str]) -> bool:
    """Within its text: the HTML names it, or it came to be named. A photo that a phone puts behind a text is a file."""
    if content_id is None or not sources:
        return False
    if any(f"cid:{content_id}" in source for source in sources):
        return True
    return part.content_type.startswith("image/") and part.headers.token("content-disposition") == "inline"
