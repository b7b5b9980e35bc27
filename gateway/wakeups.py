"""Wake-ups between processes on PostgreSQL: one NOTIFY a shared commit, and the 1 s tick as the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
import structlog
from sqlalchemy import URL, text

from gateway.news import Acknowledged, LanesWaiting, OutboxFilled, Streamed, Told
from storage.commits import Transaction
from storage.touched import EVERYTHING, SESSIONS, Touched, What

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
    touched: Sequence[int | str] = ()
    """Conversations and topics (`storage.touched`)."""
    acknowledged: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """Deliveries by channel and the provider's id."""
    told: Sequence[Mapping[str, Any]] = ()
    process: str = ""
    """Whose commit it was."""


@dataclass(kw_only=True, slots=True)
class _Seen:
    """What a commit means for who looks at conversations."""

    touched: frozenset[What] = frozenset()
    acknowledged: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    told: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])


class Wakeups:
    """Tells the others at each commit, and hears them."""

    def __init__(
        self,
        url: URL,
        process: str,
        on_wake: Callable[[WakeUp], Awaitable[None]],
        *,
        looked_at: Callable[[], bool] = lambda: True,
        on_missed: Callable[[], None] = lambda: None,
    ) -> None:
        """`looked_at`: somebody looks at conversations in another process, so that what is touched has to be told;
        `on_missed`: what was told while we could not hear is lost."""
        self._looked_at = looked_at
        self._on_missed = on_missed
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
        seen = _Seen()
        for news in transaction.news:
            match news:
                case LanesWaiting():
                    lanes = True
                case OutboxFilled():
                    outbox.add(news.channel)
                case Streamed():
                    streamed.append(news.entry.id)
                case Touched():
                    seen.touched |= news.what
                case Acknowledged():
                    seen.acknowledged.setdefault(news.channel, []).extend(news.external_ids)
                case Told():
                    seen.told.append(news.what)
                case _:
                    pass
        looks = self._looks(seen)
        if lanes or outbox or streamed or looks:
            payload = {"from": self._process, "lanes": lanes, "outbox": sorted(outbox), "streamed": streamed, **looks}
            if len(orjson.dumps(payload)) > LARGEST:
                payload |= {"touched": [EVERYTHING], "acknowledged": {}} if looks else {}
            if len(orjson.dumps(payload | {"streamed": []})) > LARGEST:
                payload["told"] = []  # who looks and who types is told again and again
            while len(words := orjson.dumps(payload)) > LARGEST:
                payload["streamed"] = streamed = streamed[: len(streamed) // 2]  # the tick finds the rest
            transaction.connection.execute(_NOTIFY, {"payload": words.decode()})

    def _looks(self, seen: _Seen) -> dict[str, Any]:
        """What those who look at conversations have to know; nothing where nobody does."""
        if seen.told or SESSIONS in seen.touched or ((seen.touched or seen.acknowledged) and self._looked_at()):
            return {"touched": list(seen.touched), "acknowledged": seen.acknowledged, "told": seen.told}
        return {}

    async def _listen_forever(self) -> None:
        import psycopg  # 10 MB that a house on SQLite does not carry

        pause = 0.2
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    pause = 0.2
                    self._on_missed()
                    async for notice in connection.notifies():
                        await self._hear(notice.payload)
            except psycopg.OperationalError:
                log.warning("wakeups_unreachable")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)

    async def _hear(self, payload: str) -> None:
        said = cast("dict[str, Any]", orjson.loads(payload))
        if said["from"] != self._process:
            await self._on_wake(
                WakeUp(
                    lanes=said["lanes"],
                    outbox=said["outbox"],
                    streamed=said["streamed"],
                    touched=said.get("touched", ()),
                    acknowledged=said.get("acknowledged", {}),
                    told=said.get("told", ()),
                    process=said["from"],
                )
            )


_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', :payload)")
