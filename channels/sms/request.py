"""A provider's request to us, as it came: fields by query, form or JSON, read as strictly as we depend on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast
from urllib.parse import unquote_to_bytes, urlsplit

import orjson

from channels.cleaning import clean

Json = Mapping[str, object]

_STATUS_PATHS: Final = frozenset({"status", "delivered", "delivery", "dlr", "report", "reports"})
"""Last segments of the path that a delivery report comes to."""
_FIELDS: Final = 1000
"""Fields of a form that are read: no provider sends a tenth of it, and each costs."""


class Unreadable(ValueError):
    """This is nothing that we can read; the message says which part of it is wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fields:
    """Names and values of a query string or a form, still bytes: only the provider knows in which charset."""

    pairs: tuple[tuple[str, bytes], ...] = ()

    @classmethod
    def of(cls, encoded: str | bytes) -> Fields:
        """Of `a=1&b=2` with `%` escapes and `+` for a space."""
        raw = encoded.encode("utf-8", "surrogatepass") if isinstance(encoded, str) else encoded
        pairs = (part.partition(b"=") for part in raw.split(b"&", _FIELDS)[:_FIELDS] if part.strip())
        return cls(pairs=tuple((_text(_unescaped(name)), _unescaped(value)) for name, _, value in pairs))

    def __add__(self, other: Fields) -> Fields:
        return Fields(pairs=self.pairs + other.pairs)

    def __contains__(self, name: str) -> bool:
        return any(each == name for each, _ in self.pairs)

    def texts(self) -> list[tuple[str, str]]:
        """All of them, read as UTF-8."""
        return [(name, _text(value)) for name, value in self.pairs]

    def raw(self, name: str) -> bytes | None:
        """The last value of that name: what came later was meant to replace what came before."""
        return next((value for each, value in reversed(self.pairs) if each == name), None)

    def get(self, *names: str) -> str | None:
        """The value of the first of these names that is there; None: none is."""
        value = next((value for name in names if (value := self.raw(name)) is not None), None)
        return None if value is None else clean(_text(value))

    def need(self, *names: str) -> str:
        """The same, of what must be there and say something. Raises Unreadable."""
        value = self.get(*names)
        if not value:
            raise Unreadable(f"{names[0]} is missing")
        return value


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a provider called us with."""

    method: str
    url: str
    """As the provider wrote it, so far as we know: with scheme and host, or only path and query."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""

    @classmethod
    def of(cls, *, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Request:
        return cls(
            method=method.upper(),
            url=url,
            headers={name.lower(): value for name, value in headers.items()},
            body=body,
        )

    @property
    def path(self) -> str:
        return _split(self.url)[0]

    @property
    def query(self) -> Fields:
        return Fields.of(_split(self.url)[1])

    @property
    def is_status(self) -> bool:
        """Whether it came to where reports about our own messages come."""
        return self.path.rstrip("/").rpartition("/")[2].lower() in _STATUS_PATHS

    @property
    def is_json(self) -> bool:
        kind = self.headers.get("content-type", "").lower()
        return "json" in kind or ("form" not in kind and self.body.lstrip()[:1] in (b"{", b"["))

    @property
    def form(self) -> Fields:
        """The body's fields; none where it is JSON or empty."""
        return Fields() if self.is_json else Fields.of(self.body.strip())

    @property
    def fields(self) -> Fields:
        """Those of the query and, counting more, of the body."""
        return self.query + self.form

    @property
    def json(self) -> object:
        """The body's values. Raises Unreadable."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise Unreadable("the body is not JSON") from None


def json_object(value: object, what: str = "the body") -> Json:
    """Raises Unreadable where it is none."""
    if not isinstance(value, dict):
        raise Unreadable(f"{what} is not an object")
    return cast(Json, value)


def json_objects(value: object) -> list[Json]:
    """Those in a list; whatever else is in it, or is no list, is left out."""
    found = cast("list[object]", value) if isinstance(value, list) else []
    return [cast(Json, each) for each in found if isinstance(each, dict)]


def json_text(holder: Json, *names: str) -> str | None:
    """The first of these names that holds a text or a number; None: none does."""
    for name in names:
        value = holder.get(name)
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return None


def need_json_text(holder: Json, *names: str) -> str:
    """The same, of what must be there and say something. Raises Unreadable."""
    value = json_text(holder, *names)
    if not value:
        raise Unreadable(f"{names[0]} is missing")
    return value


def iso_time(value: str, what: str = "the time") -> datetime:
    """An ISO 8601 time in UTC; one without a zone is taken as UTC. Raises Unreadable."""
    try:
        at = datetime.fromisoformat(value.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(f"{what} is not a time") from None


def unix_time(value: str | float, what: str = "the time", *, milliseconds: bool = False) -> datetime:
    """Seconds (or milliseconds) since 1970. Raises Unreadable."""
    try:
        return datetime.fromtimestamp(float(value) / (1000 if milliseconds else 1), UTC)
    except (ValueError, OverflowError, OSError):
        raise Unreadable(f"{what} is not a time") from None


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
