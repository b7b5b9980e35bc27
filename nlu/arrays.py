"""Models on disk: one .npz file of plain arrays, written whole or not at all, and read without running anything."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

Arrays = Mapping[str, npt.NDArray[np.generic]]


class ModelUnreadable(Exception):
    """The model's file is damaged or was written by another version; delete it, and it is trained again."""


def store(path: Path, arrays: Arrays) -> None:
    """Atomic: who opens the path sees the whole file or the one before; two writers do no harm. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def stored(path: Path) -> Generator[Mapping[str, npt.NDArray[np.float32]]]:
    """The file's arrays, while it is open. Raises ModelUnreadable for whatever is wrong with them, or made of them."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelUnreadable(f"{path}: {error}") from error


def packed(words: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(words.encode(), dtype=np.uint8)


def unpacked(array: npt.NDArray[np.generic]) -> str:
    return array.tobytes().decode()
