"""Many rows with one statement, one question again and again: compiled once, so that each row costs its values and no
more.

SQLAlchemy looks at every parameter of every row again at each execution. On the hot path, with seven rows a message,
that was a sixth of all time (measured); here the statement's text and the conversion of its values are worked out at
the first use for each dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase

Row = Mapping[str, Any]
Convert = Callable[[Any], Any]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    sql: str
    names: tuple[str, ...]
    values: Callable[[Row], Sequence[Any]]
    conversions: tuple[tuple[int, Convert], ...]
    positional: bool
    constants: Row
    """What the statement says itself, a LIMIT or a word."""

    def parameters(self, row: Row) -> Any:
        values = list(self.values({**self.constants, **row} if self.constants else row))
        for place, convert in self.conversions:
            values[place] = convert(values[place])
        return tuple(values) if self.positional else dict(zip(self.names, values, strict=True))


class Many:
    """An INSERT or UPDATE over rows that all have the same keys."""

    def __init__(self, statement: UpdateBase, keys: Sequence[str] | None = None) -> None:
        """`keys`: the columns of an INSERT that rows give; an UPDATE names its parameters itself."""
        self._statement = statement
        self._keys = keys
        self._plans: dict[str, _Plan] = {}

    def execute(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Run for every row; returns how many rows of the table it touched."""
        if not rows:
            return 0
        plan = self._plans.get(connection.dialect.name) or self._prepare(connection.dialect)
        return connection.exec_driver_sql(plan.sql, [plan.parameters(row) for row in rows]).rowcount

    def _prepare(self, dialect: Dialect) -> _Plan:
        plan = _planned(self._statement.compile(dialect=dialect, column_keys=self._keys), dialect)
        self._plans[dialect.name] = plan
        return plan


class Question(Generic[T]):
    """A SELECT with named parameters, none of them a list; `into` makes what is wanted of a row's values."""

    def __init__(self, statement: Select[*tuple[Any, ...]], into: Callable[[Sequence[Any]], T]) -> None:
        self._statement = statement
        self._into = into
        self._plans: dict[str, tuple[_Plan, tuple[tuple[int, Convert], ...]]] = {}

    def ask(self, connection: Connection, parameters: Row) -> list[T]:
        """All its rows."""
        plan, conversions = self._plans.get(connection.dialect.name) or self._prepare(connection.dialect)
        found: list[T] = []
        for row in connection.exec_driver_sql(plan.sql, plan.parameters(parameters)).all():
            values: list[Any] = list(row)
            for place, convert in conversions:
                values[place] = convert(values[place])
            found.append(self._into(values))
        return found

    def _prepare(self, dialect: Dialect) -> tuple[_Plan, tuple[tuple[int, Convert], ...]]:
        plan = _planned(self._statement.compile(dialect=dialect), dialect)
        conversions = (
            (place, column.type.dialect_impl(dialect).result_processor(dialect, None))
            for place, column in enumerate(self._statement.selected_columns)
        )
        prepared = plan, tuple((place, convert) for place, convert in conversions if convert is not None)
        self._plans[dialect.name] = prepared
        return prepared


def _planned(compiled: SQLCompiler, dialect: Dialect) -> _Plan:
    names: list[str] = list(compiled.positiontup or compiled.binds)
    conversions = (
        (place, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
        for place, name in enumerate(names)
    )
    return _Plan(
        sql=str(compiled),
        names=tuple(names),
        values=itemgetter(*names) if len(names) > 1 else _one(names[0]),
        conversions=tuple((place, convert) for place, convert in conversions if convert is not None),
        positional=bool(compiled.positional),
        constants={
            name: bind.value for name, bind in compiled.binds.items() if bind.value is not None and name in names
        },
    )


def _one(name: str) -> Callable[[Row], Sequence[Any]]:
    return lambda row: (row[name],)
