"""Who an address header names (RFC 5322, 3.4), also where it keeps to no grammar.

Read nevertheless: commas in names without quotes, brackets that never close or come twice, names after the address, an
address within a comment or an encoded word, semicolons between people, no address at all (`MAILER-DAEMON`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from channels.cleaning import clean
from channels.mail import words

WRITABLE: Final = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\".]+")
"""One that a mail can be written to, as far as its looks tell."""

_TOKEN: Final = re.compile(r'"((?:[^"\\]|\\.)*)("|\Z)|<+([^<>]*)(?:>+|\Z|(?=<))|[(),:;>]|\s+|[^\s"<>(),:;]+', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_ATOMS: Final = re.compile(r"[^\s<>()\[\]\",;:]+(?:\[[0-9A-Za-z:.]{1,60}\])?")
_MAILTO: Final = re.compile(r"[\[(<]?\bmailto:", re.IGNORECASE)
_SPACE: Final = re.compile(r"\s+")
_COMMENT: Final = re.compile(r"\([^()]*\)")
_GAP: Final = re.compile(r"(?<=@)([^\s@]{1,255}) \. ?(?=\S)")
"""Within a domain, as RFC 822 allowed it."""
_ROUTE: Final = re.compile(r"^@[^:]*:")
_MOST: Final = 10_000
"""People that one header may name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who a mail says it is from or to."""

    address: str
    """As it stands there, without comments; may be no address at all."""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


@dataclass(slots=True)
class _Mailbox:
    """What is known of one person while the header is read."""

    phrase: list[str] = field(default_factory=list[str])
    """Everything that is neither in brackets nor a comment."""
    angle: str | None = None
    comments: list[str] = field(default_factory=list[str])
    has_at: bool = False
    """The phrase has an `@`."""
    quoted: bool = False
    """The name stood in quotes: what is in it is the name."""

    @property
    def words(self) -> str:
        return _GAP.sub(r"\1.", _SPACE.sub(" ", "".join(self.phrase)).strip())

    def add(self, piece: str) -> None:
        self.phrase.append(piece)
        self.has_at = self.has_at or "@" in piece

    def names_nobody(self) -> bool:
        """So far, only a piece of a name."""
        return self.angle is None and not self.comments and not self.has_at


def people(value: bytes, hint: str | None = None) -> tuple[Person, ...]:
    """Everybody whom a header names, in order. `hint` as in `words.decode`."""
    text = _MAILTO.sub("<", words.raw(value, hint))
    found = tuple(person for box in _whole(_mailboxes(text)) if (person := _person(box)) is not None)
    if "=?" in text and not any("@" in person.address for person in found):
        hidden = tuple(p for box in _whole(_mailboxes(words.decode(value, hint))) if (p := _person(box)) is not None)
        if any("@" in person.address for person in hidden):
            return hidden
    return found


def _mailboxes(text: str) -> Iterator[tuple[_Mailbox, str]]:
    """Each person's tokens, and the sign that ended them."""
    box = _Mailbox()
    depth = 0
    comment: list[str] = []
    for number, token in enumerate(_TOKEN.finditer(text)):
        sign = token[0]
        if depth:
            depth += (sign == "(") - (sign == ")")
            comment.append(sign)
            if not depth:
                box.comments.append("".join(comment[:-1]))
                comment = []
        elif sign == "(":
            depth = 1
        elif sign in ",;" and number < _MOST * 10:
            yield box, sign
            box = _Mailbox()
        elif sign == ":" and box.angle is None and not box.has_at:
            box = _Mailbox()  # the name of a group
        elif token[3] is not None:
            _bracketed(box, token[3])
        elif token[1] is not None:
            _quoted(box, token[1], text[token.end() : token.end() + 1])
        elif sign not in ")>":
            box.add(sign)
    if comment:
        box.comments.append("".join(comment))
    yield box, ""


def _bracketed(box: _Mailbox, inside: str) -> None:
    """Of two in brackets, the one that is an address counts; the first, if both are."""
    if box.angle is not None and ("@" in box.angle or "@" not in inside):
        return
    if box.angle:
        box.add(f" {box.angle}")
    box.angle = inside if "[" in inside else inside.rstrip("])")


def _quoted(box: _Mailbox, inside: str, following: str) -> None:
    if following == "@":
        box.add(f'"{inside}"')
    else:
        box.quoted = True
        box.add(_ESCAPED.sub(r"\1", inside))


def _whole(boxes: Iterator[tuple[_Mailbox, str]]) -> Iterator[_Mailbox]:
    """A comma that nobody quoted belongs to the name that it cuts."""
    pieces: list[_Mailbox] = []
    for box, sign in boxes:
        if box.names_nobody() and sign == ",":
            if box.words:
                pieces.append(box)
            continue
        if pieces and box.angle is not None and not box.quoted:
            box.phrase.insert(0, ", ".join(piece.words for piece in pieces) + ", ")
        else:
            yield from pieces
        pieces = []
        yield box
    yield from pieces


def _person(box: _Mailbox) -> Person | None:
    phrase, comments = box.words, [words.decode_text(comment).strip() for comment in box.comments]
    if box.angle is not None:
        address = _SPACE.sub("", _COMMENT.sub("", _ROUTE.sub("", box.angle.strip())))
        return _of(address, phrase or next((c for c in comments if "@" not in c), "")) if address or phrase else None
    found = None if box.quoted and not phrase.endswith('"') and '"' in phrase else _address(phrase)
    if phrase.startswith('"') and '"@' in phrase:
        return _of(phrase, " ".join(comments))
    if found:
        around = f"{phrase[: found.start()]} {phrase[found.end() :]}".strip()
        return _of(found[0], around or " ".join(comments))
    inside = next((match for comment in comments if (match := _address(comment))), None)
    if inside:
        return _of(inside[0], phrase)
    return _of(phrase, " ".join(comments)) if phrase else None


def _address(text: str) -> re.Match[str] | None:
    """The first word that could be an address."""
    if "@" not in text:
        return None
    return next((word for word in _ATOMS.finditer(text) if "@" in word[0][1:-1]), None)


def _of(address: str, name: str) -> Person:
    name = words.decode_text(name)
    name = _SPACE.sub(" ", name) if "\n" in name or "\t" in name else name
    name = name.strip().strip("\"'").strip(" \t")
    address = clean(address.strip())
    if address[:1] == "'" == address[-1:]:
        address = address[1:-1]
    return Person(address=address, name="" if name == address else clean(name))


def first(people: Sequence[Person]) -> Person:
    """Whom a header names first; preferring who has an address."""
    return next((person for person in people if "@" in person.address), people[0] if people else Person(address=""))
