"""Cases: deadlines, approvals, compensations, what belongs together, and causes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.schema

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = storage.schema.UtcDateTime
DOCUMENT = storage.schema.Document
OPEN = "status IN ('open', 'waiting')"
ADDED = ("category", "cause", "opened_by", "merged_into")


def upgrade() -> None:
    for name in ADDED:
        op.add_column("cases", sa.Column(name, sa.String(), nullable=True))
    op.add_column("cases", sa.Column("timed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("cases", sa.Column("due_at", INSTANT(), nullable=True))
    op.add_column("cases", sa.Column("promise_due_at", INSTANT(), nullable=True))
    _partial("ix_cases_due", "cases", ["due_at", "id"], OPEN)
    _partial("ix_cases_owner", "cases", ["owner", "due_at", "id"], OPEN)
    _partial("ix_cases_untimed", "cases", ["id"], "timed IS 0", "timed IS false")
    _partial("ix_cases_promise_due", "cases", ["promise_due_at"], "promise_due_at IS NOT NULL")
    op.create_index("ix_cases_opened_at", "cases", ["opened_at"])
    # What is over needs no deadlines.
    op.execute(sa.text("UPDATE cases SET timed = true WHERE status NOT IN ('open', 'waiting')"))
    _partial("ix_interactions_case_id", "interactions", ["case_id"], "case_id IS NOT NULL")
    _deadlines()
    _money()
    _belonging()


def _deadlines() -> None:
    op.create_table(
        "case_deadlines",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("round", ID, nullable=False),
        sa.Column("started_at", INSTANT(), nullable=False),
        sa.Column("minutes", ID, nullable=False),
        sa.Column("due_at", INSTANT(), nullable=True),
        sa.Column("met_at", INSTANT(), nullable=True),
        sa.Column("breached_at", INSTANT(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_deadlines_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_deadlines")),
        sa.UniqueConstraint("case_id", "kind", "round", name=op.f("uq_case_deadlines_case_id_kind_round")),
        sqlite_autoincrement=True,
    )
    _partial("ix_case_deadlines_due", "case_deadlines", ["due_at"], "met_at IS NULL AND breached_at IS NULL")
    op.create_table(
        "case_pauses",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("began_at", INSTANT(), nullable=False),
        sa.Column("ended_at", INSTANT(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_pauses_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_pauses")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_case_pauses_case_id", "case_pauses", ["case_id"])
    _partial("uq_case_pauses_standing", "case_pauses", ["case_id"], "ended_at IS NULL")


def _money() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_by_id", ID, nullable=True),
        sa.Column("asked_at", INSTANT(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_by_id", ID, nullable=True),
        sa.Column("decided_at", INSTANT(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_approvals_case_id")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["staff.id"], name=op.f("fk_approvals_asked_by_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["staff.id"], name=op.f("fk_approvals_decided_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_approvals_case_id", "approvals", ["case_id"])
    _partial("ix_approvals_waiting", "approvals", ["asked_at"], "state = 'waiting'")
    op.create_table(
        "compensations",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("voucher", sa.String(), nullable=True),
        sa.Column("order_id", sa.String(), nullable=True),
        sa.Column("promised", sa.String(), nullable=False),
        sa.Column("approval_id", ID, nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("by_id", ID, nullable=True),
        sa.Column("at", INSTANT(), nullable=False),
        sa.Column("taken_back_at", INSTANT(), nullable=True),
        sa.Column("taken_back_by", sa.String(), nullable=True),
        sa.Column("taken_back_why", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_compensations_case_id")),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.id"], name=op.f("fk_compensations_approval_id")),
        sa.ForeignKeyConstraint(["by_id"], ["staff.id"], name=op.f("fk_compensations_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compensations")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_compensations_case_id", "compensations", ["case_id"])


def _belonging() -> None:
    op.create_table(
        "case_changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("at", INSTANT(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("before", DOCUMENT, nullable=True),
        sa.Column("after", DOCUMENT, nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_changes_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_case_changes_case_id", "case_changes", ["case_id", "id"])
    op.create_table(
        "case_links",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("other_id", ID, nullable=False),
        sa.Column("moved", DOCUMENT, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", INSTANT(), nullable=False),
        sa.Column("undone_by", sa.String(), nullable=True),
        sa.Column("undone_at", INSTANT(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_links_case_id")),
        sa.ForeignKeyConstraint(["other_id"], ["cases.id"], name=op.f("fk_case_links_other_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_links")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_case_links_case_id", "case_links", ["case_id"])
    op.create_index("ix_case_links_other_id", "case_links", ["other_id"])
    op.create_table(
        "case_conversations",
        sa.Column("id", ID, nullable=False),
        sa.Column("case_id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("attached", sa.Boolean(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_conversations_case_id")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_case_conversations_conversation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_conversations")),
        sa.UniqueConstraint("case_id", "conversation_id", name=op.f("uq_case_conversations_case_id_conversation_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_case_conversations_conversation_id", "case_conversations", ["conversation_id"])
    op.create_table(
        "cause_actions",
        sa.Column("id", ID, nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("owner_id", ID, nullable=True),
        sa.Column("due_at", INSTANT(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", INSTANT(), nullable=False),
        sa.Column("done_at", INSTANT(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["staff.id"], name=op.f("fk_cause_actions_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cause_actions")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cause_actions_cause", "cause_actions", ["cause"])


def _partial(name: str, table: str, columns: list[str], where: str, postgresql: str | None = None) -> None:
    """An index over the rows that matter; unique, where its name says so."""
    op.create_index(
        name,
        table,
        columns,
        unique=name.startswith("uq_"),
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(postgresql or where),
    )


def downgrade() -> None:
    for table in ("cause_actions", "case_conversations", "case_links", "case_changes", "compensations", "approvals"):
        op.drop_table(table)
    for table in ("case_pauses", "case_deadlines"):
        op.drop_table(table)
    op.drop_index("ix_interactions_case_id", table_name="interactions")
    for index in ("opened_at", "promise_due", "untimed", "owner", "due"):
        op.drop_index(f"ix_cases_{index}", table_name="cases")
    for column in ("promise_due_at", "due_at", "timed", *reversed(ADDED)):
        op.drop_column("cases", column)
