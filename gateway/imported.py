"""Imported: what storing a piece of a business's file came to, whatever the file holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from storage import linking


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Why a row was not taken, or a part of it."""

    line: int
    reason: str


@dataclass(kw_only=True, slots=True)
class Stored:
    """What one piece of a file changed."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list[Problem])
    seconds: float = 0.0
    """Time the transaction's statements took, so that the next piece can be cut to size."""


def living(connection: Connection, contact: Any) -> int:
    """Whom a row of `contacts` (id, merged_into) means: where it was merged, the one that it is part of now."""
    return contact.id if contact.merged_into is None else linking.current(connection, contact.id)
