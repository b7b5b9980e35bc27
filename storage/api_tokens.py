"""Tokens that programs come in with, and what they were answered, so that the same request is not done twice."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity


class ApiToken(Entity):
    """A program that may ask for some of what the console can do."""

    __tablename__ = "api_tokens"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    """SHA-256 of what the program shows: who reads the table gets in nowhere."""
    hint: Mapped[str]
    """The token's last characters, by which people tell several apart."""
    name: Mapped[str] = mapped_column(unique=True)
    """What it does is recorded under it, so it never goes to another one."""
    scopes: Mapped[list[Any]] = mapped_column(Document)
    """Words of desk.rights.Right."""
    read_only: Mapped[bool]
    made_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    """None: it does not end by itself."""
    ended_at: Mapped[datetime | None]
    """Since when it was taken back."""
    used_at: Mapped[datetime | None]


class ApiAnswer(Entity):
    """What a program was answered to a request with an idempotency key."""

    __tablename__ = "api_answers"
    __table_args__ = (Index("ix_api_answers_at", "at"),)

    token_id: Mapped[int] = mapped_column(ForeignKey("api_tokens.id"), primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(primary_key=True)
    """The program's own."""
    request: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of method, path and body."""
    status: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]
