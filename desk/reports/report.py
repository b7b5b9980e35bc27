"""A report: figures of a period, with those of the period before, over time and told apart by channel, team and agent.

A value never comes alone: with it is how many it was made of, so that nobody takes three of four for a trend.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    Float,
    Integer,
    Select,
    case,
    cast,
    column,
    func,
    null,
    select,
    values,
)

from desk.logins import Present
from desk.refusals import NotFound, Refused
from desk.reports.figures import BY_KEY, FIGURES, SPREADS, Figure, Spread, Unit
from desk.reports.measuring import measured_until
from desk.reports.periods import Bucket, Period
from desk.reports.sources import Source
from desk.rights import Right
from storage.commits import Transaction
from storage.schema import UtcDateTime
from storage.teams import Team

FEW: Final = 20
"""Made of fewer, a share, a time or a score says little, and the page says so."""
MOST_KINDS = 50
_WHOLE, _BEFORE = -1, -2


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """A figure's value."""

    value: float | None
    """Of SECONDS the median; None: there is nothing to say."""
    count: int = 0
    """How many it was made of; of a SHARE, how many of `among`."""
    among: int | None = None
    high: float | None = None
    """Of SECONDS: nine of ten stayed below it, or at it."""

    @property
    def few(self) -> bool:
        """Too few to be more than an anecdote."""
        made_of = self.count if self.among is None else self.among
        return self.value is not None and made_of < FEW


