"""The database: where it is, how it is opened, and how work on it becomes durable.

Work is a synchronous function of a Transaction and many items. SQLite runs it on the event loop (its statements take
microseconds, and a thread would fight for the interpreter lock row by row) and only the commit, with its fsync, in a
thread. PostgreSQL runs the same function in a greenlet, so that each round trip lets the loop go on.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

CHECKPOINT_EVERY = 1.0
"""Seconds between two looks at the write-ahead log."""
LONGEST_LOG = 8_000
"""Pages (of 4 KB) in it, from which on it is emptied between two commits..."""
FAR_TOO_LONG = 40_000
"""...and from which on SQLite empties it within one."""
READER_CACHE = 8_000
"""Kilobytes, for each of the two who read aside."""

T = TypeVar("T")
Clock = Callable[[], datetime]


def _to_json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _from_json(value: Any) -> Any:
    """SQLite keeps a document that is a number as a number: a column called JSON has the affinity NUMERIC."""
    return value if isinstance(value, int | float) else orjson.loads(value)


OPTIONS: dict[str, Any] = {
    "json_serializer": _to_json,
    "json_deserializer": _from_json,
    # What customers wrote rides in parameters: no error message may quote it.
    "hide_parameters": True,
}


class Database(ABC):
    """A place to run work. Readers see what is committed, and never wait for writers."""

    dialect: str
    writes_beside: bool
    """Several transactions may be written at the same time."""

    @abstractmethod
    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction of its own and return after its commit.

        Called again before it returns only where `writes_beside`.
        """

    @abstractmethod
    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run short queries on committed data."""

    @abstractmethod
    async def read_aside(self, work: Callable[[Connection], T]) -> T:
        """Run long queries on committed data without holding up conversations."""

    @abstractmethod
    async def close(self) -> None: ...


class SQLite(Database):
    """A file beside us: WAL, so readers never wait; synchronous=FULL, so a commit survives the power going out."""

    dialect = "sqlite"
    writes_beside = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = sqlite_engine(path)
        self._writer = self._engine.connect()
        self._reader = self._engine.connect().execution_options(rapport_reads=True)
        self._committer = ThreadPoolExecutor(1, "commit")
        self._aside = ThreadPoolExecutor(2, "read")
        self._idle_readers: deque[Connection] = deque()
        self._log = _WriteAheadLog(self._engine, self._writer)

    async def write(self, work: Callable[[Connection], T]) -> T:
        if self._log.is_long:
            await asyncio.get_running_loop().run_in_executor(self._committer, self._log.begin_anew)
        transaction = self._writer.begin()
        try:
            result = work(self._writer)
            await asyncio.get_running_loop().run_in_executor(self._committer, transaction.commit)
        except BaseException:
            if transaction.is_active:
                transaction.rollback()
            raise
        self._log.written()
        return result

    async def read(self, work: Callable[[Connection], T]) -> T:
        with self._reader.begin():
            return work(self._reader)

    async def read_aside(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._aside, self._read_in_thread, work)

    def _read_in_thread(self, work: Callable[[Connection], T]) -> T:
        # To open one and set it up takes longer than most of what is asked.
        connection = self._idle_readers.pop() if self._idle_readers else self._open_reader()
        try:
            with connection.begin():
                return work(connection)
        finally:
            self._idle_readers.append(connection)

    def _open_reader(self) -> Connection:
        connection = self._engine.connect().execution_options(rapport_reads=True)
        # What one long question has read is not kept in memory for ever; the system remembers it anyway.
        connection.exec_driver_sql(f"PRAGMA cache_size=-{READER_CACHE}")
        connection.rollback()
        return connection

    async def close(self) -> None:
        self._log.close()
        self._committer.shutdown(wait=True)
        self._aside.shutdown(wait=True)
        for connection in self._idle_readers:
            connection.close()
        self._writer.close()
        self._reader.close()
        self._engine.dispose()


class _WriteAheadLog:
    """Moves what was committed from the log into the database file, beside the conversations.

    SQLite does that within every so-manieth commit, and whoever waits for that one waits for thousands of pages and a
    flush: with a gigabyte of old interactions a tenth of all time. A passive checkpoint needs no lock that a writer
    wants; only where writing never stops to breathe, the log begins anew between two commits (sqlite.org/wal.html).
    """

    def __init__(self, engine: Engine, writer: Connection) -> None:
        self._engine = engine
        self._writer = writer
        self._worker = ThreadPoolExecutor(1, "checkpoint")
        self._running: Future[None] | None = None
        self._due = time.monotonic() + CHECKPOINT_EVERY
        self.is_long = False
        """So many pages are in it that it should begin anew."""

    def written(self) -> None:
        """Something was committed."""
        if time.monotonic() >= self._due and (self._running is None or self._running.done()):
            self._due = time.monotonic() + CHECKPOINT_EVERY
            self._running = self._worker.submit(self._move)

    def begin_anew(self) -> None:
        """Between two transactions nothing is being added: what is left to move is little, and then it is empty."""
        self.is_long = False
        # Whoever writes next has done nothing wrong; the worker looks again in a second.
        with suppress(sqlite3.Error):
            _checkpoint(self._writer)

    def close(self) -> None:
        self._worker.shutdown(wait=True)

    def _move(self) -> None:
        with self._engine.connect() as connection:
            self.is_long = _checkpoint(connection) > LONGEST_LOG


def _checkpoint(connection: Connection) -> int:
    """Move what no reader still wants from the log; waits for nobody. Returns how many pages the log has."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        _, pages, _ = cast("tuple[int, int, int]", cursor.fetchone())
        return pages
    finally:
        cursor.close()


class PostgreSQL(Database):
    """A server that many of us share."""

    dialect = "postgresql"
    writes_beside = True

    def __init__(self, url: str, *, connections: int = 8) -> None:
        self.engine: AsyncEngine = create_async_engine(
            url, pool_size=connections, max_overflow=0, pool_pre_ping=False, pool_timeout=10, **OPTIONS
        )

    async def write(self, work: Callable[[Connection], T]) -> T:
        async with self.engine.begin() as connection:
            return await connection.run_sync(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        connection: AsyncConnection
        async with self.engine.connect() as connection:
            return await connection.run_sync(work)

    async def read_aside(self, work: Callable[[Connection], T]) -> T:
        return await self.read(work)

    async def close(self) -> None:
        await self.engine.dispose()


def open_database(url: str) -> Database:
    """Open `sqlite:///path` or `postgresql+psycopg://…`. Nothing is migrated here."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError("the database must be a file: in memory nothing would be remembered")
        return SQLite(Path(parsed.database))
    return PostgreSQL(url)


def sqlite_engine(path: Path) -> Engine:
    """A synchronous engine over a SQLite file with the house's pragmas."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        connect_args={"check_same_thread": False, "isolation_level": None, "cached_statements": 512},
        **OPTIONS,
    )
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def synchronous_engine(url: str) -> Engine:
    """A plain engine for migrations, backups and tests."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return sqlite_engine(Path(parsed.database))
    return create_engine(url, poolclass=NullPool, **OPTIONS)


def _set_pragmas(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=5000",
        "cache_size=-65536",
        "temp_store=MEMORY",
        f"wal_autocheckpoint={FAR_TOO_LONG}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A writer takes its lock at once: two that begin as readers and upgrade later would deadlock.
    reads = connection.get_execution_options().get("rapport_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
