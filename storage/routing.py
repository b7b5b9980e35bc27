"""Routings: what the distribution knows of a Conversation that people have. Beside it: it is on the hot path itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, insert, text, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity

WATCHED = text("look_at IS NOT NULL")


class Routing(Entity):
    """How a Conversation finds its person. It is about one hand-off; a later one begins anew in the same row."""

    __tablename__ = "routings"
    __table_args__ = (Index("ix_routings_look_at", "look_at", sqlite_where=WATCHED, postgresql_where=WATCHED),)

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), primary_key=True, autoincrement=False)
    handed_off_at: Mapped[datetime | None]
    """The hand-off that it is about."""
    topics: Mapped[list[Any]] = mapped_column(Document)
    """What it is about, in words of desk.topics.Topic."""
    before_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    """Who wrote with this customer last."""
    tried: Mapped[list[Any]] = mapped_column(Document)
    """Ids of those who had it and let it wait."""
    widened: Mapped[bool]
    """It waited too long: whoever is there may get it, not only who fits."""
    attempts: Mapped[int]
    """How often it came back, or was raised in the queue."""
    since: Mapped[datetime | None]
    """From when on it is counted how long it waits where it is now: with somebody, or in the queue."""
    look_at: Mapped[datetime | None]
    """When it may have waited too long. Not before it is worth a look; None: never by the clock alone."""


def given(connection: Connection, conversation: int, handed_off_at: datetime | None, now: datetime) -> None:
    """Somebody has it now, by their own hand or another's: from here on they are waited for."""
    changed = connection.execute(
        update(Routing)
        .where(Routing.conversation_id == conversation)
        .values(handed_off_at=handed_off_at, since=now, look_at=now)
    )
    if not changed.rowcount:
        connection.execute(
            insert(Routing),
            {
                "conversation_id": conversation,
                "handed_off_at": handed_off_at,
                "topics": [],
                "tried": [],
                "widened": False,
                "attempts": 0,
                "since": now,
                "look_at": now,
            },
        )
