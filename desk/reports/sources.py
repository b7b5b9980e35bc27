"""Sources: what figures are counted from, by which moment, and how they are told apart. Spam is left out here, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, case, func, join, outerjoin
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from bot.turn import CaseStatus
from storage.cases import Case
from storage.conversations import ConversationState
from storage.deadlines import Deadline
from storage.measured import Measured, MeasuredMessages


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Source:
    """Rows to count."""

    rows: FromClause
    at: ColumnElement[Any]
    """The moment that decides on which day a row counts."""
    counts: tuple[ColumnElement[bool], ...]
    """Which rows count at all."""
    channel: ColumnElement[Any]
    team: ColumnElement[Any]
    agent: ColumnElement[Any]


class seconds_between(FunctionElement[int]):  # noqa: N801 - used as a function
    """Whole seconds from one instant to another."""

    type = Integer()
    inherit_cache = True


@compiles(seconds_between, "sqlite")
def _in_sqlite(element: seconds_between, compiler: SQLCompiler, **options: Any) -> str:
    begin, end = (compiler.process(each, **options) for each in element.clauses)
    return f"(CAST(strftime('%s', {end}) AS INTEGER) - CAST(strftime('%s', {begin}) AS INTEGER))"


@compiles(seconds_between, "postgresql")
def _in_postgresql(element: seconds_between, compiler: SQLCompiler, **options: Any) -> str:
    begin, end = (compiler.process(each, **options) for each in element.clauses)
    return f"CAST(floor(extract(epoch FROM {end})) - floor(extract(epoch FROM {begin})) AS bigint)"


NO_SPAM = (Measured.state != ConversationState.SPAM,)
REAL_CASES = (Case.status != CaseStatus.SPAM, Case.merged_into.is_(None))
"""A case that was found to be another one counts as that one."""
_conversations = Measured.__table__


def _of_conversations(at: ColumnElement[Any]) -> Source:
    return Source(
        rows=_conversations,
        at=at,
        counts=NO_SPAM,
        channel=Measured.channel.expression,
        team=Measured.team_id.expression,
        agent=Measured.agent.expression,
    )


def _of_cases(at: ColumnElement[Any]) -> Source:
    return Source(
        rows=outerjoin(Case.__table__, _conversations, Measured.conversation_id == Case.conversation_id),
        at=at,
        counts=REAL_CASES,
        channel=Measured.channel.expression,
        team=Measured.team_id.expression,
        agent=func.coalesce(Case.owner, Measured.agent),
    )


OPENED = _of_conversations(Measured.opened_at.expression)
CLOSED = _of_conversations(Measured.closed_at.expression)
HANDED_OFF = _of_conversations(Measured.handed_off_at.expression)
LEFT_PEOPLE = _of_conversations(Measured.left_people_at.expression)
MESSAGES = Source(
    rows=join(MeasuredMessages.__table__, _conversations, Measured.conversation_id == MeasuredMessages.conversation_id),
    at=MeasuredMessages.slot.expression,
    counts=NO_SPAM,
    channel=Measured.channel.expression,
    team=Measured.team_id.expression,
    # Whoever wrote; what a customer or the assistant wrote belongs to whoever had the conversation.
    agent=case(
        (MeasuredMessages.author.startswith("agent:"), func.substr(MeasuredMessages.author, len("agent:") + 1)),
        else_=Measured.agent,
    ),
)
CASES_OPENED = _of_cases(Case.opened_at.expression)
CASES_CLOSED = _of_cases(Case.closed_at.expression)
CASES_JUDGED = _of_cases(func.coalesce(Case.closed_at, Case.updated_at))
"""A bad score opens its case again: it must count all the same."""
DEADLINES = Source(
    rows=join(Deadline.__table__, Case.__table__, Case.id == Deadline.case_id).outerjoin(
        _conversations, Measured.conversation_id == Case.conversation_id
    ),
    at=func.coalesce(Deadline.breached_at, Deadline.met_at),
    counts=REAL_CASES,
    channel=Measured.channel.expression,
    team=Measured.team_id.expression,
    agent=func.coalesce(Case.owner, Measured.agent),
)
