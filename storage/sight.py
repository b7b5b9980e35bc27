"""Sight: what somebody may not see of the conversations. It travels with a transaction, and says nothing by itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """Through whose eyes a transaction looks."""

    name: str = ""
    """Theirs: what they have themselves, they see."""
    closed: frozenset[int] = frozenset()
    """Teams whose conversations are closed to them; none: they see everything."""


ALL = Sight()
"""The house's own eyes, and those of whoever answers for everything."""
