"""Alerts away from the console, knowledge that waits for approval, and what reports count"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.schema

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = storage.schema.UtcDateTime
DOCUMENT = storage.schema.Document


def upgrade() -> None:
    _alerts()
    _letters()
    _habits()
    _knowledge()
    _measured()


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", ID, nullable=False),
        sa.Column("staff_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=True),
        sa.Column("facts", DOCUMENT, nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("raised_at", INSTANT(), nullable=False),
        sa.Column("read_at", INSTANT(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_alerts_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sqlite_autoincrement=True,
    )
    unread, keyed = sa.text("read_at IS NULL"), sa.text("key IS NOT NULL")
    op.create_index("ix_alerts_staff_id", "alerts", ["staff_id", "id"])
    op.create_index("ix_alerts_read_at", "alerts", ["read_at"])
    op.create_index("ix_alerts_unread", "alerts", ["staff_id"], sqlite_where=unread, postgresql_where=unread)
    op.create_index(
        "uq_alerts_key", "alerts", ["staff_id", "key"], unique=True, sqlite_where=keyed, postgresql_where=keyed
    )


def _letters() -> None:
    op.create_table(
        "alert_letters",
        sa.Column("id", ID, nullable=False),
        sa.Column("staff_id", ID, nullable=False),
        sa.Column("way", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("attempts", ID, nullable=False),
        sa.Column("due_at", INSTANT(), nullable=False),
        sa.Column("holder", sa.String(), nullable=True),
        sa.Column("made_at", INSTANT(), nullable=False),
        sa.Column("updated_at", INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_alert_letters_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_letters")),
        sqlite_autoincrement=True,
    )
    gathers, due = sa.text("status = 'gathering'"), sa.text("status IN ('gathering', 'retrying', 'sending')")
    op.create_index(
        "uq_alert_letters_gathering",
        "alert_letters",
        ["staff_id", "way"],
        unique=True,
        sqlite_where=gathers,
        postgresql_where=gathers,
    )
    op.create_index("ix_alert_letters_due", "alert_letters", ["due_at"], sqlite_where=due, postgresql_where=due)
    op.create_table(
        "alerts_told",
        sa.Column("letter_id", ID, autoincrement=False, nullable=False),
        sa.Column("alert_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["letter_id"], ["alert_letters.id"], name=op.f("fk_alerts_told_letter_id")),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_alerts_told_alert_id")),
        sa.PrimaryKeyConstraint("letter_id", "alert_id", name=op.f("pk_alerts_told")),
    )
    op.create_index("ix_alerts_told_alert_id", "alerts_told", ["alert_id"])


def _habits() -> None:
    op.create_table(
        "alert_choices",
        sa.Column("staff_id", ID, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("ways", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_alert_choices_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", "kind", name=op.f("pk_alert_choices")),
    )
    op.create_table(
        "alert_habits",
        sa.Column("staff_id", ID, autoincrement=False, nullable=False),
        sa.Column("quiet", sa.Boolean(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("begins", ID, nullable=False),
        sa.Column("ends", ID, nullable=False),
        sa.Column("days", DOCUMENT, nullable=False),
        sa.Column("telegram", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("code_ends_at", INSTANT(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_alert_habits_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_alert_habits")),
        sa.UniqueConstraint("telegram", name=op.f("uq_alert_habits_telegram")),
    )
    op.create_table(
        "alert_checks",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since", INSTANT(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("told_at", INSTANT(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_alert_checks")),
    )


def _knowledge() -> None:
    op.create_table(
        "knowledge_entries",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", ID, nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("texts", DOCUMENT, nullable=False),
        sa.Column("tiers", DOCUMENT, nullable=False),
        sa.Column("interaction_id", ID, nullable=True),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", INSTANT(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", INSTANT(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["interaction_id"], ["interactions.id"], name=op.f("fk_knowledge_entries_interaction_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_entries")),
        sqlite_autoincrement=True,
    )
    for state, name in (("in_force", "uq_knowledge_in_force"), ("proposed", "uq_knowledge_proposed")):
        only = sa.text(f"state = '{state}'")
        op.create_index(name, "knowledge_entries", ["name"], unique=True, sqlite_where=only, postgresql_where=only)
    op.create_index("ix_knowledge_entries_name", "knowledge_entries", ["name", "id"])


def _measured() -> None:
    op.create_table(
        "measured",
        sa.Column("conversation_id", ID, autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("epoch", ID, nullable=False),
        sa.Column("agent", sa.String(), nullable=True),
        sa.Column("team_id", ID, nullable=True),
        sa.Column("opened_at", INSTANT(), nullable=False),
        sa.Column("closed_at", INSTANT(), nullable=True),
        sa.Column("handed_off_at", INSTANT(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("left_people_at", INSTANT(), nullable=True),
        sa.Column("answer_seconds", ID, nullable=True),
        sa.Column("person_seconds", ID, nullable=True),
        sa.Column("resolution_seconds", ID, nullable=True),
        sa.Column("measured_at", INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_measured_conversation_id")),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_measured")),
    )
    for column in ("opened_at", "closed_at", "handed_off_at", "left_people_at"):
        op.create_index(f"ix_measured_{column}", "measured", [column])
    op.create_table(
        "measured_messages",
        sa.Column("conversation_id", ID, autoincrement=False, nullable=False),
        sa.Column("slot", INSTANT(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("messages", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_measured_messages_conversation_id")
        ),
        sa.PrimaryKeyConstraint("conversation_id", "slot", "author", name=op.f("pk_measured_messages")),
    )
    op.create_index("ix_measured_messages_slot", "measured_messages", ["slot"])
    op.create_table(
        "measuring",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", ID, nullable=False),
        sa.Column("at", INSTANT(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_measuring")),
    )


def downgrade() -> None:
    for table in (
        "measuring",
        "measured_messages",
        "measured",
        "knowledge_entries",
        "alert_checks",
        "alert_habits",
        "alert_choices",
        "alerts_told",
        "alert_letters",
        "alerts",
    ):
        op.drop_table(table)
