"""Retention: the daily sweep in short pieces, and files that are nobody's any more."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from desk import retention
from desk.retention import Periods
from gateway.blobs import Blobs
from storage.commits import Commits, Transaction, Unavailable

log = structlog.get_logger(__name__)

PIECES = 20
"""In one go; then conversations have the database to themselves for some seconds."""
PAUSE = 0.02
"""Seconds between two pieces."""


class Sweeper:
    """Sweeps, a few pieces at a time; any number of these may run, in any number of processes."""

    def __init__(self, periods: Periods, commits: Commits, blobs: Blobs) -> None:
        self._periods = periods
        self._commits = commits
        self._blobs = blobs

    async def go_on(self) -> None:
        """A few pieces of what is to be done today."""
        try:
            for _ in range(PIECES):
                if not await self._commits.run(partial(_sweep, periods=self._periods)):
                    break
                await asyncio.sleep(PAUSE)
            for _ in range(PIECES):
                gone = await self._commits.run(retention.settle_doubts)
                if gone is None:
                    break
                for digest in gone:
                    await self._blobs.forget(digest)
                await asyncio.sleep(PAUSE)
        except Unavailable:
            log.warning("tick_without_database")


def _sweep(transaction: Transaction, *, periods: Periods) -> bool:
    return retention.sweep(transaction, periods)
