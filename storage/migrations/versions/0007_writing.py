"""Writing: drafts, canned replies, and who was called by name in a note"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.schema

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = storage.schema.UtcDateTime


def upgrade() -> None:
    op.create_table(
        "drafts",
        sa.Column("staff_id", ID, autoincrement=False, nullable=False),
        sa.Column("conversation_id", ID, autoincrement=False, nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("attachments", storage.schema.Document, nullable=False),
        sa.Column("seen", ID, nullable=False),
        sa.Column("updated_at", INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_drafts_staff_id")),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_drafts_conversation_id")),
        sa.PrimaryKeyConstraint("staff_id", "conversation_id", name=op.f("pk_drafts")),
    )
    op.create_index("ix_drafts_conversation_id", "drafts", ["conversation_id"])
    _canned()
    op.create_table(
        "mentions",
        sa.Column("id", ID, nullable=False),
        sa.Column("interaction_id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("staff_id", ID, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", INSTANT(), nullable=False),
        sa.Column("seen_at", INSTANT(), nullable=True),
        sa.ForeignKeyConstraint(["interaction_id"], ["interactions.id"], name=op.f("fk_mentions_interaction_id")),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_mentions_conversation_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_mentions_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mentions")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_mentions_interaction_id", "mentions", ["interaction_id"])
    _partial("ix_mentions_unseen", "mentions", ["staff_id", "id"], "seen_at IS NULL", unique=False)


def _canned() -> None:
    op.create_table(
        "canned_replies",
        sa.Column("id", ID, nullable=False),
        sa.Column("shortcut", sa.String(), nullable=False),
        sa.Column("owner_id", ID, nullable=True),
        sa.Column("texts", storage.schema.Document, nullable=False),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("updated_at", INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["staff.id"], name=op.f("fk_canned_replies_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canned_replies")),
        sqlite_autoincrement=True,
    )
    _partial("uq_canned_replies_shared", "canned_replies", ["shortcut"], "owner_id IS NULL", unique=True)
    _partial("uq_canned_replies_own", "canned_replies", ["owner_id", "shortcut"], "owner_id IS NOT NULL", unique=True)


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    for table in ("mentions", "canned_replies", "drafts"):
        op.drop_table(table)
