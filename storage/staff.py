"""Staff: the people of the house, what they may do by their roles, and the ways in that they hold."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, LargeBinary, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity, Words
from storage.touched import SESSIONS, touch


class Role(StrEnum):
    AGENT = "agent"  # talks with customers
    MARKETER = "marketer"  # plans outreach
    SUPERVISOR = "supervisor"  # sees that promises are kept, and decides what is beyond an agent's authority
    ADMIN = "admin"  # lets people in and out


class LinkKind(StrEnum):
    FIRST_ADMIN = "first_admin"  # printed at the start of a house that has no staff
    INVITED = "invited"  # an admin lets somebody in
    RESET = "reset"  # somebody forgot a password, or lost the second factor


class Stage(StrEnum):
    """How far somebody has come who logs in."""

    PASSWORD = "password"  # the second factor is still asked for
    WHOLE = "whole"  # in


class Staff(Entity):
    """Somebody who works here."""

    __tablename__ = "staff"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    """As colleagues and customers read it; what they do is recorded under it, so it never goes to somebody else."""
    email: Mapped[str] = mapped_column(unique=True)
    """In small letters; what they log in with."""
    roles: Mapped[list[Any]] = mapped_column(Document)
    """Words of Role."""
    language: Mapped[str]
    """Of the console: `zh-Hans`, `zh-Hant` or `en`."""
    password: Mapped[str | None]
    """Argon2id, in its PHC string; None: they come in by another way, or have not come yet."""
    totp_secret: Mapped[str | None]
    """Base32 (RFC 6238); None: no second factor."""
    totp_step: Mapped[int] = mapped_column(default=0)
    """The time step of the last code that was used: none is good twice (RFC 6238, 5.2)."""
    subject: Mapped[str | None] = mapped_column(unique=True)
    """Who they are to the OpenID provider: issuer and subject."""
    made_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    """Since when they are let in no more."""


class Session(Entity):
    """A browser that somebody is logged in with."""

    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_staff_id", "staff_id"), Index("ix_sessions_ends_at", "ends_at"))

    token: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """SHA-256 of what the cookie holds: who reads the table gets into no session."""
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    stage: Mapped[Stage] = mapped_column(Words(Stage))
    opened_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    client: Mapped[str]
    """The address it was opened from."""
    browser: Mapped[str]
    """As it calls itself, shortened."""


class Link(Entity):
    """A way in that works once."""

    __tablename__ = "staff_links"

    token: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """SHA-256 of what the address holds."""
    kind: Mapped[LinkKind] = mapped_column(Words(LinkKind))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    """Whose; None: who comes first."""
    made_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class Attempts(Entity):
    """Logins that failed, by what they have in common: an address of a client, or an account."""

    __tablename__ = "login_attempts"

    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]


def any_staff(connection: Connection) -> bool:
    """Somebody works here, or did."""
    return connection.scalar(select(Staff.id).limit(1)) is not None


def close_sessions(connection: Connection, staff: int, *, but: bytes | None = None) -> int:
    """End all sessions of somebody; returns how many. `but`: the one (its stored token) that goes on."""
    touch(connection, (SESSIONS,))
    closing = delete(Session).where(Session.staff_id == staff)
    if but is not None:
        closing = closing.where(Session.token != but)
    return connection.execute(closing).rowcount
