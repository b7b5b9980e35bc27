"""Presence: who says that they take conversations, and what their pages tell of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Entity, Words


class State(StrEnum):
    """Whether somebody can be given something."""

    AVAILABLE = "available"
    AWAY = "away"  # logged in, and takes nothing new
    OFFLINE = "offline"  # not here


class Presence(Entity):
    """One row for each of the staff who ever opened the console."""

    __tablename__ = "presences"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, autoincrement=False)
    chosen: Mapped[State] = mapped_column(Words(State))
    """What they said last, by hand."""
    chosen_at: Mapped[datetime]
    """It holds while a session lasts that was open then: whoever logs in again says so again."""
    heard_at: Mapped[datetime]
    """When a page of theirs was heard last."""
    active_at: Mapped[datetime]
    """When they last touched keyboard, mouse or screen."""
    given_at: Mapped[datetime | None]
    """When they were given a conversation last."""
    known: Mapped[State] = mapped_column(Words(State))
    """What it came to when the house looked last..."""
    known_since: Mapped[datetime]
    """...and since when."""
