"""The archive of a backup: a leaflet that says what is in it, the database's copy, and attachments named by their hash.

Whether it is whole can be told from the archive alone, without a database: `read` does.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import file_digest, sha256
from io import BytesIO
from pathlib import Path
from typing import IO

LEAFLET = "rapport.json"
DATABASE = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
BLOBS = "blobs"


class BackupFailed(Exception):
    """The backup was not made, or not restored; the sentence says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaflet:
    """What an archive says of itself."""

    made_at: str
    kind: str
    """`sqlite` or `postgresql`: an archive goes back to the kind it came from."""
    revision: str
    database: str
    """SHA-256 of the database's copy, in hexadecimal."""
    contacts: int
    interactions: int
    blobs: int
    """Attachments in the archive."""
    lost: int = 0
    """Attachments that the database speaks of and that were not on disk, or damaged there."""


def write(target: Path, leaflet: Leaflet, database: Path, blobs: Iterable[Path]) -> None:
    """Pack everything into `target`, the leaflet first. Raises OSError."""
    words = json.dumps(asdict(leaflet), indent=2).encode()
    with tarfile.open(target, "w:gz", compresslevel=5) as archive:
        entry = tarfile.TarInfo(LEAFLET)
        entry.size = len(words)
        archive.addfile(entry, BytesIO(words))
        archive.add(database, DATABASE[leaflet.kind])
        for path in blobs:
            archive.add(path, f"{BLOBS}/{path.parent.name}/{path.name}")


def read(source: Path) -> Leaflet:
    """Read an archive to its last byte and compare each part with its hash. Raises BackupFailed."""
    try:
        with tarfile.open(source, "r:gz") as archive:
            parts = _parts(archive)
            name, content = next(parts, ("", BytesIO()))
            if name != LEAFLET:
                raise BackupFailed(f"{source} is no backup of Rapport")
            leaflet = Leaflet(**json.loads(content.read()))
            _compare(leaflet, parts)
    except (tarfile.TarError, OSError, ValueError, TypeError, EOFError) as error:
        raise BackupFailed(f"{source} is not a whole backup of Rapport: {error}") from error
    return leaflet


def unpack(source: Path, folder: Path) -> None:
    """Lay an archive out in `folder`. Raises BackupFailed."""
    try:
        with tarfile.open(source, "r:gz") as archive:
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BackupFailed(f"{source} cannot be unpacked: {error}") from error


def blob_files(folder: Path) -> Iterator[Path]:
    """Whole blobs; what is still being written carries a longer name."""
    return (path for path in sorted(folder.glob("??/*")) if len(path.name) == 64)


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, sha256).hexdigest()


def _parts(archive: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    for entry in archive:
        content = archive.extractfile(entry) if entry.isfile() else None
        if content is None:
            raise BackupFailed(f"{entry.name} does not belong into a backup")
        yield entry.name, content


def _compare(leaflet: Leaflet, parts: Iterator[tuple[str, IO[bytes]]]) -> None:
    databases = blobs = 0
    for name, content in parts:
        found = file_digest(content, sha256).hexdigest()  # pyright: ignore[reportArgumentType]
        if name == DATABASE.get(leaflet.kind):
            databases += 1
            if found != leaflet.database:
                raise BackupFailed("the database in the backup is damaged")
        elif name == f"{BLOBS}/{Path(name).name[:2]}/{Path(name).name}":
            blobs += 1
            if found != Path(name).name:
                raise BackupFailed(f"attachment {Path(name).name} in the backup is damaged")
        else:
            raise BackupFailed(f"{name} does not belong into a backup")
    if (databases, blobs) != (1, leaflet.blobs):
        raise BackupFailed(f"the backup is not whole: it has {blobs} of {leaflet.blobs} attachments")
