"""The guards around the tests are tested: a guard that lets everything through looks just like peace."""

from __future__ import annotations

import asyncio
import socket
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.loopback import is_here
from tests.postgres import PostgresServer
from tests.used_again import UsedAgain


def test_a_connection_beyond_this_machine_is_refused_and_written_down(outward_attempts: list[str]) -> None:
    with pytest.raises(ConnectionRefusedError, match="loopback"), socket.socket() as one:
        one.connect(("192.0.2.1", 443))
    assert outward_attempts == ["connect 192.0.2.1:443"]
    outward_attempts.clear()


def test_looking_up_a_foreign_name_is_refused_and_written_down(outward_attempts: list[str]) -> None:
    with pytest.raises(ConnectionRefusedError, match="loopback"):
        socket.getaddrinfo("api.example.com", 443)
    assert outward_attempts == ["look up 'api.example.com'"]
    outward_attempts.clear()


async def test_asyncio_meets_the_same_guard(outward_attempts: list[str]) -> None:
    with pytest.raises(ConnectionRefusedError, match="loopback"):
        await asyncio.open_connection("192.0.2.1", 443)
    assert outward_attempts == ["connect 192.0.2.1:443"]
    outward_attempts.clear()


async def test_loopback_is_open() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection("localhost", server.sockets[0].getsockname()[1])
        assert await reader.read() == b"hello"
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("host", [None, "", "localhost", "127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", b"127.0.0.1"])
def test_this_machine_is_known_by_all_its_names(host: object) -> None:
    assert is_here(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.1", "example.com", "localhost.example.com", "fe80::1%eth0"])
def test_a_neighbour_is_not_this_machine(host: str) -> None:
    assert not is_here(host)


@pytest.mark.parametrize("turn", ["first", "second"])
def test_every_test_has_a_database_of_its_own(turn: str, postgres_url: str) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as database:
        database.execute("CREATE TABLE only_once (turn text)")
        database.execute("INSERT INTO only_once VALUES (%s)", (turn,))
        assert database.execute("SELECT turn FROM only_once").fetchall() == [(turn,)]


def test_postgresql_comes_back_with_its_data_on_the_same_port(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    url = postgres_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    postgres_server.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url).close()
    postgres_server.start()
    with psycopg.connect(url) as database:
        assert database.execute("SELECT answer FROM kept").fetchone() == (42,)


def everything(server: PostgresServer, name: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, and where every sequence stands."""
    with psycopg.connect(host="127.0.0.1", port=server.port, user="rapport", dbname=name) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        held = {
            table: connection.execute(sql.SQL("TABLE {}").format(sql.Identifier(table))).fetchall()
            for (table,) in tables
        }
        counted = connection.execute("SELECT sequencename, last_value FROM pg_sequences").fetchall()
        return held | {"sequences": sorted(counted)}


def test_a_database_that_a_test_wrote_to_is_as_new_for_the_next(
    postgres_server: PostgresServer, migrated_postgres: UsedAgain
) -> None:
    new = everything(postgres_server, migrated_postgres.template)
    databases = UsedAgain(postgres_server, migrated_postgres.template)
    name = databases.take()
    left_open = psycopg.connect(host="127.0.0.1", port=postgres_server.port, user="rapport", dbname=name)
    left_open.execute("INSERT INTO search_gaps VALUES ('messages', 1, 2, now())")
    left_open.execute("UPDATE search_cursors SET upto = 42")
    left_open.execute("SELECT nextval('contacts_id_seq')")
    left_open.commit()
    assert everything(postgres_server, name) != new
    left_open.execute("LOCK TABLE contacts")
    databases.give_back(name)
    assert databases.take() == name
    assert everything(postgres_server, name) == new
    with pytest.raises(psycopg.OperationalError):
        left_open.execute("SELECT 1")
    postgres_server.drop_database(name)


@pytest.mark.parametrize(
    "change", ["ALTER TABLE teams ADD COLUMN colour text", "DROP INDEX ix_links_contact_id", "ANALYZE"]
)
def test_a_database_whose_tables_a_test_changed_is_nobody_s_any_more(
    postgres_server: PostgresServer, migrated_postgres: UsedAgain, change: LiteralString
) -> None:
    name = migrated_postgres.take()
    with psycopg.connect(host="127.0.0.1", port=postgres_server.port, user="rapport", dbname=name) as connection:
        connection.execute(change)
    migrated_postgres.give_back(name)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(host="127.0.0.1", port=postgres_server.port, user="rapport", dbname=name)
