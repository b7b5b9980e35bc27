"""JSON of a stranger: parsed as leniently as people write, read as strictly as we depend on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, cast

import orjson

from channels.cleaning import clean

Json = Mapping[str, object]

_LATEST: Final = 253402300799
"""The last second of the year 9999: datetime ends there."""


class Unreadable(Exception):
    """This is no update that we can read; the message says which part of it is wrong."""


def parse(raw: bytes) -> object:
    """JSON to values. orjson refuses lone surrogates, which people can send; the standard library takes them."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(raw.decode())
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8") from None
    except (ValueError, RecursionError):
        raise Unreadable("not JSON") from None


def unparse(value: object) -> bytes:
    """Values back to JSON, equal to what they were parsed from up to white space and escapes."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def need_integer(holder: Json, key: str) -> int:
    value = holder.get(key)
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise Unreadable(f"{key} is not an integer")
    return value


def maybe_number(holder: Json, key: str) -> str | None:
    value = holder.get(key)
    return str(value) if type(value) is int and -(2**63) <= value < 2**63 else None


def need_object(holder: Json, key: str) -> Json:
    return as_object(holder.get(key), key)


def as_object(value: object, what: str) -> Json:
    if not isinstance(value, dict):
        raise Unreadable(f"{clean(what)[:64]} is not an object")
    return cast(Json, value)


def maybe_object(holder: Json, key: str) -> Json | None:
    value = holder.get(key)
    return cast(Json, value) if isinstance(value, dict) else None


def objects(value: object) -> list[Json]:
    if not isinstance(value, list):
        return []
    return [cast(Json, one) for one in cast(list[object], value) if isinstance(one, dict)]


def need_text(holder: Json, key: str) -> str:
    value = holder.get(key)
    if not isinstance(value, str):
        raise Unreadable(f"{key} is not a text")
    return value


def maybe_text(holder: Json, key: str) -> str | None:
    value = holder.get(key)
    return clean(value) if isinstance(value, str) else None


def texts(holder: Json, *keys: str) -> list[str]:
    return [text for key in keys if (text := maybe_text(holder, key))]


def need_time(holder: Json, key: str) -> datetime:
    seconds = need_integer(holder, key)
    if not 0 <= seconds <= _LATEST:
        raise Unreadable(f"{key} is not a time")
    return datetime.fromtimestamp(seconds, UTC)
