"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FrozenClock:
    """Both clocks that code may ask: the wall's (`now`, UTC) and the steady one (`monotonic`, seconds)."""

    def __init__(self, now: datetime = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)) -> None:
        """A Monday, noon in Shanghai, unless said otherwise."""
        self._now = now
        self._monotonic = 1000.0

    def __call__(self) -> datetime:
        return self._now

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, by: timedelta | float) -> datetime:
        """Let time pass (a number means seconds)."""
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        self._now += step
        self._monotonic += step.total_seconds()
        return self._now

    def jump(self, to: datetime) -> None:
        """Set the wall clock, as an administrator or NTP would; the steady one does not notice."""
        self._now = to
