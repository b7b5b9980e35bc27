"""The database's shape: what the migrations make is what the entities say, and a start asks cheaply."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from storage import migrations
from storage.database import synchronous_engine
from storage.everything import Entity


def test_the_migrations_make_what_the_entities_say(migrated_url: str) -> None:
    engine = synchronous_engine(migrated_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _is_an_entitys})
        differences = compare_metadata(context, Entity.metadata)
    engine.dispose()
    assert differences == []


def _is_an_entitys(name: str | None, kind: str, _parents: object) -> bool:
    """The search index is made of what each database has for that, and no entity."""
    return not (kind == "table" and name is not None and name.startswith("index_of_"))


def test_the_newest_revision_is_the_one_that_alembic_would_go_to() -> None:
    config = migrations._config(None)  # pyright: ignore[reportPrivateUsage]
    assert migrations.newest() == ScriptDirectory.from_config(config).get_current_head()


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    assert migrations.migrate(database_url) == migrations.migrate(database_url) == migrations.newest()


def test_a_start_on_a_migrated_database_does_not_import_alembic(migrated_sqlite_url: str) -> None:
    code = (
        "import sys; from storage.migrations import migrate;"
        f"migrate({migrated_sqlite_url!r}); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_who_runs_on_for_months_migrates_in_a_process_apart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite'}"
    code = (
        "import sys; from storage.migrations import migrate_apart, newest; from storage.migrations import current;"
        "from storage.database import synchronous_engine;"
        f"migrate_apart({url!r}); print('alembic' in sys.modules);"
        f"print(current(synchronous_engine({url!r}).connect()) == newest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_a_database_of_a_later_version_is_left_as_it_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'later.sqlite'}"
    migrations.migrate(url)
    engine = synchronous_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'of-tomorrow'"))
    with pytest.raises(migrations.MigrationFailed, match="of-tomorrow"):
        migrations.migrate_apart(url)
    with engine.begin() as connection:
        assert migrations.current(connection) == "of-tomorrow"
    engine.dispose()
