"""Row ids taken before their rows are written: children can name their parents within one statement each."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from storage.schema import Entity

_SQLITE = text("UPDATE sqlite_sequence SET seq = seq + :count WHERE name = :name RETURNING seq")
_SQLITE_FIRST = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :count)")
_POSTGRES = text("SELECT nextval(:name) FROM generate_series(1, :count)")


def take(connection: Connection, entity: type[Entity], count: int) -> Sequence[int]:
    """`count` fresh ids, growing. Nobody else gets them, not even a row that is written before theirs without an id."""
    if count == 0:
        return []
    name = entity.__tablename__
    if connection.dialect.name == "sqlite":
        last = connection.execute(_SQLITE, {"name": name, "count": count}).scalar()
        if last is None:
            connection.execute(_SQLITE_FIRST, {"name": name, "count": count})
            last = count
        return range(last - count + 1, last + 1)
    return list(connection.scalars(_POSTGRES, {"name": f"{name}_id_seq", "count": count}))
