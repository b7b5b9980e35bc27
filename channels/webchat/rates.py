"""How often somebody may do something: token buckets in memory, of bounded size."""

from __future__ import annotations

from channels.webchat.settings import Rate


class Allowance:
    """A bucket of tokens per key, kept as one number each: when the bucket will be full again.

    That is the "virtual scheduling" form of ATM's generic cell rate algorithm (ITU-T I.371): a key whose time has
    passed is full, which is the same as unknown, so it can be forgotten.
    """

    def __init__(self, rate: Rate, *, capacity: int = 50_000) -> None:
        self._interval = 1 / rate.per_second
        self._tolerance = (rate.burst - 1) * self._interval
        self._capacity = capacity
        self._full_at: dict[str, float] = {}

    def take(self, key: str, now: float, cost: float = 1) -> float:
        """Take `cost` tokens and return 0, or take nothing and return the seconds to wait. `now` is monotonic."""
        full_at = max(self._full_at.get(key, 0.0), now)
        wait = full_at + (cost - 1) * self._interval - self._tolerance - now
        if wait > 1e-9:
            return wait
        if len(self._full_at) >= self._capacity and key not in self._full_at:
            self._forget(now)
        self._full_at[key] = full_at + cost * self._interval
        return 0.0

    def __len__(self) -> int:
        return len(self._full_at)

    def _forget(self, now: float) -> None:
        """Drop who is full again; if that frees too little, drop the half that will be full soonest."""
        waiting = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
        if len(waiting) > self._capacity // 2:
            latest_first = sorted(waiting.items(), key=lambda item: item[1], reverse=True)
            waiting = dict(latest_first[: self._capacity // 2])
        self._full_at = waiting
