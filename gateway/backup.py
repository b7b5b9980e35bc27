"""Backup and restore: one archive with the database as it was at one instant, and every attachment it speaks of.

The database is copied first and the blobs after it: a blob's file is on disk before its row commits, so the archive
holds at least what the copy mentions. Both work while the gateway runs; restoring wants it stopped and the place empty.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL, Connection, func, inspect, select, text

from gateway.settings import Settings
from storage.contacts import Contact
from storage.database import synchronous_engine
from storage.deliveries import BlobRecord
from storage.interactions import Interaction
from storage.migrations import current

LEAFLET = "rapport.json"
DATABASE = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
BLOBS = "blobs"
Progress = Callable[[str], None]


class BackupFailed(Exception):
    """The backup was not made, or not restored; the sentence says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaflet:
    """What an archive says of itself."""

    made_at: str
    kind: str
    """`sqlite` or `postgresql`: an archive goes back to the kind it came from."""
    revision: str
    contacts: int
    interactions: int
    blobs: int


def backup(settings: Settings, target: Path, *, now: datetime, progress: Progress = lambda line: None) -> Leaflet:
    """Write an archive. It appears under its name only when it is whole. Raises BackupFailed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with TemporaryDirectory(prefix="rapport-backup-", dir=target.parent) as folder:
            kind = "sqlite" if settings.embedded else "postgresql"
            copy = Path(folder) / DATABASE[kind]
            progress("Copying the database …")
            (_copy_sqlite if kind == "sqlite" else _dump_postgres)(settings.database_url, copy)
            leaflet = _leaflet(settings, copy, kind, now)
            with tarfile.open(partial, "w:gz", compresslevel=5) as archive:
                _add_leaflet(archive, Path(folder), leaflet)
                archive.add(copy, copy.name)
                progress(f"Adding {leaflet.blobs} attachments …")
                for path in _blob_files(settings.data_dir / "blobs"):
                    archive.add(path, f"{BLOBS}/{path.parent.name}/{path.name}")
        partial.chmod(0o600)
        _sync(partial)
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    return leaflet


def restore(settings: Settings, source: Path, *, progress: Progress = lambda line: None) -> Leaflet:
    """Bring an archive back into an empty place. Raises BackupFailed; what is there is never overwritten."""
    if not source.is_file():
        raise BackupFailed(f"{source} is not a file")
    _refuse_a_taken_place(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".restore-", dir=settings.data_dir) as folder:
        progress("Reading the archive …")
        try:
            with tarfile.open(source, "r:gz") as archive:
                archive.extractall(folder, filter="data")
            leaflet = Leaflet(**json.loads((Path(folder) / LEAFLET).read_text()))
        except (tarfile.TarError, OSError, ValueError, TypeError, EOFError) as error:
            raise BackupFailed(f"{source} is not a whole backup of Rapport: {error}") from error
        kind = "sqlite" if settings.embedded else "postgresql"
        if leaflet.kind != kind:
            raise BackupFailed(f"this backup is of {leaflet.kind}, and the settings name {kind}")
        _check_blobs(Path(folder) / BLOBS)
        progress("Restoring the database …")
        copy = Path(folder) / DATABASE[kind]
        (_place_sqlite if kind == "sqlite" else _load_postgres)(copy, settings.database_url)
        if (Path(folder) / BLOBS).is_dir():
            shutil.copytree(Path(folder) / BLOBS, settings.data_dir / "blobs", dirs_exist_ok=True)
    return leaflet


def _copy_sqlite(url: URL, copy: Path) -> None:
    """SQLite's own online backup: writers go on, the copy is of one instant."""
    if url.database is None or not Path(url.database).is_file():
        raise BackupFailed(f"there is no database at {url.database}")
    with (
        closing(sqlite3.connect(f"file:{url.database}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        verdict = target.execute("PRAGMA integrity_check").fetchone()[0]
    if verdict != "ok":
        raise BackupFailed(f"the copy is not sound: {verdict}")


def _dump_postgres(url: URL, copy: Path) -> None:
    _run(["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={copy}"], url)


def _load_postgres(copy: Path, url: URL) -> None:
    _run(
        ["pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", f"--dbname={url.database}", str(copy)],
        url,
    )


def _run(command: list[str], url: URL) -> None:
    """PostgreSQL's own tools, with the password in the environment, where no process list shows it."""
    if shutil.which(command[0]) is None:
        raise BackupFailed(f"{command[0]} is missing: install PostgreSQL's client programs")
    environment = {
        **os.environ,
        "PGHOST": url.host or "",
        "PGPORT": str(url.port or 5432),
        "PGUSER": url.username or "",
        "PGPASSWORD": str(url.password or ""),
        "PGDATABASE": url.database or "",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise BackupFailed(f"{command[0]} failed: {done.stderr.strip()[:500]}")


def _place_sqlite(copy: Path, url: URL) -> None:
    assert url.database is not None
    target = Path(url.database)
    target.parent.mkdir(parents=True, exist_ok=True)
    _sync(copy)
    copy.rename(target)


def _leaflet(settings: Settings, copy: Path, kind: str, now: datetime) -> Leaflet:
    """Counted in the copy where that can be opened, else in the database just after it."""
    url = f"sqlite:///{copy}" if kind == "sqlite" else settings.database_url.render_as_string(hide_password=False)
    engine = synchronous_engine(url)
    with engine.connect() as connection:
        leaflet = Leaflet(
            made_at=now.isoformat(),
            kind=kind,
            revision=current(connection) or "",
            contacts=_count(connection, Contact.id),
            interactions=_count(connection, Interaction.id),
            blobs=_count(connection, BlobRecord.sha256),
        )
    engine.dispose()
    if kind == "sqlite":
        for leftover in ("-wal", "-shm"):
            Path(f"{copy}{leftover}").unlink(missing_ok=True)
    return leaflet


def _count(connection: Connection, column: object) -> int:
    return connection.execute(select(func.count(column))).scalar_one()  # pyright: ignore[reportArgumentType]


def _add_leaflet(archive: tarfile.TarFile, folder: Path, leaflet: Leaflet) -> None:
    path = folder / LEAFLET
    path.write_text(json.dumps(asdict(leaflet), indent=2))
    archive.add(path, LEAFLET)


def _blob_files(folder: Path) -> Iterator[Path]:
    """Whole blobs; what is still being written carries a longer name."""
    return (path for path in sorted(folder.glob("??/*")) if len(path.name) == 64)


def _check_blobs(folder: Path) -> None:
    for path in _blob_files(folder):
        if sha256(path.read_bytes()).hexdigest() != path.name:
            raise BackupFailed(f"attachment {path.name} in the backup is damaged")


def _refuse_a_taken_place(settings: Settings) -> None:
    if settings.embedded:
        database = settings.database_url.database
        if database is not None and Path(database).exists():
            raise BackupFailed(f"{database} exists: move it away first, a restore overwrites nothing")
        return
    engine = synchronous_engine(settings.database_url.render_as_string(hide_password=False))
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        tables = inspect(connection).get_table_names()
    engine.dispose()
    if tables:
        raise BackupFailed(f"the database has {len(tables)} tables: restore into an empty one")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
