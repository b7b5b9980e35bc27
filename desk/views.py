"""Saved views: a list that somebody has put together is kept under a name, and may be shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, or_, select

from desk.deeds import noted
from desk.lists import query_of
from desk.logins import Present
from desk.refusals import Impossible, NotFound, Unusable
from desk.rights import Right
from storage.commits import Transaction
from storage.many import named
from storage.staff import Staff
from storage.views import SavedView

LONGEST_NAME = 40
MOST = 30
"""That one person may have: more are not found again."""


class ViewNameTaken(Unusable):
    """One of your views has this name already."""


class TooManyViews(Impossible):
    """Delete a view first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """A view as somebody sees it."""

    id: int
    name: str
    shared: bool
    mine: bool
    made_by: str
    query: dict[str, str]
    """What the inbox's address asks for."""


def save(transaction: Transaction, *, by: Present, name: str, query: Mapping[str, str], shared: bool = False) -> int:
    """Keep a list under a name; returns its id. Only who directs others may share one.

    Raises ViewNameTaken, TooManyViews, Unusable, Impossible.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Unusable(f"a view's name has 1 to {LONGEST_NAME} printable characters")
    if shared and Right.DIRECT not in by.rights:
        raise Impossible("only supervisors share views")
    connection = transaction.connection
    mine = SavedView.staff_id == by.staff
    if connection.scalar(select(SavedView.id).where(mine, SavedView.name == name)) is not None:
        raise ViewNameTaken(f"you have a view called {name}")
    if (connection.scalar(select(func.count()).where(mine)) or 0) >= MOST:
        raise TooManyViews(f"you have {MOST} views; delete one first")
    row = {
        "staff_id": by.staff,
        "name": name,
        "shared": shared,
        "query": query_of(query),
        "made_at": transaction.now,
    }
    saved: int = connection.execute(insert(SavedView).returning(SavedView.id), row).scalar_one()
    noted(transaction, by, "view.saved", f"view:{saved}", name=name, shared=shared)
    return saved


def views(transaction: Transaction, *, by: Present) -> list[Saved]:
    """One's own and the shared ones, by name."""
    return [
        Saved(
            id=row.id,
            name=row.name,
            shared=row.shared,
            mine=row.staff_id == by.staff,
            made_by=row.made_by,
            query=query_of(row.query),
        )
        for row in _views.ask(transaction.connection, {"staff": by.staff})
    ]


_views = named(
    select(*SavedView.__table__.columns, Staff.name.label("made_by"))
    .join(Staff, Staff.id == SavedView.staff_id)
    .where(or_(SavedView.staff_id == bindparam("staff"), SavedView.shared))
    .order_by(SavedView.name, SavedView.id)
)


def forget(transaction: Transaction, *, by: Present, view: int) -> None:
    """Delete one's own view; who directs others also deletes shared ones. Raises NotFound."""
    found = next((one for one in views(transaction, by=by) if one.id == view), None)
    if found is None or not (found.mine or Right.DIRECT in by.rights):
        raise NotFound(f"there is no view {view} of yours")
    transaction.connection.execute(delete(SavedView).where(SavedView.id == view))
    noted(transaction, by, "view.deleted", f"view:{view}", name=found.name, shared=found.shared)
