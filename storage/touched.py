"""Touched: what a transaction has written to that somebody may be looking at.

Whoever writes says so (`touch`), with the connection in hand; `Commits` takes it up and tells it after the commit. On
the hot path this costs one addition to a set per row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

What = int | str
"""The id of a Conversation, or a topic: a word for something that is no conversation, such as `board`."""

EVERYTHING: Final = "everything"
"""More has changed than can be named."""
SESSIONS: Final = "sessions"
"""Somebody was logged out, or may do more or less than before."""

_KEY: Final = "rapport touched"


@dataclass(frozen=True, kw_only=True, slots=True)
class Touched:
    """A commit's news: what it has touched."""

    what: frozenset[What]


def for_staff(staff: int) -> str:
    """The topic of what concerns one of the staff alone: an alert."""
    return f"staff:{staff}"


def touch(connection: Connection, what: Iterable[What | None]) -> None:
    """These Conversations (or topics) have changed; None is nothing. Told after the commit, or never."""
    gathered = connection.info.get(_KEY)
    if gathered is not None:
        gathered.update(what)


def begin(connection: Connection) -> None:
    """A transaction begins: nothing is touched yet, whatever became of the one before it."""
    connection.info[_KEY] = set()


def taken(connection: Connection) -> frozenset[What]:
    """What the transaction has touched."""
    gathered: set[What | None] = connection.info.pop(_KEY, set())
    gathered.discard(None)
    return frozenset(what for what in gathered if what is not None)
