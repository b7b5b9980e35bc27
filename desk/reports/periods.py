"""Periods: the days that a report is about, in the business's time zone, cut into days, weeks or months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from desk.refusals import Unusable


class Grain(StrEnum):
    DAY = "day"
    WEEK = "week"  # from Monday
    MONTH = "month"


MOST_DAYS = 5 * 366
MOST_BUCKETS = 400
LONGEST: tuple[tuple[int, Grain], ...] = ((45, Grain.DAY), (200, Grain.WEEK))
"""Up to so many days a grain is the usual one; beyond, months are."""


class NoSuchPeriod(Unusable):
    """The period ends before it begins, or is longer than five years."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """A day, week or month, or what of it lies within the period."""

    day: date
    """Its first."""
    begins: datetime
    ends: datetime
    """The next one's beginning (UTC)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """From the first moment of a day to the last of another."""

    first: date
    last: date
    grain: Grain
    zone: ZoneInfo
    now: datetime

    @property
    def whole(self) -> Bucket:
        return Bucket(day=self.first, begins=self._midnight(self.first), ends=self._midnight(self.last + _DAY))

    @property
    def before(self) -> Bucket:
        """As many days before it. Where the period is not over yet, that one is cut at the same moment: half a day
        compared with a whole one would always look like a fall."""
        days = self.last - self.first + _DAY
        first, ends = self.first - days, self.whole.begins
        if self.whole.begins <= self.now < self.whole.ends:
            ends = (self.now.astimezone(self.zone) - days).astimezone(UTC)
        return Bucket(day=first, begins=self._midnight(first), ends=ends)

    @property
    def over(self) -> bool:
        """Nothing will be added to it any more."""
        return self.now >= self.whole.ends

    @property
    def buckets(self) -> Sequence[Bucket]:
        found: list[Bucket] = []
        day = self.first
        while day <= self.last:
            following = min(_after(day, self.grain), self.last + _DAY)
            found.append(Bucket(day=day, begins=self._midnight(day), ends=self._midnight(following)))
            day = following
        return found

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


_DAY = timedelta(days=1)


def period(
    *,
    now: datetime,
    zone: ZoneInfo,
    first: date | None = None,
    last: date | None = None,
    days: int = 30,
    grain: Grain | None = None,
) -> Period:
    """The last `days` days with today, or from `first` to `last`. Raises NoSuchPeriod."""
    today = now.astimezone(zone).date()
    last = min(last or today, today)
    first = first or last - timedelta(days=days - 1)
    length = (last - first).days + 1
    if not 1 <= length <= MOST_DAYS:
        raise NoSuchPeriod("a period has at least one day, none of them to come, and at most five years")
    usual = next((each for most, each in LONGEST if length <= most), Grain.MONTH)
    grain = grain or usual
    if grain is Grain.DAY and length > MOST_BUCKETS:
        grain = usual
    return Period(first=first, last=last, grain=grain, zone=zone, now=now)


def _after(day: date, grain: Grain) -> date:
    match grain:
        case Grain.DAY:
            return day + _DAY
        case Grain.WEEK:
            return day + timedelta(days=7 - day.weekday())
        case Grain.MONTH:
            return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
