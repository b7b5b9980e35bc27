"""The breaker: who failed too often in a row is left alone for a while, and then tried with one request."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum


class Circuit(StrEnum):
    """Whether it is asked."""

    CLOSED = "closed"  # it is
    OPEN = "open"  # it failed too often in a row: not before the pause is over
    PROBING = "probing"  # the pause is over: one request tries, all others do without


class Asking:
    """Leave to ask, once. By it whoever probes is told apart from who was let through before."""


class Breaker:
    """Counts failures in a row. Whoever was let through says how it went: `well`, `badly` or `unsaid`."""

    def __init__(
        self,
        *,
        failures: int,
        pause: float,
        clock: Callable[[], float] = time.monotonic,
        turned: Callable[[Circuit], None] = lambda circuit: None,
    ) -> None:
        """`pause` in seconds; `turned` is told the state, at first and whenever it changes."""
        self._turned = turned
        self._failures = failures
        self._pause = pause
        self._clock = clock
        self._in_a_row = 0
        self._closed_until = 0.0
        self._probe: Asking | None = None
        self.circuit = Circuit.CLOSED
        turned(Circuit.CLOSED)

    def lets_through(self) -> Asking | None:
        """Leave to ask now, or None; after the pause, one asks and all others wait for what becomes of it."""
        match self.circuit:
            case Circuit.CLOSED:
                return Asking()
            case Circuit.PROBING:
                return None
            case Circuit.OPEN:
                if self._clock() < self._closed_until:
                    return None
                self._probe = Asking()
                self._turn(Circuit.PROBING)
                return self._probe

    def well(self) -> None:
        self._in_a_row = 0
        self._turn(Circuit.CLOSED)

    def badly(self) -> None:
        self._in_a_row += 1
        if self.circuit is Circuit.PROBING or self._in_a_row >= self._failures:
            self._turn(Circuit.OPEN)
            self._closed_until = self._clock() + self._pause

    def unsaid(self, asking: Asking) -> None:
        """It was given up before anybody could know; where it was the probe, another may probe at once."""
        if self.circuit is Circuit.PROBING and asking is self._probe:
            self._turn(Circuit.OPEN)
            self._closed_until = self._clock()

    def _turn(self, circuit: Circuit) -> None:
        if circuit is not self.circuit:
            self.circuit = circuit
            self._turned(circuit)
