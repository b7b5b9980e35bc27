"""Webhooks: where events are sent to, how far each endpoint is, and what it said to the latest ones."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Float, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity, Words


class EndpointState(StrEnum):
    """Whether events are sent to it."""

    ACTIVE = "active"
    PAUSED = "paused"  # somebody stopped it; it goes on where it was
    BROKEN = "broken"  # it failed for days; somebody has to look at it, and it goes on where it was


class WebhookEndpoint(Entity):
    """An address of the business's own that hears of events, one after the other."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (Index("ix_webhook_endpoints_due_at", "due_at"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    url: Mapped[str]
    kinds: Mapped[list[Any]] = mapped_column(Document)
    """Words of storage.events.EventKind."""
    scopes: Mapped[list[Any]] = mapped_column(Document)
    """Words of desk.rights.Right: what its events may tell."""
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    """What its events are signed with: it has to be known, so it cannot be hashed."""
    old_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The one before, which signs as well until `old_until`."""
    old_until: Mapped[datetime | None]
    state: Mapped[EndpointState] = mapped_column(Words(EndpointState))
    position: Mapped[int]
    """Of the last event that is done."""
    failures: Mapped[int] = mapped_column(default=0)
    """In a row, of the event that is next."""
    failing_since: Mapped[datetime | None]
    due_at: Mapped[datetime]
    """Not before."""
    holder: Mapped[str | None]
    """The process that sends to it."""
    lease_until: Mapped[datetime | None]
    made_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]


class WebhookAttempt(Entity):
    """One try to tell an endpoint of an event, and what it said. Only the latest are kept."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (Index("ix_webhook_attempts_endpoint_id", "endpoint_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoints.id"))
    event_id: Mapped[int | None]
    """None: a test."""
    kind: Mapped[str]
    at: Mapped[datetime]
    seconds: Mapped[float] = mapped_column(Float)
    status: Mapped[int | None]
    """HTTP; None: it did not answer."""
    failure: Mapped[str | None]
    """Why it counts as failed; None: it was taken."""
    answer: Mapped[str]
    """The beginning of what it said."""
    by_hand: Mapped[bool]


class WebhookWish(Entity):
    """Somebody wants an event sent once more, or a test, out of turn."""

    __tablename__ = "webhook_wishes"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoints.id"))
    event_id: Mapped[int | None]
    """None: a test."""
    wished_at: Mapped[datetime]
