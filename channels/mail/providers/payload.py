"""What a provider's webhook carries: a request read as JSON or as a form, leniently, and never with an exception of its
own but `Unreadable`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, cast
from urllib.parse import parse_qsl

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


class Unreadable(Exception):
    """This is nothing that the provider documents; the message says which part of it is wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A call of a provider, as it came."""

    method: str
    url: str
    """As the provider called it: a signature may be over it."""
    headers: Mapping[str, str]
    """By lower-case names."""
    body: bytes

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")

    def json(self) -> Node:
        """The body as JSON. Raises Unreadable."""
        return Node(parse_json(self.body))

    def form(self) -> Form:
        """The body as a form of either kind. Raises Unreadable."""
        content_type = self.header("content-type")
        if content_type.lower().startswith("multipart/"):
            return Form(fields=_multipart(self.body, content_type))
        try:
            pairs = parse_qsl(self.body, keep_blank_values=True, max_num_fields=FIELDS_LIMIT)
        except ValueError:
            raise Unreadable("a form of too many fields") from None
        return Form(fields=[Field(name=_text(name), content=value) for name, value in pairs])

    @property
    def is_json(self) -> bool:
        return self.header("content-type").lower().startswith("application/json") or self.body.lstrip()[:1] in b"{["


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field of a form, or one file."""

    name: str
    content: bytes
    file_name: str | None = None
    """None: this is no file."""
    content_type: str = "text/plain"


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """Fields in the order in which they came; names may repeat."""

    fields: Sequence[Field]

    def all(self, name: str) -> list[str]:
        return [_text(field.content) for field in self.fields if field.name == name and field.file_name is None]

    def first(self, *names: str) -> str | None:
        """Providers who merge a customer's variables into their own fields put theirs first…"""
        return next((value for name in names for value in self.all(name)), None)

    def last(self, name: str) -> str | None:
        """… but what they sign with, last."""
        values = self.all(name)
        return values[-1] if values else None

    def content(self, name: str) -> bytes | None:
        return next((field.content for field in self.fields if field.name == name), None)

    def files(self) -> list[Field]:
        return [field for field in self.fields if field.file_name is not None]


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
        return next((text for name in names if (text := self.at(name).as_text()) is not None), None)

    def as_text(self) -> str | None:
        match self.value:
            case str():
                return clean(self.value)
            case bool() | None:
                return None
            case int() | float():
                return str(self.value)
            case _:
                return None

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


def moment(text: str | None) -> datetime | None:
    """A time in the form of ISO 8601; without an offset it is UTC."""
    try:
        at = datetime.fromisoformat((text or "").strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _multipart(body: bytes, content_type: str) -> list[Field]:
    """The fields of multipart/form-data (RFC 7578)."""
    boundary = _parameters(content_type).get("boundary", "")
    if not boundary:
        raise Unreadable("a form without a boundary")
    pattern = re.compile(_DELIMITER % re.escape(boundary.encode("utf-8", "replace")))
    ends = [match.span() for match in pattern.finditer(body)]
    if len(ends) > FIELDS_LIMIT:
        raise Unreadable("a form of too many fields")
    parts = [body[start:end] for (_, start), (end, _) in pairwise(ends)]
    return [field for part in parts if (field := _field(part)) is not None]


def _field(part: bytes) -> Field | None:
    blank = _BLANK_LINE.search(part)
    if blank is None:
        return None
    head, content = part[: blank.start()], part[blank.end() :]
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in _text(head).splitlines())
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


def _text(content: bytes) -> str:
    return clean(content.decode("utf-8", "replace"))
