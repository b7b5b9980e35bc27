"""Quiet hours: when not to write, in the person's own time zone.

The default window, 08:00 to 21:00, is that of 47 CFR 64.1200(c)(1): no solicitation before 8 a.m. or after 9 p.m. at
the called party's location.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The hours in which we may write, on the wall clock."""

    opens: time = time(8)
    closes: time = time(21)


DAYTIME = Window()


def zone(name: str | None, otherwise: str) -> ZoneInfo:
    """A time zone by IANA name; a name nobody knows counts as none."""
    for candidate in (name, otherwise):
        if candidate:
            try:
                return ZoneInfo(candidate)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                continue
    return ZoneInfo("UTC")


def allowed(instant: datetime, where: ZoneInfo, window: Window = DAYTIME) -> bool:
    """Whether the wall clock there stands within the window."""
    return window.opens <= instant.astimezone(where).time() < window.closes


def next_allowed(instant: datetime, where: ZoneInfo, window: Window = DAYTIME) -> datetime:
    """The first instant from `instant` on that is allowed (UTC)."""
    if allowed(instant, where, window):
        return instant
    local = instant.astimezone(where)
    for days in (0, 1, 2):
        opening = datetime.combine(local.date() + timedelta(days=days), window.opens, tzinfo=where)
        # fold=0 takes the earlier of two equal wall clocks; one that daylight saving skips lands after the gap.
        begins = opening.astimezone(UTC)
        if begins > instant and allowed(begins, where, window):
            return begins
    raise AssertionError("a window opens every day")
