"""Who is listening to which visitor's stream, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Protocol

from channels.envelope import Attachment, DeliveryStatus
from channels.protocol import HistoryEntry, Port
from channels.webchat.frames import POSITION_LIMIT, TYPING, message
from channels.webchat.identity import Signer

ARRIVED = frozenset({DeliveryStatus.DELIVERED, DeliveryStatus.READ})
OUTSTANDING = 1000
"""Unacknowledged messages of one visitor that a request can acknowledge; the others come with the next poll."""


class Listener(Protocol):
    """A socket, or the shelf of a visitor who polls."""

    @property
    def address(self) -> str: ...

    def offer(self, entry: HistoryEntry, frame: bytes) -> None:
        """Push it now or not at all; never blocks."""
        ...

    def hint(self, frame: bytes) -> None:
        """Show something that is not worth keeping."""
        ...


class Registry:
    """The listeners of this process, by address."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._listeners: dict[str, list[Listener]] = {}

    def join(self, listener: Listener) -> None:
        self._listeners.setdefault(listener.address, []).append(listener)

    def leave(self, listener: Listener) -> None:
        others = [other for other in self._listeners.get(listener.address, ()) if other is not listener]
        if others:
            self._listeners[listener.address] = others
        else:
            self._listeners.pop(listener.address, None)

    def addresses(self) -> Iterable[str]:
        return tuple(self._listeners)

    def everyone(self) -> list[Listener]:
        return [listener for listeners in self._listeners.values() for listener in listeners]

    def at(self, address: str) -> Sequence[Listener]:
        return self._listeners.get(address, ())

    def others(self, address: str, guest: object) -> bool:
        """Somebody besides this guest listens."""
        return any(listener is not guest for listener in self._listeners.get(address, ()))

    def publish(self, entries: Mapping[str, Sequence[HistoryEntry]], now: float) -> None:
        """Push new entries, each encoded once for all tabs of its visitor."""
        for address, fresh in entries.items():
            listeners = self._listeners.get(address)
            if listeners is None:
                continue
            for entry in fresh:
                frame = self.encode(entry, now)
                for listener in tuple(listeners):
                    listener.offer(entry, frame)

    def hint(self, address: str) -> None:
        for listener in self.at(address):
            listener.hint(TYPING)

    def encode(self, entry: HistoryEntry, now: float) -> bytes:
        """The frame of an entry, with links to its files that work from `now` (Unix seconds) for a while."""
        return message(entry, self.linker(now))

    def linker(self, now: float) -> Callable[[Attachment], str]:
        """Makes links, relative to the chat's path."""
        return lambda attachment: f"file/{attachment.id}?{self._signer.file_query(attachment, now)}"


async def newest_page(
    port: Port, address: str, limit: int, before: int = POSITION_LIMIT
) -> tuple[list[HistoryEntry], bool]:
    """The last `limit` entries before a position, and whether there are earlier ones."""
    entries = await port.history(address, before=before, limit=limit + 1)
    return list(entries[-limit:]), len(entries) > limit


async def backlog(port: Port, address: str, after: int, limit: int) -> AsyncIterator[HistoryEntry]:
    """Every entry after a position and every one that was sent but never acknowledged, each once.

    The unacknowledged ones come again on each page, however far `after` has moved; where they fill a whole page,
    nothing new would ever be seen, so the page grows.
    """
    seen: set[int] = set()
    while True:
        entries = await port.history(address, after=after, limit=limit)
        fresh = [entry for entry in entries if entry.id not in seen]
        for entry in fresh:
            seen.add(entry.id)
            yield entry
        if len(entries) < limit:
            return
        if fresh:
            after = max(after, entries[-1].id)
        else:
            limit *= 2


async def outstanding(port: Port, address: str) -> set[int]:
    """Positions that were sent to an address and never acknowledged: nothing lies after the highest position."""
    entries = await port.history(address, after=POSITION_LIMIT, limit=OUTSTANDING)
    return {entry.id for entry in entries if not entry.inbound}
