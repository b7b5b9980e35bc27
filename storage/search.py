"""Search: Interactions, Contacts and Cases by their words, in Chinese and in what is written with letters.

The index lies beside the tables, a second or so behind them: `storage.search_upkeep` brings it up to date. SQLite keeps
it in FTS5, PostgreSQL in tsvectors; both get ready-made tokens (`storage.search_words`), so that they find the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, BigInteger, BindParameter, Connection, TextClause, bindparam, func, select, text

from storage.cases import Case
from storage.contacts import Contact
from storage.interactions import Interaction
from storage.search_words import MARK, Folding, Term, words


class Kind(StrEnum):
    """What can be found; each in an index of its own, `index_of_<kind>`."""

    INTERACTION = "interactions"
    CONTACT = "contacts"
    CASE = "cases"


OF_KIND: dict[Kind, type[Interaction | Contact | Case]] = {
    Kind.INTERACTION: Interaction,
    Kind.CONTACT: Contact,
    Kind.CASE: Case,
}

SLICE = 1 << 14
"""Ids that share a mark in PostgreSQL's index. It knows no order: asked for the latest fifty that say `the`, it would
look at every one that does. Asked slice by slice, it looks at the latest ones alone."""
WIDER = 8
"""Each step back in time takes in so many times the slices of the one before..."""
WIDEST = 64
"""...and the step that would take more takes all that is left."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """One condition: any of these terms, or none of them."""

    terms: tuple[Term, ...]
    without: bool = False


def fact(name: str, value: str, folding: Folding | None = None) -> Term:
    """What an entry is marked with: `fact("c", "sms")` for the channel; see storage.search_upkeep."""
    return Term(tokens=(f"{MARK}{name}{''.join(words(value, folding))}",))


def in_months(first: date, last: date) -> Clause:
    """What was said in one of these months (UTC), or in the months between."""
    months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    years = [year for year in range(first.year, last.year + 1) if year * 12 in months and year * 12 + 11 in months]
    single = [month for month in months if month // 12 not in years]
    marks = [*(year_mark(year) for year in years), *(month_mark(month // 12, month % 12 + 1) for month in single)]
    return Clause(terms=tuple(Term(tokens=(mark,)) for mark in marks))


def year_mark(year: int) -> str:
    return f"{MARK}y{year}"


def month_mark(year: int, month: int) -> str:
    return f"{MARK}m{year}x{month}"


def find(
    connection: Connection,
    kind: Kind,
    clauses: Sequence[Clause],
    *,
    most: int,
    before: int | None = None,
    among: Sequence[int] | None = None,
) -> list[int]:
    """Ids of rows that meet all clauses, the latest first. What only says what must not be finds nothing.

    `before`: only lower ids. `among`: only these.
    """
    if all(clause.without for clause in clauses) or most <= 0:
        return []
    if connection.dialect.name == "sqlite":
        return _find_in_sqlite(connection, kind, clauses, most, before, among)
    return _find_in_postgresql(connection, kind, clauses, most, before, among)


def _find_in_sqlite(
    connection: Connection,
    kind: Kind,
    clauses: Sequence[Clause],
    most: int,
    before: int | None,
    among: Sequence[int] | None,
) -> list[int]:
    """FTS5 walks its lists from the end, and stops where it has enough."""
    wanted = " AND ".join(_in_fts5(clause) for clause in clauses if not clause.without)
    unwanted = [_in_fts5(clause) for clause in clauses if clause.without]
    given = {"match": " NOT ".join([f"({wanted})", *unwanted]), "before": before or (1 << 62), "most": most}
    if among is None:
        return list(connection.scalars(_SQLITE[kind], given))
    if not among:
        return []
    within = {"first": min(among), "last": max(among), "among": list(among)}
    return list(connection.scalars(_SQLITE_AMONG[kind], {**given, **within}))


def _in_fts5(clause: Clause) -> str:
    """Tokens hold letters, digits and marks alone, so that none of them is a command."""
    each = (f'"{" ".join(term.tokens)}"{" *" if term.begins else ""}' for term in clause.terms)
    return f"({' OR '.join(each)})"


def _find_in_postgresql(
    connection: Connection,
    kind: Kind,
    clauses: Sequence[Clause],
    most: int,
    before: int | None,
    among: Sequence[int] | None,
) -> list[int]:
    wanted = " & ".join(("!" if clause.without else "") + _in_tsquery(clause) for clause in clauses)
    if among is not None:
        given = {"match": wanted, "before": before or (1 << 62), "most": most, "among": list(among)}
        return list(connection.scalars(_POSTGRESQL_AMONG[kind], given))
    last = connection.scalar(select(func.max(OF_KIND[kind].id))) or 0
    found: list[int] = []
    for slices, end in _steps(min(before or (1 << 62), last + 1)):
        given = {"match": f"({slices}) & {wanted}" if slices else wanted, "before": end, "most": most - len(found)}
        found += connection.scalars(_POSTGRESQL[kind], given)
        if len(found) >= most:
            break
    return found


def _in_tsquery(clause: Clause) -> str:
    each = (" <-> ".join(term.tokens) + (":*" if term.begins else "") for term in clause.terms)
    return f"({' | '.join(f'({one})' for one in each)})"


def _steps(before: int) -> Iterator[tuple[str, int]]:
    """Marks of slices, the latest first, and below which id each step looks; the last has no marks."""
    newest, size = (before - 1) // SLICE, 1
    while newest >= 0:
        oldest = newest - size + 1
        if oldest <= 0 or size > WIDEST:
            yield "", min(before, (newest + 1) * SLICE)
            return
        marks = " | ".join(slice_mark(number * SLICE) for number in range(oldest, newest + 1))
        yield marks, min(before, (newest + 1) * SLICE)
        newest, size = oldest - 1, size * WIDER


def slice_mark(entry: int) -> str:
    return f"{MARK}s{entry // SLICE}"


def _each_kind(statement: str, *parameters: BindParameter[Any]) -> dict[Kind, TextClause]:
    return {kind: text(statement.format(f"index_of_{kind}")).bindparams(*parameters) for kind in Kind}


_MATCH = "SELECT rowid FROM {0} WHERE {0} MATCH :match AND rowid < :before"
_SQLITE = _each_kind(f"{_MATCH} ORDER BY rowid DESC LIMIT :most")
# With a plain `rowid IN`, FTS5 would be asked anew for each of them: three milliseconds each, for a common word.
_SQLITE_AMONG = _each_kind(
    f"{_MATCH} AND rowid BETWEEN :first AND :last AND +rowid IN :among ORDER BY rowid DESC LIMIT :most",
    bindparam("among", expanding=True),
)
# Materialized: else the planner may walk the primary key backwards, which for a rare word is the whole table.
_HITS = "WITH hits AS MATERIALIZED (SELECT entry FROM {0} WHERE words @@ CAST(:match AS tsquery){1})"
_LATEST = "SELECT entry FROM hits WHERE entry < :before ORDER BY entry DESC LIMIT :most"
_POSTGRESQL = _each_kind(f"{_HITS.format('{0}', '')} {_LATEST}")
_POSTGRESQL_AMONG = _each_kind(
    f"{_HITS.format('{0}', ' AND entry = ANY(:among)')} {_LATEST}", bindparam("among", type_=ARRAY(BigInteger()))
)
