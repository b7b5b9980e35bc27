"""Keys that the house made for itself and all its processes share, such as the one that signs web chat visitors."""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, LargeBinary, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Entity


class Key(Entity):
    """Random bytes by name. In the database, so that every process and every restored backup has the same."""

    __tablename__ = "keys"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)


def find_or_make(connection: Connection, name: str, size: int = 32) -> bytes:
    """The key of a name, made of `size` random bytes where there is none yet."""
    found = connection.execute(select(Key.value).where(Key.name == name)).scalar()
    if found is None:
        found = secrets.token_bytes(size)
        connection.execute(insert(Key), {"name": name, "value": found})
    return found
