"""A running house with one plain channel, whose customers and provider are the test itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
from aiohttp import web
from sqlalchemy import select

import gateway.gateway
from channels.envelope import Event, InboundMessage, OutboundMessage, Receipt
from channels.protocol import Limits, Port
from gateway.gateway import Gateway
from gateway.metrics import Metrics
from gateway.settings import Settings
from gateway.ticks import Ticks
from nlu.understanding import FindsEntities, Intent, Language, Understander, Understanding
from storage.commits import Transaction
from storage.database import synchronous_engine
from storage.everything import Entity
from tests.clock import FrozenClock

P = ParamSpec("P")
R = TypeVar("R")


def settings_for(url: str, folder: Path) -> Settings:
    """Settings of a house on this database."""
    return Settings.model_validate({"data_dir": folder / "data", "database": {"url": url}})


class Letters:
    """A channel that does not stream: what it sends is gone, and it takes one message an address in `seconds`."""

    def __init__(self, name: str = "letters", *, seconds: float = 0.001) -> None:
        self.name = name
        self.limits = Limits(text=4000, per_second=1000, per_address=1 / seconds)
        self.sent: list[OutboundMessage] = []
        self._count = 0

    def routes(self) -> Sequence[web.RouteDef]:
        return []

    async def start(self, port: Port) -> None:
        self.port = port

    async def stop(self) -> None:
        pass

    async def send(self, message: OutboundMessage) -> Receipt:
        self.sent.append(message)
        return Receipt(external_ids=(f"{self.name}-sent-{len(self.sent)}",))

    async def receive(self, text: str, *, sender: str, clock: FrozenClock) -> int:
        """A customer writes; returns the Interaction."""
        self._count += 1
        message = InboundMessage(
            channel=self.name,
            event=Event.MESSAGE,
            external_id=f"{self.name}-{self._count}",
            address=f"{self.name}:{sender}",
            sent_at=clock.now(),
            raw=text.encode(),
            text=text,
        )
        (accepted,) = await self.port.accept([message])
        assert accepted.interaction_id is not None
        return accepted.interaction_id


@dataclass
class Hears:
    """An engine that takes everything for one thing, and can be made to think for long."""

    name: str = "given"
    intent: str = "greet"
    """Empty: nothing is understood."""
    confidence: float = 0.99
    batches: bool = False
    thinking: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        self.thinking.set()
        await self.may_answer.wait()
        intents = (Intent(name=self.intent, confidence=self.confidence),) if self.intent else ()
        return [Understanding(language=Language.EN, intents=intents, engine="given") for _ in texts]


@dataclass
class House:
    """The gateway, its channels and what it understands with."""

    gateway: Gateway
    clock: FrozenClock
    letters: Letters
    hears: Hears
    channels: Sequence[Letters]
    url: str

    async def write(self, text: str, *, sender: str = "ann", channel: Letters | None = None) -> int:
        """A customer writes, and everything that follows from it happens."""
        interaction = await (channel or self.letters).receive(text, sender=sender, clock=self.clock)
        await self.gateway.settle()
        return interaction

    async def do(self, verb: Callable[Concatenate[Transaction, P], R], *args: P.args, **arguments: P.kwargs) -> R:
        """An agent acts, and everything that follows from it happens."""
        result = await self.do_now(verb, *args, **arguments)
        await self.gateway.settle()
        return result

    async def do_now(self, verb: Callable[Concatenate[Transaction, P], R], *args: P.args, **arguments: P.kwargs) -> R:
        """An agent acts while others are still thinking."""
        return await self.gateway.commits.run(lambda transaction: verb(transaction, *args, **arguments))

    async def later(self, seconds: float) -> None:
        """Time passes, and what has become due is sent."""
        self.clock.advance(seconds)
        await self.gateway.settle()

    @property
    def sent(self) -> list[str]:
        return [message.text for message in self.letters.sent]

    def rows(self, entity: type[Entity]) -> list[dict[str, Any]]:
        """A table, row for row."""
        return rows(self.url, entity)


def rows(url: str, entity: type[Entity]) -> list[dict[str, Any]]:
    """A table, row for row, in the order of its key."""
    engine = synchronous_engine(url)
    with engine.connect() as connection:
        table = entity.__table__
        statement = select(*table.columns).order_by(*(column for column in table.columns if column.primary_key))
        found = [dict(row._mapping) for row in connection.execute(statement)]
    engine.dispose()
    return found


def everything(url: str, *, but: Sequence[str] = ()) -> dict[str, list[dict[str, Any]]]:
    """Every table, row for row, but for the search's own, which follows the others by the clock."""
    entities = (mapper.class_ for mapper in Entity.registry.mappers)
    kept = (one for one in entities if one.__tablename__ not in but and not one.__tablename__.startswith("search_"))
    return {one.__tablename__: rows(url, one) for one in kept}


def _nothing(_ticks: Ticks) -> None: ...


@asynccontextmanager
async def open_house(
    url: str, folder: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, *channels: Letters
) -> AsyncGenerator[House]:
    """A house on a migrated database, until the test is over."""
    hears = Hears()

    async def understander(
        _settings: Settings, _entities: FindsEntities, _metrics: Metrics, _stack: AsyncExitStack
    ) -> Understander:
        return hears

    monkeypatch.setattr(gateway.gateway, "understander", understander)
    # The clock stands still: what is done by it is done when the test says so.
    monkeypatch.setattr(Ticks, "start", _nothing)
    monkeypatch.setattr(Ticks, "stop", _nothing)
    made = channels or (Letters(),)
    house = Gateway(settings_for(url, folder), clock=clock, channels=made)
    await house.start()
    try:
        yield House(gateway=house, clock=clock, letters=made[0], hears=hears, channels=made, url=url)
    finally:
        hears.may_answer.set()
        await house.stop()
