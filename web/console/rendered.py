"""Pieces of pages that many look at or that are shown again: rendered anew only where what they show has changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

from markupsafe import Markup

LONG: Final = 20_000
"""Characters, beyond which a piece is not held: letters would fill the memory."""


class Rendered:
    """As many as it holds; the oldest go first."""

    def __init__(self, most: int) -> None:
        """`most`: pieces that are held."""
        self._most = most
        self._held: dict[Hashable, tuple[object, Markup]] = {}

    def piece(self, key: Hashable, shows: object, render: Callable[[], str]) -> Markup:
        """A piece by its name. `shows`: everything that it shows, as a value. `render`, with autoescape."""
        held = self._held.pop(key, None)
        if held is None or held[0] != shows:
            held = shows, Markup(render())  # noqa: S704 - rendered with autoescape
            if len(held[1]) > LONG:
                return held[1]
            if len(self._held) >= self._most:
                del self._held[next(iter(self._held))]
        self._held[key] = held
        return held[1]
