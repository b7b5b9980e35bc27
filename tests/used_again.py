"""PostgreSQL databases with our tables, emptied after a test and given to the next.

A new database is seven hundred files, made and removed: a test that reads one page spent more there than on itself.
What a test wrote is in a few of seventy tables, and those are emptied in a hundredth of the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from tests.postgres import ADMIN, PostgresServer

OFTEN = 40
"""So many tests in turn have one: deleted rows stay in its files, and should never come to weigh."""

_ALONE: LiteralString = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# What a change of the tables themselves, or statistics about them, would leave behind.
_SHAPE: LiteralString = """
    SELECT (SELECT count(*) FROM pg_class), (SELECT max(oid::bigint) FROM pg_class),
           (SELECT count(*) FROM pg_attribute WHERE NOT attisdropped), (SELECT count(*) FROM pg_constraint),
           (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_proc),
           (SELECT count(*) FROM pg_stats WHERE schemaname = 'public')
"""
# A table that nobody ever wrote to is a file without a byte.
_WRITTEN: LiteralString = """
    SELECT relname FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0 ORDER BY relname
"""
_COUNTED: LiteralString = """
    SELECT sequencename, start_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _New:
    """What a database is like that no test has had."""

    shape: tuple[object, ...]
    filled: dict[str, bytes]
    """The rows that the migrations themselves wrote, by table, as COPY gives and takes them."""


class UsedAgain:
    """Copies of one database; whoever asks has one alone, as new."""

    def __init__(self, server: PostgresServer, template: str) -> None:
        self._server = server
        self.template = template
        """What they are copies of."""
        with self._connected(template) as connection:
            self._new = _New(
                shape=_row(connection, _SHAPE),
                filled={table: _copied(connection, table) for table in _names(connection, _WRITTEN)},
            )
            # To count on from a number that the migrations used would be a matter of its own.
            assert _names(connection, _COUNTED) == []
        self._idle: list[str] = []
        self._tests: dict[str, int] = {}
        """How many tests have had it."""

    def take(self) -> str:
        """The name of one."""
        name = self._idle.pop() if self._idle else self._server.create_database(template=self.template)
        self._tests[name] = self._tests.get(name, 0) + 1
        return name

    def give_back(self, name: str) -> None:
        """Who is still connected is not any longer."""
        if self._tests[name] < OFTEN and self._emptied(name):
            self._idle.append(name)
        else:
            self._server.drop_database(name)

    def _emptied(self, name: str) -> bool:
        """False where more than rows was changed: this one is no longer what the next test expects."""
        with self._connected(name) as connection:
            connection.execute(_ALONE)
            if _row(connection, _SHAPE) != self._new.shape:
                return False
            # Foreign keys would be asked about every row, though all rows go.
            connection.execute("SET session_replication_role = replica")
            for table in _names(connection, _WRITTEN):
                self._empty(connection, table)
            for sequence, start in connection.execute(_COUNTED).fetchall():
                connection.execute("SELECT setval(%s::regclass, %s, false)", (f'public."{sequence}"', start))
            return True

    def _empty(self, connection: psycopg.Connection, table: str) -> None:
        rows = self._new.filled.get(table)
        if rows is not None and _copied(connection, table) == rows:
            return
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        if rows is not None:
            with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as copy:
                copy.write(rows)

    def _connected(self, name: str) -> psycopg.Connection:
        return psycopg.connect(host="127.0.0.1", port=self._server.port, user=ADMIN, dbname=name, autocommit=True)


def _row(connection: psycopg.Connection, query: LiteralString) -> tuple[object, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row


def _names(connection: psycopg.Connection, query: LiteralString) -> list[str]:
    return [row[0] for row in connection.execute(query).fetchall()]


def _copied(connection: psycopg.Connection, table: str) -> bytes:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
        return b"".join(bytes(piece) for piece in copy)
