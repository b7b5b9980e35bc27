"""Privacy: exports, erasures and retention"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.schema

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = storage.schema.UtcDateTime


def upgrade() -> None:
    op.add_column("contacts", sa.Column("erased_at", INSTANT(), nullable=True))
    op.create_index("ix_contacts_name", "contacts", ["name"])
    op.create_table(
        "privacy_requests",
        sa.Column("id", ID, nullable=False),
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("conversation_id", ID, nullable=True),
        sa.Column("case_number", sa.String(), nullable=True),
        sa.Column("proven", sa.Boolean(), nullable=False),
        sa.Column("asked_at", INSTANT(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=True),
        sa.Column("handled_by", sa.String(), nullable=True),
        sa.Column("handled_at", INSTANT(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("delivery_id", ID, nullable=True),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("token_ends_at", INSTANT(), nullable=True),
        sa.Column("counts", storage.schema.Document, nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_privacy_requests_contact_id")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_privacy_requests_conversation_id")
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name=op.f("fk_privacy_requests_delivery_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_requests")),
        sqlite_autoincrement=True,
    )
    undone = sa.text("state IN ('asked', 'telling')")
    op.create_index(
        "ix_privacy_requests_undone", "privacy_requests", ["asked_at"], sqlite_where=undone, postgresql_where=undone
    )
    op.create_index("ix_privacy_requests_contact_id", "privacy_requests", ["contact_id"])
    op.create_table(
        "tombstones",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("erased_at", INSTANT(), nullable=False),
        sa.Column("withdrawn_at", INSTANT(), nullable=True),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_tombstones")),
    )
    op.create_table(
        "retention_marks",
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("through", ID, nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_retention_marks")),
    )
    op.create_table(
        "retention_sweeps",
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("began_at", INSTANT(), nullable=False),
        sa.Column("ended_at", INSTANT(), nullable=True),
        sa.Column("swept", storage.schema.Document, nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_retention_sweeps")),
    )
    op.create_table(
        "blob_doubts",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("since", INSTANT(), nullable=False),
        sa.Column("walking", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blob_doubts")),
    )


def downgrade() -> None:
    for table in ("blob_doubts", "retention_sweeps", "retention_marks", "tombstones", "privacy_requests"):
        op.drop_table(table)
    op.drop_index("ix_contacts_name", "contacts")
    with op.batch_alter_table("contacts") as contacts:
        contacts.drop_column("erased_at")
