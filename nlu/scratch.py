"""Folders for what processes leave lying about: each is removed after use, or at the next use where we were killed.

TensorFlow leaves a file for each function that it compiles, and Rasa every model that it unpacks, when they do not end
by themselves.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "rapport-scratch-"


@contextmanager
def scratch(inside: Path) -> Generator[Path]:
    """A new folder inside another one. What processes that were killed left there goes, too."""
    inside.mkdir(parents=True, exist_ok=True)
    for left in inside.glob(f"{_PREFIX}*"):
        _remove_unless_used(left)
    folder, lock = _own(inside)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _own(inside: Path) -> tuple[Path, int]:
    """The folder, and the lock by which others see that it is used."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=inside))
        lock = _opened(folder)
        if lock is None:
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder, lock
        # Somebody who cleared up was quicker than our lock.
        os.close(lock)


def _remove_unless_used(folder: Path) -> None:
    lock = _opened(folder)
    if lock is None:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    else:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _opened(folder: Path) -> int | None:
    """None: it is gone, or somebody else's."""
    try:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
