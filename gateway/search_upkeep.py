"""Keeping the search index up to date beside the conversations, however much there is to index."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from nlu.chinese import simplified
from storage.commits import Transaction
from storage.search_upkeep import index_some

FOR = 0.8
"""Seconds of one call: the next one is due a second later."""
REST = 4
"""After each piece, so many times as long as it took, its wait for the writer included: conversations keep four fifths
of the time of a house that does nothing else, and nearly all of it where much is written."""


class Runs(Protocol):
    def __call__(self, verb: Callable[[Transaction], int], /) -> Awaitable[int]: ...


class SearchUpkeep:
    """One call a second; each goes on piece by piece while there is something to index."""

    def __init__(self, run: Runs, clock: Callable[[], float] = time.monotonic) -> None:
        """`run`: a verb in the next shared commit. `clock`: seconds, steady."""
        self._run = run
        self._clock = clock

    async def keep_up(self) -> None:
        """Raises storage.commits.Unavailable."""
        began = self._clock()
        while True:
            before = self._clock()
            if not await self._run(_piece):
                return
            after = self._clock()
            rest = REST * (after - before)
            if after - began + rest > FOR:
                return
            await asyncio.sleep(rest)


def _piece(transaction: Transaction) -> int:
    return index_some(transaction.connection, folding=simplified())
