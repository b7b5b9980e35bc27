"""Reviews: what of people's words was not understood, or not rightly, and what a person made of it since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, bindparam, func, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.interactions import TurnRecord
from storage.many import Many
from storage.schema import Document, Entity, Words


class Why(StrEnum):
    """Why somebody should look at it."""

    FELL_THROUGH = "fell_through"  # the assistant said that it did not understand, or that it is none of its concern
    CLARIFIED = "clarified"  # it asked "did you mean …?"
    CORRECTED = "corrected"  # it acted, and an agent says that something else was meant


class ReviewState(StrEnum):
    WAITING = "waiting"  # nobody has looked
    ACCEPTED = "accepted"  # a person said what was meant, and it is taught
    DISCARDED = "discarded"  # nothing is to be learnt from it


WAITING = text("state = 'waiting'")
CUSTOMER = "customer"
"""Who suggested it, where that was no agent."""


class Review(Entity):
    """One Interaction that waits for a person's judgement, or has it."""

    __tablename__ = "reviews"
    __table_args__ = (
        Index("ix_reviews_waiting", "interaction_id", sqlite_where=WAITING, postgresql_where=WAITING),
        Index("ix_reviews_queued_at", "queued_at"),
    )

    interaction_id: Mapped[int] = mapped_column(ForeignKey("interactions.id"), primary_key=True, autoincrement=False)
    why: Mapped[Why] = mapped_column(Words(Why))
    """The first reason; a correction that came later stands in `suggested`."""
    state: Mapped[ReviewState] = mapped_column(Words(ReviewState))
    understood: Mapped[dict[str, Any]] = mapped_column(Document)
    """What the engine made of it: `language`, `intents` with confidences, `engine`, `model`, `failure`."""
    queued_at: Mapped[datetime]
    suggested: Mapped[str | None]
    """The intent that an agent says was meant, or that the customer chose when we asked."""
    suggested_by: Mapped[str | None]
    """An agent's name, or `customer`."""
    intent: Mapped[str | None]
    """What was meant, as decided."""
    example: Mapped[str | None]
    """As the training files have it, marks and all."""
    place: Mapped[str | None]
    """Where it stands there: `zh/reviewed.yml:12`."""
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]


_insert = Many(insert(Review), ["interaction_id", "why", "state", "understood", "queued_at"])


def queue_many(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Many Reviews with one statement; none where there are no rows."""
    _insert.execute(connection, rows)


_suggest = Many(
    update(Review)
    .where(
        # What was asked about is the last message of the Turn before.
        Review.interaction_id
        == select(func.max(TurnRecord.interaction_id))
        .where(TurnRecord.conversation_id == bindparam("conversation"), TurnRecord.interaction_id < bindparam("before"))
        .scalar_subquery(),
        Review.state == ReviewState.WAITING,
        Review.why == Why.CLARIFIED,
        Review.suggested.is_(None),
    )
    .values(suggested=bindparam("intent"), suggested_by=CUSTOMER)
)


def suggest_many(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """What customers chose when they were asked what they meant. Keys: conversation, before (the Interaction of the
    choice), intent."""
    _suggest.execute(connection, rows)
