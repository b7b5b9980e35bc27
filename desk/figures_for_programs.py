"""Figures for programs: the reports, flat, with each figure's definition beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from bot.playbook import Playbook
from desk.logins import Present
from desk.reports import report as reports
from desk.reports.figures import Figure, Unit
from desk.reports.periods import Grain, Period, period
from desk.reports.report import Cut, Value
from desk.rights import Right
from storage.commits import Transaction

Days = Annotated[int, Field(ge=1, le=1826)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A value. It never comes without how many it was made of."""

    value: float | None
    """Of `seconds` the median; null: there is nothing to say."""
    count: int
    """How many it was made of; of a `share`, how many of `among`."""
    among: int | None
    high: float | None
    """Of `seconds`: nine of ten stayed below it, or at it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A day, or the first day of a week or month."""

    day: date
    said: Said


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What one channel, team or agent has in a figure."""

    of: str | None
    said: Said
    before: Said


@dataclass(frozen=True, kw_only=True, slots=True)
class FigureSaid:
    key: str
    unit: Unit
    title: Mapping[str, str]
    """By language."""
    means: Mapping[str, str]
    """The definition, by language."""
    said: Said
    before: Said
    """Of the period before, which is as long."""
    over_time: Sequence[Point]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    kind: str | None
    count: int
    before: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportSaid:
    """Figures of a period."""

    first: date
    last: date
    grain: Grain
    time_zone: str
    """Whose days these are."""
    until: datetime | None
    """What has happened since is not in it yet."""
    figures: Sequence[FigureSaid]
    spreads: Mapping[str, Sequence[Kind]]
    """What hand-offs, contacts and complaints were about; the most frequent first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DetailSaid:
    """One figure of a period."""

    first: date
    last: date
    grain: Grain
    time_zone: str
    until: datetime | None
    figure: FigureSaid
    by: Mapping[str, Sequence[Share]]
    """By `channel`, `team` and, with the scope `direct`, `agent`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of the table."""

    figure: str
    by: str
    """`time`, `kind`, `channel`, `team` or `agent`."""
    of: str
    first: date
    value: float | None
    unit: str
    made_of: int
    among: int | None
    nine_of_ten_within: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reader(Present):
    """Whoever may read figures may read those of nobody in particular; an agent's own take `direct` besides."""

    given: frozenset[Right]

    @property
    def rights(self) -> frozenset[Right]:
        return self.given | {Right.DIRECT}


def report(
    transaction: Transaction,
    *,
    present: Present,
    playbook: Playbook,
    first: date | None = None,
    last: date | None = None,
    days: Days = 30,
    grain: Grain | None = None,
    channel: str | None = None,
    team: int | None = None,
    agent: str | None = None,
) -> ReportSaid:
    """All figures, of the last `days` or from `first` to `last`. Of one agent with the scope `direct` alone. Raises
    NoSuchPeriod."""
    span = _span(transaction, playbook, first, last, days, grain)
    cut = Cut(channel=channel, team=team, agent=agent)
    found = reports.report(transaction, present=_reader(present), period=span, cut=cut)
    return ReportSaid(
        first=span.first,
        last=span.last,
        grain=span.grain,
        time_zone=str(span.zone),
        until=found.until,
        figures=[_figure(series) for series in found.series],
        spreads={
            kinds.spread.key: [Kind(kind=kind, count=count, before=before) for kind, count, before in kinds.rows]
            for kinds in found.spreads
        },
    )


def detail(
    transaction: Transaction,
    *,
    present: Present,
    playbook: Playbook,
    figure: str,
    first: date | None = None,
    last: date | None = None,
    days: Days = 30,
    grain: Grain | None = None,
    channel: str | None = None,
    team: int | None = None,
    agent: str | None = None,
) -> DetailSaid:
    """One figure, by channel and team, and, with the scope `direct`, by agent. Raises NotFound, NoSuchPeriod."""
    span = _span(transaction, playbook, first, last, days, grain)
    cut = Cut(channel=channel, team=team, agent=agent)
    found = reports.detail(transaction, present=_reader(present), figure=figure, period=span, cut=cut)
    return DetailSaid(
        first=span.first,
        last=span.last,
        grain=span.grain,
        time_zone=str(span.zone),
        until=found.until,
        figure=_figure(found.series),
        by={
            name: [Share(of=row.of, said=_said(row.whole), before=_said(row.before)) for row in rows]
            for name, rows in found.by.items()
            if name != "agent" or Right.DIRECT in present.rights
        },
    )


def table(found: ReportSaid) -> list[Line]:
    """All figures over time, as a table."""
    lines = [line for figure in found.figures for line in _over_time(figure)]
    lines += [
        _line(spread, "count", "kind", kind.kind or "", found.first, _counted(kind.count))
        for spread, kinds in found.spreads.items()
        for kind in kinds
    ]
    return lines


def detail_table(found: DetailSaid) -> list[Line]:
    """One figure over time and by whom, as a table."""
    known = found.figure
    lines = list(_over_time(known))
    lines += [
        _line(known.key, known.unit, by, share.of or "", found.first, share.said)
        for by, shares in found.by.items()
        for share in shares
    ]
    return lines


def _span(
    transaction: Transaction,
    playbook: Playbook,
    first: date | None,
    last: date | None,
    days: int,
    grain: Grain | None,
) -> Period:
    zone = playbook.hours.time_zone
    return period(now=transaction.now, zone=zone, first=first, last=last, days=days, grain=grain)


def _reader(present: Present) -> _Reader:
    return _Reader(
        staff=present.staff,
        name=present.name,
        email=present.email,
        roles=present.roles,
        language=present.language,
        session=present.session,
        seen_at=present.seen_at,
        given=present.rights,
    )


def _figure(series: reports.Series) -> FigureSaid:
    figure: Figure = series.figure
    return FigureSaid(
        key=figure.key,
        unit=figure.unit,
        title=figure.name,
        means=figure.means,
        said=_said(series.whole),
        before=_said(series.before),
        over_time=[Point(day=bucket.day, said=_said(value)) for bucket, value in series.over_time],
    )


def _said(value: Value) -> Said:
    return Said(value=value.value, count=value.count, among=value.among, high=value.high)


def _counted(count: int) -> Said:
    return Said(value=count, count=count, among=None, high=None)


def _over_time(figure: FigureSaid) -> Iterable[Line]:
    for point in figure.over_time:
        yield _line(figure.key, figure.unit, "time", "", point.day, point.said)


def _line(figure: str, unit: str, by: str, of: str, first: date, said: Said) -> Line:
    return Line(
        figure=figure,
        by=by,
        of=of,
        first=first,
        value=said.value,
        unit=unit,
        made_of=said.count,
        among=said.among,
        nine_of_ten_within=said.high,
    )
