"""Sending: a message is written as a mail, signed where there is a key, and handed over."""

from __future__ import annotations

import asyncio
import mimetypes
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from channels.envelope import Attachment, AttachmentKind, OutboundMessage, Receipt, SendError, SendErrorCode
from channels.mail.composing import Composer, Enclosure, Mail
from channels.mail.signing import Signer
from channels.mail.submission import Submission
from channels.protocol import Port, StorageUnavailable

LARGEST_FILES: Final = 18 * 1024 * 1024
"""Bytes of all files of a mail: a third more on the wire, which the large providers (25 MB) still take."""
HEAVY: Final = 256 * 1024
"""Bytes of files from which a mail is written beside the event loop."""

_BLOB: Final = re.compile(r"[0-9a-f]{64}")


class Sending:
    """The way out of one mailbox. `send` may be called by any number of coroutines at once."""

    def __init__(
        self,
        *,
        composer: Composer,
        submission: Submission,
        signer: Signer | None = None,
        clock: Callable[[], datetime],
        largest_files: int = LARGEST_FILES,
    ) -> None:
        self._composer = composer
        self._submission = submission
        self._signer = signer
        self._clock = clock
        self._largest_files = largest_files

    async def send(self, message: OutboundMessage, port: Port) -> Receipt:
        """Its external id is our Message-ID, the same in every try. Raises SendError, and nothing else."""
        enclosures = await self._enclosures(message.attachments, port)
        if sum(len(enclosure.content) for enclosure in enclosures) > HEAVY:
            mail = await asyncio.to_thread(self._written, message, enclosures)
        else:
            mail = self._written(message, enclosures)
        await self._submission.submit(mail)
        return Receipt(external_ids=(mail.id,))

    async def probe(self) -> None:
        """Try connection and login. Raises SendError."""
        await self._submission.probe()

    async def stop(self) -> None:
        await self._submission.stop()

    def _written(self, message: OutboundMessage, enclosures: Sequence[Enclosure]) -> Mail:
        now = self._clock()
        mail = self._composer.compose(message, at=now, enclosures=enclosures)
        return mail if self._signer is None else self._signer.signed(mail, at=int(now.timestamp()))

    async def _enclosures(self, attachments: Sequence[Attachment], port: Port) -> list[Enclosure]:
        enclosures: list[Enclosure] = []
        room = self._largest_files
        for attachment in attachments:
            enclosures.append(await _enclosure(attachment, port, room))
            room -= len(enclosures[-1].content)
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
        raise SendError(SendErrorCode.UNREACHABLE, f"the file cannot be read: {type(error).__name__}") from None
    kind = attachment.content_type or blob.content_type
    name = attachment.name or f"{attachment.kind}{mimetypes.guess_extension(kind) or ''}"
    return Enclosure(name=name, content_type=kind, content=content)
