"""Cases: something to be resolved, with its facts, promises and steps; what was changed about it, and which belong
together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, UniqueConstraint, false, text, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity, Words

FIRST = 1000
"""Case numbers start above it: they are read out on the phone, and C-3 looks like a joke."""
OPEN = text("status IN ('open', 'waiting')")
PROMISED = text("promise_due_at IS NOT NULL")


class Case(Entity):
    """A complaint, request or inquiry on its way to an end."""

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_contact_id", "contact_id"),
        Index("ix_cases_due", "due_at", "id", sqlite_where=OPEN, postgresql_where=OPEN),
        Index("ix_cases_owner", "owner", "due_at", "id", sqlite_where=OPEN, postgresql_where=OPEN),
        Index("ix_cases_untimed", "id", sqlite_where=text("timed IS 0"), postgresql_where=text("timed IS false")),
        Index("ix_cases_promise_due", "promise_due_at", sqlite_where=PROMISED, postgresql_where=PROMISED),
        Index("ix_cases_opened_at", "opened_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    """What people call it: `C-1042`."""
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    conversation_id: Mapped[int | None] = mapped_column(ForeignKey("conversations.id"))
    """Where it began."""
    kind: Mapped[str] = mapped_column(Words())
    status: Mapped[str] = mapped_column(Words())
    step: Mapped[str | None]
    subject: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    founded: Mapped[bool | None]
    proposal: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    promises: Mapped[list[Any]] = mapped_column(Document, default=list)
    """[{id, text, due, kept}], in the order made; of people's promises also by whom and when."""
    priority: Mapped[int] = mapped_column(default=3)
    owner: Mapped[str | None]
    score: Mapped[int | None]
    survey_asked: Mapped[bool] = mapped_column(default=False)
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    category: Mapped[str | None]
    """First part of `cause`, or what the customer complained about where nobody has found the cause yet."""
    cause: Mapped[str | None]
    """Root cause: an id of the business's tree, such as `delivery.courier.lost`."""
    opened_by: Mapped[str | None]
    """Who opened it by hand; None: the assistant."""
    merged_into: Mapped[str | None]
    """Number of the case that it was found to be; what is done goes there."""
    timed: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Its deadlines are right as it stands; False: something has changed since they were looked at."""
    due_at: Mapped[datetime | None]
    """The earliest of its deadlines that is not met; None: all are, or its clocks stand still."""
    promise_due_at: Mapped[datetime | None]
    """When something is to be said to colleagues about a promise of it: a reminder, or that it is overdue."""


class CaseChange(Entity):
    """What somebody changed about a case, and what stood there before."""

    __tablename__ = "case_changes"
    __table_args__ = (Index("ix_case_changes_case_id", "case_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    at: Mapped[datetime]
    by: Mapped[str]
    field: Mapped[str]
    """A column, or `facts.order`: one of its facts."""
    before: Mapped[Any] = mapped_column(Document, nullable=True)
    after: Mapped[Any] = mapped_column(Document, nullable=True)


class LinkKind(StrEnum):
    MERGED = "merged"  # the other was found to be the same matter
    SPLIT = "split"  # the other was a matter of its own


class CaseLink(Entity):
    """Two cases that were made one, or one that was made two. Undoing it gives everything back."""

    __tablename__ = "case_links"
    __table_args__ = (
        Index("ix_case_links_case_id", "case_id"),
        Index("ix_case_links_other_id", "other_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[LinkKind] = mapped_column(Words(LinkKind))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    """Which stays, or which it was split from."""
    other_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    moved: Mapped[dict[str, Any]] = mapped_column(Document)
    """What moved, and what stood in the other case before."""
    by: Mapped[str]
    at: Mapped[datetime]
    undone_by: Mapped[str | None]
    undone_at: Mapped[datetime | None]


class CaseConversation(Entity):
    """A Conversation that somebody said to be about a case, or not to be."""

    __tablename__ = "case_conversations"
    __table_args__ = (
        UniqueConstraint("case_id", "conversation_id"),
        Index("ix_case_conversations_conversation_id", "conversation_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    attached: Mapped[bool]
    """False: it is about something else, whatever it looked like."""
    why: Mapped[str]
    """`agent`, or the rule that found it: `same_order`."""
    by: Mapped[str]
    at: Mapped[datetime]


def time_again(connection: Connection, contacts: Sequence[int]) -> None:
    """Something has happened with these Contacts that their open cases' deadlines may depend on."""
    connection.execute(
        update(Case).where(Case.contact_id.in_(contacts), Case.status.in_(["open", "waiting"])).values(timed=False)
    )
