"""Header fields as they are written: nothing that anybody said can end a line, and every line is short enough.

RFC 5322 (form), 2047 (words beyond ASCII), 2231 (parameters beyond ASCII), 6532 (addresses beyond ASCII).
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote

import idna

LINE: Final = 76
"""Characters that a line of a header should not exceed; RFC 5322, 2.1.1 wishes for 78, RFC 2047, 2 for 76."""
LONGEST_LINE: Final = 998
"""Octets that no line may exceed: RFC 5322, 2.1.1."""
LONGEST_ADDRESS: Final = 254
"""Octets: RFC 5321, 4.5.3.1.3, without the brackets of the path."""
LONGEST_LOCAL_PART: Final = 64
"""Octets: RFC 5321, 4.5.3.1.1."""

_UNSPEAKABLE: Final = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029]+| {2,}")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~ ]+")
_DOT_ATOM: Final = re.compile(
    r"[^\s()<>\[\]:;@\\,\".\x00-\x20\x7f-\x9f]+(?:\.[^\s()<>\[\]:;@\\,\".\x00-\x20\x7f-\x9f]+)*"
)
_QUOTED: Final = re.compile(r'"(?:[^"\\\x00-\x1f\x7f-\x9f]|\\[ -~])*"')
_HOST: Final = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*"
)
_LITERAL: Final = re.compile(r"\[[A-Za-z0-9.:]+\]")
_IDENTITY: Final = re.compile(r"<?((?!sha256:)[!-;=?-~]+)>?")
_WORD_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_WORD_PLAIN_BYTES: Final = bytes(sorted(_WORD_PLAIN | {32}))
_WORD_Q: Final = tuple("_" if b == 32 else chr(b) if b in _WORD_PLAIN else f"={b:02X}" for b in range(256))
_PARAMETER_SAFE: Final = "!#$&+-.^_`|~"


def one_line(text: str) -> str:
    """A text that stays in its line: what would end it, or cannot be written at all, becomes a space or U+FFFD."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    return _SURROGATE.sub("\ufffd", _UNSPEAKABLE.sub(" ", text)).strip()


@lru_cache(maxsize=1024)
def unstructured(name: str, text: str) -> str:
    """A whole field such as Subject, with its end of line."""
    text = one_line(text)
    if text.isascii() and "=?" not in text:
        if len(name) + 2 + len(text) <= LINE:
            return f"{name}: {text}\r\n"
        if max(map(len, text.split(" "))) <= LONGEST_LINE - LINE:
            return f"{name}: {_folded(text, len(name) + 2)}\r\n"
    return f"{name}: {_encoded_words(text, len(name) + 2)}\r\n"


@lru_cache(maxsize=1024)
def mailbox(name: str, display: str, address: str) -> str:
    """A whole field with one person, such as From, with its end of line. `address` is written as it is."""
    display = one_line(display)
    if not display:
        return f"{name}: {address}\r\n" if len(name) + len(address) < LINE else f"{name}:\r\n {address}\r\n"
    if not display.isascii() or "=?" in display:
        phrase = _encoded_words(display, len(name) + 2)
    elif _ATOMS.fullmatch(display):
        phrase = _folded(display, len(name) + 2)
    else:
        phrase = _folded('"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"', len(name) + 2)
    last = len(phrase) - phrase.rfind("\n") + (0 if "\n" in phrase else len(name) + 2)
    gap = " " if last + len(address) + 3 <= LINE else "\r\n "
    return f"{name}: {phrase}{gap}<{address}>\r\n"


def identity(text: str) -> str | None:
    """A Message-ID without its brackets; None for what cannot stand in a header, and for the hash by which we know a
    mail that has none."""
    found = _IDENTITY.fullmatch(text)
    return found[1] if found is not None and len(text) < LONGEST_LINE - LINE else None


def identities(name: str, ids: list[str]) -> str:
    """A whole field such as References, with its end of line; nothing where there are none."""
    return f"{name}: " + "\r\n ".join([f"<{each}>" for each in ids]) + "\r\n" if ids else ""


def parameter(name: str, text: str) -> str:
    """A parameter after its `;`, on lines of its own (RFC 2231, 3 and 4)."""
    text = one_line(text)
    if text.isascii() and len(name) + len(text) < LINE - 6:
        return ";\r\n " + name + '="' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    encoded = quote(text, safe=_PARAMETER_SAFE)
    if len(name) + len(encoded) < LINE - 12:
        return f";\r\n {name}*=utf-8''{encoded}"
    room = LINE - len(name) - 16
    pieces = re.findall(rf".{{1,{room - 2}}}(?:(?<=%.).|(?<=%)..)?", encoded)
    pieces[0] = f"utf-8''{pieces[0]}"
    return "".join([f";\r\n {name}*{number}*={piece}" for number, piece in enumerate(pieces)])


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """An address as SMTP and headers take it."""

    text: str
    beyond_ascii: bool
    """Its local part is: only a server with SMTPUTF8 (RFC 6531) takes it. A domain never is: it has an ASCII form."""


def path(address: str) -> Path | None:
    """Read an address; None for what is none, or would say more than an address."""
    local, _, domain = address.strip(" ").rpartition("@")
    host = _host(domain)
    if host is None or not local or _SURROGATE.search(local):
        return None
    if not _DOT_ATOM.fullmatch(local) and not _QUOTED.fullmatch(local):
        local = _quoted(local)
        if local is None:
            return None
    size = len(local.encode())
    if size > LONGEST_LOCAL_PART or size + 1 + len(host) > LONGEST_ADDRESS:
        return None
    return Path(text=f"{local}@{host}", beyond_ascii=not local.isascii())


def _quoted(local: str) -> str | None:
    """Japanese phones have addresses such as `a..b@`, which stand in quotes on the wire; other oddities are errors."""
    return f'"{local}"' if re.fullmatch(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+", local) else None


@lru_cache(maxsize=4096)
def _host(domain: str) -> str | None:
    if domain.isascii():
        return domain if _HOST.fullmatch(domain) or _LITERAL.fullmatch(domain) else None
    try:
        return idna.encode(domain, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return None


def _folded(text: str, used: int) -> str:
    """ASCII, with its lines broken at spaces."""
    if used + len(text) <= LINE:
        return text
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        if line and used + len(line) + 1 + len(word) > LINE:
            lines.append(line)
            line, used = word, 1
        else:
            line = f"{line} {word}" if line else word
    return "\r\n ".join([*lines, line])


def _encoded_words(text: str, used: int) -> str:
    """RFC 2047, 2: at most 75 characters each, no character cut, by whichever encoding is shorter."""
    data = text.encode()
    by_letters = len(data) + 2 * len(data.translate(None, _WORD_PLAIN_BYTES)) <= len(data) * 4 // 3
    words: list[str] = []
    piece: list[bytes] = []
    size = 0
    room = LINE - used - 12
    for character in text:
        raw = character.encode()
        cost = sum(len(_WORD_Q[b]) for b in raw) if by_letters else len(raw)
        if piece and (size + cost > room if by_letters else -(-(size + cost) // 3) * 4 > room):
            words.append(_word(b"".join(piece), by_letters))
            piece, size, room = [], 0, LINE - 1 - 12
        piece.append(raw)
        size += cost
    words.append(_word(b"".join(piece), by_letters))
    return "\r\n ".join(words)


def _word(data: bytes, by_letters: bool) -> str:
    if by_letters:
        return f"=?utf-8?q?{''.join([_WORD_Q[b] for b in data])}?="
    return f"=?utf-8?b?{b64encode(data).decode()}?="
