"""Routing: teams, skills, presence, and how a conversation finds its person"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

import storage.schema

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = storage.schema.UtcDateTime
DOCUMENT = storage.schema.Document


def upgrade() -> None:
    op.create_table(
        "teams",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("languages", DOCUMENT, nullable=False),
        sa.Column("channels", DOCUMENT, nullable=False),
        sa.Column("tiers", DOCUMENT, nullable=False),
        sa.Column("topics", DOCUMENT, nullable=False),
        sa.Column("made_at", INSTANT(), nullable=False),
        sa.Column("closed_at", INSTANT(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
        sqlite_autoincrement=True,
    )
    works = sa.text("closed_at IS NULL")
    op.create_index("uq_teams_name", "teams", ["name"], unique=True, sqlite_where=works, postgresql_where=works)
    op.create_table(
        "team_members",
        sa.Column("team_id", ID, autoincrement=False, nullable=False),
        sa.Column("staff_id", ID, autoincrement=False, nullable=False),
        sa.Column("since", INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_team_members_team_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_team_members_staff_id")),
        sa.PrimaryKeyConstraint("team_id", "staff_id", name=op.f("pk_team_members")),
    )
    op.create_index("ix_team_members_staff_id", "team_members", ["staff_id"])
    op.create_table(
        "staff_skills",
        sa.Column("staff_id", ID, autoincrement=False, nullable=False),
        sa.Column("languages", DOCUMENT, nullable=False),
        sa.Column("topics", DOCUMENT, nullable=False),
        sa.Column("capacity", ID, nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_skills_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff_skills")),
    )
    op.create_table(
        "presences",
        sa.Column("staff_id", ID, autoincrement=False, nullable=False),
        sa.Column("chosen", sa.String(length=32), nullable=False),
        sa.Column("chosen_at", INSTANT(), nullable=False),
        sa.Column("heard_at", INSTANT(), nullable=False),
        sa.Column("active_at", INSTANT(), nullable=False),
        sa.Column("given_at", INSTANT(), nullable=True),
        sa.Column("known", sa.String(length=32), nullable=False),
        sa.Column("known_since", INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_presences_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_presences")),
    )
    op.create_table(
        "routings",
        sa.Column("conversation_id", ID, autoincrement=False, nullable=False),
        sa.Column("handed_off_at", INSTANT(), nullable=True),
        sa.Column("topics", DOCUMENT, nullable=False),
        sa.Column("before_id", ID, nullable=True),
        sa.Column("tried", DOCUMENT, nullable=False),
        sa.Column("widened", sa.Boolean(), nullable=False),
        sa.Column("attempts", ID, nullable=False),
        sa.Column("since", INSTANT(), nullable=True),
        sa.Column("look_at", INSTANT(), nullable=True),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_routings_conversation_id")),
        sa.ForeignKeyConstraint(["before_id"], ["staff.id"], name=op.f("fk_routings_before_id")),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_routings")),
    )
    watched = sa.text("look_at IS NOT NULL")
    op.create_index("ix_routings_look_at", "routings", ["look_at"], sqlite_where=watched, postgresql_where=watched)
    _give_conversations_a_team()
    mine = sa.text("state = 'open' AND owner = 'agent'")
    op.create_index("ix_conversations_agent", "conversations", ["agent"], sqlite_where=mine, postgresql_where=mine)
    _watch_what_agents_have()


def _give_conversations_a_team() -> None:
    number = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    # Spelled out: SQLite adds a reference with its column or not at all.
    refers = "CONSTRAINT fk_conversations_team_id REFERENCES teams (id)"
    op.execute(f"ALTER TABLE conversations ADD COLUMN team_id {number} {refers}")


def _column(name: str) -> sa.ColumnClause[Any]:
    return sa.column(name)


def _watch_what_agents_have() -> None:
    """What agents took before this version is watched like what they take from now on."""
    conversations = sa.table(
        "conversations", *(_column(name) for name in ("id", "state", "owner", "handed_off_at", "last_at"))
    )
    columns = {
        "conversation_id": conversations.c.id,
        "handed_off_at": conversations.c.handed_off_at,
        "topics": sa.literal([], DOCUMENT),
        "tried": sa.literal([], DOCUMENT),
        "widened": sa.false(),
        "attempts": sa.literal(0),
        "since": conversations.c.last_at,
        "look_at": conversations.c.last_at,
    }
    with_agents = sa.select(*columns.values()).where(conversations.c.state == "open", conversations.c.owner == "agent")
    routings = sa.table("routings", *(_column(name) for name in columns))
    op.execute(sa.insert(routings).from_select(list(columns), with_agents))


def downgrade() -> None:
    op.drop_index("ix_conversations_agent", "conversations")
    # SQLite knows a reference that came with its column by no name: it goes with the column.
    with op.batch_alter_table("conversations") as conversations:
        conversations.drop_column("team_id")
    for table in ("routings", "presences", "staff_skills", "team_members", "teams"):
        op.drop_table(table)
