"""Knowledge entries that people at the desk wrote: what the assistant may answer, once a supervisor has approved it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity, Words


class EntryState(StrEnum):
    """How far a version has come."""

    PROPOSED = "proposed"  # waits for a supervisor
    IN_FORCE = "in_force"  # the assistant answers with it
    REFUSED = "refused"
    REPLACED = "replaced"  # a later version is in force
    WITHDRAWN = "withdrawn"  # was in force, and was taken back


IN_FORCE = text("state = 'in_force'")
PROPOSED = text("state = 'proposed'")


class KnowledgeEntry(Entity):
    """One version of one question with its answer. At most one version of a name is in force, and one waits."""

    __tablename__ = "knowledge_entries"
    __table_args__ = (
        Index("uq_knowledge_in_force", "name", unique=True, sqlite_where=IN_FORCE, postgresql_where=IN_FORCE),
        Index("uq_knowledge_proposed", "name", unique=True, sqlite_where=PROPOSED, postgresql_where=PROPOSED),
        Index("ix_knowledge_entries_name", "name", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    """`desk#12`: the same for all versions; files of a playbook have names of their own."""
    version: Mapped[int]
    """From 1."""
    state: Mapped[EntryState] = mapped_column(Words(EntryState))
    texts: Mapped[dict[str, Any]] = mapped_column(Document)
    """By language: `question`, `also` (a list), `answer`, `short`."""
    tiers: Mapped[list[Any]] = mapped_column(Document)
    """Who may be answered so; empty: everybody."""
    interaction_id: Mapped[int | None] = mapped_column(ForeignKey("interactions.id"))
    """The agent's answer that it was made of."""
    proposed_by: Mapped[str]
    proposed_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    """When it came into force, or was refused; of one that was replaced or withdrawn, when that was."""
    reason: Mapped[str | None]
    """Why it was refused or taken back, in the words of whoever did."""


def stamp(connection: Connection) -> tuple[int, datetime | None]:
    """Changes with whatever is in force: how many there are, and when one was decided on last."""
    row = connection.execute(
        select(
            func.count().filter(KnowledgeEntry.state == EntryState.IN_FORCE),
            func.max(KnowledgeEntry.decided_at),
        )
    ).one()
    return row[0], row[1]
