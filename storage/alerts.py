"""Alerts: what the staff have to know, how each of them wants to be told, and what became of telling them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity, Words


class AlertKind(StrEnum):
    """What it is about."""

    ASSIGNED = "assigned"  # a conversation or case is theirs now
    MENTIONED = "mentioned"  # a colleague named them in a note
    RETURNED = "returned"  # nobody took or answered it in time, and it went back to the queue
    DUE_SOON = "due_soon"  # a deadline or promise comes near
    BREACH = "breach"  # a deadline or promise has passed
    APPROVAL_ASKED = "approval_asked"  # somebody wants to give a customer more than they may
    APPROVAL_DECIDED = "approval_decided"  # what they asked for was granted or refused
    BAD_SCORE = "bad_score"  # a customer was not satisfied, and the case is open again
    PRIVACY_ASKED = "privacy_asked"  # a customer wants their data, or wants it erased
    KNOWLEDGE_ASKED = "knowledge_asked"  # an answer waits to become knowledge
    KNOWLEDGE_DECIDED = "knowledge_decided"  # what they proposed as knowledge was approved or refused
    CHANNEL_DOWN = "channel_down"  # nothing goes out or comes in there
    WEBHOOK_DOWN = "webhook_down"  # a program has not taken our events for so long that they are held back


class Way(StrEnum):
    """How somebody is told, beside the bell in the console, which always knows."""

    DESKTOP = "desktop"  # a notice of the browser, while a page of the console is open
    MAIL = "mail"
    TELEGRAM = "telegram"


class LetterStatus(StrEnum):
    """Where one word to somebody of the staff stands."""

    GATHERING = "gathering"  # leaves when it is due; until then further alerts join it
    SENDING = "sending"  # on the wire
    RETRYING = "retrying"  # failed in a way that allows another try
    SENT = "sent"
    FAILED = "failed"  # will not arrive; `reason` says why
    SKIPPED = "skipped"  # not needed any more, or not possible: `reason` says which
    UNKNOWN = "unknown"  # the answer was lost; never blindly repeated


UNREAD = text("read_at IS NULL")
KEYED = text("key IS NOT NULL")
GATHERS = text("status = 'gathering'")
DUE = text("status IN ('gathering', 'retrying', 'sending')")


class Alert(Entity):
    """One thing that one of the staff should know."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index("ix_alerts_staff_id", "staff_id", "id"),
        Index("ix_alerts_read_at", "read_at"),
        Index("ix_alerts_unread", "staff_id", sqlite_where=UNREAD, postgresql_where=UNREAD),
        Index("uq_alerts_key", "staff_id", "key", unique=True, sqlite_where=KEYED, postgresql_where=KEYED),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    kind: Mapped[AlertKind] = mapped_column(Words(AlertKind))
    subject: Mapped[str]
    """What to look at: `conversation:7`, `case:C-1042`, `channel:support`."""
    who: Mapped[str | None]
    """The colleague whose doing it is."""
    facts: Mapped[dict[str, Any]] = mapped_column(Document)
    """Few and harmless, such as a deadline's time: nothing that a customer wrote or is called."""
    key: Mapped[str | None]
    """The same fact is told to the same person once."""
    raised_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class AlertLetter(Entity):
    """One mail, or one message, that tells somebody of one or more alerts. At most one gathers for each way."""

    __tablename__ = "alert_letters"
    __table_args__ = (
        Index(
            "uq_alert_letters_gathering",
            "staff_id",
            "way",
            unique=True,
            sqlite_where=GATHERS,
            postgresql_where=GATHERS,
        ),
        Index("ix_alert_letters_due", "due_at", sqlite_where=DUE, postgresql_where=DUE),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    way: Mapped[Way] = mapped_column(Words(Way))
    status: Mapped[LetterStatus] = mapped_column(Words(LetterStatus))
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    """Not before; while it is sent, how long whoever has it may be silent."""
    holder: Mapped[str | None]
    """The process that has it on the wire."""
    made_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ToldIn(Entity):
    """Which alerts a letter tells of."""

    __tablename__ = "alerts_told"
    __table_args__ = (Index("ix_alerts_told_alert_id", "alert_id"),)

    letter_id: Mapped[int] = mapped_column(ForeignKey("alert_letters.id"), primary_key=True, autoincrement=False)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"), primary_key=True, autoincrement=False)


class AlertChoice(Entity):
    """How somebody wants to be told of one kind; where there is none, as the house does it."""

    __tablename__ = "alert_choices"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, autoincrement=False)
    kind: Mapped[AlertKind] = mapped_column(Words(AlertKind), primary_key=True)
    ways: Mapped[list[Any]] = mapped_column(Document)
    """Words of Way; empty: the bell alone."""


class AlertHabits(Entity):
    """When somebody may be told away from the console, and where on Telegram."""

    __tablename__ = "alert_habits"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, autoincrement=False)
    quiet: Mapped[bool] = mapped_column(default=False)
    """Outside of their hours, letters wait for the next of them."""
    time_zone: Mapped[str]
    """IANA name."""
    begins: Mapped[int]
    """Minutes after midnight."""
    ends: Mapped[int]
    days: Mapped[list[Any]] = mapped_column(Document)
    """Weekdays, 0 is Monday."""
    telegram: Mapped[str | None] = mapped_column(unique=True)
    """`telegram:4242`."""
    code: Mapped[str | None]
    """SHA-256 of the code that links it, while one is open."""
    code_ends_at: Mapped[datetime | None]


class AlertCheck(Entity):
    """Since when something that the house watches is not well, such as a channel: told once, and once when it is."""

    __tablename__ = "alert_checks"

    name: Mapped[str] = mapped_column(primary_key=True)
    """`channel:support`."""
    since: Mapped[datetime]
    reason: Mapped[str]
    told_at: Mapped[datetime | None]
