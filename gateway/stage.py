"""A stage: a channel whose customers are played by this very process, and a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from channels.envelope import Event, InboundMessage, OutboundMessage, Receipt
from channels.protocol import HistoryEntry, Limits, Port


@dataclass(slots=True)
class Clock:
    """A clock that is moved by hand."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by


class Stage:
    """A channel like web chat, as the engine sees it, without anybody outside."""

    limits = Limits(text=4096, per_second=1e6, per_address=1e6, buttons=10, idempotent=True)

    def __init__(self, name: str, on_reply: Callable[[HistoryEntry], None] = lambda entry: None) -> None:
        self.name = name
        self._on_reply = on_reply
        self._port: Port | None = None
        self._lines = 0

    def routes(self) -> Sequence[web.RouteDef]:
        return ()

    async def start(self, port: Port) -> None:
        self._port = port

    async def stop(self) -> None:
        self._port = None

    async def send(self, message: OutboundMessage) -> Receipt:
        return Receipt(external_ids=(message.key,))

    def published(self, entries: Mapping[str, Sequence[HistoryEntry]]) -> None:
        for stream in entries.values():
            for entry in stream:
                if not entry.inbound:
                    self._on_reply(entry)

    def connected(self) -> Iterable[str]:
        return ()

    async def write(self, address: str, text: str, at: datetime, *, event: Event = Event.MESSAGE) -> None:
        """The customer at `address` writes; returns after the commit."""
        assert self._port is not None, "the gateway has not started"
        self._lines += 1
        message = InboundMessage(
            channel=self.name,
            event=event,
            external_id=f"{address}/{self._lines}",
            address=address,
            sent_at=at,
            raw=text.encode(errors="surrogateescape"),
            text=text,
        )
        await self._port.accept([message])
