"""Fetching media: what customers attached on channels that keep it for themselves becomes a blob of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Row

from channels import protocol
from channels.envelope import Attachment, SendError
from channels.protocol import StorageUnavailable
from gateway.blobs import Blobs
from gateway.envelopes import attachments_from_json
from storage import media
from storage.commits import Commits, Transaction, Unavailable

log = structlog.get_logger(__name__)

AT_ONCE = 4


class Fetcher:
    """Fetches what is wanted, a few at a time; any number of these may run, in any number of processes."""

    def __init__(self, channels: Mapping[str, object], blobs: Blobs, commits: Commits) -> None:
        self._channels: dict[str, protocol.Media] = {
            name: channel for name, channel in channels.items() if isinstance(channel, protocol.Media)
        }
        self._blobs = blobs
        self._commits = commits
        self._busy = asyncio.Lock()

    async def fetch_due(self) -> None:
        """Fetch all that is due now."""
        if not self._channels or self._busy.locked():
            return
        async with self._busy:
            while rows := await self._commits.run(_claim):
                await asyncio.gather(*(self._fetch(row) for row in rows))

    async def _fetch(self, row: Row[*tuple[Any, ...]]) -> None:
        content: dict[str, Any] = row.content
        attachment = attachments_from_json(content)[int(row.place)]
        try:
            await self._keep(row, attachment)
        except SendError as error:
            final = not error.consequence.retry or row.attempts + 1 >= media.ATTEMPTS
            await self._note(row.id, str(error), final=final)
        except (StorageUnavailable, Unavailable) as error:
            log.warning("media_not_kept", channel=row.channel, reason=type(error).__name__)  # due again after its lease

    async def _keep(self, row: Row[*tuple[Any, ...]], attachment: Attachment) -> None:
        channel = self._channels.get(row.channel)
        if channel is None:
            await self._note(row.id, "the channel is not configured any more", final=True)
            return
        content = await channel.fetch(attachment)
        content_type = attachment.content_type or "application/octet-stream"
        blob = await self._blobs.keep(content, content_type=content_type)
        await self._commits.run(
            lambda transaction: media.kept(
                transaction.connection, row.id, sha256=blob.sha256, size=blob.size, content_type=content_type
            )
        )

    async def _note(self, identity: int, reason: str, *, final: bool) -> None:
        await self._commits.run(partial(_failed, identity=identity, reason=reason, final=final))


def _claim(transaction: Transaction) -> list[Row[*tuple[Any, ...]]]:
    return list(media.claim(transaction.connection, transaction.now, AT_ONCE))


def _failed(transaction: Transaction, *, identity: int, reason: str, final: bool) -> None:
    media.failed(transaction.connection, identity, reason, final=final)
