"""Search: an index over what was said, who said it, and what is to be resolved"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import storage.schema

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = storage.schema.UtcDateTime

KINDS = ("interactions", "contacts", "cases")
WATCHED: Sequence[tuple[str, str, str, Sequence[str]]] = (
    # what is new in an index's own table is found by its id; a note costs only who changes what can be found
    ("interactions", "interactions", "id", ("text",)),
    ("contacts", "contacts", "id", ("name", "external_id")),
    ("addresses", "contacts", "contact_id", ("uri", "contact_id")),
    ("cases", "cases", "id", ("number", "subject", "facts")),
)
"""Table, index, which row of the index's table, and the columns whose change is noted."""


def upgrade() -> None:
    op.create_table(
        "search_waiting",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("entry", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_waiting")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_search_waiting_kind_id", "search_waiting", ["kind", "id"])
    op.create_table(
        "search_cursors",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("upto", ID, nullable=False),
        sa.Column("version", ID, nullable=False),
        sa.Column("folding", ID, nullable=False),
        sa.Column("forgotten", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_search_cursors")),
    )
    op.create_table(
        "search_gaps",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("first", ID, autoincrement=False, nullable=False),
        sa.Column("last", ID, nullable=False),
        sa.Column("since", INSTANT(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "first", name=op.f("pk_search_gaps")),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for kind in KINDS:
        op.execute(f"INSERT INTO search_cursors VALUES ('{kind}', 0, 0, 0, 'gone')")  # noqa: S608
        _sqlite_index(kind) if sqlite else _postgresql_index(kind)
    for watched in WATCHED:
        _sqlite_triggers(*watched) if sqlite else _postgresql_triggers(*watched)


def _sqlite_index(kind: str) -> None:
    # Tokens come ready-made: all that is left to do is to cut at spaces, for which `ascii` takes every character of
    # other scripts as a letter. What is in an entry is kept beside it (content), since to delete an entry FTS5 must be
    # told its words; tables that do without (contentless_delete) need SQLite 3.43.
    op.execute(
        f"CREATE VIRTUAL TABLE index_of_{kind} USING fts5(words, tokenize = \"ascii tokenchars '_'\", columnsize = 0)"
    )
    # Its parts are put together in every piece of indexing, a little each, and not in some of them a lot.
    op.execute(f"INSERT INTO index_of_{kind} (index_of_{kind}, rank) VALUES ('automerge', 0)")  # noqa: S608


def _postgresql_index(kind: str) -> None:
    op.execute(f"CREATE TABLE index_of_{kind} (entry bigint PRIMARY KEY, words tsvector NOT NULL)")
    op.execute(f"CREATE INDEX ix_index_of_{kind}_words ON index_of_{kind} USING gin (words)")


def _sqlite_triggers(table: str, kind: str, row: str, columns: Sequence[str]) -> None:
    note = f"INSERT INTO search_waiting (kind, entry) VALUES ('{kind}', {{}}.{row});"  # noqa: S608
    changed = " OR ".join(f"old.{column} IS NOT new.{column}" for column in columns)
    op.execute(
        f"CREATE TRIGGER search_{table}_update AFTER UPDATE OF {', '.join(columns)} ON {table} WHEN {changed}"
        f" BEGIN {note.format('old')} {note.format('new') if row in columns else ''} END"
    )
    op.execute(f"CREATE TRIGGER search_{table}_delete AFTER DELETE ON {table} BEGIN {note.format('old')} END")
    if table != kind:
        op.execute(f"CREATE TRIGGER search_{table}_insert AFTER INSERT ON {table} BEGIN {note.format('new')} END")


def _postgresql_triggers(table: str, kind: str, row: str, columns: Sequence[str]) -> None:
    for what, told in (("insert", ("NEW",)), ("update", ("OLD", "NEW")), ("delete", ("OLD",))):
        if what == "insert" and table == kind:
            continue
        told = told if row in columns else told[-1:]
        note = f"INSERT INTO search_waiting (kind, entry) VALUES ('{kind}', {{}}.{row});"  # noqa: S608
        notes = " ".join(note.format(one) for one in told)
        name = f"search_{table}_{what}"
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {notes} RETURN NULL; END $$")
        of, when = what, ""
        if what == "update":
            of = f"UPDATE OF {', '.join(columns)}"
            when = f"WHEN ({' OR '.join(f'OLD.{column} IS DISTINCT FROM NEW.{column}' for column in columns)})"
        op.execute(f"CREATE TRIGGER {name} AFTER {of} ON {table} FOR EACH ROW {when} EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table, kind, _, _ in WATCHED:
        for what in ("insert", "update", "delete"):
            if what == "insert" and table == kind:
                continue
            op.execute(
                f"DROP TRIGGER search_{table}_{what}" if sqlite else f"DROP FUNCTION search_{table}_{what}() CASCADE"
            )
    for kind in KINDS:
        op.execute(f"DROP TABLE index_of_{kind}")
    for table in ("search_gaps", "search_cursors", "search_waiting"):
        op.drop_table(table)
