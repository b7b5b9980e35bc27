"""Files that go along with a mail, from where the house keeps them."""

from __future__ import annotations

import asyncio
import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from channels.envelope import Attachment, AttachmentKind, SendError, SendErrorCode
from channels.mail.bodies import base64_lines
from channels.mail.fields import parameter
from channels.protocol import Port, StorageUnavailable

LARGEST_FILES: Final = 18 * 1024 * 1024
"""Bytes of all files of a mail: a third more on the wire, which the large providers (25 MB) still take."""

_BLOB: Final = re.compile(r"[0-9a-f]{64}")
_CONTENT_TYPE: Final = re.compile(
    r"(?!multipart/|message/)[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Enclosure:
    """A file that goes along."""

    name: str
    content_type: str
    content: bytes = field(repr=False)


async def enclosed(
    attachments: Sequence[Attachment], port: Port, *, largest: int = LARGEST_FILES
) -> Sequence[Enclosure]:
    """The contents of a message's attachments. Raises SendError."""
    enclosures: list[Enclosure] = []
    for attachment in attachments:
        room = largest - sum(len(enclosure.content) for enclosure in enclosures)
        enclosures.append(await _enclosure(attachment, port, room))
    return enclosures


async def _enclosure(attachment: Attachment, port: Port, room: int) -> Enclosure:
    if attachment.kind in (AttachmentKind.LOCATION, AttachmentKind.CONTACT):
        raise SendError(SendErrorCode.UNSUPPORTED, f"a {attachment.kind} has no content to enclose")
    if not _BLOB.fullmatch(attachment.id):
        raise SendError(SendErrorCode.UNSUPPORTED, "a file that another provider keeps cannot be enclosed")
    try:
        blob = await port.blob(attachment.id)
    except StorageUnavailable:
        raise SendError(SendErrorCode.UNREACHABLE, "our own storage is not available") from None
    if blob is None:
        raise SendError(SendErrorCode.REJECTED, "the file is gone")
    if blob.size > room:
        raise SendError(SendErrorCode.TOO_LARGE, "the files are too large for a mail")
    try:
        content = await asyncio.to_thread(blob.path.read_bytes)
    except OSError as error:
        raise SendError(SendErrorCode.UNREACHABLE, f"a file cannot be read: {type(error).__name__}") from None
    kind = attachment.content_type or blob.content_type
    name = attachment.name or f"{attachment.kind}{mimetypes.guess_extension(kind) or ''}"
    return Enclosure(name=name, content_type=kind, content=content)


def with_enclosures(body: bytes, enclosures: Sequence[Enclosure], mac: str) -> bytes:
    """A mail's body with its files behind it; `mac` makes the boundary."""
    boundary = f"=_m{mac}"
    parts = [f'Content-Type: multipart/mixed;\r\n boundary="{boundary}"\r\n\r\n--{boundary}\r\n'.encode(), body]
    for enclosure in enclosures:
        kind = enclosure.content_type if _CONTENT_TYPE.fullmatch(enclosure.content_type) else "application/octet-stream"
        name = enclosure.name.replace("/", "_").replace("\\", "_")
        parts += [
            f"\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n"
            f"Content-Disposition: attachment{parameter('filename', name)}\r\n\r\n".encode(),
            base64_lines(enclosure.content),
        ]
    return b"".join([*parts, f"\r\n--{boundary}--\r\n".encode()])
