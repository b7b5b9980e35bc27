"""When the business is open: a plain week, holidays, make-up workdays, and single days that differ.

Instants are aware datetimes; answers are UTC. Opening times are wall-clock times of the business: on the day clocks
change, an interval that ends before it begins is no opening, and a time that is skipped counts as the same moment
after the jump.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot import china

LOOK_AHEAD = timedelta(days=366)
_DAY = timedelta(days=1)


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

    def working_time(self, since: datetime, until: datetime) -> timedelta:
        """For how long we were open between two instants; nothing where `until` comes first."""
        counted_until, end_at, span = _utc(since), _utc(until), timedelta()
        if end_at <= counted_until:
            return span
        for start, end in self._openings(counted_until, end_at - counted_until + _DAY):
            if start >= end_at:
                break
            begin = max(start, counted_until)
            span += max(min(end, end_at) - begin, timedelta())
            counted_until = max(end, counted_until)
        return span

    def knows(self, year: int) -> bool:
        """Holidays of this year are published; if not, the plain week holds in it."""
        return not self.china or year in china.calendar().years

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
        if self.china and day.year in china.calendar().years:
            if day in china.calendar().make_up_workdays:
                return self._working_day()
            if day in china.calendar().holidays:
                return ()
        return self.weekly[day.weekday()]

    def _working_day(self) -> tuple[Interval, ...]:
        """Which weekday a make-up workday stands in for is not published: the first that has hours is taken."""
        return next((intervals for intervals in self.weekly[:5] if intervals), ())

    def _instant(self, day: date, minutes: int) -> datetime:
        days, minutes = divmod(minutes, 1440)
        wall = datetime.combine(day + timedelta(days=days), time(minutes // 60, minutes % 60), self.time_zone)
        return wall.astimezone(UTC)


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant needs its time zone")
    return instant.astimezone(UTC)
