"""A provider's request to us, as it came: read as a form, a query or JSON, leniently, and never with an exception of
its own but `Unreadable`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, cast
from urllib.parse import unquote_to_bytes, urlsplit

import orjson

from channels.cleaning import clean

FIELDS_LIMIT: Final = 10_000
"""Fields of one form."""

_LATEST: Final = 253402300799
"""The last second of the year 9999: datetime ends there."""
_MILLISECONDS_FROM: Final = 10**11
"""In seconds the year 5138, in milliseconds 1973: a larger number counts milliseconds."""
_DELIMITER: Final = rb"(?:\A|\r?\n)--%b(?:--)?[ \t]*(?:\r?\n|\Z)"
_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n|\A\r?\n")
_PARAMETER: Final = re.compile(r';\s*([a-zA-Z*]+)\s*=\s*(?:"([^"]*)"|([^;]*))')


class Unreadable(ValueError):
    """This is nothing that the provider documents; the message says which part of it is wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a provider called us with."""

    method: str
    url: str
    """As the provider wrote it, so far as we know: a signature may be over it. With scheme and host, or without."""
    headers: Mapping[str, str]
    """By lower-case names."""
    body: bytes = b""

    @classmethod
    def of(cls, *, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Request:
        """With names of headers as they came."""
        return cls(
            method=method.upper(),
            url=url,
            headers={name.lower(): value for name, value in headers.items()},
            body=body,
        )

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")

    @property
    def path(self) -> str:
        return _split(self.url)[0]

    @property
    def is_json(self) -> bool:
        kind = self.header("content-type").lower()
        return "json" in kind or ("form" not in kind and self.body.lstrip()[:1] in (b"{", b"["))

    def json(self) -> Node:
        """The body as JSON. Raises Unreadable."""
        return Node(parse_json(self.body))

    def query(self) -> Fields:
        """Raises Unreadable."""
        return Fields.of(_split(self.url)[1])

    def form(self) -> Fields:
        """The body as a form of either kind; nothing where it is JSON or empty. Raises Unreadable."""
        content_type = self.header("content-type")
        if content_type.lower().startswith("multipart/"):
            return _multipart(self.body, content_type)
        return Fields() if self.is_json else Fields.of(self.body.strip())

    def fields(self) -> Fields:
        """Those of the query and, after them, of the form. Raises Unreadable."""
        return self.query() + self.form()


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field of a form, or one file."""

    name: str
    content: bytes
    """Only the provider knows in which charset."""
    file_name: str | None = None
    """None: this is no file."""
    content_type: str = "text/plain"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fields:
    """Of a form or a query, in the order in which they came; names may repeat."""

    every: Sequence[Field] = ()

    @classmethod
    def of(cls, encoded: str | bytes) -> Fields:
        """Of `a=1&b=2` with `%` escapes and `+` for a space. Raises Unreadable."""
        raw = encoded.encode("utf-8", "surrogatepass") if isinstance(encoded, str) else encoded
        if raw.count(b"&") >= FIELDS_LIMIT:
            raise Unreadable("a form of too many fields")
        pairs = (part.partition(b"=") for part in raw.split(b"&") if part.strip())
        return cls(every=[Field(name=_text(_unescaped(name)), content=_unescaped(value)) for name, _, value in pairs])

    def __add__(self, other: Fields) -> Fields:
        return Fields(every=[*self.every, *other.every])

    def __contains__(self, name: str) -> bool:
        return any(field.name == name for field in self.every)

    def texts(self) -> list[tuple[str, str]]:
        """Names and values exactly as they came: what a signature is over."""
        return [(field.name, _text(field.content)) for field in self.every if field.file_name is None]

    def all(self, name: str) -> list[str]:
        named = [field for field in self.every if field.name == name and field.file_name is None]
        return [clean(_text(field.content)) for field in named]

    def first(self, *names: str) -> str | None:
        """Of the first of these names that is there. Providers who merge a customer's variables into their own fields
        put theirs first…"""
        return next((value for name in names for value in self.all(name)), None)

    def last(self, *names: str) -> str | None:
        """… but what they sign with, last; and what a body says counts more than what its address says."""
        return next((values[-1] for name in names if (values := self.all(name))), None)

    def need(self, *names: str) -> str:
        """The last, of what must be there and say something. Raises Unreadable."""
        return _needed(self.last(*names), names[0])

    def content(self, name: str) -> bytes | None:
        return next((field.content for field in self.every if field.name == name), None)

    def files(self) -> list[Field]:
        return [field for field in self.every if field.file_name is not None]


