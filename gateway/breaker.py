"""The breaker: who failed too often in a row is left alone for a while, and then tried with one request."""

from __future__ import annotations

import time
from collections.abc import Callable

from nlu.fallback import Circuit


class Breaker:
    """Counts failures in a row. Whoever was let through says how it went: `well`, `badly` or `unsaid`."""

    def __init__(self, *, failures: int, pause: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`pause` in seconds."""
        self.circuit = Circuit.CLOSED
        self._failures = failures
        self._pause = pause
        self._clock = clock
        self._in_a_row = 0
        self._closed_until = 0.0

    def lets_through(self) -> bool:
        """Whether to ask now; after the pause, one asks and all others wait for what becomes of it."""
        match self.circuit:
            case Circuit.CLOSED:
                return True
            case Circuit.PROBING:
                return False
            case Circuit.OPEN:
                if self._clock() < self._closed_until:
                    return False
                self.circuit = Circuit.PROBING
                return True

    def well(self) -> None:
        self._in_a_row = 0
        self.circuit = Circuit.CLOSED

    def badly(self) -> None:
        self._in_a_row += 1
        if self.circuit is Circuit.PROBING or self._in_a_row >= self._failures:
            self.circuit = Circuit.OPEN
            self._closed_until = self._clock() + self._pause

    def unsaid(self) -> None:
        """It was given up before anybody could know: another may probe at once."""
        if self.circuit is Circuit.PROBING:
            self.circuit = Circuit.OPEN
            self._closed_until = self._clock()
