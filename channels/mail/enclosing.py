"""Files that go along with a mail, from where the house keeps them."""

from __future__ import annotations

import asyncio
import mimetypes
import re
from collections.abc import Sequence
from typing import Final

from channels.envelope import Attachment, AttachmentKind, SendError, SendErrorCode
from channels.mail.composing import Enclosure
from channels.protocol import Port, StorageUnavailable

LARGEST_FILES: Final = 18 * 1024 * 1024
"""Bytes of all files of a mail: a third more on the wire, which the large providers (25 MB) still take."""

_BLOB: Final = re.compile(r"[0-9a-f]{64}")


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
