"""`hours.yml`: opening hours as a business writes them, all mistakes at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from itertools import pairwise
from typing import cast
from zoneinfo import ZoneInfo

from bot import china
from bot.hours import Hours, Interval

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_KEYS = ("time_zone", "weekly", "holidays", "closed", "extra_open")


class HoursMistake(ValueError):
    """The opening hours cannot be used as written."""

    def __init__(self, file: str, found: tuple[tuple[str, str], ...]) -> None:
        super().__init__("\n".join(f"{file}: {sentence}" for _, sentence in found))
        self.file = file
        self.found = found
        """(key, sentence) of each mistake; the key with dots, e.g. `weekly.mon`."""


def parse_hours(data: Mapping[object, object], file: str) -> Hours:
    """Opening hours from their file, e.g.

        time_zone: Asia/Shanghai
        weekly: {mon-fri: ["09:00-12:00", "13:00-21:00"], sat: ["20:00-02:00"]}
        holidays: [cn, 2026-12-24]
        closed: [2026-11-11]
        extra_open: {2026-11-15: ["10:00-16:00"]}

    Raises HoursMistake with all mistakes.
    """
    found = [
        (str(key), f"{key} is not a key of opening hours; the keys are {', '.join(_KEYS)}.")
        for key in data
        if key not in _KEYS
    ]
    zone = _time_zone(data.get("time_zone"), found)
    weekly = _weekly(data.get("weekly"), found)
    chinese, holidays = _holidays(data.get("holidays"), found)
    closed = _dates(data.get("closed"), "closed", found)
    extra = _extra_open(data.get("extra_open"), found)
    if found or zone is None:
        raise HoursMistake(file, tuple(found))
    hours = Hours(time_zone=zone, weekly=weekly, china=chinese, closed=holidays | closed, extra_open=extra)
    if chinese:
        china.calendar()  # loaded with the playbook, not in a customer's turn
    return hours


def _time_zone(value: object, found: list[tuple[str, str]]) -> ZoneInfo | None:
    if not isinstance(value, str) or not value:
        found.append(("time_zone", 'time_zone is missing; give a name such as "Asia/Shanghai".'))
        return None
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # unknown, not a key at all, or the name of a folder
        found.append(("time_zone", f'time_zone: "{value}" is no time zone; give a name such as "Asia/Shanghai".'))
        return None


def _weekly(value: object, found: list[tuple[str, str]]) -> tuple[tuple[Interval, ...], ...]:
    week: dict[int, tuple[Interval, ...]] = {}
    if not isinstance(value, Mapping) or not value:
        found.append(("weekly", 'weekly is missing; give hours per day, such as mon-fri: ["09:00-18:00"].'))
        return ()
    for name, texts in cast("Mapping[object, object]", value).items():
        key = f"weekly.{name}"
        days = _days(name)
        if not days:
            found.append((key, f"{key}: {name} is no day; write mon, tue, wed, thu, fri, sat, sun, or mon-fri."))
            continue
        found.extend((key, f"{key}: {_WEEKDAYS[day]} is given twice.") for day in days if day in week)
        intervals = _intervals(texts, key, found)
        week.update(dict.fromkeys(days, intervals))
    if not found and not any(week.values()):
        found.append(("weekly", "weekly has no opening at all; give at least one day its hours."))
    return tuple(week.get(day, ()) for day in range(7))


def _days(name: object) -> range | None:
    first, _, last = name.strip().lower().partition("-") if isinstance(name, str) else ("", "", "")
    if first not in _WEEKDAYS or (last and last not in _WEEKDAYS):
        return None
    return range(_WEEKDAYS.index(first), _WEEKDAYS.index(last or first) + 1) or None


def _intervals(value: object, key: str, found: list[tuple[str, str]]) -> tuple[Interval, ...]:
    if not isinstance(value, list):
        found.append((key, f'{key} is not a list; write ["09:00-18:00"], or [] for a day closed.'))
        return ()
    intervals: list[Interval] = []
    for text in cast("list[object]", value):
        interval = _interval(text)
        if interval is None:
            found.append((key, f'{key}: "{text}" is no opening; write "09:00-18:00" ("18:00-02:00" past midnight).'))
        else:
            intervals.append(interval)
    intervals.sort(key=lambda interval: interval.start)
    if any(second.start < first.end for first, second in pairwise(intervals)):
        found.append((key, f"{key}: two openings overlap."))
    return tuple(intervals)


def _interval(text: object) -> Interval | None:
    start_text, dash, end_text = text.partition("-") if isinstance(text, str) else ("", "", "")
    start, end = _minutes(start_text), _minutes(end_text)
    if not dash or start is None or end is None or start == end or start == 1440:
        return None
    return Interval(start=start, end=end if end > start else end + 1440)


def _minutes(text: str) -> int | None:
    hours, colon, minutes = text.strip().partition(":")
    if not colon or not (hours.isdecimal() and hours.isascii() and minutes.isdecimal() and minutes.isascii()):
        return None
    if not 1 <= len(hours) <= 2 or len(minutes) != 2 or int(minutes) > 59:
        return None
    total = int(hours) * 60 + int(minutes)
    return total if total <= 1440 else None


def _holidays(value: object, found: list[tuple[str, str]]) -> tuple[bool, frozenset[date]]:
    if not isinstance(value, list):
        return False, _dates(value, "holidays", found)
    entries = cast("list[object]", value)
    return "cn" in entries, _dates([entry for entry in entries if entry != "cn"], "holidays", found)


def _dates(value: object, key: str, found: list[tuple[str, str]]) -> frozenset[date]:
    if value is None:
        return frozenset()
    if not isinstance(value, list):
        found.append((key, f"{key} is not a list; write dates such as [2026-12-24]."))
        return frozenset()
    days: set[date] = set()
    for entry in cast("list[object]", value):
        day = _date(entry)
        if day is None:
            also = ' or "cn" for China\'s statutory holidays' if key == "holidays" else ""
            found.append((key, f'{key}: "{entry}" is no date; write it as 2026-12-24{also}.'))
        else:
            days.add(day)
    return frozenset(days)


def _date(value: object) -> date | None:
    """YAML makes a date of `2026-12-24` and leaves `"2026-12-24"` a text."""
    if isinstance(value, datetime):
        return None
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None


def _extra_open(value: object, found: list[tuple[str, str]]) -> dict[date, tuple[Interval, ...]]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        found.append(("extra_open", 'extra_open is not a mapping; write 2026-11-15: ["10:00-16:00"].'))
        return {}
    extra: dict[date, tuple[Interval, ...]] = {}
    for entry, texts in cast("Mapping[object, object]", value).items():
        key = f"extra_open.{entry}"
        day = _date(entry)
        if day is None:
            found.append((key, f'{key}: "{entry}" is no date; write it as 2026-11-15.'))
        else:
            extra[day] = _intervals(texts, key, found)
    return extra