@dataclass(frozen=True, slots=True)
class Node:
    """A place in a JSON document that may be missing, or be of another kind than documented: then it is empty."""

    value: object

    def at(self, *path: str) -> Node:
        node = self
        for key in path:
            node = Node(node.pairs().get(key))
        return node

    def has(self, name: str) -> bool:
        return name in self.pairs()

    def text(self, *names: str) -> str | None:
        """The first of the named texts that is there; numbers are texts of digits."""
        pairs = self.pairs()
        for name in names:
            if (text := _as_text(pairs.get(name))) is not None:
                return text
        return None

    def as_text(self) -> str | None:
        return _as_text(self.value)

    def need(self, *names: str) -> str:
        """The text that must be there and say something. Raises Unreadable."""
        return _needed(self.text(*names), names[0])

    def number(self, name: str) -> float | None:
        value = self.at(name).value
        if not isinstance(value, int | float | str) or isinstance(value, bool):
            return None
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return None
        return number if math.isfinite(number) else None

    def flag(self, name: str) -> bool | None:
        value = self.at(name).value
        return value if isinstance(value, bool) else None

    def seconds(self, name: str) -> datetime | None:
        """A Unix time; in milliseconds where it must be."""
        return instant(self.number(name))

    def moment(self, *names: str) -> datetime | None:
        """The first of the named times in the form of ISO 8601; without an offset it is UTC."""
        return next((at for name in names if (at := moment(self.text(name))) is not None), None)

    def nodes(self) -> list[Node]:
        return [Node(one) for one in cast(list[object], self.value)] if isinstance(self.value, list) else []

    def texts(self) -> tuple[str, ...]:
        """Those of a list of texts, or the one that stands for such a list."""
        one = self.as_text()
        if one is not None:
            return (one,)
        return tuple(text for node in self.nodes() if (text := node.as_text()) is not None)

    @property
    def is_object(self) -> bool:
        return isinstance(self.value, dict)

    def objects(self) -> list[Node]:
        """Those in a list; whatever else is in it is left out."""
        return [node for node in self.nodes() if node.is_object]

    def need_object(self, what: str = "the body") -> Node:
        """Itself. Raises Unreadable."""
        if not self.is_object:
            raise Unreadable(f"{what} is not an object")
        return self

    def need_objects(self, what: str = "the body") -> list[Node]:
        """Those in what must be a list. Raises Unreadable."""
        if not isinstance(self.value, list):
            raise Unreadable(f"{what} is not a list")
        return self.objects()

    def pairs(self) -> Mapping[str, object]:
        return cast(Mapping[str, object], self.value) if isinstance(self.value, dict) else {}

    def nested(self) -> Node:
        """A JSON document inside a text of this one; anything else is empty."""
        if not isinstance(self.value, str):
            return Node(None)
        try:
            return Node(parse_json(self.value.encode("utf-8", "surrogatepass")))
        except Unreadable:
            return Node(None)


def parse_json(raw: bytes) -> object:
    """JSON to values. orjson refuses lone surrogates, which people can send; the standard library takes them."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8") from None
    except (ValueError, RecursionError):
        raise Unreadable("not JSON") from None


def instant(number: float | None) -> datetime | None:
    """A Unix time, in seconds or in milliseconds."""
    if number is None or not number > 0:
        return None
    seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
    return datetime.fromtimestamp(seconds, UTC) if seconds <= _LATEST else None


def need_instant(written: str, what: str = "the time") -> datetime:
    """The same, of what must be one. Raises Unreadable."""
    return _needed_time(instant(Node({what: written}).number(what)), what)


def moment(text: str | None) -> datetime | None:
    """A time in the form of ISO 8601; without an offset it is UTC."""
    try:
        at = datetime.fromisoformat((text or "").strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def need_moment(written: str, what: str = "the time") -> datetime:
    """The same, of what must be one. Raises Unreadable."""
    return _needed_time(moment(written), what)


def _needed(text: str | None, name: str) -> str:
    if not text:
        raise Unreadable(f"{name} is missing")
    return text


def _needed_time(at: datetime | None, what: str) -> datetime:
    if at is None:
        raise Unreadable(f"{what} is not a time")
    return at


def _as_text(value: object) -> str | None:
    match value:
        case str():
            return clean(value)
        case bool() | None:
            return None
        case int() | float():
            return str(value)
        case _:
            return None


def _multipart(body: bytes, content_type: str) -> Fields:
    """The fields of multipart/form-data (RFC 7578)."""
    boundary = _parameters(content_type).get("boundary", "")
    if not boundary:
        raise Unreadable("a form without a boundary")
    pattern = re.compile(_DELIMITER % re.escape(boundary.encode("utf-8", "replace")))
    ends = [match.span() for match in pattern.finditer(body)]
    if len(ends) > FIELDS_LIMIT:
        raise Unreadable("a form of too many fields")
    parts = [body[start:end] for (_, start), (end, _) in pairwise(ends)]
    return Fields(every=[field for part in parts if (field := _field(part)) is not None])


def _field(part: bytes) -> Field | None:
    blank = _BLANK_LINE.search(part)
    if blank is None:
        return None
    head, content = part[: blank.start()], part[blank.end() :]
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in clean(_text(head)).splitlines())
    }
    parameters = _parameters(headers.get("content-disposition", ""))
    if "name" not in parameters:
        return None
    return Field(
        name=parameters["name"],
        content=content,
        file_name=parameters.get("filename"),
        content_type=headers.get("content-type", "text/plain"),
    )


def _parameters(header: str) -> dict[str, str]:
    """Of a header's value; form-data escapes only quotes and line ends (the WHATWG's HTML Standard, 4.10.21.8)."""
    found = {name.lower(): quoted or plain.strip() for name, quoted, plain in _PARAMETER.findall(header)}
    return {name: value.replace("%22", '"').replace("%0D", "").replace("%0A", "") for name, value in found.items()}


def _split(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # an address such as `http://[` has no parts
        return "", ""
    return parts.path, parts.query


def _unescaped(value: bytes) -> bytes:
    return unquote_to_bytes(value.replace(b"+", b" "))


def _text(value: bytes) -> str:
    """UTF-8, as the forms of today are; what cannot be that is read as the single-byte text it was before."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")
