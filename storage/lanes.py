"""The Lane: one Contact's messages are handled in the order received, by one holder at a time.

`newest` and `handled` are watermarks over the Contact's inbound Interactions: what lies between waits. A claim is a
lease with a fencing number; whoever applies a Turn shows the number it claimed with, and a stale one is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, bindparam, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.many import Many
from storage.schema import Entity

LEASE = timedelta(seconds=30)
"""Longer than understanding, a lookup and a commit together may take; after it another process may take over."""

WAITING = text("newest > handled")


class Lane(Entity):
    """One row a Contact."""

    __tablename__ = "lanes"
    __table_args__ = (
        Index(
            "ix_lanes_waiting",
            "lease_until",
            sqlite_where=WAITING,
            postgresql_where=WAITING,
        ),
    )

    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"), primary_key=True, autoincrement=False)
    fence: Mapped[int] = mapped_column(default=0)
    holder: Mapped[str | None]
    """The process at work."""
    lease_until: Mapped[datetime | None]
    newest: Mapped[int] = mapped_column(default=0)
    """Highest inbound Interaction."""
    handled: Mapped[int] = mapped_column(default=0)
    """Highest inbound Interaction whose Turn was applied."""


def open_for(connection: Connection, contacts: Sequence[int]) -> None:
    """A Lane for each new Contact, in which nothing waits."""
    connection.execute(
        insert(Lane), [{"contact_id": contact, "fence": 0, "newest": 0, "handled": 0} for contact in contacts]
    )


_save = Many(
    update(Lane)
    .where(Lane.contact_id == bindparam("lane"))
    .values(
        fence=bindparam("new_fence"),
        holder=bindparam("new_holder"),
        lease_until=bindparam("new_lease"),
        newest=bindparam("new_newest"),
        handled=bindparam("new_handled"),
    )
)


def save(connection: Connection, states: Sequence[Mapping[str, Any]]) -> None:
    """Write lanes that this transaction has locked.

    Keys: lane, new_fence, new_holder, new_lease, new_newest, new_handled.
    """
    _save.execute(connection, states)


_locked = (
    select(Lane.contact_id, Lane.fence, Lane.holder, Lane.lease_until, Lane.newest, Lane.handled)
    .where(Lane.contact_id.in_(bindparam("contacts", expanding=True)))
    .order_by(Lane.contact_id)
    .with_for_update()
)


def lock(connection: Connection, contacts: Sequence[int]) -> dict[int, Any]:
    """Lock lanes, always in the order of Contact ids so that two processes cannot wait for each other."""
    rows = connection.execute(_locked, {"contacts": sorted(set(contacts))}).all()
    return {row.contact_id: row for row in rows}


def waiting(connection: Connection, now: datetime, limit: int) -> list[int]:
    """Contacts whose messages wait and whose lane nobody holds, locked; others' locks are passed over."""
    statement = (
        select(Lane.contact_id)
        .where(Lane.newest > Lane.handled, (Lane.lease_until.is_(None)) | (Lane.lease_until < now))
        .order_by(Lane.newest)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(connection.scalars(statement))


def forget_holders(connection: Connection) -> None:
    """Free every lane: for a start on SQLite, where no other process can be alive."""
    connection.execute(
        update(Lane).where(Lane.holder.is_not(None)).values(holder=None, lease_until=None, fence=Lane.fence + 1)
    )
