"""The ground all entities stand on: column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, ClassVar, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine

Id = BigInteger().with_variant(Integer, "sqlite")
"""SQLite's autoincrement wants the word INTEGER; its integers have 64 bits all the same."""

Document = JSON().with_variant(JSONB(), "postgresql")


def _in_utc(value: datetime | None) -> datetime | None:
    if value is None or value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError("an instant without a time zone cannot be stored")
    return value.astimezone(UTC)


@lru_cache(maxsize=256)
def _as_text(value: datetime | None) -> str | None:
    """Remembered, because a transaction stamps all its rows with a few instants."""
    instant = _in_utc(value)
    return None if instant is None else instant.isoformat(timespec="microseconds")


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. PostgreSQL keeps it as `timestamptz`; SQLite as ISO 8601 text in UTC, which sorts as time does."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(32))
        return dialect.type_descriptor(DateTime(timezone=True))

    def bind_processor(self, dialect: Dialect) -> Any:
        return _as_text if dialect.name == "sqlite" else _in_utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _from_text if dialect.name == "sqlite" else _in_utc


def _as_word(value: str | None) -> str | None:
    # Drivers look at str itself at once, and ask around for what to do with a subclass.
    return None if value is None else str(value)


def _spelled(value: Any) -> Any:
    if isinstance(value, str):
        return literal_column(f"'{value}'", String()) if value.isidentifier() else value
    if isinstance(value, list | tuple | set | frozenset):
        return [_spelled(each) for each in cast("Iterable[Any]", value)]
    return value


class _ComparedWords(TypeDecorator.Comparator[str], String.Comparator[str]):
    """Comparisons with our own words have them in the statement's text.

    A partial index answers only to what is known when the statement is prepared: `status = ?` reads the whole table.
    """

    def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
        return super().operate(op, *map(_spelled, other), **kwargs)


class Words(TypeDecorator[str]):
    """One of a few words of ours: readable in any database tool, and open to new ones without a migration.

    `kind`: the StrEnum they are read back as; without it they stay plain.
    """

    impl = String
    cache_ok = True
    comparator_factory = _ComparedWords  # pyright: ignore[reportAssignmentType]

    def __init__(self, kind: type[StrEnum] | None = None) -> None:
        super().__init__(None if kind is None else 32)
        self.kind = kind

    def bind_processor(self, dialect: Dialect) -> Any:
        return _as_word

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        kind = self.kind
        if kind is None:
            return None
        members = {member.value: member for member in kind}

        def read(value: str | None) -> StrEnum | None:
            return None if value is None else members.get(value) or kind(value)

        return read


class Money(TypeDecorator[Decimal]):
    """An exact amount, kept as a whole number of ten-thousandths: SQLite has no decimals of its own.

    `parts`: into how many parts a unit is cut instead.
    """

    impl = BigInteger
    cache_ok = True

    def __init__(self, parts: int = 10_000) -> None:
        super().__init__()
        self.parts = parts

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else int((value * self.parts).to_integral_value())

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value) / self.parts


class Entity(DeclarativeBase):
    """What we keep. Names of constraints are spelled out so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        dict[str, Any]: Document,
        list[Any]: Document,
        int: Id,
    }
