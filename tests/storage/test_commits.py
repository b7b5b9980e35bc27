"""Shared commits: many ride on one, a culprit falls off alone, and nobody is left waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from storage.commits import Commits, Transaction, Unavailable
from storage.database import Database, open_database
from tests.clock import FrozenClock
from tests.postgres import PostgresServer

POISON = -1


def store(transaction: Transaction, numbers: Sequence[int]) -> list[int]:
    """Work that writes rows, and fails for a number that the table does not take."""
    for number in numbers:
        transaction.connection.execute(text("INSERT INTO numbers VALUES (:number)"), {"number": number})
    transaction.news.extend(numbers)
    return [number * 10 for number in numbers]


def fail_late(transaction: Transaction, numbers: Sequence[int]) -> list[int]:
    """Work that writes everything and then finds that it cannot be."""
    written = store(transaction, [abs(number) for number in numbers])
    if POISON in numbers:
        raise ValueError("found out at the end")
    return written


@asynccontextmanager
async def commits_on(url: str, **options: object) -> AsyncGenerator[tuple[Commits, Database]]:
    database = open_database(url)
    commits = Commits(database, FrozenClock(), **options)  # pyright: ignore[reportArgumentType]
    await commits.start()
    await commits.run(
        lambda transaction: transaction.connection.execute(
            text("CREATE TABLE numbers (number INTEGER PRIMARY KEY CHECK (number >= 0))")
        )
    )
    yield commits, database
    await commits.stop()
    await database.close()


async def stored(database: Database) -> list[int]:
    return await database.read(
        lambda connection: list(connection.scalars(text("SELECT number FROM numbers ORDER BY number")))
    )


async def test_what_gathers_while_one_commit_is_written_rides_on_the_next(database_url: str) -> None:
    sizes: list[int] = []
    async with commits_on(database_url, observe=lambda size, _seconds: sizes.append(size)) as (commits, database):
        sizes.clear()
        results = await asyncio.gather(*(commits.submit(store, number) for number in range(100)))
        assert results == [number * 10 for number in range(100)]
        assert sizes == [100]
        assert await stored(database) == list(range(100))


async def test_bulk_work_is_cut_into_transactions_of_the_largest_size(database_url: str) -> None:
    sizes: list[int] = []
    async with commits_on(database_url, largest=8, observe=lambda size, _seconds: sizes.append(size)) as (commits, _):
        sizes.clear()
        await asyncio.gather(*(commits.submit(store, number) for number in range(20)))
        assert sizes == [8, 8, 4]


async def test_a_poisoned_item_fails_alone_and_its_neighbours_go_through(database_url: str) -> None:
    async with commits_on(database_url) as (commits, database):
        numbers = [*range(20), POISON, *range(20, 40)]
        results = await asyncio.gather(*(commits.submit(store, n) for n in numbers), return_exceptions=True)
        assert [n for n, result in zip(numbers, results, strict=True) if isinstance(result, Exception)] == [POISON]
        assert await stored(database) == list(range(40))


async def test_a_poison_that_shows_after_its_writes_leaves_none_of_them(database_url: str) -> None:
    async with commits_on(database_url) as (commits, database):
        results = await asyncio.gather(
            commits.submit(store, 5), commits.submit(fail_late, POISON), commits.submit(fail_late, 7),
            return_exceptions=True,
        )  # fmt: skip
        assert results[0] == 50
        assert isinstance(results[1], ValueError)
        assert results[2] == 70
        assert await stored(database) == [5, 7]


@settings(max_examples=60)
@given(
    items=st.lists(st.tuples(st.integers(0, 500), st.booleans()), max_size=30, unique_by=lambda item: item[0]),
    largest=st.integers(1, 12),
)
def test_wherever_poison_sits_exactly_the_healthy_ones_are_stored_and_told(
    tmp_path_factory: pytest.TempPathFactory, items: list[tuple[int, bool]], largest: int
) -> None:
    path = tmp_path_factory.mktemp("poison") / "numbers.sqlite3"

    async def run() -> None:
        told: list[int] = []
        async with commits_on(f"sqlite:///{path}", largest=largest, on_news=told.extend) as (commits, database):
            verbs: list[asyncio.Future[int]] = [commits.submit(store, -n - 1 if bad else n) for n, bad in items]
            results = await asyncio.gather(*verbs, return_exceptions=True)
            healthy = [n for n, bad in items if not bad]
            assert [result for result in results if not isinstance(result, BaseException)] == [n * 10 for n in healthy]
            assert await stored(database) == sorted(healthy)
            assert told == healthy

    asyncio.run(run())


async def test_news_of_a_batch_that_failed_is_never_told(database_url: str) -> None:
    told: list[int] = []
    async with commits_on(database_url, on_news=told.extend) as (commits, _):
        with pytest.raises(ValueError, match="at the end"):
            await commits.submit(fail_late, POISON)
        await commits.submit(store, 3)
        assert told == [3]


async def test_a_listener_that_fails_does_not_take_the_writer_with_it(migrated_sqlite_url: str) -> None:
    complaints: list[BaseException | None] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context.get("exception")))

    def deaf(news: Sequence[int]) -> None:
        raise KeyError("nobody here")

    async with commits_on(migrated_sqlite_url, on_news=deaf) as (commits, database):
        assert await commits.submit(store, 1) == 10
        assert await commits.submit(store, 2) == 20
        assert await stored(database) == [1, 2]
    assert [type(complaint) for complaint in complaints] == [KeyError, KeyError]


async def test_stopping_writes_what_was_handed_in_and_refuses_what_comes_later(database_url: str) -> None:
    async with commits_on(database_url) as (commits, database):
        pending = [commits.submit(store, number) for number in range(600)]
        await commits.stop()
        assert all(future.done() and future.exception() is None for future in pending)
        assert len(await stored(database)) == 600
        with pytest.raises(Unavailable):
            await commits.submit(store, 1000)


async def test_stopping_in_the_middle_of_a_commit_waits_for_it(migrated_sqlite_url: str) -> None:
    async with commits_on(migrated_sqlite_url) as (commits, database):
        pending = commits.submit(store, 1)
        for _ in range(3):  # the writer takes it at its next go, and the commit is in its thread
            await asyncio.sleep(0)
        await commits.stop()
        assert pending.result() == 10
        assert await stored(database) == [1]


async def test_who_gave_up_waiting_does_not_disturb_the_others(database_url: str) -> None:
    async with commits_on(database_url) as (commits, database):
        impatient, patient = commits.submit(store, 1), commits.submit(store, 2)
        impatient.cancel()
        assert await patient == 20
        assert await stored(database) == [1, 2]


async def test_a_row_that_another_process_made_meanwhile_is_looked_for_again(database_url: str) -> None:
    looks: list[int] = []

    def find_or_make(transaction: Transaction) -> str:
        looks.append(1)
        if len(looks) > 1:
            return "found"
        transaction.connection.execute(text("INSERT INTO numbers VALUES (1)"))
        return "made"

    async with commits_on(database_url) as (commits, _):
        await commits.submit(store, 1)
        assert await commits.run(find_or_make) == "found"


async def test_a_database_that_is_away_stores_nothing_and_says_so_to_each(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with commits_on(postgres_url) as (commits, database):
        await commits.submit(store, 1)
        postgres_server.stop()
        try:
            answers = await asyncio.gather(*(commits.submit(store, n) for n in (2, 3)), return_exceptions=True)
        finally:
            postgres_server.start()
        assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
        assert await commits.submit(store, 4) == 40
        assert await stored(database) == [1, 4]


async def test_a_file_that_somebody_else_locks_for_too_long_counts_as_away(tmp_path: Path) -> None:
    path = tmp_path / "numbers.sqlite3"
    async with commits_on(f"sqlite:///{path}") as (commits, database):
        await commits.run(lambda transaction: None)
        lock = open_database(f"sqlite:///{path}")
        database._writer.exec_driver_sql("PRAGMA busy_timeout=10")  # pyright: ignore[reportAttributeAccessIssue]
        database._writer.rollback()  # pyright: ignore[reportAttributeAccessIssue]
        transaction = lock._writer.begin()  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(Unavailable, match="locked"):
            await commits.submit(store, 1)
        transaction.rollback()
        assert await commits.submit(store, 2) == 20
        await lock.close()


def test_all_outcomes_are_told_apart_by_what_can_be_done_about_them() -> None:
    from sqlalchemy.exc import OperationalError

    from storage.commits import _is_lost

    class Orig(Exception):
        def __init__(self, sqlstate: str | None) -> None:
            self.sqlstate = sqlstate

    def error(sqlstate: str | None) -> OperationalError:
        return OperationalError("", None, Orig(sqlstate))

    lost: Callable[[str | None], bool] = lambda sqlstate: _is_lost(error(sqlstate))  # noqa: E731
    assert [state for state in ("08006", "57P01", "57P03", "53300", None) if not lost(state)] == []
    assert [state for state in ("40001", "40P01", "22001", "55P03") if lost(state)] == []
