"""Insert, or change what is there: one statement, which each database spells in its own way."""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from storage.schema import Entity


def upsert(connection: Connection, entity: type[Entity]) -> postgresql.Insert | sqlite.Insert:
    """An insert that can be told what to do where the row is there already: `.on_conflict_do_update(…)`."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(entity)
