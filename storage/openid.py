"""Answers of the OpenID provider that were used: none is good twice."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Entity
from storage.upsert import upsert


class OpenIdAnswer(Entity):
    """An answer that somebody came back with."""

    __tablename__ = "openid_answers"
    __table_args__ = (Index("ix_openid_answers_at", "at"),)

    state: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """SHA-256 of its state."""
    at: Mapped[datetime]


def use(connection: Connection, state: bytes, *, at: datetime) -> bool:
    """Use an answer up; False: it was used before."""
    new = upsert(connection, OpenIdAnswer).values(state=state, at=at)
    once = new.on_conflict_do_nothing(index_elements=[OpenIdAnswer.state]).returning(OpenIdAnswer.state)
    return connection.scalar(once) is not None
