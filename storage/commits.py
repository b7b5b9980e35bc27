"""Shared commits: while one transaction is being written, the next ones gather.

Durability costs an fsync or a round trip however many rows ride on it, and a dozen statements cost some milliseconds of
calculation. Whoever has something to store submits it and waits; a writer takes all of one kind that has gathered, runs
it in one transaction, and wakes everybody after the commit. A batch that fails is halved until the culprit stands
alone: its neighbours go through.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from time import perf_counter
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage import touched
from storage.database import Clock, Database
from storage.sight import ALL, Sight

Item = TypeVar("Item")
R = TypeVar("R")


FEW = 4
"""Submissions that are written at once; where there are more, the next ones may take their time."""
GATHERING = 0.002
"""Seconds: about what a transaction costs however little is in it."""
PASSES = 3
"""Of the event loop, from bytes on a socket to a submission."""
MOST_LOOKS = 8
"""How often we look whether more is coming: where it never ends, it must be written all the same."""


class Unavailable(Exception):
    """The database cannot be reached; nothing was stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """What a commit added to the counters, told as its last news: only what was really committed is counted."""

    counts: Mapping[tuple[str, ...], int]
    """How often, by what and its labels: `("sent", "telegram", "delivered")`."""


@dataclass(kw_only=True, slots=True)
class Transaction:
    """What work sees: a connection inside a transaction, the time, and a place for news to tell after the commit."""

    connection: Connection
    now: datetime
    """The house's clock (UTC)."""
    news: list[Any] = field(default_factory=list[Any])
    """Told to the listener in order once the commit is through; forgotten with a rollback."""
    counts: Counter[tuple[str, ...]] = field(default_factory=Counter[tuple[str, ...]])
    sight: Sight = ALL
    """Through whose eyes it looks."""

    def seen_by(self, sight: Sight) -> Transaction:
        """The same, through somebody's eyes."""
        return replace(self, sight=sight)

    def count(self, *what: str) -> None:
        """Add one to a counter, if this is committed: what, and the values of its labels."""
        self.counts[what] += 1


Work = Callable[[Transaction, Sequence[Item]], Sequence[R]]
"""Stores many items at once and answers each, in order. Items submitted for the same work share its statements."""


@dataclass(kw_only=True, slots=True)
class _Submission:
    work: Work[Any, Any]
    item: Any
    done: asyncio.Future[Any]
    tried: bool = False


class _Writer:
    """Writes what has gathered, again and again: one kind of work a transaction, whichever has waited longest.

    Kinds that share a transaction stay in step for ever: half of the customers are received while the other half is
    answered, and every statement runs for half of them. One after the other, both halves meet.
    """

    def __init__(self, commit: Callable[[Sequence[_Submission]], Awaitable[None]], largest: int) -> None:
        self._commit = commit
        self._largest = largest
        self._gathered: dict[Work[Any, Any], list[_Submission]] = {}
        self._submitted = 0
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = self._task or asyncio.create_task(self._write_forever(), name="commits")

    async def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def gather(self, submission: _Submission) -> None:
        if self._stopping:
            submission.done.set_exception(Unavailable("the writer has stopped"))
            return
        self._gathered.setdefault(submission.work, []).append(submission)
        self._submitted += 1
        self._wake.set()

    async def _write_forever(self) -> None:
        while self._gathered or not self._stopping:
            await self._wake.wait()
            batch = self._next()
            if not batch:
                continue
            try:
                await self._commit(batch)
                await self._let_gather(len(batch))
            except BaseException as crash:
                self._stopping = True
                for submission in [*batch, *chain.from_iterable(self._gathered.values())]:
                    if not submission.done.done():
                        submission.done.set_exception(Unavailable(f"the writer stopped: {crash!r}"))
                raise

    async def _let_gather(self, written: int) -> None:
        """Whoever waited for it may hand in at once what follows: it rides on the next one, not the one after."""
        await asyncio.sleep(GATHERING if written > FEW else 0)
        for _ in range(MOST_LOOKS):
            seen = self._submitted
            for _ in range(PASSES):
                await asyncio.sleep(0)
            if seen == self._submitted:
                return

    def _next(self) -> Sequence[_Submission]:
        """What waits of one kind, at most `largest`; the rest of it queues behind the other kinds."""
        if not self._gathered:
            self._wake.clear()
            return ()
        work = next(iter(self._gathered))
        waiting = self._gathered.pop(work)
        if len(waiting) > self._largest:
            self._gathered[work] = waiting[self._largest :]
        return waiting[: self._largest]


