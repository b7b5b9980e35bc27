"""Reviews: what was not understood, or not rightly, waits for a person"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.schema

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "reviews",
        sa.Column("interaction_id", ID, autoincrement=False, nullable=False),
        sa.Column("why", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("understood", storage.schema.Document, nullable=False),
        sa.Column("queued_at", storage.schema.UtcDateTime(), nullable=False),
        sa.Column("suggested", sa.String(), nullable=True),
        sa.Column("suggested_by", sa.String(), nullable=True),
        sa.Column("intent", sa.String(), nullable=True),
        sa.Column("example", sa.String(), nullable=True),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", storage.schema.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["interaction_id"], ["interactions.id"], name=op.f("fk_reviews_interaction_id")),
        sa.PrimaryKeyConstraint("interaction_id", name=op.f("pk_reviews")),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index("ix_reviews_waiting", "reviews", ["interaction_id"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("ix_reviews_queued_at", "reviews", ["queued_at"])


def downgrade() -> None:
    op.drop_table("reviews")
