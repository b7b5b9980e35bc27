"""Paging: a list in pieces, each of which says where the next begins, whatever is added meanwhile."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson

from desk.refusals import Unusable

T = TypeVar("T")
R = TypeVar("R")


class WrongCursor(Unusable):
    """A cursor that no page of this list has given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[T]):
    """A piece of a list."""

    items: list[T]
    next: str | None
    """The cursor of the next piece; None: this was the last."""


def page_of(rows: Sequence[R], limit: int, into: Callable[[R], T], key: Callable[[R], int]) -> Page[T]:
    """The piece that a query for one row more than `limit` has found."""
    shown = rows[:limit]
    more = len(rows) > limit
    return Page(items=[into(row) for row in shown], next=cursor_of(key(shown[-1])) if more else None)


def cursor_of(after: int) -> str:
    """Nobody's to read: what stands in it may change."""
    return urlsafe_b64encode(orjson.dumps({"after": after})).decode().rstrip("=")


def after(cursor: str | None) -> int | None:
    """The key of the last row of the piece before. Raises WrongCursor."""
    if cursor is None:
        return None
    try:
        said = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, Error) as error:
        raise WrongCursor("this cursor is none of ours; begin without one") from error
    match said:
        case {"after": int(key)} if 0 <= key < 1 << 62:
            return key
        case _:
            raise WrongCursor("this cursor is none of ours; begin without one")
