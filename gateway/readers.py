"""Readers: who is connected to this process, and what reaches them, whichever process committed it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from channels.protocol import Channel, HistoryEntry, Streams
from gateway import streams
from storage.database import Database

log = structlog.get_logger(__name__)

OVERLAP = timedelta(seconds=10)
"""How far a look reaches back behind the one before it: a row carries a time before the commit that shows it."""


class Readers:
    """Those who read a stream of one of our channels in this process."""

    def __init__(self, channels: Mapping[str, Channel], database: Database, clock: Callable[[], datetime]) -> None:
        self._streams: dict[str, Streams] = {
            name: channel for name, channel in channels.items() if isinstance(channel, Streams)
        }
        self._database = database
        self._clock = clock
        self._looked_at = clock()
        self._pushing = asyncio.Lock()

    def publish(self, streamed: Mapping[str, Mapping[str, Sequence[HistoryEntry]]]) -> None:
        """Show entries, by channel and address, to whoever reads there."""
        for name, by_address in streamed.items():
            if name in self._streams:
                self._streams[name].published(by_address)

    async def push(self, interactions: Sequence[int]) -> None:
        """Show what another process has committed."""
        try:
            async with self._pushing:  # one after the other, as they were told
                self.publish(
                    await self._database.read(lambda connection: streams.of_interactions(connection, interactions))
                )
        except (DBAPIError, PoolTimeout):
            log.warning("streams_not_read")  # the next tick that can read offers what was missed

    async def push_missed(self) -> None:
        """Wake-ups may be lost: what was streamed to those connected here since our last look, and a little before it,
        is offered again; repeats are dropped."""
        looking, since = self._clock(), self._looked_at - OVERLAP
        for name, channel in self._streams.items():
            connected = list(channel.connected())
            if connected:
                try:
                    missed = await self._database.read_aside(
                        lambda connection, connected=connected: streams.sent_since(connection, connected, since)
                    )
                except (DBAPIError, PoolTimeout):
                    log.warning("streams_not_read")
                    return
                self.publish({name: missed})
        self._looked_at = looking

    def anyone(self) -> bool:
        return any(True for channel in self._streams.values() for _ in channel.connected())

    def count(self) -> dict[str, int]:
        """How many read, by channel."""
        return {name: len(list(channel.connected())) for name, channel in self._streams.items()}
