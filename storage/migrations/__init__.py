"""Migrations: the database's shape, version by version (Alembic), on SQLite and PostgreSQL."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from storage.database import synchronous_engine

_LOCK = 7_261_905_021
"""Two processes that start together must not both migrate; an advisory lock of this number tells them apart."""


def migrate(url: str) -> str:
    """Bring a database to the newest shape, creating it where there is none; returns the revision."""
    engine = synchronous_engine(url)
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(_config(connection), "head")
        revision = current(connection)
    engine.dispose()
    assert revision is not None
    return revision


def current(connection: Connection) -> str | None:
    """The revision a database has; None: it was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def newest() -> str:
    """The revision that this version of Rapport wants."""
    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    assert head is not None
    return head


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config
