"""Reaching the house from a terminal: directly where the database is free to open, else through whom it belongs to.

`async with reach(settings) as house: await house.do(conversations.take, conversation=7, by="ann")` runs the verb in a
shared commit, in this process or in the running one; what comes back, or is raised, is the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Concatenate, ParamSpec, TypeVar

import aiohttp
import orjson
from pydantic import BaseModel

from desk.calls import answers
from desk.refusals import KINDS, Refused, Stale, Unseen
from gateway.lock import AlreadyRunning, DataLock, Running, running
from gateway.settings import Settings
from gateway.verbs import NAMES
from gateway.wakeups import WakeUp, Wakeups
from storage import migrations
from storage.commits import Commits, Transaction
from storage.database import open_database, synchronous_engine

P = ParamSpec("P")
R = TypeVar("R")


class NotReached(Exception):
    """The database, or the process that owns it, cannot be reached."""


class House(ABC):
    """Where verbs are carried out."""

    running: bool
    """A gateway runs on this database, as far as we can know: what is written to the outbox leaves now."""

    @abstractmethod
    async def do(self, verb: Callable[Concatenate[Transaction, P], R], *args: P.args, **arguments: P.kwargs) -> R:
        """Carry a verb of VERBS out in one commit. Raises Refused, NotReached."""


@asynccontextmanager
async def reach(settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> AsyncGenerator[House]:
    """Open the database, or go through the process that has it. Raises NotReached."""
    async with AsyncExitStack() as stack:
        owner = running(settings.data_dir) if settings.embedded else None
        if owner is not None:
            yield await stack.enter_async_context(_through(owner))
        else:
            yield await stack.enter_async_context(_directly(settings, clock))


@asynccontextmanager
async def _directly(settings: Settings, clock: Callable[[], datetime]) -> AsyncGenerator[House]:
    url = settings.database_url.render_as_string(hide_password=False)
    async with AsyncExitStack() as stack:
        wakeups = None
        if settings.embedded:
            try:
                stack.enter_context(DataLock(settings.data_dir))
            except AlreadyRunning as error:
                raise NotReached(f"{error}; try again in a moment") from error
            migrations.migrate(url)
        else:
            _check_shape(url)
            # Told to the others with each commit; nothing is listened to, nothing connects for it.
            wakeups = Wakeups(settings.database_url, "terminal", _unheard)
        database = open_database(url)
        stack.push_async_callback(database.close)
        commits = Commits(database, clock, before_commit=wakeups.tell if wakeups else lambda transaction: None)
        await commits.start()
        stack.push_async_callback(commits.stop)
        yield _Direct(commits, running=not settings.embedded)


@asynccontextmanager
async def _through(owner: Running) -> AsyncGenerator[House]:
    if not owner.url:
        raise NotReached("the gateway is just starting; try again in a moment")
    timeout = aiohttp.ClientTimeout(total=60, connect=5)
    headers = {"Authorization": f"Bearer {owner.token}"}
    async with aiohttp.ClientSession(headers=headers, timeout=timeout, trust_env=False) as session:
        yield _Remote(session, owner.url)


class _Direct(House):
    def __init__(self, commits: Commits, *, running: bool) -> None:
        self._commits = commits
        self.running = running

    async def do(self, verb: Callable[Concatenate[Transaction, P], R], *args: P.args, **arguments: P.kwargs) -> R:
        return await self._commits.run(lambda transaction: verb(transaction, *args, **arguments))


class _Remote(House):
    running = True

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def do(self, verb: Callable[Concatenate[Transaction, P], R], *args: P.args, **arguments: P.kwargs) -> R:
        body = orjson.dumps(arguments, default=str)
        try:
            async with self._session.post(f"{self._url}/internal/{NAMES[verb]}", data=body) as response:
                status, said = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotReached(f"the running gateway does not answer: {type(error).__name__}") from error
        if status == 409:
            raise _refusal(orjson.loads(said))
        if status != 200:
            raise NotReached(f"the running gateway answers {status}; is it of another version?")
        return answers(verb).validate_json(said)


class _Refusal(BaseModel):
    kind: str
    sentence: str
    unseen: tuple[Unseen, ...] = ()


def _refusal(said: object) -> Refused:
    refusal = _Refusal.model_validate(said)
    kind = KINDS.get(refusal.kind, Refused)
    return Stale(refusal.sentence, refusal.unseen) if kind is Stale else kind(refusal.sentence)


def _check_shape(url: str) -> None:
    """On a shared database the running version decides when its shape changes, never a passing terminal."""
    engine = synchronous_engine(url)
    try:
        with engine.connect() as connection:
            revision = migrations.current(connection)
    except Exception as error:
        raise NotReached(f"the database cannot be reached: {type(error).__name__}") from error
    finally:
        engine.dispose()
    if revision != migrations.newest():
        raise NotReached("the database has another version's shape; run `rapport migrate` when all processes are new")


async def _unheard(_wake: WakeUp) -> None:
    """A terminal hears no wake-ups."""
