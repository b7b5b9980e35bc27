"""Rates: how often a token may ask. Each has a bucket in this process; several web processes count for themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

PER_MINUTE: Final = 600
BURST: Final = 100
"""Requests that may come at once."""
FORGET_ABOVE: Final = 10_000
"""Buckets; those that are full again say nothing."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """What a token may still ask."""

    granted: bool
    left: int
    wait: int
    """Seconds until there is one more."""
    full_in: int
    """Seconds until there are all again."""

    @property
    def headers(self) -> Mapping[str, str]:
        """As the IETF's draft has them (draft-ietf-httpapi-ratelimit-headers)."""
        shown = {
            "RateLimit-Policy": f'"token";q={BURST};w={math.ceil(BURST * 60 / PER_MINUTE)}',
            "RateLimit": f'"token";r={self.left};t={self.full_in}',
        }
        return shown if self.granted else {**shown, "Retry-After": str(self.wait)}


class Rates:
    """A bucket for each who asks."""

    def __init__(self, monotonic: Callable[[], float], *, per_minute: int = PER_MINUTE, burst: int = BURST) -> None:
        self._monotonic = monotonic
        self._each = 60 / per_minute
        self._burst = burst
        self._buckets: dict[str, _Bucket] = {}

    def ask(self, who: str) -> Allowance:
        """One request of theirs."""
        now = self._monotonic()
        if len(self._buckets) > FORGET_ABOVE:
            self._buckets = {
                name: each for name, each in self._buckets.items() if self._filled(each, now) < self._burst
            }
        bucket = self._buckets.setdefault(who, _Bucket(left=self._burst, at=now))
        bucket.left, bucket.at = self._filled(bucket, now), now
        granted = bucket.left >= 1
        if granted:
            bucket.left -= 1
        return Allowance(
            granted=granted,
            left=int(bucket.left),
            wait=max(1, math.ceil((1 - bucket.left) * self._each)),
            full_in=math.ceil((self._burst - bucket.left) * self._each),
        )

    def _filled(self, bucket: _Bucket, now: float) -> float:
        return min(self._burst, bucket.left + (now - bucket.at) / self._each)