NOTHING: Final = Value(value=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """Of whom alone."""

    channel: str | None = None
    team: int | None = None
    agent: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """A figure over a period."""

    figure: Figure
    whole: Value
    before: Value
    """Of the period before."""
    over_time: tuple[tuple[Bucket, Value], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A figure of one channel, team or agent."""

    of: str | None
    """None: it belongs to none."""
    whole: Value
    before: Value


@dataclass(frozen=True, kw_only=True, slots=True)
class Kinds:
    """A spread over a period."""

    spread: Spread
    rows: tuple[tuple[str | None, int, int], ...]
    """A kind, how many, and how many there were in the period before; the most frequent first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All figures that somebody may see."""

    period: Period
    cut: Cut
    series: tuple[Series, ...]
    spreads: tuple[Kinds, ...]
    until: datetime | None
    """What has happened since is not in it yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """One figure, and who it is made of."""

    period: Period
    cut: Cut
    series: Series
    by: Mapping[str, tuple[Row, ...]] = field(default_factory=dict[str, tuple[Row, ...]])
    """By `channel`, `team` and `agent`."""
    until: datetime | None = None


class NotForYou(Refused):
    """Figures of others, or that are not for this role."""


def may(present: Present, figure: Figure | Spread, cut: Cut) -> bool:
    """A supervisor sees all; an agent their own; a marketer volumes and satisfaction, of nobody in particular."""
    if cut.agent is not None and isinstance(figure, Figure) and not figure.for_agents:
        return False
    if Right.DIRECT in present.rights:
        return True
    if Right.CONVERSE in present.rights and cut.agent == present.name:
        return True
    return Right.PLAN in present.rights and figure.for_marketers and cut.agent is None


def report(transaction: Transaction, *, present: Present, period: Period, cut: Cut) -> Report:
    """All figures that they may see. Raises NotForYou where that is none."""
    figures = [figure for figure in FIGURES if may(present, figure, cut)]
    spreads = [spread for spread in SPREADS if may(present, spread, cut)]
    if not figures:
        raise NotForYou("these figures are not for you")
    found = _all(transaction, figures, period, cut)
    return Report(
        period=period,
        cut=cut,
        series=tuple(_series(figure, found[figure.key], period) for figure in figures),
        spreads=tuple(_kinds(transaction, spread, period, cut) for spread in spreads),
        until=measured_until(transaction),
    )


def detail(transaction: Transaction, *, present: Present, figure: str, period: Period, cut: Cut) -> Detail:
    """One figure, by channel, team and agent as well. Raises NotFound, NotForYou."""
    known = BY_KEY.get(figure)
    if known is None:
        raise NotFound(f"there is no figure {figure}")
    if not may(present, known, cut):
        raise NotForYou("these figures are not for you")
    dimensions = ["channel", "team"] + (["agent"] if Right.DIRECT in present.rights and known.for_agents else [])
    found = _all(transaction, [known], period, cut)[figure]
    return Detail(
        period=period,
        cut=cut,
        series=_series(known, found, period),
        by={name: _rows(transaction, known, period, cut, name) for name in dimensions},
        until=measured_until(transaction),
    )


def _series(figure: Figure, found: Mapping[tuple[int, Any], Value], period: Period) -> Series:
    empty = Value(value=0, count=0) if figure.unit in (Unit.COUNT, Unit.STOCK) else NOTHING
    return Series(
        figure=figure,
        whole=found.get((_WHOLE, None), empty),
        before=found.get((_BEFORE, None), empty),
        over_time=tuple(
            (bucket, found.get((place, None), empty if bucket.begins <= period.now else NOTHING))
            for place, bucket in enumerate(period.buckets)
        ),
    )


def _rows(transaction: Transaction, figure: Figure, period: Period, cut: Cut, name: str) -> tuple[Row, ...]:
    found = _all(transaction, [figure], period, cut, by=name)[figure.key]
    names: Mapping[int, str] = _team_names(transaction) if name == "team" else {}
    empty = Value(value=0, count=0) if figure.unit in (Unit.COUNT, Unit.STOCK) else NOTHING
    keys = {key for place, key in found if place in (_WHOLE, _BEFORE)}
    rows = [
        Row(
            of=(names.get(key, str(key)) if name == "team" else key) if key not in (None, "") else None,
            whole=found.get((_WHOLE, key), empty),
            before=found.get((_BEFORE, key), empty),
        )
        for key in keys
    ]
    return tuple(sorted(rows, key=lambda row: (-(row.whole.among or row.whole.count), row.of or "\uffff")))


def _team_names(transaction: Transaction) -> Mapping[int, str]:
    return {row.id: row.name for row in transaction.connection.execute(select(Team.id, Team.name))}


Found = dict[tuple[int, Any], Value]
"""By bucket, and whom it is of."""


def _all(
    transaction: Transaction, figures: Sequence[Figure], period: Period, cut: Cut, *, by: str | None = None
) -> dict[str, Found]:
    """`by`: of whom each, for the whole and the period before alone."""
    buckets = [(_WHOLE, period.whole), (_BEFORE, period.before)]
    if by is None:
        buckets += list(enumerate(period.buckets))
    found: dict[str, Found] = {figure.key: {} for figure in figures}
    counted = [figure for figure in figures if figure.unit in (Unit.COUNT, Unit.SHARE)]
    # The whole is the sum of its parts: nothing is counted twice.
    parts = buckets if by is not None else [each for each in buckets if each[0] != _WHOLE]
    for source in dict.fromkeys(each for figure in counted for each in _sources(figure)):
        own = [figure for figure in counted if source in _sources(figure)]
        _count(transaction, source, own, parts, cut, by, found)
    if by is None:
        for figure in counted:
            values = [value for (place, _), value in found[figure.key].items() if place >= 0]
            found[figure.key][_WHOLE, None] = _sum(figure, values)
    for figure in counted:
        found[figure.key] = {key: _checked(figure, value) for key, value in found[figure.key].items()}
    for figure in figures:
        match figure.unit:
            case Unit.SECONDS:
                found[figure.key] = _times(transaction, figure, buckets, cut, by)
            case Unit.SCORE:
                found[figure.key] = _scores(transaction, figure, buckets, cut, by)
            case Unit.STOCK:
                found[figure.key] = _stock(transaction, figure, buckets, cut, by, period.now)
            case Unit.COUNT | Unit.SHARE:
                pass
    return found


def _sources(figure: Figure) -> list[Source]:
    return [figure.source] if figure.among_source is None else [figure.source, figure.among_source]


def _count(
    transaction: Transaction,
    source: Source,
    figures: Sequence[Figure],
    buckets: Sequence[tuple[int, Bucket]],
    cut: Cut,
    by: str | None,
    found: dict[str, Found],
) -> None:
    """All that is counted from one source, in one reading of it."""
    sums: list[ColumnElement[Any]] = []
    places: list[tuple[Figure, bool]] = []
    for figure in figures:
        if figure.source is source and figure.count is not None:
            sums.append(func.sum(figure.count))
            places.append((figure, False))
        if figure.among is not None and (figure.among_source or figure.source) is source:
            sums.append(func.sum(figure.among))
            places.append((figure, True))
    for row in transaction.connection.execute(_by_bucket(source, buckets, cut, by, sums)):
        for (figure, is_among), number in zip(places, row[2:], strict=True):
            key, number = (row[0], row[1]), int(number or 0)
            before = found[figure.key].get(key, Value(value=None, among=None if figure.among is None else 0))
            found[figure.key][key] = (
                Value(value=None, count=before.count, among=number)
                if is_among
                else Value(value=None, count=number, among=before.among)
            )


def _sum(figure: Figure, values: Sequence[Value]) -> Value:
    among = None if figure.among is None else sum(value.among or 0 for value in values)
    return Value(value=None, count=sum(value.count for value in values), among=among)


def _checked(figure: Figure, value: Value) -> Value:
    if figure.unit is Unit.COUNT:
        return Value(value=value.count, count=value.count)
    share = value.count / value.among if value.among else None
    return Value(value=share, count=value.count, among=value.among or 0)


def _times(
    transaction: Transaction, figure: Figure, buckets: Sequence[tuple[int, Bucket]], cut: Cut, by: str | None
) -> Found:
    """Median and ninth decile by the nearest rank: each is a time that somebody really waited."""
    assert figure.value is not None
    one = _rows_in_buckets(figure.source, buckets, cut, by).add_columns(figure.value.label("value"))
    one = one.where(figure.value.is_not(None)).subquery()
    group = one.c.bucket, one.c.of
    ranked = select(
        *group,
        one.c.value,
        func.row_number().over(partition_by=group, order_by=one.c.value).label("rank"),
        func.count().over(partition_by=group).label("many"),
    ).subquery()
    middle, ninth = (ranked.c.many + 1) // 2, (ranked.c.many * 9 + 9) // 10
    statement = select(
        ranked.c.bucket,
        ranked.c.of,
        func.max(ranked.c.many),
        func.max(case((ranked.c.rank == middle, ranked.c.value))),
        func.max(case((ranked.c.rank == ninth, ranked.c.value))),
    ).group_by(ranked.c.bucket, ranked.c.of)
    return {
        (row[0], row[1]): Value(value=row[3], count=row[2], high=row[4])
        for row in transaction.connection.execute(statement)
    }


def _scores(
    transaction: Transaction, figure: Figure, buckets: Sequence[tuple[int, Bucket]], cut: Cut, by: str | None
) -> Found:
    assert figure.value is not None
    sums = [func.count(figure.value), func.sum(cast(figure.value, Float))]
    rows = transaction.connection.execute(_by_bucket(figure.source, buckets, cut, by, sums))
    return {(row[0], row[1]): Value(value=row[3] / row[2], count=row[2]) for row in rows if row[2]}


def _stock(
    transaction: Transaction,
    figure: Figure,
    buckets: Sequence[tuple[int, Bucket]],
    cut: Cut,
    by: str | None,
    now: datetime,
) -> Found:
    """How many had come and not left at the end of each bucket (or now): each row is read once, in the stretch between
    two ends in which it came or left, and the stretches are added up."""
    assert figure.leaves is not None
    places = {place: min(bucket.ends, now) for place, bucket in buckets if bucket.begins <= now}
    ends = sorted(set(places.values()))
    stretches = [
        (number, Bucket(day=begins.date(), begins=begins, ends=end))
        for number, (begins, end) in enumerate(zip([_LONG_AGO, *ends], ends, strict=False))
    ]
    changes: dict[Any, list[int]] = {} if by is not None else {None: [0] * len(ends)}
    for source, sign in ((figure.source, 1), (figure.leaves, -1)):
        for row in transaction.connection.execute(_by_bucket(source, stretches, cut, by, [func.count()])):
            changes.setdefault(row[1], [0] * len(ends))[row[0]] += sign * int(row[2])
    stocks = {key: dict(zip(ends, accumulate(of_one), strict=True)) for key, of_one in changes.items()}
    return {
        (place, key): Value(value=stock[end], count=stock[end])
        for key, stock in stocks.items()
        for place, end in places.items()
        if stock[end] or by is None
    }


_LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _by_bucket(
    source: Source,
    buckets: Sequence[tuple[int, Bucket]],
    cut: Cut,
    by: str | None,
    sums: Iterable[ColumnElement[Any]],
) -> Select[*tuple[Any, ...]]:
    rows = _rows_in_buckets(source, buckets, cut, by).add_columns(*sums)
    selected = list(rows.selected_columns)
    return rows.group_by(*selected[: 1 if by is None else 2])


def _rows_in_buckets(
    source: Source, buckets: Sequence[tuple[int, Bucket]], cut: Cut, by: str | None
) -> Select[*tuple[Any, ...]]:
    """Each row of the source with each bucket that it falls into: it falls into its day and into the whole."""
    times = _times_of(buckets)
    of: ColumnElement[Any] = null() if by is None else _dimensions(source)[by]
    conditions = list(source.counts)
    for name, wanted in (("channel", cut.channel), ("team", cut.team), ("agent", cut.agent)):
        if wanted is not None:
            conditions.append(_dimensions(source)[name] == wanted)
    return (
        select(times.c.place.label("bucket"), of.label("of"))
        .select_from(source.rows)
        .join(times, (source.at >= times.c.begins) & (source.at < times.c.ends))
        .where(*conditions)
    )


def _dimensions(source: Source) -> Mapping[str, ColumnElement[Any]]:
    return {"channel": source.channel, "team": source.team, "agent": source.agent}


def _times_of(buckets: Sequence[tuple[int, Bucket]]) -> CTE:
    columns = column("place", Integer), column("begins", UtcDateTime()), column("ends", UtcDateTime())
    return (
        values(*columns, name="times")
        .data([(place, bucket.begins, bucket.ends) for place, bucket in buckets])
        .cte("buckets")
    )


def _kinds(transaction: Transaction, spread: Spread, period: Period, cut: Cut) -> Kinds:
    buckets = [(_WHOLE, period.whole), (_BEFORE, period.before)]
    rows = _rows_in_buckets(spread.source, buckets, cut, None)
    statement = (
        rows.add_columns(spread.kind.label("kind"), func.count())
        .where(spread.where)
        .group_by(rows.selected_columns[0], spread.kind)
    )
    counted: dict[Any, list[int]] = {}
    for bucket, _, kind, number in transaction.connection.execute(statement):
        counted.setdefault(kind, [0, 0])[0 if bucket == _WHOLE else 1] = number
    ordered = sorted(
        counted.items(), key=lambda one: (*(() if spread.in_order else (-one[1][0], -one[1][1])), str(one[0]))
    )
    return Kinds(
        spread=spread,
        rows=tuple((None if kind is None else str(kind), now, before) for kind, (now, before) in ordered[:MOST_KINDS]),
    )
