"""Blobs: attachments and large bodies, kept as files named by their hash, outside the web root."""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from channels.protocol import Blob, StorageUnavailable
from storage.blobs import BlobRecord
from storage.commits import Commits, Transaction, Unavailable
from storage.database import Database
from storage.privacy import BlobDoubt


class Blobs:
    """A folder of content-addressed files, each with a row that says what it is."""

    def __init__(self, folder: Path, commits: Commits, database: Database) -> None:
        self._folder = folder
        self._commits = commits
        self._database = database

    async def keep(self, content: bytes, *, content_type: str) -> Blob:
        """Write the file, then its row; the same content twice is one blob. Raises StorageUnavailable."""
        digest = sha256(content).hexdigest()
        path = self.path(digest)
        try:
            await asyncio.to_thread(_write_once, path, content)
            blob = Blob(sha256=digest, size=len(content), content_type=content_type, path=path)
            await self._commits.run(lambda transaction: _remember(transaction, blob))
            # It may have been nobody's, and on its way out, when we looked first.
            await asyncio.to_thread(_write_once, path, content)
        except (OSError, Unavailable) as error:
            raise StorageUnavailable(f"an attachment could not be kept: {error}") from error
        return blob

    async def find(self, digest: str) -> Blob | None:
        """A kept blob by its hash. Raises StorageUnavailable."""
        try:
            return await self._database.read(lambda connection: self._find(connection, digest))
        except (DBAPIError, PoolTimeout) as error:
            raise StorageUnavailable(f"attachments cannot be looked up: {type(error).__name__}") from error

    async def forget(self, digest: str) -> None:
        """Delete the file of a blob that no row names any more."""
        if await self.find(digest) is None:
            await asyncio.to_thread(self.path(digest).unlink, missing_ok=True)

    def path(self, digest: str) -> Path:
        """Where a blob's file is: two levels, so that no folder holds millions."""
        if len(digest) != 64 or not all(character in "0123456789abcdef" for character in digest):
            raise ValueError("not a SHA-256 in hexadecimal")
        return self._folder / digest[:2] / digest

    def _find(self, connection: Connection, digest: str) -> Blob | None:
        row = connection.execute(
            select(BlobRecord.size, BlobRecord.content_type).where(BlobRecord.sha256 == digest)
        ).one_or_none()
        if row is None:
            return None
        return Blob(sha256=digest, size=row.size, content_type=row.content_type, path=self.path(digest))


def _write_once(path: Path, content: bytes) -> None:
    """On disk, whole and named, before it returns."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    with partial.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remember(transaction: Transaction, blob: Blob) -> None:
    transaction.connection.execute(delete(BlobDoubt).where(BlobDoubt.sha256 == blob.sha256))  # somebody has it again
    known = transaction.connection.execute(select(BlobRecord.sha256).where(BlobRecord.sha256 == blob.sha256)).scalar()
    if known is None:
        transaction.connection.execute(
            insert(BlobRecord),
            {
                "sha256": blob.sha256,
                "size": blob.size,
                "content_type": blob.content_type,
                "kept_at": transaction.now,
            },
        )
