"""Conversations: a run of Interactions with one Contact on one Channel, with a state, an owner and an epoch."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity, Words
from storage.touched import touch


class ConversationState(StrEnum):
    """Whether the next message goes on with it."""

    OPEN = "open"
    RESOLVED = "resolved"  # somebody said it is done
    IDLE = "idle"  # nothing happened for the idle time
    SPAM = "spam"  # counts nowhere


class Owner(StrEnum):
    """Who speaks."""

    BOT = "bot"
    QUEUE = "queue"
    AGENT = "agent"


OPEN = text("state = 'open'")
OVER = text("state IN ('resolved', 'idle')")
SPAM = text("state = 'spam'")
WITH_AGENT = text("state = 'open' AND owner = 'agent'")


class Conversation(Entity):
    """At most one is open per Contact, Channel and thread."""

    __tablename__ = "conversations"
    __table_args__ = (
        Index(
            "uq_conversations_open",
            "contact_id",
            "channel",
            "thread",
            unique=True,
            sqlite_where=OPEN,
            postgresql_where=OPEN,
        ),
        Index("ix_conversations_owner", "owner", "handed_off_at", sqlite_where=OPEN, postgresql_where=OPEN),
        Index("ix_conversations_agent", "agent", sqlite_where=WITH_AGENT, postgresql_where=WITH_AGENT),
        Index("ix_conversations_contact_id", "contact_id"),
        Index("ix_conversations_last_at", "last_at", sqlite_where=OPEN, postgresql_where=OPEN),
        Index("ix_conversations_closed_at", "closed_at", "id", sqlite_where=OVER, postgresql_where=OVER),
        Index("ix_conversations_spam", "id", sqlite_where=SPAM, postgresql_where=SPAM),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    address_id: Mapped[int] = mapped_column(ForeignKey("addresses.id"))
    channel: Mapped[str]
    thread: Mapped[str] = mapped_column(default="")
    """Separates conversations on channels with threads; empty elsewhere, so that uniqueness holds."""
    state: Mapped[ConversationState] = mapped_column(Words(ConversationState), default=ConversationState.OPEN)
    owner: Mapped[Owner] = mapped_column(Words(Owner), default=Owner.BOT)
    agent: Mapped[str | None]
    """Who, with owner `agent`."""
    epoch: Mapped[int] = mapped_column(default=0)
    """Grows with each change of owner; a Delivery of an older epoch does not leave."""
    memory: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    """What the engine remembers between Turns."""
    opened_at: Mapped[datetime]
    last_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    handed_off_at: Mapped[datetime | None]
    handoff_reason: Mapped[str | None]
    handoff_summary: Mapped[str | None]
    priority: Mapped[int] = mapped_column(default=3)
    """1 urgent … 4 low."""
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    """Whose it is, with owner `queue` or `agent`; None: everybody's."""


def close_idle(connection: Connection, *, before: datetime, now: datetime, most: int = 500) -> int:
    """Close Conversations that the bot holds and in which nothing has happened since `before`; returns how many."""
    idle = (
        select(Conversation.id)
        .where(
            Conversation.state == ConversationState.OPEN,
            Conversation.owner == Owner.BOT,
            Conversation.last_at < before,
        )
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    identities = connection.scalars(idle).all()
    if identities:
        connection.execute(
            update(Conversation)
            .where(Conversation.id.in_(identities))
            .values(state=ConversationState.IDLE, closed_at=now)
        )
        touch(connection, identities)
    return len(identities)
