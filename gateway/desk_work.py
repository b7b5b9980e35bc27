"""The desk's work: what is done for the people who work here, by the clock and for the endpoints they named.

A house that answers by itself and where nobody works yet has none of it to do. It is loaded, and begun, once there is
somebody or something to do it for: some 4 MB, and twenty questions a second to the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.playbook import Playbook
from gateway.ticks import Ticks
from storage.cases import Case
from storage.commits import Transaction
from storage.database import Database
from storage.staff import Staff

if TYPE_CHECKING:
    from gateway.hooks import Hooks
    from gateway.retention import Sweeper

log = structlog.get_logger(__name__)


class DeskWork:
    """Begins once there is somebody to work for; stops with the house."""

    def __init__(
        self,
        run: Callable[[Callable[[Transaction], Any]], Awaitable[None]],
        *,
        database: Database,
        playbook: Callable[[], Playbook],
        hooks: Callable[[], Hooks],
        sweeper: Callable[[], Sweeper],
        tell_staff: Callable[[], Awaitable[object]],
        at_once: bool,
    ) -> None:
        """`run`: a verb in a commit, unless the database is away; `hooks`, `sweeper`: load and make them;
        `at_once`: there is something to do whoever works here."""
        self._run = run
        self._database = database
        self._playbook = playbook
        self._make_hooks, self._make_sweeper = hooks, sweeper
        self._tell_staff = tell_staff
        self._wanted = at_once
        self._beginning = asyncio.Lock()
        self._over = False
        self._ticks: Ticks | None = None
        self._hooks: Hooks | None = None

    async def look(self) -> None:
        """Begin, if there is somebody to work for; safe to call at any time."""
        if self._ticks is None:
            self._wanted = self._wanted or await self._somebody_to_work_for()
            if self._wanted:
                await self._begin()

    async def _begin(self) -> None:
        async with self._beginning:
            if self._ticks is None and not self._over:
                # Importing takes half a second, in which conversations go on.
                ticks = Ticks(await asyncio.to_thread(lambda: self.jobs), on_set_back=_nothing)
                await self.hooks.start()
                ticks.start()
                self._ticks = ticks

    @property
    def begun(self) -> bool:
        return self._ticks is not None

    @cached_property
    def jobs(self) -> Mapping[Callable[[], Any], int]:
        """What is called by the clock, with the seconds between two calls."""
        from gateway import desk_ticks

        jobs: dict[Callable[[], Any], int] = {self._tell_staff: 2, self._make_sweeper().go_on: 10}
        jobs |= {partial(self._run, verb): seconds for verb, seconds in desk_ticks.EVERY.items()}
        jobs |= {partial(self._by_the_book, verb): seconds for verb, seconds in desk_ticks.BY_THE_BOOK.items()}
        return jobs

    @property
    def hooks(self) -> Hooks:
        """Who tells endpoints."""
        if self._hooks is None:
            self._hooks = self._make_hooks()
        return self._hooks

    def wake(self) -> None:
        """Something happened that endpoints may want to hear of."""
        if self._ticks is not None:
            self.hooks.wake()

    async def stop(self) -> None:
        async with self._beginning:
            self._over = True
            if self._ticks is not None:
                self._ticks.stop()
            if self._hooks is not None:
                await self._hooks.stop()

    async def _somebody_to_work_for(self) -> bool:
        try:
            return await self._database.read_aside(_somebody_to_work_for)
        except (DBAPIError, PoolTimeout) as error:
            log.warning("desk_not_looked_at", reason=type(error).__name__)
            return False

    async def _by_the_book(self, verb: Callable[[Transaction, Playbook], Any]) -> None:
        await self._run(lambda transaction: verb(transaction, self._playbook()))


def _somebody_to_work_for(connection: Connection) -> bool:
    """Somebody works here, or there is a case, whose promises have their days."""
    return any(connection.execute(select(func.max(entity.id))).scalar() is not None for entity in (Staff, Case))


async def _nothing() -> None:
    """The house's own ticks tell it that the clock was set back."""
