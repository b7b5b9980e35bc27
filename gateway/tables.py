"""Tables: CSV files as people's programs write them, read row by row in constant memory.

Encoding and delimiter are found out; a row that cannot be read is told with its line, and the next ones are read.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

LONGEST_LINE = 1024 * 1024
"""Bytes of one line."""
MOST_LINES = 50
"""Lines one record may span: an address has a few; a quote that nobody closed has the rest of the file."""
MOST_SHOWN = 2000
"""Characters of a line that could not be read, kept for whoever mends it."""
ENOUGH = 2000
"""Lines with more than ASCII that decide about the encoding."""
DELIMITERS = (",", ";", "\t", "|")
UNCLOSED = "opens a quote that is not closed where the row should end"


class BadTable(Exception):
    """The file as a whole cannot be read as a table."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One row."""

    line: int
    """Where it begins, counted as editors do, from 1."""
    cells: Mapping[str, str]
    """By our names of the columns; what is missing is absent."""
    raw: Sequence[str] = ()
    """All of them, in the file's order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRow:
    """One row that was not taken."""

    line: int
    reason: str
    cells: Sequence[str] = ()
    """As they were read, for whoever mends them; the line itself where its cells could not be told apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What was found out about a file."""

    encoding: str
    """`utf-8`, `utf-8-sig`, `utf-16` or `gb18030`."""
    delimiter: str
    header: Sequence[str]
    """As it stands in the file."""
    columns: Sequence[str | None]
    """Our name for each of them; None: not one that we take."""
    size: int
    """Bytes."""

    @property
    def unknown(self) -> list[str]:
        """Columns that are left alone."""
        return [theirs for theirs, ours in zip(self.header, self.columns, strict=True) if ours is None]


def examine(path: Path, known: Sequence[str], renamed: Mapping[str, str]) -> Shape:
    """Find out how to read a file. `renamed`: their column names to ours. Raises BadTable, OSError."""
    with path.open("rb") as file:
        encoding = _encoding(file)
    with path.open("rb") as file:
        first = next(iter(_Lines(file, encoding)), None)
    if first is None or not first[1].strip():
        raise BadTable("the file is empty")
    ours = {_folded(name): name for name in known} | {_folded(theirs): name for theirs, name in renamed.items()}
    delimiter, header = _header(first[1], ours)
    columns = [ours.get(_folded(name)) for name in header]
    twice = {name for name in columns if name is not None and columns.count(name) > 1}
    if twice:
        raise BadTable(f"two columns are called {', '.join(sorted(twice))}")
    absent = [theirs for theirs in renamed if _folded(theirs) not in {_folded(name) for name in header}]
    if absent:
        raise BadTable(f"--map speaks of {', '.join(absent)}, but the columns are {', '.join(header)}")
    return Shape(encoding=encoding, delimiter=delimiter, header=header, columns=columns, size=path.stat().st_size)


@dataclass(slots=True)
class Reading:
    """A file while it is read: iterate over it; `position` tells how far it is."""

    file: BinaryIO
    shape: Shape
    position: int = field(default=0)
    """Bytes read."""

    def __iter__(self) -> Iterator[Record | BadRow]:
        """Every row after the header, in order."""
        lines = _Lines(self.file, self.shape.encoding)
        next(iter(lines), None)
        while (found := self._next(lines)) is not None:
            self.position = lines.position
            if not isinstance(found, Record) or found.cells:
                yield found
        self.position = self.shape.size

    def _next(self, lines: _Lines) -> Record | BadRow | None:
        """One record. Where one that spans lines does not fit, only its first line is bad: a quote that was opened and
        never closed must not swallow its neighbours."""
        lines.taken.clear()
        if not lines.begin():
            return None
        try:
            cells = next(csv.reader(lines.record(), delimiter=self.shape.delimiter, strict=True), list[str]())
        except csv.Error as error:
            spans = len(lines.taken) > 1 or "end of data" in str(error)
            return self._bad(lines, UNCLOSED if spans else f"cannot be read: {error}", [])
        line = lines.taken[0][0]
        if lines.too_long:
            return self._bad(lines, f"is longer than {LONGEST_LINE} bytes", [])
        if len(cells) == 0 or (len(cells) == 1 and not cells[0].strip()):
            return Record(line=line, cells={})
        if len(cells) != len(self.shape.columns):
            if len(lines.taken) > 1:
                return self._bad(lines, UNCLOSED, [])
            return self._bad(lines, f"has {len(cells)} fields; the header has {len(self.shape.columns)}", cells)
        named = zip(self.shape.columns, cells, strict=True)
        return Record(line=line, cells={name: cell for name, cell in named if name is not None}, raw=cells)

    def _bad(self, lines: _Lines, reason: str, cells: Sequence[str]) -> BadRow:
        line, text, _ = lines.taken[0]
        lines.put_back()
        return BadRow(line=line, reason=reason, cells=cells or [text.rstrip("\r\n")[:MOST_SHOWN]])


@contextmanager
def reading(path: Path, shape: Shape) -> Generator[Reading]:
    """Open a file that was examined."""
    with path.open("rb") as file:
        yield Reading(file, shape)


class _Lines:
    """The lines of a file, decoded, numbered from 1; those of the current record can be put back."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._number = 0
        self._waiting: deque[tuple[int, str, bool]] = deque()
        self.taken: list[tuple[int, str, bool]] = []
        self.position = 0

    def __iter__(self) -> Iterator[tuple[int, str]]:
        while (line := self._take()) is not None:
            yield line[0], line[1]

    def begin(self) -> bool:
        """Look whether there is another record."""
        line = self._take()
        if line is not None:
            self._waiting.appendleft(line)
        return line is not None

    def record(self) -> Iterator[str]:
        """Lines for as long as one record wants them."""
        while len(self.taken) < MOST_LINES and (line := self._take()) is not None:
            self.taken.append(line)
            yield line[1]

    @property
    def too_long(self) -> bool:
        return any(line[2] for line in self.taken)

    def put_back(self) -> None:
        """All lines of the record but its first."""
        self._waiting.extendleft(reversed(self.taken[1:]))

    def _take(self) -> tuple[int, str, bool] | None:
        if self._waiting:
            return self._waiting.popleft()
        raw = self._file.readline(LONGEST_LINE)
        if not raw:
            return None
        self.position += len(raw)
        self._number += 1
        too_long = False
        while not raw.endswith(b"\n") and (more := self._file.readline(LONGEST_LINE)):
            self.position += len(more)
            too_long = True
            if more.endswith(b"\n"):
                break
        text = raw.decode(self._encoding if self._number == 1 else self._encoding.removesuffix("-sig"), "replace")
        return self._number, text, too_long


