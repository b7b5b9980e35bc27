"""A gateway in memory: what web chat's adapter is given in tests. It keeps what the contract promises, and can fail."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from channels.envelope import (
    Arrival,
    Attachment,
    Button,
    DeliveryStatus,
    DeliveryUpdate,
    InboundMessage,
    Refusal,
)
from channels.protocol import Accepted, Blob, HistoryEntry, Invitation, StorageUnavailable, Streams

Answer = Callable[["FakePort", InboundMessage], None]


@dataclass
class FakePort:
    """Streams, blobs and books in memory; survives any number of adapters, as a database survives restarts."""

    folder: Path
    answer: Answer | None = None
    """What the shop does with each new message, after its commit."""
    channel: Streams | None = None
    """Told of everything that is committed."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    inbound: list[InboundMessage] = field(default_factory=list[InboundMessage])
    updates: list[DeliveryUpdate] = field(default_factory=list[DeliveryUpdate])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    batches: list[int] = field(default_factory=list[int])
    typed: list[str] = field(default_factory=list[str])
    blobs: dict[str, Blob] = field(default_factory=dict[str, Blob])
    streams: dict[str, list[HistoryEntry]] = field(default_factory=lambda: defaultdict[str, list[HistoryEntry]](list))
    known: dict[str, int] = field(default_factory=dict[str, int])
    failures: int = 0
    """How many of the next calls of `accept` store nothing."""
    gate: asyncio.Event | None = None
    """While it is there and not set, commits take their time."""
    elsewhere: dict[str, str] = field(default_factory=dict[str, str])
    """Pages of other channels, by their names."""
    invited: list[str] = field(default_factory=list[str])
    position: int = 0
    readings: int = 0
    """How often a stream was read."""

    async def accept(self, batch: Sequence[Arrival], *, cursor: str | None = None) -> Sequence[Accepted]:
        self.batches.append(len(batch))
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable("the database is away")
        accepted = [self._store(arrival) for arrival in batch]
        if self.answer is not None:
            for arrival, outcome in zip(batch, accepted, strict=True):
                if isinstance(arrival, InboundMessage) and not outcome.duplicate:
                    asyncio.get_running_loop().call_soon(self.answer, self, arrival)
        return accepted

    def _store(self, arrival: Arrival) -> Accepted:
        match arrival:
            case InboundMessage():
                return self._store_message(arrival)
            case DeliveryUpdate():
                self._store_update(arrival)
            case Refusal():
                self.refusals.append(arrival)
            case _:
                raise AssertionError(f"web chat has no {arrival}")
        return Accepted(interaction_id=None)

    def _store_message(self, message: InboundMessage) -> Accepted:
        if known := self.known.get(message.external_id):
            return Accepted(interaction_id=known, duplicate=True)
        self.inbound.append(message)
        entry = HistoryEntry.received(self._next(), message)
        self.known[message.external_id] = entry.id
        self._commit(message.address, entry)
        return Accepted(interaction_id=entry.id)

    def _store_update(self, update: DeliveryUpdate) -> None:
        self.updates.append(update)
        self.acknowledge(update.address or "", int(update.external_id))

    def acknowledge(self, address: str, position: int) -> None:
        """Something of ours has arrived, here or in another process."""
        stream = self.streams[address]
        for index, entry in enumerate(stream):
            if entry.id == position and not entry.inbound:
                stream[index] = replace(entry, status=DeliveryStatus.DELIVERED)

    def say(
        self,
        address: str,
        text: str,
        *,
        buttons: Sequence[Button] = (),
        attachments: Sequence[Attachment] = (),
        author: str = "bot",
        name: str | None = None,
        position: int | None = None,
        publish: bool = True,
        custom: Mapping[str, object] | None = None,
    ) -> HistoryEntry:
        """Something of ours is committed to a visitor's stream."""
        entry = HistoryEntry(
            id=position or self._next(),
            inbound=False,
            author=author,
            author_name=name,
            text=text,
            at=self.now(),
            external_id=None,
            status=DeliveryStatus.SENT,
            buttons=tuple(buttons),
            attachments=tuple(attachments),
            custom=custom,
        )
        self._commit(address, entry, publish=publish)
        return entry

    def _commit(self, address: str, entry: HistoryEntry, *, publish: bool = True) -> None:
        stream = self.streams[address]
        stream.append(entry)
        stream.sort(key=lambda entry: entry.id)
        if publish and self.channel is not None:
            self.channel.published({address: [entry]})

    def _next(self) -> int:
        self.position += 1
        return self.position

    def leads_to(self) -> Sequence[str]:
        return list(self.elsewhere)

    async def invite(self, address: str) -> Invitation | None:
        self.invited.append(address)
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable("the database is away")
        if not self.elsewhere or not any(message.address == address for message in self.inbound):
            return None
        links = {name: f"{page}?start=code{len(self.invited)}" for name, page in self.elsewhere.items()}
        return Invitation(links=links, expires_at=self.now() + timedelta(days=1))

    async def cursor(self) -> str | None:
        return None

    async def history(
        self, address: str, *, after: int = 0, before: int | None = None, limit: int = 50
    ) -> Sequence[HistoryEntry]:
        self.readings += 1
        await asyncio.sleep(0)
        stream = self.streams[address]
        if before is not None:
            return [entry for entry in stream if entry.id < before][-limit:]
        return [entry for entry in stream if entry.id > after or entry.status is DeliveryStatus.SENT][:limit]

    async def keep(self, content: bytes, *, content_type: str) -> Blob:
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.folder / sha256
        path.write_bytes(content)
        self.blobs[sha256] = Blob(sha256=sha256, size=len(content), content_type=content_type, path=path)
        return self.blobs[sha256]

    async def blob(self, sha256: str) -> Blob | None:
        return self.blobs.get(sha256)

    def typing(self, address: str) -> None:
        self.typed.append(address)
