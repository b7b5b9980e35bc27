"""Rows in their order, of which each comes and goes without the others being sorted again."""

from __future__ import annotations

from bisect import bisect_left

from desk.inbox import Listed
from desk.lists import Place


class Ordered:
    """A list in the order of its rows' places; no two have the same."""

    def __init__(self) -> None:
        self.rows: list[Listed] = []
        self._places: list[Place] = []

    def put(self, one: Listed, place: Place) -> None:
        """It is there from now on."""
        at = bisect_left(self._places, place)
        self._places.insert(at, place)
        self.rows.insert(at, one)

    def drop(self, place: Place) -> None:
        """What stands there goes."""
        at = bisect_left(self._places, place)
        del self._places[at], self.rows[at]
