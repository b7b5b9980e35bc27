"""When the business is open: a plain week, holidays, make-up workdays, and single days that differ.

Instants are aware datetimes; answers are UTC. Opening times are wall-clock times of the business: on the day clocks
change, an interval that ends before it begins is no opening, and a time that is skipped counts as the same moment
after the jump.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import cast
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOK_AHEAD = timedelta(days=366)
_DAY = timedelta(days=1)
_KEYS = ("time_zone", "weekly", "holidays", "closed", "extra_open")


class HoursMistake(ValueError):
    """The opening hours cannot be used as written."""

    def __init__(self, file: str, found: tuple[tuple[str, str], ...]) -> None:
        super().__init__("\n".join(f"{file}: {sentence}" for _, sentence in found))
        self.file = file
        self.found = found
        """(key, sentence) of each mistake; the key with dots, e.g. `weekly.mon`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """An opening on one day, in minutes after its midnight."""

    start: int
    end: int
    """Beyond 1440 where it closes after midnight."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """The opening hours of a business."""

    time_zone: ZoneInfo
    weekly: tuple[tuple[Interval, ...], ...]
    """Monday to Sunday."""
    china: bool = False
    """Closed on China's statutory holidays, and open on make-up workdays (调休) as on a working day."""
    closed: frozenset[date] = frozenset()
    """Holidays given by date, and days closed for any other reason."""
    extra_open: Mapping[date, tuple[Interval, ...]] = field(default_factory=dict[date, tuple[Interval, ...]])
    """Openings besides those of the plain week; they hold on closed days too."""

    def open_at(self, instant: datetime) -> bool:
        at = _utc(instant)
        return any(start <= at < end for start, end in self._openings(at, _DAY))

    def next_opening(self, instant: datetime) -> datetime | None:
        """When we next begin to be open: later than `instant`, also where that falls into an opening. UTC.

        None where that is more than a year ahead, or never because we are always open.
        """
        at = _utc(instant)
        open_until: datetime | None = None
        for start, end in self._openings(at, LOOK_AHEAD):
            if start > at and (open_until is None or start > open_until):
                return start if start <= at + LOOK_AHEAD else None
            open_until = max(open_until or end, end)
        return None

    def is_workday(self, day: date) -> bool:
        """We open at some time on this day, in the business's time zone."""
        return bool(self._intervals(day))

    def add_working_time(self, instant: datetime, span: timedelta) -> datetime:
        """The first instant at which we were open for `span` since `instant`. UTC.

        Raises ValueError for a negative span, OverflowError where the calendar ends first.
        """
        if span < timedelta():
            raise ValueError("working time can be added, not taken away")
        counted_until = _utc(instant)
        if not span:
            return counted_until
        for start, end in self._openings(counted_until):
            begin = max(start, counted_until)
            if end - begin >= span:
                return begin + span
            span -= max(end - begin, timedelta())
            counted_until = max(end, counted_until)
        raise OverflowError("the calendar ends before the working time is over")

    def knows(self, year: int) -> bool:
        """Holidays of this year are published; if not, the plain week holds in it."""
        return not self.china or year in _china().years

    def _openings(self, at: datetime, ahead: timedelta | None = None) -> Iterator[tuple[datetime, datetime]]:
        """Openings by their beginning, as UTC, from the day before `at`; some may touch or overlap."""
        today = at.astimezone(self.time_zone).date()
        last = date.max - 2 * _DAY
        if ahead is not None and last - today > ahead:
            last = today + ahead
        day = today - _DAY if today > date.min else today
        while day <= last:
            for interval in self._intervals(day):
                start, end = self._instant(day, interval.start), self._instant(day, interval.end)
                if start < end:
                    yield start, end
            day += _DAY

    def _intervals(self, day: date) -> tuple[Interval, ...]:
        plain, extra = self._plain(day), self.extra_open.get(day)
        return tuple(sorted((*plain, *extra), key=lambda interval: interval.start)) if extra else plain

    def _plain(self, day: date) -> tuple[Interval, ...]:
        if day in self.closed:
            return ()
        if self.china and day.year in _china().years:
            if day in _china().make_up_workdays:
                return self._working_day()
            if day in _china().holidays:
                return ()
        return self.weekly[day.weekday()]

    def _working_day(self) -> tuple[Interval, ...]:
        """Which weekday a make-up workday stands in for is not published: the first that has hours is taken."""
        return next((intervals for intervals in self.weekly[:5] if intervals), ())

    def _instant(self, day: date, minutes: int) -> datetime:
        days, minutes = divmod(minutes, 1440)
        wall = datetime.combine(day + timedelta(days=days), time(minutes // 60, minutes % 60), self.time_zone)
        return wall.astimezone(UTC)


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
    china, holidays = _holidays(data.get("holidays"), found)
    closed = _dates(data.get("closed"), "closed", found)
    extra = _extra_open(data.get("extra_open"), found)
    if found or zone is None:
        raise HoursMistake(file, tuple(found))
    hours = Hours(time_zone=zone, weekly=weekly, china=china, closed=holidays | closed, extra_open=extra)
    if china:
        _china()  # loaded with the playbook, not in a customer's turn
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
        found.extend((key, f"{key}: {WEEKDAYS[day]} is given twice.") for day in days if day in week)
        intervals = _intervals(texts, key, found)
        week.update(dict.fromkeys(days, intervals))
    if not found and not any(week.values()):
        found.append(("weekly", "weekly has no opening at all; give at least one day its hours."))
    return tuple(week.get(day, ()) for day in range(7))


def _days(name: object) -> range | None:
    first, _, last = name.strip().lower().partition("-") if isinstance(name, str) else ("", "", "")
    if first not in WEEKDAYS or (last and last not in WEEKDAYS):
        return None
    return range(WEEKDAYS.index(first), WEEKDAYS.index(last or first) + 1) or None


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


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant needs its time zone")
    return instant.astimezone(UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class _China:
    """The State Council's calendar, as the chinese-calendar library has it."""

    holidays: frozenset[date]
    make_up_workdays: frozenset[date]
    years: range


@lru_cache(maxsize=1)
def _china() -> _China:
    # Imported here because it takes some 40 ms, and only businesses that name "cn" need it.
    from chinese_calendar import constants

    holidays = frozenset(cast("Mapping[date, str]", constants.holidays))
    workdays = frozenset(cast("Mapping[date, str]", constants.workdays))
    return _China(holidays=holidays, make_up_workdays=workdays, years=range(min(holidays).year, max(holidays).year + 1))