def _encoding(file: BinaryIO) -> str:
    """UTF-8 unless most lines with more than ASCII are GB18030 and not UTF-8."""
    start = file.read(4)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadTable("the file is in UTF-16; save it as UTF-8")
    if start.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    file.seek(0)
    utf_8 = gb18030 = 0
    while utf_8 + gb18030 < ENOUGH and (line := file.readline(LONGEST_LINE)):
        if line.isascii():
            continue
        if _decodes(line, "utf-8"):
            utf_8 += 1
        elif _decodes(line, "gb18030"):
            gb18030 += 1
    return "gb18030" if gb18030 > utf_8 else "utf-8"


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _header(line: str, ours: Mapping[str, str]) -> tuple[str, list[str]]:
    """The delimiter that makes most names known; where none does, the one that makes most columns."""
    readings: list[tuple[int, int, int, list[str]]] = []
    for rank, delimiter in enumerate(DELIMITERS):
        try:
            names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
        except csv.Error:
            continue
        known = sum(_folded(name) in ours for name in names)
        readings.append((known, len(names), -rank, names))
    if not readings:
        raise BadTable("the first line is not a header")
    _, _, rank, names = max(readings, key=lambda reading: reading[:3])
    return DELIMITERS[-rank], names


def _folded(name: str) -> str:
    return name.strip().casefold()
