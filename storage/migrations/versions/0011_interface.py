"""The interface for programs: tokens, events and webhooks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.schema

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = storage.schema.UtcDateTime
DOCUMENT = storage.schema.Document
NOT_PLACED = sa.text("position IS NULL")


def upgrade() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", ID, nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scopes", DOCUMENT, nullable=False),
        sa.Column("read_only", sa.Boolean(), nullable=False),
        sa.Column("made_by", ID, nullable=False),
        sa.Column("made_at", INSTANT(), nullable=False),
        sa.Column("ends_at", INSTANT(), nullable=True),
        sa.Column("ended_at", INSTANT(), nullable=True),
        sa.Column("used_at", INSTANT(), nullable=True),
        sa.ForeignKeyConstraint(["made_by"], ["staff.id"], name=op.f("fk_api_tokens_made_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token", name=op.f("uq_api_tokens_token")),
        sa.UniqueConstraint("name", name=op.f("uq_api_tokens_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "api_answers",
        sa.Column("token_id", ID, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("status", ID, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["api_tokens.id"], name=op.f("fk_api_answers_token_id")),
        sa.PrimaryKeyConstraint("token_id", "key", name=op.f("pk_api_answers")),
    )
    op.create_index("ix_api_answers_at", "api_answers", ["at"])
    op.create_table(
        "events",
        sa.Column("id", ID, nullable=False),
        sa.Column("position", ID, nullable=True),
        sa.Column("at", INSTANT(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("contact_id", ID, nullable=True),
        sa.Column("conversation_id", ID, nullable=True),
        sa.Column("subject", ID, nullable=True),
        sa.Column("facts", DOCUMENT, nullable=False),
        sa.Column("writer", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("position", name=op.f("uq_events_position")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_at", "events", ["at"])
    op.create_index("ix_events_not_placed", "events", ["id"], sqlite_where=NOT_PLACED, postgresql_where=NOT_PLACED)
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("kinds", DOCUMENT, nullable=False),
        sa.Column("scopes", DOCUMENT, nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("old_secret", sa.LargeBinary(), nullable=True),
        sa.Column("old_until", INSTANT(), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("position", ID, nullable=False),
        sa.Column("failures", ID, nullable=False),
        sa.Column("failing_since", INSTANT(), nullable=True),
        sa.Column("due_at", INSTANT(), nullable=False),
        sa.Column("holder", sa.String(), nullable=True),
        sa.Column("lease_until", INSTANT(), nullable=True),
        sa.Column("made_by", ID, nullable=True),
        sa.Column("made_at", INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(["made_by"], ["staff.id"], name=op.f("fk_webhook_endpoints_made_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_webhook_endpoints_due_at", "webhook_endpoints", ["due_at"])
    op.create_table(
        "webhook_attempts",
        sa.Column("id", ID, nullable=False),
        sa.Column("endpoint_id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", INSTANT(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("status", ID, nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoints.id"], name=op.f("fk_webhook_attempts_endpoint_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempts")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_webhook_attempts_endpoint_id", "webhook_attempts", ["endpoint_id", "id"])
    op.create_table(
        "webhook_wishes",
        sa.Column("id", ID, nullable=False),
        sa.Column("endpoint_id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=True),
        sa.Column("wished_at", INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(["endpoint_id"], ["webhook_endpoints.id"], name=op.f("fk_webhook_wishes_endpoint_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_wishes")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for table in ("webhook_wishes", "webhook_attempts", "webhook_endpoints", "events", "api_answers", "api_tokens"):
        op.drop_table(table)
