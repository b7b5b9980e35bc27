"""Dates of mails, RFC 5322 (3.3) and what is written in their place. The sender's clock is not believed, only read."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from typing import Final

_ISO: Final = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?\s*(Z|[+-]\d{2}:?\d{2})?"
)
_NOT_ASCII_SPACE: Final = re.compile(r"[\s\u00a0]+")
_COMMENT: Final = re.compile(r"\([^()]*\)")
_LONGEST: Final = 200


def instant(value: str) -> datetime | None:
    """When it says it was (UTC); without a zone, UTC is supposed. None where nobody can read it."""
    value = _NOT_ASCII_SPACE.sub(" ", _COMMENT.sub(" ", value[:_LONGEST])).strip(" ;,")
    if not value:
        return None
    iso = _ISO.match(value)
    try:
        return _iso(iso) if iso else _rfc(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _rfc(value: str) -> datetime | None:
    fields = parsedate_tz(value)
    if fields is None:
        return None
    year, month, day, hour, minute, second, *_, offset = fields
    zone = timedelta(seconds=offset or 0)
    if abs(zone) >= timedelta(hours=24):
        zone = timedelta(0)
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone(zone)).astimezone(UTC)


def _iso(found: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (int(found[number] or 0) for number in range(1, 7))
    zone = found[7] or "Z"
    offset = timedelta(0)
    if zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])) * (-1 if zone[0] == "-" else 1)
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone(offset)).astimezone(UTC)
