"""The lock on an embedded database: one process owns writing, and others can find out how to reach it."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self


class AlreadyRunning(Exception):
    """Another process runs on this data folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """The process that owns the data folder."""

    pid: int
    url: str
    """Where it listens, e.g. `http://127.0.0.1:8080`; empty while it starts."""
    token: str
    """What its internal interface wants to see; the file is readable by its owner alone."""


class DataLock:
    """Held for the life of a process; the kernel lets go of it however the process ends."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "rapport.lock"
        self._file: int | None = None

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # what customers write is nobody else's
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            other = running(self._path.parent)
            raise AlreadyRunning(
                f"process {other.pid} runs on {self._path.parent} already"
                if other
                else "another process holds the data"
            ) from error
        self._file = descriptor
        return self

    def tell(self, *, url: str, token: str) -> None:
        """Write down how this process is reached."""
        assert self._file is not None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps({"pid": os.getpid(), "url": url, "token": token}).encode(), 0)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None


def running(data_dir: Path) -> Running | None:
    """Who holds the lock, if anybody does and has told."""
    path = data_dir / "rapport.lock"
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        told = os.pread(descriptor, 4096, 0)
    else:
        return None
    finally:
        os.close(descriptor)
    try:
        fields = json.loads(told)
        return Running(pid=int(fields["pid"]), url=str(fields["url"]), token=str(fields["token"]))
    except (ValueError, KeyError, TypeError):
        return Running(pid=0, url="", token="")
