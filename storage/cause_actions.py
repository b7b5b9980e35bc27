"""Prevention: what is done about a root cause that comes back, by whom and by when."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Entity, Words


class ActionState(StrEnum):
    PLANNED = "planned"
    DONE = "done"
    DROPPED = "dropped"  # it turned out to be no good idea


class CauseAction(Entity):
    """Something that should make a cause's complaints fewer."""

    __tablename__ = "cause_actions"
    __table_args__ = (Index("ix_cause_actions_cause", "cause"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    cause: Mapped[str]
    """An id of the business's tree; all that stands below it is meant, too."""
    action: Mapped[str]
    owner: Mapped[str]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    due_at: Mapped[datetime]
    state: Mapped[ActionState] = mapped_column(Words(ActionState))
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    """Since when it should show; or when it was dropped."""
    note: Mapped[str | None]
    """What came of it."""
