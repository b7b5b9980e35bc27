"""Backup and restore: one archive with the database as it was at one instant, and every attachment it speaks of.

The database is copied first and the blobs after it: a blob's file is on disk before its row commits, so the archive
holds at least what the copy mentions. A restore goes the other way round, for the same reason. A backup works while the
gateway runs; a restore wants it stopped and the place empty.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL, Connection, create_engine, func, inspect, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from gateway import archive
from gateway.archive import BackupFailed, Leaflet
from gateway.settings import Settings
from storage.blobs import BlobRecord
from storage.contacts import Contact
from storage.interactions import Interaction
from storage.migrations import current

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Copied:
    """What the database's copy holds."""

    revision: str
    contacts: int
    interactions: int
    blobs: frozenset[str]


def backup(settings: Settings, target: Path, *, now: datetime, progress: Progress = lambda line: None) -> Leaflet:
    """Write an archive. It appears under its name only when it is on disk and was read back. Raises BackupFailed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with TemporaryDirectory(prefix="rapport-backup-", dir=target.parent) as folder:
            kind = "sqlite" if settings.embedded else "postgresql"
            copy = Path(folder) / archive.DATABASE[kind]
            progress("Copying the database …")
            copied = (_copy_sqlite if settings.embedded else _dump_postgres)(settings.database_url, copy)
            blobs = [path for path in archive.blob_files(settings.data_dir / "blobs") if _sound(path)]
            leaflet = Leaflet(
                made_at=now.isoformat(),
                kind=kind,
                revision=copied.revision,
                database=archive.digest(copy),
                contacts=copied.contacts,
                interactions=copied.interactions,
                blobs=len(blobs),
                lost=len(copied.blobs - {path.name for path in blobs}),
            )
            progress(f"Packing it with {leaflet.blobs} attachments …")
            partial.touch(mode=0o600)
            archive.write(partial, leaflet, copy, blobs)
        _sync(partial)
        progress("Reading it back …")
        archive.read(partial)
        partial.rename(target)
        _sync(target.parent)
    finally:
        partial.unlink(missing_ok=True)
    return leaflet


def restore(settings: Settings, source: Path, *, progress: Progress = lambda line: None) -> Leaflet:
    """Bring an archive back into an empty place. Raises BackupFailed; what is there is never overwritten."""
    if not source.is_file():
        raise BackupFailed(f"{source} is not a file")
    _refuse_a_taken_place(settings)
    progress("Reading the archive …")
    leaflet = archive.read(source)
    kind = "sqlite" if settings.embedded else "postgresql"
    if leaflet.kind != kind:
        raise BackupFailed(f"this backup is of {leaflet.kind}, and the settings name {kind}")
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".restore-", dir=settings.data_dir) as folder:
        archive.unpack(source, Path(folder))
        progress(f"Restoring {leaflet.blobs} attachments …")
        _place_blobs(archive.blob_files(Path(folder) / archive.BLOBS), settings.data_dir / "blobs")
        progress("Restoring the database …")
        copy = Path(folder) / archive.DATABASE[kind]
        (_place_sqlite if settings.embedded else _load_postgres)(copy, settings.database_url)
    with _looking(settings.database_url) as connection:
        found = _copied(connection)
    if (found.contacts, found.interactions) != (leaflet.contacts, leaflet.interactions):
        raise BackupFailed(
            f"the restored database has {found.contacts} contacts and {found.interactions} interactions,"
            f" and the backup says {leaflet.contacts} and {leaflet.interactions}: do not use it"
        )
    return leaflet


def _copy_sqlite(url: URL, copy: Path) -> Copied:
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
    with _looking(url.set(database=str(copy))) as connection:
        return _copied(connection)


def _dump_postgres(url: URL, copy: Path) -> Copied:
    """Counted and dumped in one snapshot, and read through once: what is missing shows here, not at a restore."""
    with _looking(url) as connection:
        snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))
        _run(
            [
                *("pg_dump", "--format=custom", "--no-owner", "--no-privileges"),
                *(f"--snapshot={snapshot}", f"--file={copy}"),
            ],
            url,
        )
        copied = _copied(connection)
    _run(["pg_restore", f"--file={os.devnull}", str(copy)], url)
    return copied


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


def _place_blobs(blobs: Iterable[Path], folder: Path) -> None:
    """On disk, whole and named, before the database that speaks of them is there."""
    folders = {folder}
    for blob in blobs:
        place = folder / blob.parent.name
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sync(blob)
        blob.replace(place / blob.name)
        folders.add(place)
    for each in folders:
        if each.is_dir():
            _sync(each)


def _place_sqlite(copy: Path, url: URL) -> None:
    """Beside its place first, which may be another disk than the data folder's; then all at once."""
    assert url.database is not None
    target = Path(url.database)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copyfile(copy, beside)
        beside.chmod(0o600)
        _sync(beside)
        beside.rename(target)
        _sync(target.parent)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def _looking(url: URL) -> Generator[Connection]:
    """A connection that sees one instant and changes nothing."""
    if url.get_backend_name() == "sqlite":
        url = url.set(database=f"file:{Path(url.database or '').absolute()}", query={"mode": "ro", "uri": "true"})
        engine = create_engine(url, poolclass=NullPool)
    else:
        engine = create_engine(url, poolclass=NullPool, isolation_level="REPEATABLE READ")
    try:
        with engine.connect() as connection:
            yield connection
    except OperationalError as error:
        raise BackupFailed(f"the database {url.render_as_string()} does not answer: {error.orig}") from error
    finally:
        engine.dispose()


def _copied(connection: Connection) -> Copied:
    return Copied(
        revision=current(connection) or "",
        contacts=connection.scalar(select(func.count(Contact.id))) or 0,
        interactions=connection.scalar(select(func.count(Interaction.id))) or 0,
        blobs=frozenset(connection.scalars(select(BlobRecord.sha256))),
    )


def _sound(blob: Path) -> bool:
    """A rotten attachment is one that is lost; it is no reason to have no backup at all."""
    return archive.digest(blob) == blob.name


def _refuse_a_taken_place(settings: Settings) -> None:
    if settings.embedded:
        database = Path(settings.database_url.database or "")
        # A journal that a killed process left behind would be played into whatever database lies beside it.
        journal = Path(f"{database}-wal")
        for path in (database, journal):
            if path.exists() and (path is database or path.stat().st_size):
                raise BackupFailed(f"{path} exists: move it away first, a restore overwrites nothing")
        return
    with _looking(settings.database_url) as connection:
        tables = inspect(connection).get_table_names()
    if tables:
        raise BackupFailed(f"the database has {len(tables)} tables: restore into an empty one")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
