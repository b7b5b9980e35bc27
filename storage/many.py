"""Many rows with one statement, one question again and again: compiled once, so that each row costs its values and no
more.

SQLAlchemy looks at every parameter of every row again at each execution. On the hot path, with seven rows a message,
that was a sixth of all time (measured); here the statement's text and the conversion of its values are worked out at
the first use for each dialect.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Connection,
    Dialect,
    Float,
    Select,
    String,
    TypeDecorator,
    bindparam,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import QueryableAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine

LONG = 4_000
"""Characters or bytes of a value, beyond which its row is not remembered."""

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
    """A SELECT with named parameters, lists in the form of `among`; `into` makes what is wanted of a row's values."""

    def __init__(
        self, statement: Select[*tuple[Any, ...]], into: Callable[[Sequence[Any]], T], *, remembers: int = 0
    ) -> None:
        """`remembers`: of how many rows it is known what was made of them, which nobody may change."""
        self._statement = statement
        self._into = into
        self._remembers = remembers
        self._plans: dict[str, tuple[_Plan, Callable[[tuple[Any, ...]], T]]] = {}

    def ask(self, connection: Connection, parameters: Row) -> list[T]:
        """All its rows."""
        plan, make = self._plans.get(connection.dialect.name) or self._prepare(connection.dialect)
        return [make(tuple(row)) for row in connection.exec_driver_sql(plan.sql, plan.parameters(parameters)).all()]

    def _prepare(self, dialect: Dialect) -> tuple[_Plan, Callable[[tuple[Any, ...]], T]]:
        plan = _planned(self._statement.compile(dialect=dialect), dialect)
        processors = (
            (place, column.type.dialect_impl(dialect).result_processor(dialect, _code(column.type)))
            for place, column in enumerate(self._statement.selected_columns)
        )
        conversions = tuple((place, convert) for place, convert in processors if convert is not None)

        def convert_row(row: tuple[Any, ...]) -> T:
            values = list(row)
            for place, convert in conversions:
                values[place] = convert(values[place])
            return self._into(values)

        # PostgreSQL's driver hands documents over as dictionaries, by which nothing can be remembered.
        remembers = self._remembers and dialect.name == "sqlite"
        make = _remembering(convert_row, self._remembers) if remembers else convert_row
        self._plans[dialect.name] = prepared = plan, make
        return prepared


def _remembering(make: Callable[[tuple[Any, ...]], T], most: int) -> Callable[[tuple[Any, ...]], T]:
    """Of short rows; long ones, as of letters, would fill the memory."""
    known = lru_cache(maxsize=most)(make)

    def remember(row: tuple[Any, ...]) -> T:
        is_long = any(isinstance(value, str | bytes) and len(value) > LONG for value in row)
        return make(row) if is_long else known(row)

    return remember


def named(statement: Select[*tuple[Any, ...]]) -> Question[Any]:
    """A question whose rows are read by the names of their columns."""
    names = [str(column.key) for column in statement.selected_columns]
    # The columns are known when it runs.
    row = namedtuple("row", names)  # pyright: ignore[reportUntypedNamedTuple]
    return Question(statement, into=row._make)


_DOUBLE_PRECISION = 701
"""PostgreSQL's number of the type (pg_type.dat), which SQLAlchemy's conversion of numbers asks for."""


def _code(kind: TypeEngine[Any]) -> int | None:
    return _DOUBLE_PRECISION if isinstance(kind, Float) else None


class _Several(TypeDecorator[Sequence[Any]]):
    """Many values as one parameter: JSON for SQLite, an array for PostgreSQL."""

    impl = String
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String() if dialect.name == "sqlite" else ARRAY(self.item))

    def bind_processor(self, dialect: Dialect) -> Any:
        return _as_json if dialect.name == "sqlite" else list


def _as_json(values: Iterable[Any]) -> str:
    return orjson.dumps(list(values)).decode()


class _Among(ColumnElement[bool]):
    """`column` is one of the values of a parameter."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, column: ColumnElement[Any], values: ColumnElement[Any]) -> None:
        self.column = column
        self.values = values

    def get_children(self, **_: Any) -> Iterable[ColumnElement[Any]]:
        return self.column, self.values

    def self_group(self, against: OperatorType | None = None) -> _Among:
        """A condition as it is: SQLite would be asked whether it equals 1, and find no index for that."""
        return self


@compiles(_Among, "sqlite")
def _among_in_sqlite(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(child, **options) for child in (element.column, element.values))
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - a parameter and a column of ours


@compiles(_Among, "postgresql")
def _among_in_postgresql(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(child, **options) for child in (element.column, element.values))
    return f"{column} = ANY ({values})"


def among(column: QueryableAttribute[Any], name: str) -> ColumnElement[bool]:
    """The column is one of the values of the parameter `name`, whose number does not change the statement's text."""
    expression = column.expression
    return _Among(expression, bindparam(name, type_=_Several(expression.type)))


def _planned(compiled: SQLCompiler, dialect: Dialect) -> _Plan:
    names: list[str] = list(compiled.positiontup or compiled.binds)
    conversions = (
        (place, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
        for place, name in enumerate(names)
    )
    return _Plan(
        sql=str(compiled),
        names=tuple(names),
        values=itemgetter(*names) if len(names) > 1 else _few(names),
        conversions=tuple((place, convert) for place, convert in conversions if convert is not None),
        positional=bool(compiled.positional),
        constants={
            name: bind.value for name, bind in compiled.binds.items() if bind.value is not None and name in names
        },
    )


def _few(names: Sequence[str]) -> Callable[[Row], Sequence[Any]]:
    """One or none: `itemgetter` makes no tuple of one."""
    return lambda row: [row[name] for name in names]
