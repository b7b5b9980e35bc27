"""Measured: of each Conversation what reports count, in narrow rows that the clock keeps up to date.

Sums over a million Interactions would take seconds; medians cannot be made of sums. A row for each Conversation and a
few for its messages give every figure exactly, and what is measured anew simply takes the place of what was.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.conversations import ConversationState
from storage.schema import Entity, Words


class Measured(Entity):
    """One Conversation, as reports count it."""

    __tablename__ = "measured"
    __table_args__ = (
        Index("ix_measured_opened_at", "opened_at"),
        Index("ix_measured_closed_at", "closed_at"),
        Index("ix_measured_handed_off_at", "handed_off_at"),
        Index("ix_measured_left_people_at", "left_people_at"),
    )

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), primary_key=True, autoincrement=False)
    channel: Mapped[str]
    state: Mapped[ConversationState] = mapped_column(Words(ConversationState))
    """Spam counts nowhere."""
    epoch: Mapped[int]
    """The Conversation's when it was measured."""
    agent: Mapped[str | None]
    """Who has it, or had it last."""
    team_id: Mapped[int | None]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    handed_off_at: Mapped[datetime | None]
    """When people got it, the last time; None: the assistant had it all along."""
    reason: Mapped[str | None]
    """Why they got it."""
    left_people_at: Mapped[datetime | None]
    """When it was resolved, or handed back; None: people have it."""
    answer_seconds: Mapped[int | None]
    """From the customer's first word to the first answer of anybody, the assistant's, too."""
    person_seconds: Mapped[int | None]
    """From the hand-off to the first answer of a person; None: there was none (yet)."""
    resolution_seconds: Mapped[int | None]
    """From the beginning until somebody said that it is done."""
    measured_at: Mapped[datetime]


class MeasuredMessages(Entity):
    """How many messages somebody wrote in a Conversation within a quarter of an hour: days of every time zone are
    made of whole quarters."""

    __tablename__ = "measured_messages"
    __table_args__ = (Index("ix_measured_messages_slot", "slot"),)

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), primary_key=True, autoincrement=False)
    slot: Mapped[datetime] = mapped_column(primary_key=True)
    """The quarter's first moment."""
    author: Mapped[str] = mapped_column(primary_key=True)
    """`customer`, `bot`, or `agent:<name>`."""
    messages: Mapped[int]


class Measuring(Entity):
    """How far measuring has come."""

    __tablename__ = "measuring"

    name: Mapped[str] = mapped_column(primary_key=True)
    """`messages`: Interactions that were looked at. `round`: Conversations, on the slow round over all of them."""
    position: Mapped[int]
    at: Mapped[datetime]
