"""Searching a large house: how long the index takes to be made, how large it is, and how long a search takes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, text

from desk.rights import RIGHTS
from desk.search import Seeker, search
from nlu.chinese import simplified
from storage.commits import Transaction
from storage.database import synchronous_engine
from storage.search import Kind
from storage.search_upkeep import index_some
from storage.staff import Role
from tests.bench.console_house import Size, furnish
from tests.bench.report import Aim, Findings, Table
from tests.postgres import PostgresServer, find_binaries

if TYPE_CHECKING:
    from tests.bench.sections import Workshop

TITLE: Final = "Search"
AIM: Final = 200
"""Milliseconds, p95 over all searches."""
LARGE: Final = 1_000_000
SMALL: Final = 20_000
SUPERVISOR: Final = Seeker(name="Agent 3", rights=RIGHTS[Role.SUPERVISOR])
ZONE: Final = ZoneInfo("Asia/Shanghai")

QUERIES: Final[Mapping[str, Sequence[str]]] = {
    "very common words": ("the", "order", "你好", "订单", "訂單", "到"),
    "one and two characters": ("退", "退款", "5G", "a", "的", "I"),
    "beginnings": ("refu", "deliv", "SL1000", "ord", "the"),
    "rare and unknown words": ("SL10123457", "SL10999999", "zzzz", "龘", "nowhere kettle"),
    "phrases": ('"the delivery of the kettle"', "电热水壶坏了", '"order the"', "「我要退款」"),
    "several words": ("the refund", "退款 坏了", "order -address", "kettle sofa", "broken outrageous"),
    "people": ("王伟", "James", "K0000123", "13800001234", "1234", "customer7@mail.example", "mail", "#77"),
    "with conditions": (
        *("order is:open", "order is:spam", "退款 is:closed", "order channel:sms", "the from:me", "on from:王伟"),
        *(
            "the before:2025-06-01",
            "你好 after:2026-11-19",
            "order case:C-1042",
            "refund from:customer channel:support",
        ),
    ),
}
DEEP: Final = 5
"""Pages into what was found that are turned, too."""


def search_large(shop: Workshop) -> Findings:
    """The same searches on both databases."""
    size = Size(interactions=SMALL if shop.quick else LARGE)
    rows: list[list[str]] = []
    facts: list[list[str]] = []
    aims: list[Aim] = []
    with ExitStack() as stack:
        for name, url in _databases(shop, stack):
            began = time.perf_counter()
            furnish(url, size)
            shop.tell(f"{name}: {size.interactions:,} interactions in {time.perf_counter() - began:.0f} s")
            engine = synchronous_engine(url)
            facts.append([name, *_index(engine, size)])
            shop.tell(f"{name}: indexed, {facts[-1][1]} a second")
            taken = {kind: _measured(engine, queries, 1 if shop.quick else 5) for kind, queries in QUERIES.items()}
            rows += [[f"{name}: {kind}", *_figures(seconds)] for kind, seconds in taken.items()]
            every = [each for seconds in taken.values() for each in seconds]
            rows.append([f"{name}: all", *_figures(every)])
            aims.append(Aim.below(f"Search, {name}, p95 of all (ms)", AIM, round(_p95(every) * 1000, 1)))
            engine.dispose()
    return Findings(
        title=TITLE,
        tables=[
            Table(columns=["", "entries/s", "longest piece ms", "index MB", "database MB"], rows=facts),
            Table(columns=["", "searches", "median ms", "p95 ms", "longest ms"], rows=rows),
        ],
        notes=[
            f"{size.interactions:,} interactions in Chinese and English. Each search is the whole page's work: people,"
            f" cases and conversations, masked, with what is around each word; and {DEEP} pages on. The index is made"
            " without a pause here; in a running house it takes a fifth of the time."
        ],
        aims=aims,
    )


def _databases(shop: Workshop, stack: ExitStack) -> Sequence[tuple[str, str]]:
    folder = stack.enter_context(TemporaryDirectory(dir=shop.folder))
    found = [("SQLite", f"sqlite:///{folder}/house.sqlite3")]
    if find_binaries() is not None:
        server = PostgresServer.create({"shared_buffers": "256MB", "max_wal_size": "2GB"})
        stack.callback(server.remove)
        found.append(("PostgreSQL", server.url(server.create_database())))
    return found


def _index(engine: Engine, size: Size) -> list[str]:
    before = _megabytes(engine)
    pieces: list[float] = []
    entries, began = 0, time.perf_counter()
    while True:
        started = time.perf_counter()
        with engine.begin() as connection:
            done = index_some(connection, folding=simplified())
        pieces.append(time.perf_counter() - started)
        entries += done
        if not done:
            break
    speed = entries / (time.perf_counter() - began)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    after = _megabytes(engine)
    return [f"{speed:,.0f}", f"{max(pieces) * 1000:.0f}", f"{after - before:,.0f}", f"{after:,.0f}"]


def _megabytes(engine: Engine) -> float:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            pages, unused = (
                connection.scalar(text(f"PRAGMA {name}")) or 0 for name in ("page_count", "freelist_count")
            )
            return (pages - unused) * 4096 / 1e6
        return (connection.scalar(text("SELECT pg_database_size(current_database())")) or 0) / 1e6


def _measured(engine: Engine, queries: Sequence[str], rounds: int) -> list[float]:
    return [seconds for _ in range(rounds) for query in queries for seconds in _pages(engine, query)]


def _pages(engine: Engine, query: str) -> Iterator[float]:
    """Seconds of the first pages, each on a connection that another request has used before."""
    before: int | None = None
    for _ in range(DEEP):
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            started = time.perf_counter()
            before = _next(connection, query, before)
            yield time.perf_counter() - started
        if before is None:
            return


def _next(connection: Connection, query: str, before: int | None) -> int | None:
    """A page of it; where the next one begins."""
    transaction = Transaction(connection=connection, now=datetime.now(UTC))
    only = None if before is None else Kind.INTERACTION
    return search(transaction, query=query, by=SUPERVISOR, zone=ZONE, only=only, before=before).lines.next


def _figures(seconds: Sequence[float]) -> list[str]:
    milliseconds = [each * 1000 for each in seconds]
    return [
        str(len(seconds)),
        f"{median(milliseconds):.1f}",
        f"{_p95(milliseconds):.1f}",
        f"{max(milliseconds):.1f}",
    ]


def _p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20)[-1]
