"""The list of cases: by view and filter, page by page, quick however many there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from bot.turn import CaseStatus
from desk.locked_case import OPEN
from desk.refusals import Unusable
from desk.sight import open_cases
from storage.cases import Case
from storage.commits import Transaction
from storage.compensations import Approval, ApprovalState
from storage.contacts import Contact

PAGE: Final = 50
COUNTED: Final = 1000
"""More than so many are counted as so many and more."""
OVER: Final = (CaseStatus.RESOLVED.value, CaseStatus.CLOSED.value)


class View(StrEnum):
    MINE = "mine"
    OPEN = "open"
    NOBODYS = "nobodys"  # open, and no person has it
    SOON = "soon"  # a deadline comes near
    LATE = "late"  # a deadline has passed
    APPROVAL = "approval"  # somebody waits for a supervisor's word
    OVER = "over"  # resolved or closed


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """What is asked for beside the view; empty: all."""

    kind: str = ""
    category: str = ""
    """Or a cause."""
    owner: str = ""
    tier: str = ""
    priority: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedCase:
    """A case in the list."""

    id: int
    number: str
    kind: str
    status: str
    step: str | None
    subject: str
    priority: int
    owner: str | None
    category: str | None
    cause: str | None
    due_at: datetime | None
    opened_at: datetime
    updated_at: datetime
    contact: int
    customer: str | None
    tier: str
    score: int | None
    merged_into: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """One page of the list."""

    cases: list[ListedCase]
    after: str | None
    """What the next page is asked for with; None: this was the last one."""


def listed(
    transaction: Transaction,
    *,
    view: View,
    by: str,
    soon: timedelta,
    only: Filter | None = None,
    after: str = "",
    most: int = PAGE,
) -> Page:
    """Open ones by deadline, the nearest first, and those without at the end; others, the latest first.

    Raises Unusable.
    """
    only = only or Filter()
    statement = _filtered(_listed, only).where(_of_view(view, by, transaction.now, soon))
    statement = statement.where(*open_cases(transaction)).limit(most + 1)
    if view is View.OVER:
        statement = statement.order_by(Case.id.desc())
        if after:
            statement = statement.where(Case.id < _number(after))
    else:
        statement = statement.order_by(Case.due_at.asc().nulls_last(), Case.id)
        if after:
            statement = statement.where(_later(after))
    found = [ListedCase(**row) for row in transaction.connection.execute(statement).mappings()]
    page = found[:most]
    more = len(found) > most
    return Page(cases=page, after=_mark(page[-1], view) if more else None)


def counts(transaction: Transaction, *, by: str, soon: timedelta) -> Mapping[View, int]:
    """How many there are in each view of what is to be done; at most COUNTED."""
    counted: dict[View, int] = {}
    for view in View:
        if view is View.OVER:
            continue
        shown = select(Case.id).where(_of_view(view, by, transaction.now, soon), *open_cases(transaction))
        few = shown.limit(COUNTED).subquery()
        counted[view] = transaction.connection.scalar(select(func.count()).select_from(few)) or 0
    return counted


_listed = select(
    Case.id,
    Case.number,
    Case.kind,
    Case.status,
    Case.step,
    Case.subject,
    Case.priority,
    Case.owner,
    Case.category,
    Case.cause,
    Case.due_at,
    Case.opened_at,
    Case.updated_at,
    Case.contact_id.label("contact"),
    Contact.name.label("customer"),
    Contact.tier,
    Case.score,
    Case.merged_into,
).outerjoin(Contact, Contact.id == Case.contact_id)


def _of_view(view: View, by: str, now: datetime, soon: timedelta) -> ColumnElement[bool]:
    is_open = Case.status.in_(OPEN)
    match view:
        case View.MINE:
            return and_(is_open, Case.owner == by)
        case View.OPEN:
            return is_open
        case View.NOBODYS:
            return and_(is_open, Case.owner.is_(None))
        case View.SOON:
            return and_(is_open, Case.due_at > now, Case.due_at <= now + soon)
        case View.LATE:
            return and_(is_open, Case.due_at <= now)
        case View.APPROVAL:
            waiting = select(Approval.case_id).where(Approval.state == ApprovalState.WAITING)
            return and_(is_open, Case.id.in_(waiting))
        case View.OVER:
            return Case.status.in_(OVER)


def _filtered(statement: Select[*tuple[Any, ...]], only: Filter) -> Select[*tuple[Any, ...]]:
    if only.kind:
        statement = statement.where(Case.kind == only.kind)
    if only.category:
        is_it = or_(Case.cause == only.category, Case.cause.startswith(f"{only.category}.", autoescape=True))
        statement = statement.where(or_(Case.category == only.category, is_it))
    if only.owner:
        statement = statement.where(Case.owner == only.owner)
    if only.tier:
        statement = statement.where(Contact.tier == only.tier)
    if only.priority is not None:
        statement = statement.where(Case.priority == only.priority)
    return statement


def _mark(last: ListedCase, view: View) -> str:
    if view is View.OVER:
        return str(last.id)
    return f"{last.due_at.isoformat() if last.due_at else ''}_{last.id}"


def _later(after: str) -> ColumnElement[bool]:
    words, _, number = after.rpartition("_")
    identity = _number(number)
    if not words:
        return and_(Case.due_at.is_(None), Case.id > identity)
    try:
        due = datetime.fromisoformat(words)
    except ValueError as error:
        raise Unusable("this page is not there") from error
    if due.tzinfo is None:
        raise Unusable("this page is not there")
    return or_(Case.due_at > due, and_(Case.due_at == due, Case.id > identity), Case.due_at.is_(None))


def _number(words: str) -> int:
    if not words.isdecimal() or len(words) > 18:
        raise Unusable("this page is not there")
    return int(words)
