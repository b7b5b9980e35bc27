"""A small house for the proofs: the real gateway over pretended providers, an engine of ten lines, a clock that stands.

What is proved here is the gateway and the storage. Understanding and wording are replaced by something that can be
checked word by word: every reply names the messages that it answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.effects import CancelFollowUps, Effect, HandOff, HandOffReason, OpenCase, PlanFollowUp, Remember, Resolve, Say
from bot.turn import CaseKind, FollowUpKind, Turn
from channels.envelope import Event, InboundMessage, OutboundMessage, Receipt, SendError
from channels.protocol import Channel, HistoryEntry, Limits, Port
from gateway.gateway import Gateway
from gateway.settings import Database, Settings
from nlu.understanding import Language, Understanding
from tests.acceptance import books
from tests.clock import FrozenClock

PROMISED = timedelta(seconds=5)
"""When the engine writes back to who said `later`."""
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def respond(turn: Turn, playbook: object) -> list[Effect]:
    """The engine: answers each message by name, and does on request what engines do."""
    if turn.due is not None:
        return [Say(text=f"as promised {turn.due.key}")]
    texts = [message.text for message in turn.messages]
    words = {word for text in texts for word in text.split()[1:]}
    if "broken" in words:
        raise ValueError("an engine that fails")
    names = " ".join(text.split()[0] for text in texts)
    turns = int(str(turn.conversation.memory.get("turns", 0))) + 1
    effects: list[Effect] = [Remember(memory={"turns": turns}), Say(text=f"re {names}")]
    if "twice" in words:
        effects.append(Say(text=f"and {names}"))
    if "later" in words:
        due = turn.now + PROMISED
        effects.append(PlanFollowUp(kind=FollowUpKind.CASE_UPDATE, key=names, due=due, reason="promised"))
    if "nevermind" in words:
        effects.append(CancelFollowUps(prefix=""))
    if "poison" in words:
        # No number is a number that another case has: this cannot be written.
        effects += [OpenCase(number=turn.fresh_number, kind=CaseKind.REQUEST, subject=names)] * 2
    if "person" in words:
        effects.append(HandOff(reason=HandOffReason.REQUESTED, summary=names))
    if "bye" in words:
        effects.append(Resolve())
    return effects


class Parrot:
    """An engine that understands nothing, quickly."""

    name = "parrot"
    batches = True

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        return [Understanding(language=Language.EN, engine="parrot") for _ in texts]


class NoPlaybook:
    """What the gateway wants to know of a playbook where the engine asks nothing."""

    mistakes = None

    def __init__(self, folder: Path | None = None) -> None:
        self._playbook: Any = SimpleNamespace(
            fingerprint="none",
            hours=SimpleNamespace(time_zone=ZoneInfo("Asia/Shanghai")),
            policy=SimpleNamespace(name={}, confidence=SimpleNamespace(sure=0.8)),
        )

    def playbook(self) -> Any:
        return self._playbook

    def knowledge(self) -> Any:
        return SimpleNamespace(search=lambda text, language: ())

    async def look_again(self) -> None:
        """Nothing changes."""


async def _parrot(*_anything: object) -> Parrot:
    return Parrot()


@pytest.fixture
def small_house(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Gateway built in this test has the small engine and no playbook."""
    monkeypatch.setattr("gateway.gateway.Playbooks", NoPlaybook)
    monkeypatch.setattr("gateway.gateway.understander", _parrot)
    monkeypatch.setattr("gateway.turns.respond", respond)


def settings(folder: Path, url: str | None = None, **changes: Any) -> Settings:
    database = Database(url=SecretStr(url)) if url is not None else Database()
    return Settings(data_dir=folder, database=database, **changes)


# The provider's side: it outlives every crash of ours


@dataclass
class Provider:
    """Remembers what it took, and what it said to each try."""

    idempotent: bool = False
    taken: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    """(address, key, text) in the order taken."""
    tries: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By key: `tried`, and then what was answered, if it was."""

    def take(self, message: OutboundMessage) -> None:
        if not (self.idempotent and any(key == message.key for _, key, _ in self.taken)):
            self.taken.append((message.address, message.key, message.text))


Fate = Callable[[Provider, OutboundMessage], Awaitable[None]]
"""What happens to one try: it takes the message or does not, and may raise SendError."""


async def taken(provider: Provider, message: OutboundMessage) -> None:
    provider.take(message)


class Post:
    """A channel to a provider elsewhere."""

    def __init__(self, name: str, provider: Provider, fate: Fate = taken, *, concurrency: int = 16) -> None:
        self.name = name
        self.provider = provider
        self.fate = fate
        self.limits = Limits(
            text=4096,
            per_second=1000,
            per_address=100,
            concurrency=concurrency,
            idempotent=provider.idempotent,
        )

    def routes(self) -> Sequence[web.RouteDef]:
        return []

    async def start(self, port: Port) -> None:
        self.port = port

    async def stop(self) -> None:
        """Nothing runs."""

    async def send(self, message: OutboundMessage) -> Receipt:
        said = self.provider.tries.setdefault(message.key, [])
        said.append("tried")
        try:
            await self.fate(self.provider, message)
        except SendError as error:
            said.append(str(error.code))
            raise
        said.append("took")
        return Receipt(external_ids=(f"p-{message.key}",))


class Window(Post):
    """A channel whose clients read along from our own database."""

    def __init__(self, name: str = "window", uris: Iterable[str] = ()) -> None:
        super().__init__(name, Provider())
        self.uris = set(uris)
        """Who is connected to this process."""
        self.pushed: list[tuple[str, HistoryEntry]] = []

    def published(self, entries: Mapping[str, Sequence[HistoryEntry]]) -> None:
        self.pushed += [(uri, entry) for uri, fresh in entries.items() if uri in self.uris for entry in fresh]

    def connected(self) -> Iterable[str]:
        return tuple(self.uris)


def message(channel: str, address: str, name: str, text: str, at: datetime = NOON) -> InboundMessage:
    """A person's message; `name` identifies it to the provider, and is its first word."""
    return InboundMessage(
        channel=channel,
        event=Event.MESSAGE,
        external_id=name,
        message_id=name,
        address=address,
        sent_at=at,
        raw=text.encode(),
        text=f"{name} {text}".strip(),
    )


class House(Gateway):
    """A process whose ticks come when the test says so."""

    def _start_ticks(self) -> None:
        self.ticks = SimpleNamespace(stop=lambda: None)  # pyright: ignore[reportAttributeAccessIssue]

    def _tick_in(self, seconds: float) -> None:
        """The clock stands still: the test ticks."""

    async def rest(self, clock: FrozenClock, *, rounds: int = 400) -> None:
        """Let everything happen that wants to, and the time pass that it waits for."""
        left: Mapping[str, int] = {}
        for _ in range(rounds):
            await self.tick()
            await self.settle()
            left = await self.database.read(books.unfinished)
            if not left:
                return
            due = await self.database.read(lambda connection: books.next_due(connection, clock()))
            clock.advance(MOMENT if due is None else due - clock())
        raise AssertionError(f"does not come to rest: {left}")


MOMENT = timedelta(milliseconds=20)
"""Longer than the pause between two messages to one address."""


async def open_house(
    folder: Path, channels: Sequence[Channel], clock: FrozenClock, url: str | None = None, **changes: Any
) -> House:
    """A started process."""
    house = House(settings(folder, url, **changes), clock=clock, channels=channels)
    await house.start()
    return house


async def loops(count: int) -> None:
    """Let everybody else have `count` goes."""
    for _ in range(count):
        await asyncio.sleep(0)
