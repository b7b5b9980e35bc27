"""SQLite's write-ahead log: it is emptied beside the conversations, and does not grow for ever."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from storage import database
from storage.database import SQLite

PAGE = 4096
ROWS = 40
"""Of a page or so each: what one transaction writes."""


async def write(house: SQLite, times: int) -> None:
    def fill(connection: Connection) -> None:
        connection.execute(text("DELETE FROM heap"))
        connection.execute(text("INSERT INTO heap VALUES (:value)"), [{"value": b"x" * PAGE}] * ROWS)

    for _ in range(times):
        await house.write(fill)


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SQLite:
    monkeypatch.setattr(database, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(database, "LONGEST_LOG", 10 * ROWS)
    opened = SQLite(tmp_path / "rapport.sqlite3")
    await opened.write(lambda connection: connection.execute(text("CREATE TABLE heap (value BLOB)")))
    return opened


def pages_in_log(house: SQLite) -> int:
    return house.path.with_name(f"{house.path.name}-wal").stat().st_size // (PAGE + 24)


async def test_the_log_does_not_grow_for_ever_where_writing_never_pauses(house: SQLite) -> None:
    await write(house, 200)
    assert pages_in_log(house) < 40 * ROWS
    await house.close()


async def test_a_long_look_at_the_data_holds_up_no_writer_and_the_log_is_emptied_after_it(house: SQLite) -> None:
    reader = sqlite3.connect(house.path, isolation_level=None)
    reader.execute("BEGIN")
    before = reader.execute("SELECT count(*) FROM heap").fetchone()
    async with asyncio.timeout(20):
        await write(house, 60)
    grown = pages_in_log(house)
    assert grown > 50 * ROWS, "what the reader sees must stay in it"
    assert reader.execute("SELECT count(*) FROM heap").fetchone() == before
    reader.execute("COMMIT")
    await write(house, 100)
    assert pages_in_log(house) < grown + 40 * ROWS
    reader.close()
    await house.close()


async def test_a_log_that_cannot_be_emptied_fails_nobodys_write(house: SQLite, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(_connection: Connection) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    await write(house, 1)
    house._log.is_long = True  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(database, "_checkpoint", full_disk)
    await write(house, 3)
    await house.close()


async def test_what_was_committed_is_there_after_the_log_began_anew(house: SQLite) -> None:
    await write(house, 50)
    await house.close()
    with sqlite3.connect(house.path) as again:
        assert again.execute("SELECT count(*) FROM heap").fetchone() == (ROWS,)
        assert again.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    again.close()
