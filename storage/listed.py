"""Rows as one parameter: an UPDATE that gives many rows values of their own runs once.

`executemany` runs it for each row, which costs SQLite nearly twice as much (measured, with the outbox's widest).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import JSON, ColumnElement, Dialect, String, TypeDecorator, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import QueryableAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


def listed(name: str, like: Mapping[str, QueryableAttribute[Any]]) -> Mapping[str, ColumnElement[Any]]:
    """What a statement calls the values of the rows that come as its parameter `name`, a sequence of mappings.

    `like`: for each key of a row, a column that takes such values.
    """
    types = {key: column.expression.type for key, column in like.items()}
    rows = _Rows(bindparam(name, type_=_AsJson(types))).table_valued("value", name=f"{name}_listed")
    return {key: _Cell(rows.c.value, place, kind) for place, (key, kind) in enumerate(types.items())}


class _AsJson(TypeDecorator[Sequence[Mapping[str, Any]]]):
    """A list of lists, in the order of `types`."""

    impl = String
    cache_ok = False

    def __init__(self, types: Mapping[str, TypeEngine[Any]]) -> None:
        super().__init__()
        self._types = types

    def bind_processor(self, dialect: Dialect) -> Any:
        cells = [(key, _conversion(kind, dialect)) for key, kind in self._types.items()]

        def written(rows: Sequence[Mapping[str, Any]]) -> str:
            lists = [[row[key] if convert is None else convert(row[key]) for key, convert in cells] for row in rows]
            return orjson.dumps(lists).decode()

        return written


def _conversion(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    # A document is one within the document.
    real = kind.dialect_impl(dialect)
    return None if isinstance(real, JSON) else real.bind_processor(dialect)


class _Rows(FunctionElement[Any]):
    """The lists of a list, as a table."""

    inherit_cache = False


@compiles(_Rows, "sqlite")
def _rows_in_sqlite(element: _Rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Rows, "postgresql")
def _rows_in_postgresql(element: _Rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **options)} AS JSONB))"


class _Cell(FunctionElement[Any]):
    """One value of a list."""

    inherit_cache = False

    def __init__(self, row: ColumnElement[Any], place: int, kind: TypeEngine[Any]) -> None:
        super().__init__(row)
        self.place = place
        self.type = kind


@compiles(_Cell, "sqlite")
def _cell_in_sqlite(element: _Cell, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **options)}, '$[{element.place}]')"


@compiles(_Cell, "postgresql")
def _cell_in_postgresql(element: _Cell, compiler: SQLCompiler, **options: Any) -> str:
    kind = compiler.dialect.type_compiler_instance.process(element.type)
    return f"CAST({compiler.process(element.clauses, **options)} ->> {element.place} AS {kind})"
