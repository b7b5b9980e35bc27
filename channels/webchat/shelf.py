"""Without a socket: what a visitor would have been pushed stands on a shelf until they ask for it.

Who polls comes back at once, so the shelf stays for a while after each poll and goes on collecting. What is complete
on the shelf need not be asked of the storage again: neither by the next poll, nor to know what may be acknowledged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from channels.protocol import HistoryEntry
from channels.webchat.stream import ARRIVED, Registry

LINGER_SECONDS = 20.0
"""How long a shelf waits for the next poll."""
SHELF_ENTRIES = 200
SHELF_BYTES = 1 << 18
"""A fuller shelf is cleared: the next poll reads what it lacks from the storage."""
ECHO_SECONDS = 0.25
"""What the customer wrote themselves wakes a poll only after this: mostly the reply comes along by then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What stood on a shelf when somebody began to read the storage."""

    known: frozenset[int]
    clearings: int


class Shelf:
    """A Listener for everybody who polls as one visitor."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.unacknowledged: set[int] = set()
        """Positions that were sent to the visitor and never acknowledged, as far as is known here."""
        self._frames: dict[int, bytes] = {}
        self._bytes = 0
        self._since: int | None = None
        self._clearings = 0
        self.polls: set[Poll] = set()
        self.ending: asyncio.TimerHandle | None = None

    @property
    def complete(self) -> bool:
        """Everything that is unacknowledged is known here."""
        return self._since is not None

    def after(self, position: int | None) -> Mapping[int, bytes] | None:
        """What a client that has read so far lacks; None: only the storage knows.

        What the client had and did not acknowledge is for the storage too: it may have been acknowledged elsewhere.
        """
        if self._since is None or position is None or position < self._since:
            return None
        if any(waiting <= position for waiting in self.unacknowledged):
            return None
        return {own: frame for own, frame in self._frames.items() if own > position}

    def begin_reading(self) -> Reading:
        """Before the storage is asked; whatever is published from here on is on the shelf."""
        return Reading(known=frozenset(self._frames), clearings=self._clearings)

    def learn(self, reading: Reading, since: int, entries: Iterable[tuple[HistoryEntry, bytes]]) -> None:
        """What the storage has after a position, and everything unacknowledged; what came meanwhile stays."""
        if reading.clearings != self._clearings:
            return
        self.unacknowledged -= reading.known
        for entry, frame in entries:
            self._put(entry, frame)
        self._since = since if self._since is None else min(since, self._since)
        self._clear_when_full()

    def offer(self, entry: HistoryEntry, frame: bytes) -> None:
        if entry.id in self._frames:
            return
        self._put(entry, frame)
        self._clear_when_full()
        for poll in self.polls:
            poll.offer(entry, frame)

    def hint(self, frame: bytes) -> None:
        """A poll that ends for a hint would cost more than the hint is worth."""

    def end(self) -> None:
        """The server stops: whoever waits gets what is there."""
        for poll in self.polls:
            poll.end()

    def _put(self, entry: HistoryEntry, frame: bytes) -> None:
        self._bytes += len(frame) - len(self._frames.get(entry.id, b""))
        self._frames[entry.id] = frame
        if not entry.inbound and entry.status not in ARRIVED:
            self.unacknowledged.add(entry.id)

    def _clear_when_full(self) -> None:
        if len(self._frames) > SHELF_ENTRIES or self._bytes > SHELF_BYTES:
            self._frames, self._bytes, self._since = {}, 0, None
            self._clearings += 1
            self.unacknowledged.clear()


class Poll:
    """One request that waits."""

    def __init__(self) -> None:
        self.frames: dict[int, bytes] = {}
        self._woken = asyncio.Event()
        self._echo: asyncio.TimerHandle | None = None

    def offer(self, entry: HistoryEntry, frame: bytes) -> None:
        self.frames[entry.id] = frame
        if not entry.inbound:
            self._woken.set()
        elif self._echo is None:
            self._echo = asyncio.get_running_loop().call_later(ECHO_SECONDS, self._woken.set)

    def end(self) -> None:
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Until something is published, at most `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            if self._echo is not None:
                self._echo.cancel()


class Shelves:
    """The shelves of this process, by address."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._shelves: dict[str, Shelf] = {}

    def find(self, address: str) -> Shelf | None:
        return self._shelves.get(address)

    def begin(self, address: str, poll: Poll) -> Shelf:
        """Somebody polls: from here on everything published at the address is on their shelf."""
        shelf = self._shelves.get(address)
        if shelf is None:
            shelf = self._shelves[address] = Shelf(address)
            self._registry.join(shelf)
        elif shelf.ending is not None:
            shelf.ending.cancel()
            shelf.ending = None
        shelf.polls.add(poll)
        return shelf

    def finish(self, shelf: Shelf, poll: Poll) -> None:
        """The poll is answered; the last one's shelf stays for a while."""
        shelf.polls.discard(poll)
        if not shelf.polls:
            shelf.ending = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._take_down, shelf)

    def _take_down(self, shelf: Shelf) -> None:
        self._registry.leave(shelf)
        del self._shelves[shelf.address]

    def close(self) -> None:
        """Answer whoever waits, and keep nothing for later."""
        for shelf in tuple(self._shelves.values()):
            shelf.end()
            if shelf.ending is not None:
                shelf.ending.cancel()
                self._take_down(shelf)
