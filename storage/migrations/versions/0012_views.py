"""The inbox: saved views, and the closed conversations by when they closed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.schema

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("id", ID, nullable=False),
        sa.Column("staff_id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("query", storage.schema.Document, nullable=False),
        sa.Column("made_at", storage.schema.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_saved_views_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_saved_views_name", "saved_views", ["staff_id", "name"], unique=True)
    op.create_index("ix_saved_views_shared", "saved_views", ["shared"])
    # Written when one closes, never while it goes on.
    over = sa.text("state IN ('resolved', 'idle')")
    op.create_index(
        "ix_conversations_closed_at", "conversations", ["closed_at", "id"], sqlite_where=over, postgresql_where=over
    )
    spam = sa.text("state = 'spam'")
    op.create_index("ix_conversations_spam", "conversations", ["id"], sqlite_where=spam, postgresql_where=spam)


def downgrade() -> None:
    op.drop_index("ix_conversations_spam", "conversations")
    op.drop_index("ix_conversations_closed_at", "conversations")
    op.drop_table("saved_views")
