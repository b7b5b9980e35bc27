"""Search: an index over what was said, who said it, and what is to be resolved"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WATCHED = (
    # table, which row of it an entry is, kind, which columns can be found
    ("interactions", "id", 0, ("text",)),
    ("contacts", "id", 1, ("name", "external_id")),
    ("addresses", "contact_id", 1, ("uri", "contact_id")),
    ("cases", "id", 2, ("number", "subject")),
)


def upgrade() -> None:
    op.create_table(
        "search_waiting",
        sa.Column("entry", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_search_waiting")),
    )
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _sqlite() -> None:
    op.execute("CREATE VIRTUAL TABLE search USING fts5(words, tokenize = 'unicode61 remove_diacritics 0')")
    for table, row, kind, columns in WATCHED:
        note = "INSERT OR IGNORE INTO search_waiting (entry) VALUES ({0}.%s * 4 + %d);" % (row, kind)
        changed = " OR ".join(f"old.{column} IS NOT new.{column}" for column in columns)
        op.execute(f"CREATE TRIGGER search_{table}_in AFTER INSERT ON {table} BEGIN {note.format('new')} END")
        op.execute(
            f"CREATE TRIGGER search_{table}_up AFTER UPDATE OF {', '.join(columns)} ON {table} WHEN {changed}"
            f" BEGIN {note.format('old')} {note.format('new')} END"
        )
        op.execute(f"CREATE TRIGGER search_{table}_out AFTER DELETE ON {table} BEGIN {note.format('old')} END")
        op.execute(f"INSERT OR IGNORE INTO search_waiting (entry) SELECT {row} * 4 + {kind} FROM {table}")


def _postgresql() -> None:
    op.execute("CREATE TABLE search (entry bigint PRIMARY KEY, words tsvector NOT NULL)")
    op.execute("CREATE INDEX ix_search_words ON search USING gin (words)")
    for table, row, kind, columns in WATCHED:
        note = "INSERT INTO search_waiting (entry) VALUES ({0}.%s * 4 + %d) ON CONFLICT DO NOTHING;" % (row, kind)
        for when, told in (("INSERT", ("NEW",)), ("UPDATE", ("OLD", "NEW")), ("DELETE", ("OLD",))):
            name = f"search_{table}_{when.lower()}"
            notes = " ".join(note.format(one) for one in told)
            op.execute(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {notes} RETURN NULL; END $$"
            )
            of = f"UPDATE OF {', '.join(columns)}" if when == "UPDATE" else when
            op.execute(f"CREATE TRIGGER {name} AFTER {of} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
        op.execute(f"INSERT INTO search_waiting (entry) SELECT {row} * 4 + {kind} FROM {table} ON CONFLICT DO NOTHING")


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for table, _, _, _ in WATCHED:
        for when in ("in", "up", "out") if dialect == "sqlite" else ("insert", "update", "delete"):
            if dialect == "sqlite":
                op.execute(f"DROP TRIGGER search_{table}_{when}")
            else:
                op.execute(f"DROP FUNCTION search_{table}_{when}() CASCADE")
    op.execute("DROP TABLE search")
    op.drop_table("search_waiting")
