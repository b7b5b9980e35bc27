"""Teams: who works together on what, and what each of the staff can do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, bindparam, false, select, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.many import named
from storage.schema import Document, Entity

WORKS = text("closed_at IS NULL")


class Team(Entity):
    """People who share what waits. An empty list of what it takes says: any."""

    __tablename__ = "teams"
    __table_args__ = (
        Index("uq_teams_name", "name", unique=True, sqlite_where=WORKS, postgresql_where=WORKS),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    languages: Mapped[list[Any]] = mapped_column(Document)
    """Of customers: `zh-Hans`, `zh-Hant`, `en`."""
    channels: Mapped[list[Any]] = mapped_column(Document)
    """By name."""
    tiers: Mapped[list[Any]] = mapped_column(Document)
    topics: Mapped[list[Any]] = mapped_column(Document)
    """Words of desk.topics.Topic."""
    made_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    """Since when it takes nothing more; what it did stays its."""
    members_only: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Only its members, and who directs them, see its conversations."""


class TeamMember(Entity):
    """Somebody in a team; one may be in several."""

    __tablename__ = "team_members"
    __table_args__ = (Index("ix_team_members_staff_id", "staff_id"),)

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id"), primary_key=True, autoincrement=False)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, autoincrement=False)
    since: Mapped[datetime]


class Skills(Entity):
    """What somebody can do; of whom there is no row, everything is true and the capacity is the usual one."""

    __tablename__ = "staff_skills"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True, autoincrement=False)
    languages: Mapped[list[Any]] = mapped_column(Document)
    """That they write with customers; empty: any."""
    topics: Mapped[list[Any]] = mapped_column(Document)
    """That they know; empty: any."""
    capacity: Mapped[int | None]
    """Conversations at once; 0: none is given to them unasked; None: as the playbook says."""


def teams_of(connection: Connection, staff: int) -> list[int]:
    """The living teams that somebody is in."""
    return [team.team_id for team in _teams_of.ask(connection, {"staff": staff})]


_teams_of = named(
    select(TeamMember.team_id)
    .join(Team, Team.id == TeamMember.team_id)
    .where(TeamMember.staff_id == bindparam("staff"), Team.closed_at.is_(None))
    .order_by(TeamMember.team_id)
)
