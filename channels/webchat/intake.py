"""The way in: what arrives in one turn of the event loop is handed to the gateway together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from channels.envelope import Arrival
from channels.protocol import Accepted, Port, StorageUnavailable

Settled = Callable[[Accepted | None], None]
"""Called after the commit; None: nothing was stored, and the client should repeat it."""


class Intake:
    """Gathers arrivals of all sockets and hands them over in the order they came.

    One call and one task for a whole batch keep the cost of a message low; a batch does not wait for the one before
    it, so reading goes on while commits are pending.
    """

    def __init__(self, port: Port) -> None:
        self._port = port
        self._waiting: list[tuple[Arrival, Settled | None]] = []
        self._commits: set[asyncio.Task[None]] = set()

    def submit(self, arrival: Arrival, settled: Settled | None = None) -> None:
        """Take it into the next batch; `settled` is called once, whatever happens."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._waiting.append((arrival, settled))

    def _hand_over(self) -> None:
        batch, self._waiting = self._waiting, []
        commit = asyncio.get_running_loop().create_task(self._commit(batch))
        self._commits.add(commit)
        commit.add_done_callback(self._commits.discard)

    async def _commit(self, batch: list[tuple[Arrival, Settled | None]]) -> None:
        outcomes: list[Accepted | None] = [None] * len(batch)
        try:
            outcomes[:] = await self._port.accept([arrival for arrival, _ in batch])
        except StorageUnavailable:
            pass  # each sender is told to repeat
        finally:
            for (_, settled), outcome in zip(batch, outcomes, strict=True):
                if settled is not None:
                    settled(outcome)

    async def drain(self, seconds: float) -> None:
        """Wait until everything submitted is settled, at most `seconds`."""
        await asyncio.sleep(0)  # lets what was submitted just now become a batch
        if self._commits:
            await asyncio.wait(self._commits, timeout=seconds)
