"""The audience: who looks at the console in this process, and what they have to hear of commits here and elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from channels.protocol import Channel, Streams, Typing
from desk import typing
from gateway.news import Told
from storage.commits import Commits, Transaction, Unavailable
from storage.database import Database
from storage.touched import EVERYTHING, What
from web.console.company import Company
from web.console.live import Live

log = structlog.get_logger(__name__)

SETTLED = 1.0
"""Seconds after which every other process knows that somebody looks here; what was not told until then is looked at."""


class Audience:
    """Between commits and pages."""

    def __init__(
        self,
        live: Live,
        *,
        commits: Commits,
        database: Database,
        clock: Callable[[], datetime],
        do: Callable[[Coroutine[Any, Any, None]], None],
        alone: bool,
    ) -> None:
        """`do`: runs something beside; `alone`: there are no other processes."""
        self._live = live
        self._commits = commits
        self._database = database
        self.channels: Mapping[str, Channel] = {}
        self._clock = clock
        self._do = do
        self._alone = alone
        self._timers: set[asyncio.TimerHandle] = set()
        self.company = Company(
            tell=live.tell, later=self._later, now=time.monotonic, share=self._share, looked_at=lambda: live.looked_at
        )
        live.company = self.company
        live.on_first = self._first

    def close(self) -> None:
        self._live.close()
        for timer in self._timers:
            timer.cancel()

    def touched(self, what: Iterable[What]) -> None:
        """A commit touched these."""
        what = frozenset(what)
        self.company.wrote(what)
        self._live.tell(what)

    def acknowledged(self, channel: str, external_ids: Sequence[str]) -> None:
        """Clients took what they were sent: it is told where somebody looks at such a conversation."""
        if self._live.conversations:
            self._do(self._look_up(channel, list(external_ids)))

    def hear(self, process: str, told: Sequence[Mapping[str, Any]]) -> None:
        """What another process says."""
        for said in told:
            if "typing" in said:
                channel, uri = said["typing"]
                self._show(channel, uri)
            else:
                self.company.hear(process, said)

    def missed(self) -> None:
        """What other processes told may have been lost."""
        self._live.tell([EVERYTHING])

    def customer_types(self, channel: str, uri: str) -> None:
        """A hint from a channel; it is looked up only where somebody may be looking."""
        if self._live.conversations or self.company.others_look:
            self._do(self._customer_types(channel, uri))

    def agent_types(self, channel: str, uri: str) -> None:
        """Show a customer that somebody writes: a stream's readers may be connected to any process."""
        self._show(channel, uri)
        if isinstance(self.channels.get(channel), Streams):
            self._share({"typing": [channel, uri]})

    async def announce(self) -> None:
        """Tell the others that somebody looks here, so that they go on telling us."""
        if not self._alone and self._live.looked_at:
            self.company.announce()

    def _first(self) -> None:
        if not self._alone:
            self.company.announce()
            self._later(SETTLED, self.missed)

    def _show(self, channel: str, uri: str) -> None:
        speaker = self.channels.get(channel)
        if isinstance(speaker, Typing):
            self._do(speaker.typing(uri))

    async def _customer_types(self, channel: str, uri: str) -> None:
        conversation = await self._read(
            lambda transaction: typing.conversation_at(transaction, channel=channel, uri=uri), None
        )
        if conversation is not None:
            self.company.customer_writes(conversation)

    async def _look_up(self, channel: str, external_ids: list[str]) -> None:
        nothing: set[int] = set()
        found = await self._read(
            lambda transaction: typing.touched_by(transaction, channel=channel, external_ids=external_ids), nothing
        )
        if found:
            self._live.tell(found)

    async def _read(self, query: Callable[[Transaction], Any], nothing: Any) -> Any:
        try:
            return await self._database.read(
                lambda connection: query(Transaction(connection=connection, now=self._clock()))
            )
        except (DBAPIError, PoolTimeout):
            log.warning("audience_not_read")
            return nothing

    def _share(self, said: Mapping[str, Any]) -> None:
        if not self._alone:
            self._do(self._tell_others(said))

    async def _tell_others(self, said: Mapping[str, Any]) -> None:
        try:
            await self._commits.run(lambda transaction: transaction.news.append(Told(what=said)))
        except Unavailable:
            log.warning("others_not_told")

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        def ring() -> None:
            self._timers.discard(timer)
            call()

        timer = asyncio.get_running_loop().call_later(seconds, ring)
        self._timers.add(timer)
