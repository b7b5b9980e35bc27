"""Wake-ups between processes on PostgreSQL: one NOTIFY a shared commit, and the 1 s tick as the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
import structlog
from sqlalchemy import URL, text

from gateway.news import LanesWaiting, OutboxFilled, Streamed
from storage.commits import Transaction

log = structlog.get_logger(__name__)

CHANNEL = "rapport"
LARGEST = 7_900
"""PostgreSQL takes payloads of less than 8000 bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WakeUp:
    """What another process's commit means for us."""

    lanes: bool
    outbox: Sequence[str]
    """Channels whose deliveries wait."""
    streamed: Sequence[int]
    """Interactions that were committed to streams."""


class Wakeups:
    """Tells the others at each commit, and hears them."""

    def __init__(self, url: URL, process: str, on_wake: Callable[[WakeUp], Awaitable[None]]) -> None:
        self._conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._process = process
        self._on_wake = on_wake
        self._listener: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._listener = asyncio.create_task(self._listen_forever(), name="wakeups")

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)

    def tell(self, transaction: Transaction) -> None:
        """Last in each transaction: PostgreSQL delivers it at the commit, or never."""
        lanes, outbox, streamed = False, set[str](), list[int]()
        for news in transaction.news:
            match news:
                case LanesWaiting():
                    lanes = True
                case OutboxFilled():
                    outbox.add(news.channel)
                case Streamed():
                    streamed.append(news.entry.id)
                case _:
                    pass
        if lanes or outbox or streamed:
            payload = {"from": self._process, "lanes": lanes, "outbox": sorted(outbox), "streamed": streamed}
            while len(words := orjson.dumps(payload)) > LARGEST:
                payload["streamed"] = streamed = streamed[: len(streamed) // 2]  # the tick finds the rest
            transaction.connection.execute(_NOTIFY, {"payload": words.decode()})

    async def _listen_forever(self) -> None:
        import psycopg  # 10 MB that a house on SQLite does not carry

        pause = 0.2
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    pause = 0.2
                    async for notice in connection.notifies():
                        await self._hear(notice.payload)
            except psycopg.OperationalError:
                log.warning("wakeups_unreachable")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)

    async def _hear(self, payload: str) -> None:
        said = cast("dict[str, Any]", orjson.loads(payload))
        if said["from"] != self._process:
            await self._on_wake(WakeUp(lanes=said["lanes"], outbox=said["outbox"], streamed=said["streamed"]))


_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', :payload)")
