"""Plain text as it grows: words, lines, blank lines, quotes and lists."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_SPACE: Final = re.compile(r"[ \t\n\r\f]+")
_INVISIBLE: Final = re.compile("[\u00ad\u034f\u200b\u2060\ufeff]")
"""Soft hyphens and what advertisers fill their previews with."""
_BLANK: Final = re.compile("[\\s\u200c\u200d]*\\Z")
_RULE: Final = "_" * 32
"""What Outlook writes for a line across."""
_DEEPEST_QUOTE: Final = 20
_DEEPEST_INDENT: Final = 10


class Place(NamedTuple):
    """Somewhere in what is written."""

    lines: int
    """Line ends so far."""
    pieces: int
    """Of the line."""


class Writer:
    """Lines are begun only when something is written into them, so that empty elements leave nothing behind."""

    def __init__(self) -> None:
        self.preformatted = 0
        """Elements around in which line ends are line ends."""
        self._lines: list[str] = []
        self._ends = 0
        self._pieces: list[str] = []
        self._mark = ""
        self._indents: list[str] = []
        self._quotes = 0
        self._space = False
        self._cell = False
        self._signature = False

    @property
    def text(self) -> str:
        """Everything, without blank lines around."""
        self._end()
        return "\n".join(self._lines).strip("\n")

    def write(self, text: str) -> None:
        if self.preformatted:
            first, *others = _INVISIBLE.sub("", text).replace("\r\n", "\n").split("\n")
            self._put(first)
            for line in others:
                self.newline()
                self._put(line)
            return
        text = _SPACE.sub(" ", _INVISIBLE.sub("", text))
        if text.startswith(" "):
            self._space = True
            text = text[1:]
        if not text:
            return
        trailing = text.endswith(" ")
        self._put(text[:-1] if trailing else text)
        self._space = self._space or trailing

    def newline(self) -> None:
        """A line ends here, also an empty one."""
        self._end(always=True)

    def block(self, *, blank: bool = False) -> None:
        """What follows begins on a new line, with a blank one before it if asked."""
        self._end()
        if blank and self._lines and self._lines[-1].strip("> "):
            self._lines.append(self._prefix.rstrip())

    def rule(self) -> None:
        self._end()
        if self._lines and self._lines[-1].strip("> ") != _RULE:
            self._lines.append(self._prefix + _RULE)

    def signature(self) -> None:
        """A signature begins with the next words: marked as in plain mails (RFC 3676, 4.3)."""
        self._end()
        self._signature = bool(self._lines)

    def quote(self) -> None:
        self._end()
        self._quotes += 1

    def unquote(self) -> None:
        self._end()
        while self._lines and self._quotes and not self._lines[-1].strip("> ") and self._lines[-1]:
            self._lines.pop()
        self._quotes -= 1
        if self._lines and self._lines[-1].strip():
            self._lines.append(self._prefix.rstrip())

    def indent(self, *, nested: bool) -> None:
        self._end()
        self._indents.append("  " if nested else "")

    def outdent(self) -> None:
        self._end()
        self._indents.pop()

    def mark(self, mark: str) -> None:
        """What stands before the next words: the bullet of an item."""
        self._end()
        self._mark = mark

    def cell(self) -> None:
        """The next cell of a row; what follows on the same line is set apart."""
        self._cell = bool(self._pieces)

    @property
    def place(self) -> Place:
        """Where the next words will stand."""
        return Place(lines=self._ends, pieces=len(self._pieces))

    def since(self, place: Place) -> str:
        """What was written since then, as far as it is on this line."""
        return "".join(self._pieces[place.pieces if place.lines == self._ends else 0 :]).strip()

    def _put(self, text: str) -> None:
        if not text:
            return
        if self._cell and text.strip():
            before = "".join(self._pieces[-1:]).rstrip()
            self._add(" " if before.endswith((":", "：")) else " | ")
            self._cell = self._space = False
        if self._space and self._pieces and not self.preformatted:
            self._add(" ")
        self._space = False
        self._add(text)

    def _add(self, text: str) -> None:
        self._pieces.append(text)

    @property
    def _prefix(self) -> str:
        quotes = "> " * min(self._quotes, _DEEPEST_QUOTE)
        return quotes + "".join(self._indents[:_DEEPEST_INDENT])

    def _end(self, *, always: bool = False) -> None:
        line = "".join(self._pieces).replace("\xa0", " ")
        self._pieces.clear()
        self._ends += 1
        self._space = self._cell = False
        if _BLANK.match(line):
            if always and any(line.strip("> ") for line in self._lines[-2:]):
                self._lines.append(self._prefix.rstrip())
            return
        is_mark = line.strip() in {"--", "—"}
        if self._signature and not is_mark:
            self._lines.append(f"{self._prefix}-- ")
        self._signature = False
        self._lines.append(f"{self._prefix}{self._mark}{'-- ' if is_mark else line.rstrip()}")
        self._mark = ""
