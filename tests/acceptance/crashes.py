"""A house that crashes wherever chance says, and is started again on the same file until all is done.

Everything follows from the seed: who writes what and when, what the providers do, and where each process dies.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool

from channels.envelope import DeliveryStatus, DeliveryUpdate, InboundMessage, OutboundMessage, SendError, SendErrorCode
from channels.protocol import HistoryEntry, StorageUnavailable
from storage import database
from tests.acceptance import books
from tests.acceptance.house import House, Post, Provider, Window, loops, message
from tests.clock import FrozenClock

MANNERS = ("", "", "", "", "twice", "later", "nevermind", "person", "bye", "broken", "poison")
KNOWN = (SendErrorCode.PROVIDER_ERROR, SendErrorCode.UNREACHABLE, SendErrorCode.RATE_LIMITED)
BOUNDARIES = ("before commit", "committed", "before send", "after send")


class Crash(BaseException):
    """The process is gone."""


# One engine for all runs: what it has compiled is compiled


class _Where:
    path = Path()


@cache
def _engine() -> Engine:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            _Where.path, check_same_thread=False, isolation_level=None, cached_statements=512, timeout=1
        )

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, **database.OPTIONS)
    event.listen(engine, "connect", database._set_pragmas)
    # Processes die here, machines do not: what was committed needs no fsync to be there after it.
    event.listen(engine, "connect", lambda connection, _entry: connection.execute("PRAGMA synchronous=OFF"))
    event.listen(engine, "begin", database._begin)
    return engine


def engine_at(path: Path) -> Engine:
    """Instead of `storage.database.sqlite_engine`."""
    _Where.path = path
    return _engine()


class _Inline(Executor):
    """A commit in a thread would end whenever it likes; here it ends before anything else happens."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


