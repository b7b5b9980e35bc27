"""Row ids taken before their rows are written: children can name their parents within one statement each."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from storage.schema import Entity

_SQLITE = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
_POSTGRES = text("SELECT nextval(:name) FROM generate_series(1, :count)")


def take(connection: Connection, entity: type[Entity], count: int) -> Sequence[int]:
    """`count` fresh ids, growing. On SQLite only the one writer calls this, inside its transaction."""
    if count == 0:
        return []
    name = entity.__tablename__
    if connection.dialect.name == "sqlite":
        last = connection.execute(_SQLITE, {"name": name}).scalar() or 0
        return range(last + 1, last + 1 + count)
    return list(connection.scalars(_POSTGRES, {"name": f"{name}_id_seq", "count": count}))
