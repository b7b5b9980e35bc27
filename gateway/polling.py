"""Polling: of all processes, the one that holds a channel's lease asks its mailbox or bot."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog

from channels.protocol import Polls
from storage import channel_states
from storage.commits import Commits, Transaction, Unavailable, server_time

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=15)
RENEW_SECONDS = 5.0


class Poller:
    """Polls one channel for as long as this process holds its lease."""

    def __init__(self, name: str, channel: Polls, commits: Commits, *, process: str) -> None:
        self._name = name
        self._channel = channel
        self._commits = commits
        self._process = process
        self._keeper: asyncio.Task[None] | None = None
        self._poll: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._keeper = asyncio.create_task(self._keep(), name=f"lease {self._name}")

    async def stop(self) -> None:
        """Stop polling and let another process take over at once."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self._stop_polling()
        with suppress(Unavailable):  # without the database the lease runs out by itself
            await self._commits.run(self._let_go)

    async def _keep(self) -> None:
        while True:
            try:
                ours = await self._commits.run(self._hold)
            except Unavailable:
                ours = False
            if not ours:
                await self._stop_polling()
            elif self._poll is None or self._poll.done():
                if self._poll is not None and not self._poll.cancelled() and self._poll.exception() is not None:
                    log.error("polling_failed", channel=self._name, exc_info=self._poll.exception())
                self._poll = asyncio.create_task(self._channel.poll(), name=f"poll {self._name}")
            await asyncio.sleep(RENEW_SECONDS)

    async def _stop_polling(self) -> None:
        if self._poll is not None:
            self._poll.cancel()
            await asyncio.gather(self._poll, return_exceptions=True)
            self._poll = None

    def _hold(self, transaction: Transaction) -> bool:
        now = server_time(transaction)
        return channel_states.hold(transaction.connection, self._name, self._process, now=now, until=now + LEASE)

    def _let_go(self, transaction: Transaction) -> None:
        channel_states.let_go(transaction.connection, self._name, self._process)
