"""Mail and SMS: news of addresses that nobody has yet, parts of long texts, units and costs, a second key"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.schema

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = storage.schema.Document


def upgrade() -> None:
    op.create_table(
        "address_news",
        sa.Column("id", ID, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.Column("says", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", storage.schema.UtcDateTime(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("heard_at", storage.schema.UtcDateTime(), nullable=False),
        sa.Column("settled_at", storage.schema.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_news")),
        sqlite_autoincrement=True,
    )
    _partial("uq_address_news_event", "address_news", ["channel", "external_id", "uri", "says"], "external_id <> ''")
    _partial("ix_address_news_uri", "address_news", ["uri"], "settled_at IS NULL")
    _partial("ix_address_news_heard_at", "address_news", ["heard_at"], "settled_at IS NULL")

    op.create_table(
        "message_parts",
        sa.Column("id", ID, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("number", ID, nullable=False),
        sa.Column("total", ID, nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("message", DOCUMENT, nullable=False),
        sa.Column("sent_at", storage.schema.UtcDateTime(), nullable=False),
        sa.Column("stored_at", storage.schema.UtcDateTime(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("interaction_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["interaction_id"], ["interactions.id"], name=op.f("fk_message_parts_interaction_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_parts")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_message_parts_external_id", "message_parts", ["channel", "external_id"], unique=True)
    op.create_index("ix_message_parts_series", "message_parts", ["channel", "address", "series"])
    _partial("ix_message_parts_stored_at", "message_parts", ["stored_at"], "interaction_id IS NULL")
    op.create_index("ix_message_parts_interaction_id", "message_parts", ["interaction_id"])

    op.add_column("interactions", sa.Column("fingerprint", sa.String(), nullable=True))
    _partial(
        "uq_interactions_channel_fingerprint", "interactions", ["channel", "fingerprint"], "fingerprint IS NOT NULL"
    )
    _partial(
        "ix_interactions_contact_id_message_id", "interactions", ["contact_id", "message_id"], "message_id IS NOT NULL"
    )

    op.add_column("deliveries", sa.Column("units", ID, nullable=True))
    op.add_column("deliveries", sa.Column("cost", sa.BigInteger(), nullable=True))
    op.add_column("deliveries", sa.Column("currency", sa.String(), nullable=True))
    op.add_column("deliveries", sa.Column("bounces", ID, server_default="0", nullable=False))

    op.drop_index("ix_deliveries_due", table_name="deliveries")
    _partial("ix_deliveries_due", "deliveries", ["channel", "priority", "due_at"], "status IN ('queued', 'retrying')")


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    """An index over the rows that matter; unique, where its name says so."""
    condition = sa.text(where)
    op.create_index(
        name, table, columns, unique=name.startswith("uq_"), sqlite_where=condition, postgresql_where=condition
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    _partial("ix_deliveries_due", "deliveries", ["channel", "due_at"], "status IN ('queued', 'retrying')")
    for column in ("bounces", "currency", "cost", "units"):
        op.drop_column("deliveries", column)
    op.drop_index("ix_interactions_contact_id_message_id", table_name="interactions")
    op.drop_index("uq_interactions_channel_fingerprint", table_name="interactions")
    op.drop_column("interactions", "fingerprint")
    op.drop_table("message_parts")
    op.drop_table("address_news")
