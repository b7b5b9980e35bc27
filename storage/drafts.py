"""Drafts: what an agent has begun to write in a Conversation and has not sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity


class Draft(Entity):
    """At most one for each of the staff and Conversation."""

    __tablename__ = "drafts"
    __table_args__ = (Index("ix_drafts_conversation_id", "conversation_id"),)

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, autoincrement=False)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), primary_key=True, autoincrement=False)
    text: Mapped[str]
    attachments: Mapped[list[Any]] = mapped_column(Document)
    """Files that are to go along, as an Interaction's content has them; they are blobs already."""
    seen: Mapped[int]
    """The newest Interaction that its writer had seen when it was begun."""
    updated_at: Mapped[datetime]
