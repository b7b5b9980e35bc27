"""Migrations: the database's shape, version by version (Alembic), on SQLite and PostgreSQL.

Alembic is imported only where there is something to migrate: every start asks, and it costs 14 MB.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from storage.database import synchronous_engine

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK = 7_261_905_021
"""Two processes that start together must not both migrate; an advisory lock of this number tells them apart."""
_VERSIONS = Path(__file__).parent / "versions"
_HOUSE = Path(__file__).resolve().parents[2]


class MigrationFailed(Exception):
    """The database could not be brought to the newest shape; it is as it was."""


def migrate(url: str) -> str:
    """Bring a database to the newest shape, creating it where there is none; returns the revision."""
    engine = synchronous_engine(url)
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if current(connection) != newest():
            _upgrade(connection)
        revision = current(connection)
    engine.dispose()
    assert revision is not None
    return revision


def migrate_apart(url: str) -> None:
    """The same in a process of its own, where there is something to do: what Alembic loads goes with it.

    For who runs on for months afterwards. Raises MigrationFailed with the last that it said."""
    engine = synchronous_engine(url)
    with engine.connect() as connection:
        done = current(connection) == newest()
    engine.dispose()
    if not done:
        # The address holds a password: others may see a command, and not what comes by a pipe.
        command = [sys.executable, "-P", "-m", "storage.migrations"]
        surroundings = {**os.environ, "PYTHONPATH": str(_HOUSE)}
        ended = subprocess.run(  # noqa: S603 - our own module
            command, env=surroundings, input=url, capture_output=True, text=True, check=False
        )
        if ended.returncode != 0:
            raise MigrationFailed(ended.stderr.strip()[-2000:])


def current(connection: Connection) -> str | None:
    """The revision a database has; None: it was never migrated."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


@cache
def newest() -> str:
    """The revision that this version of Rapport wants: files are named by their revision, in order."""
    newest_file = max(path for path in _VERSIONS.glob("[0-9]*.py"))
    found = re.search(r'^revision = "(\w+)"$', newest_file.read_text("utf-8"), re.MULTILINE)
    assert found is not None, f"{newest_file.name} names no revision"
    return found.group(1)


def _upgrade(connection: Connection) -> None:
    from alembic import command

    command.upgrade(_config(connection), "head")


def _config(connection: Connection | None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config