class Commits:
    """The writers of this process: one on SQLite; on PostgreSQL one for each kind of work.

    There, work of two kinds in one transaction would lock rows in an order that another process may cross, and a
    round trip is a chance for another writer.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        largest: int = 256,
        on_news: Callable[[Sequence[Any]], None] = lambda news: None,
        before_commit: Callable[[Transaction], None] = lambda transaction: None,
        observe: Callable[[int, float], None] = lambda size, seconds: None,
        boundary: Callable[[str], None] = lambda name: None,
    ) -> None:
        """`largest`: items a transaction, so that bulk work never holds the loop long.

        `before_commit` runs last inside each transaction (PostgreSQL's NOTIFY); `boundary` is called around each
        commit by name, where tests let the house crash.
        """
        self._database = database
        self._clock = clock
        self._largest = largest
        self.on_news = on_news
        self.before_commit = before_commit
        self._observe = observe
        self._boundary = boundary
        self._writers: dict[Work[Any, Any] | None, _Writer] = {}
        self._started = self._stopping = False

    async def start(self) -> None:
        self._started = True
        for writer in self._writers.values():
            writer.start()

    async def stop(self) -> None:
        """Write what has gathered, then stop; what is handed in after that is refused."""
        self._stopping = True
        await asyncio.gather(*(writer.stop() for writer in self._writers.values()))

    def submit(self, work: Work[Item, R], item: Item) -> asyncio.Future[R]:
        """Hand in one item; the future is done after its commit. It raises Unavailable, or what the work raised."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        if self._stopping:
            done.set_exception(Unavailable("the writer has stopped"))
            return done
        key = work if self._database.writes_beside else None
        writer = self._writers.get(key)
        if writer is None:
            writer = self._writers[key] = _Writer(self._commit, self._largest)
            if self._started:
                writer.start()
        writer.gather(_Submission(work=work, item=item, done=done))
        return done

    async def run(self, verb: Callable[[Transaction], R]) -> R:
        """Do one thing in the next shared commit."""
        return await self.submit(_each, verb)

    async def _commit(self, batch: Sequence[_Submission]) -> None:
        started = perf_counter()
        try:
            results, news = await self._database.write(lambda connection: self._run_all(connection, batch))
        except (OperationalError, InterfaceError) as error:
            if _is_lost(error):
                self._fail(batch, Unavailable(str(error.orig)))
            else:
                await self._halve(batch, error)
        except PoolTimeout as error:
            self._fail(batch, Unavailable(str(error)))
        except Exception as error:
            await self._halve(batch, error)
        else:
            self._boundary("committed")
            self._observe(len(batch), perf_counter() - started)
            for submission, result in zip(batch, results, strict=True):
                if not submission.done.done():
                    submission.done.set_result(result)
            if news:
                self._tell(news)

    def _tell(self, news: Sequence[Any]) -> None:
        """Whoever listens may fail; what is written stays written, and the next ones are waiting for their writer."""
        try:
            self.on_news(news)
        except Exception as error:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "news of a commit found no open ear", "exception": error}
            )

    def _run_all(self, connection: Connection, batch: Sequence[_Submission]) -> tuple[Sequence[Any], list[Any]]:
        transaction = Transaction(connection=connection, now=self._clock())
        touched.begin(connection)
        results = batch[0].work(transaction, [submission.item for submission in batch])
        if what := touched.taken(connection):
            transaction.news.append(touched.Touched(what=what))
        self.before_commit(transaction)
        self._boundary("before commit")
        if transaction.counts:
            transaction.news.append(Counted(counts=transaction.counts))
        return results, transaction.news

    async def _halve(self, batch: Sequence[_Submission], error: Exception) -> None:
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._commit(batch[:middle])
            await self._commit(batch[middle:])
        elif isinstance(error, IntegrityError | OperationalError) and not batch[0].tried:
            # Another process may have created the same row, or the two of us deadlocked: look again once.
            batch[0].tried = True
            await self._commit(batch)
        else:
            self._fail(batch, error)

    def _fail(self, batch: Sequence[_Submission], error: Exception) -> None:
        for submission in batch:
            if not submission.done.done():
                submission.done.set_exception(error)


def _each(transaction: Transaction, verbs: Sequence[Callable[[Transaction], Any]]) -> list[Any]:
    return [verb(transaction) for verb in verbs]


def _is_lost(error: DBAPIError) -> bool:
    """Whether the connection is gone (or a file is locked for longer than we wait), not the statement wrong."""
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        # SQLite's primary result codes for a file that is busy, locked, read-only, broken, full or gone;
        # without a code at all, PostgreSQL could not even be asked.
        code = getattr(error.orig, "sqlite_errorcode", None)
        return code is None or code & 0xFF in {5, 6, 8, 10, 11, 13, 14}
    return state[:2] in {"08", "57", "53"}  # connection, operator intervention (shutdown), resources


def server_time(transaction: Transaction) -> datetime:
    """The clock that leases are measured by: the server's where many machines share it, ours on SQLite."""
    if transaction.connection.dialect.name == "sqlite":
        return transaction.now
    return transaction.connection.execute(select(func.clock_timestamp())).scalar_one()
