"""Leases on channels: of all processes, one polls a mailbox or a bot."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog
from sqlalchemy import insert, or_, select, update

from channels.protocol import Polls
from storage.commits import Commits, Transaction, Unavailable, server_time
from storage.deliveries import ChannelState

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
        """Take or renew the lease; False while another process has it."""
        connection, now = transaction.connection, server_time(transaction)
        known = connection.execute(select(ChannelState.channel).where(ChannelState.channel == self._name)).scalar()
        if known is None:
            connection.execute(insert(ChannelState), {"channel": self._name})
        return (
            connection.execute(
                update(ChannelState)
                .where(
                    ChannelState.channel == self._name,
                    or_(
                        ChannelState.holder.is_(None),
                        ChannelState.holder == self._process,
                        ChannelState.lease_until < now,
                    ),
                )
                .values(holder=self._process, lease_until=now + LEASE)
            ).rowcount
            > 0
        )

    def _let_go(self, transaction: Transaction) -> None:
        transaction.connection.execute(
            update(ChannelState)
            .where(ChannelState.channel == self._name, ChannelState.holder == self._process)
            .values(holder=None, lease_until=None)
        )


def forget_holders(transaction: Transaction) -> None:
    """Free every channel: for a start on SQLite, where no other process can be alive. A bot that was killed would
    else stay deaf until its lease runs out."""
    transaction.connection.execute(
        update(ChannelState).where(ChannelState.holder.is_not(None)).values(holder=None, lease_until=None)
    )
