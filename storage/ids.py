"""Row ids taken before their rows are written: children can name their parents within one statement each."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from storage.schema import Entity

_SQLITE = "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = ? RETURNING seq"
_SQLITE_FIRST = "INSERT INTO sqlite_sequence (seq, name) VALUES (?, ?)"
_POSTGRES = text("SELECT nextval(:name) FROM generate_series(1, :count)")


def take(connection: Connection, entity: type[Entity], count: int) -> Sequence[int]:
    """`count` fresh ids, growing. Nobody else gets them, not even a row that is written before theirs without an id."""
    if count == 0:
        return []
    name = entity.__tablename__
    if connection.dialect.name == "sqlite":
        last = connection.exec_driver_sql(_SQLITE, (count, name)).scalar()
        if last is None:
            connection.exec_driver_sql(_SQLITE_FIRST, (count, name))
            last = count
        return range(last - count + 1, last + 1)
    return list(connection.scalars(_POSTGRES, {"name": f"{name}_id_seq", "count": count}))