class InlineSQLite(database.SQLite):
    """The database, its commits in step with the seed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._committer = _Inline()  # pyright: ignore[reportAttributeAccessIssue]

    def abandon(self) -> None:
        """What the kernel does with the files of the dead: nothing more is written."""
        self._writer.close()
        self._reader.close()


def open_inline(url: str) -> InlineSQLite:
    """Instead of `storage.database.open_database`."""
    return InlineSQLite(Path(url.removeprefix("sqlite:///")))


# The people


@dataclass
class Person:
    """Writes in order, repeats what was not acknowledged, and at times what was."""

    channel: str
    uri: str
    messages: list[InboundMessage]
    acknowledged: list[InboundMessage] = field(default_factory=list[InboundMessage])
    seen: dict[int, str] = field(default_factory=dict[int, str])
    """On a window: replies by position, in the order they came."""

    def see(self, entry: HistoryEntry) -> None:
        if not entry.inbound and entry.id not in self.seen:
            self.seen[entry.id] = entry.text


@dataclass
class Run:
    """One seed, from the first message to the last look at the books."""

    seed: int
    folder: Path
    template: Path
    dies: list[int] | None = None
    """At which boundary each process dies, counted from its start; None: as chance has it."""
    crashed: list[str] = field(default_factory=list[str])
    boundaries: int = 0
    """How many the last process passed."""
    strange: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.clock = FrozenClock()
        self.providers = {"post": Provider(), "courier": Provider(idempotent=True)}
        self.people = [self._person(number) for number in range(self.chance.choice((1, 2, 2, 3)))]
        self.file = self.folder / "rapport.sqlite3"

    def play(self) -> None:
        """Raises AssertionError with all that is wrong."""
        for old in self.folder.glob("rapport.sqlite3*"):
            old.unlink()
        shutil.copy(self.template, self.file)
        asyncio.run(self._play())

    async def _play(self) -> None:
        asyncio.get_running_loop().set_exception_handler(self._strange)
        deaths = self.dies if self.dies is not None else self._deaths()
        for death in deaths:
            await self._live(death, None)
        if self.dies is None and self.chance.random() < 0.5:
            await self._live(None, self.chance.randint(1, 150))
        await self._live(None, None)
        self._check()

    def _deaths(self) -> list[int]:
        return [self.chance.randint(1, 25) for _ in range(self.chance.choice((1, 1, 1, 2, 3)))]

    def _person(self, number: int) -> Person:
        channel = self.chance.choice(("post", "post", "courier", "window", "window"))
        uri = f"{channel}:{number}"
        messages = [
            message(channel, uri, f"{'abcd'[number]}{count}", self.chance.choice(MANNERS), self.clock())
            for count in range(self.chance.choice((1, 2, 2, 3)))
        ]
        return Person(channel=channel, uri=uri, messages=messages)

    async def _live(self, boundary: int | None, moment: int | None) -> None:
        """One process's life: until it dies, or until all is done."""
        dead = asyncio.Event()
        passed = 0

        def at(name: str) -> None:
            nonlocal passed
            if dead.is_set():
                raise Crash(name)
            passed += 1
            if passed == boundary:
                self.crashed.append(f"{name} ({passed})")
                dead.set()
                raise Crash(name)

        life = asyncio.create_task(self._work(at, dead))
        watch = asyncio.create_task(self._watch(dead, moment))
        await asyncio.wait({life, watch}, return_when=asyncio.FIRST_COMPLETED)
        if life.done() and not dead.is_set():
            life.result()
        dead.set()
        self.boundaries = passed
        await self._bury()

    async def _watch(self, dead: asyncio.Event, moment: int | None) -> None:
        if moment is None:
            await dead.wait()
            return
        await loops(moment)
        self.crashed.append(f"moment {moment}")
        dead.set()

    async def _bury(self) -> None:
        """Nothing of a dead process goes on."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        house = getattr(self, "house", None)
        if house is not None and isinstance(house.database, InlineSQLite):
            house.database.abandon()

    async def _work(self, at: Callable[[str], None], dead: asyncio.Event) -> None:
        fate = self._fate
        window = Window("window", [person.uri for person in self.people if person.channel == "window"])
        wanted = {person.channel for person in self.people}
        posts = [Post(name, provider, fate) for name, provider in self.providers.items() if name in wanted]
        self.house = House(
            _settings(self.folder), clock=self.clock, channels=[*posts, *([window] if window.uris else [])], boundary=at
        )
        await self.house.start()
        await asyncio.gather(*(self._write(person, window, dead) for person in self.people))
        await self.house.rest(self.clock)
        if window.uris:
            for person in self.people:
                await self._look(person, window, dead)
            await self.house.rest(self.clock)

    async def _write(self, person: Person, window: Window, dead: asyncio.Event) -> None:
        """One after the other, several at once, some twice; what is not acknowledged is written again."""
        port = self.house.ports[person.channel]
        await self._look(person, window, dead)
        if person.acknowledged and self.chance.random() < 0.3:
            await self._hand_in(port, [self.chance.choice(person.acknowledged)], dead)
        while len(person.acknowledged) < len(person.messages):
            begin = len(person.acknowledged)
            together = person.messages[begin : begin + self.chance.choice((1, 1, 2))]
            if not await self._hand_in(port, together, dead):
                return
            person.acknowledged += together
            await loops(self.chance.choice((0, 1, 5, 40)))
            await self._look(person, window, dead)

    async def _hand_in(self, port: Any, batch: list[InboundMessage], dead: asyncio.Event) -> bool:
        twice = [*batch, replace(batch[0])] if self.chance.random() < 0.1 else batch
        try:
            await port.accept(twice, cursor=batch[-1].external_id)
        except StorageUnavailable:
            return False
        return not dead.is_set()

    async def _look(self, person: Person, window: Window, dead: asyncio.Event) -> None:
        """A person at a window reads what was pushed and what was missed, and says so."""
        if person.channel != "window" or dead.is_set():
            return
        for entry in await self.house.ports["window"].history(person.uri, after=max(person.seen, default=0)):
            person.see(entry)
        window.pushed.clear()
        if person.seen and self.chance.random() < 0.5:
            news = DeliveryUpdate(
                channel="window",
                external_id=str(self.chance.choice(list(person.seen))),
                status=DeliveryStatus.DELIVERED,
                at=self.clock(),
                raw=b"",
            )
            with suppress(StorageUnavailable):
                await self.house.ports["window"].accept([news])

    async def _fate(self, provider: Provider, outbound: OutboundMessage) -> None:
        await loops(self.chance.choice((0, 1, 3, 20)))
        chance = self.chance.random()
        if chance < 0.75:
            provider.take(outbound)
            await loops(self.chance.choice((0, 1, 10)))
        elif chance < 0.85:
            if self.chance.random() < 0.5:
                provider.take(outbound)
            await loops(1)
            raise SendError(SendErrorCode.NO_ANSWER, "the line went dead")
        elif chance < 0.97:
            raise SendError(self.chance.choice(KNOWN), "not now", retry_after=self.chance.choice((None, 3)))
        else:
            raise SendError(SendErrorCode.REJECTED, "not that")

    def _strange(self, _loop: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, Crash | asyncio.CancelledError) and "the writer" not in repr(error):
            self.strange.append(f"{context.get('message')}: {error!r}")

    def _check(self) -> None:
        engine = engine_at(self.file)
        with engine.connect() as connection:
            kept = books.read(connection)
            wrong = [f"still there: {left}" for left in [books.unfinished(connection)] if left]
            cursors: set[str] = set(connection.exec_driver_sql("SELECT channel FROM channel_states").scalars())
        acknowledged = {
            (each.channel, each.external_id): each.address for person in self.people for each in person.messages
        }
        wrong += books.mistakes(kept, acknowledged) + books.unanswered(kept) + self.strange
        wrong += [f"{each} was never written" for each in {line.external_id for line in kept.inbound} - self._said()]
        wrong += self._promises(kept)
        for name, provider in self.providers.items():
            wrong += _provider_mistakes(kept, name, provider)
        for person in self.people:
            wrong += _order_mistakes(kept, person)
        wrong += [f"no cursor of {person.channel}" for person in self.people if person.channel not in cursors]
        assert not wrong, f"seed {self.seed}, died at {self.crashed or 'no time'}: " + "; ".join(wrong)

    def _said(self) -> set[str]:
        return {each.external_id for person in self.people for each in person.messages}

    def _promises(self, kept: books.Books) -> list[str]:
        said = [line.text for line in kept.outbound if line.text.startswith("as promised ")]
        return [f"{text!r} was said {said.count(text)} times" for text in set(said) if said.count(text) != 1]


def _provider_mistakes(kept: books.Books, channel: str, provider: Provider) -> list[str]:
    """Each delivery is taken once, is tried again only after a stated failure, and stands as the provider has it."""
    wrong: list[str] = []
    times = [key for _, key, _ in provider.taken]
    by_key = {line.key: line for line in kept.outbound if line.channel == channel}
    wrong += [f"{channel} took {key}, of which we know nothing" for key in set(times) - set(by_key)]
    for key, line in by_key.items():
        tries = " ".join(provider.tries.get(key, ()))
        count = times.count(key)
        if count > 1:
            wrong.append(f"{channel} took {key} {count} times: {tries}")
        if line.status == "sent" and count != 1:
            wrong.append(f"{key} stands as sent, and {channel} took it {count} times: {tries}")
        if line.status in ("failed", "skipped") and count and not provider.idempotent:
            wrong.append(f"{key} stands as {line.status}, and {channel} took it: {tries}")
        if not provider.idempotent and ("tried tried" in tries or "took tried" in tries or "no_answer tried" in tries):
            wrong.append(f"{key} was repeated blindly: {tries}")
    for conversation in {line.conversation for line in by_key.values()}:
        order = [times.index(key) for key, line in by_key.items() if line.conversation == conversation and key in times]
        if order != sorted(order):
            wrong.append(f"{channel} heard conversation {conversation} in the order {order}")
    return wrong


def _order_mistakes(kept: books.Books, person: Person) -> list[str]:
    """What a person saw is what the books say that they saw, in the order it was said."""
    if person.channel != "window":
        return []
    said = [(line.id, line.text) for line in kept.outbound if line.uri == person.uri and line.status in books.VISIBLE]
    return [] if sorted(person.seen.items()) == said else [f"{person.uri} saw {person.seen}, said was {said}"]


def _settings(folder: Path) -> Any:
    from tests.acceptance.house import settings

    return settings(folder)
