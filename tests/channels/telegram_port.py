"""A Port that remembers what it was given, and can be out of order for a while."""

from __future__ import annotations

from collections.abc import Sequence

from channels.envelope import AddressUpdate, Arrival, InboundMessage, Refusal
from channels.protocol import Accepted, Blob, HistoryEntry, StorageUnavailable


class RecordingPort:
    """The channel's way into the house, with the house's rules: one commit with its cursor, each event once."""

    def __init__(self) -> None:
        self.batches: list[tuple[Arrival, ...]] = []
        self.committed: str | None = None
        self.unavailable = 0
        """How many of the next commits fail."""
        self.attempts = 0
        self.blobs: dict[str, Blob] = {}

    @property
    def arrivals(self) -> list[Arrival]:
        return [arrival for batch in self.batches for arrival in batch]

    @property
    def texts(self) -> list[str]:
        return [arrival.text for arrival in self.arrivals if isinstance(arrival, InboundMessage)]

    @property
    def refusals(self) -> list[Refusal]:
        return [arrival for arrival in self.arrivals if isinstance(arrival, Refusal)]

    @property
    def address_updates(self) -> list[AddressUpdate]:
        return [arrival for arrival in self.arrivals if isinstance(arrival, AddressUpdate)]

    async def accept(self, batch: Sequence[Arrival], *, cursor: str | None = None) -> Sequence[Accepted]:
        self.attempts += 1
        if self.unavailable:
            self.unavailable -= 1
            raise StorageUnavailable
        seen = {arrival.external_id for arrival in self.arrivals if isinstance(arrival, InboundMessage)}
        fresh: list[Arrival] = []
        for one in batch:
            if not isinstance(one, InboundMessage):
                fresh.append(one)
            elif one.external_id not in seen:
                seen.add(one.external_id)
                fresh.append(one)
        self.batches.append(tuple(fresh))
        self.committed = cursor or self.committed
        return [Accepted(interaction_id=place, duplicate=one not in fresh) for place, one in enumerate(batch)]

    async def cursor(self) -> str | None:
        return self.committed

    async def history(
        self, address: str, *, after: int = 0, before: int | None = None, limit: int = 50
    ) -> Sequence[HistoryEntry]:
        return []

    async def keep(self, content: bytes, *, content_type: str) -> Blob:
        raise NotImplementedError("Telegram keeps nothing: the gateway does")

    async def blob(self, sha256: str) -> Blob | None:
        return self.blobs.get(sha256)

    def typing(self, address: str) -> None:
        raise NotImplementedError("Telegram does not tell bots that people type")
