"""Reports: figures over time, with what each means beside it, its table behind it, and a file to take away."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web
from sqlalchemy import select

from desk.refusals import NotFound, Unusable
from desk.reports import report as desk
from desk.reports.figures import Figure, Part
from desk.reports.periods import Grain, Period, period
from desk.reports.report import Cut, Detail, NotForYou, Report, Value
from desk.rights import Right
from storage import audit
from storage.commits import Transaction
from storage.staff import Role, Staff
from storage.teams import Team
from web.console.inbox import channel_name
from web.console.page import get
from web.console.report_words import FigureWords
from web.console.visit import HOME, Visit

REPORTS: Final = f"{HOME}/reports"
DAYS: Final = (7, 30, 90, 365)
CSV_HEAD: Final = ("figure", "by", "of", "from", "until", "value", "unit", "made_of", "among", "nine_of_ten_within")
DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula (OWASP, CSV injection)."""


async def overview(visit: Visit) -> web.Response:
    try:
        asked = _asked(visit)
        found = await visit.house.look(
            lambda transaction: desk.report(transaction, present=visit.who, period=asked.period, cut=asked.cut)
        )
    except (NotForYou, Unusable) as refused:
        return _refused(visit, refused)
    parts = {part: [one for one in found.series if one.figure.part is part] for part in Part}
    return visit.page(
        "reports/page.html", found=found, parts=parts, **await _facts(visit, asked), words=_words(visit), here=REPORTS
    )


async def figure(visit: Visit) -> web.Response:
    try:
        asked = _asked(visit)
        found = await _detail(visit, asked)
    except NotFound:
        return visit.page("refused.html", status=404, reason=visit.say("reports.not_there"))
    except (NotForYou, Unusable) as refused:
        return _refused(visit, refused)
    here = f"{REPORTS}/{found.series.figure.key}"
    facts = await _facts(visit, asked)
    return visit.page("reports/figure.html", found=found, series=found.series, **facts, words=_words(visit), here=here)


async def export(visit: Visit) -> web.Response:
    """All figures over time, as a table."""
    try:
        asked = _asked(visit)
        found = await visit.house.look(
            lambda transaction: desk.report(transaction, present=visit.who, period=asked.period, cut=asked.cut)
        )
    except (NotForYou, Unusable) as refused:
        return _refused(visit, refused)
    return await _file(visit, asked, "reports", _rows_of_report(found))


async def export_figure(visit: Visit) -> web.Response:
    """One figure over time, and by channel, team and agent."""
    try:
        asked = _asked(visit)
        found = await _detail(visit, asked)
    except NotFound:
        return visit.page("refused.html", status=404, reason=visit.say("reports.not_there"))
    except (NotForYou, Unusable) as refused:
        return _refused(visit, refused)
    return await _file(visit, asked, found.series.figure.key, _rows_of_detail(found))


class _Asked:
    """What of a report's address was understood."""

    def __init__(self, visit: Visit) -> None:
        given = visit.request.query
        zone = visit.house.playbook().hours.time_zone
        days, grain = given.get("days", ""), given.get("grain", "")
        self.first, self.last = _day(given.get("from", "")), _day(given.get("until", ""))
        self.grain = Grain(grain) if grain in {each.value for each in Grain} else None
        self.days = int(days) if days.isdigit() and int(days) in DAYS else 30
        self.period: Period = period(
            now=visit.house.now(), zone=zone, first=self.first, last=self.last, days=self.days, grain=self.grain
        )
        team = given.get("team", "")
        self.cut = Cut(
            channel=given.get("channel") or None,
            team=int(team) if team.isdigit() and len(team) < 18 else None,
            agent=given.get("agent") or None,
        )
        rights = visit.who.rights
        if Right.DIRECT not in rights and Right.PLAN not in rights:
            self.cut = Cut(channel=self.cut.channel, team=self.cut.team, agent=visit.who.name)

    def query(self, **changes: object) -> str:
        """The same report with something else about it."""
        given: dict[str, object] = {
            "days": self.days if self.first is None and self.last is None else None,
            "from": self.first,
            "until": self.last,
            "grain": self.grain,
            "channel": self.cut.channel,
            "team": self.cut.team,
            "agent": self.cut.agent,
        }
        return "?" + urlencode({key: str(value) for key, value in (given | changes).items() if value is not None})


def _asked(visit: Visit) -> _Asked:
    """Raises NoSuchPeriod."""
    return _Asked(visit)


async def _detail(visit: Visit, asked: _Asked) -> Detail:
    key = visit.request.match_info["figure"]
    return await visit.house.look(
        lambda transaction: desk.detail(transaction, present=visit.who, figure=key, period=asked.period, cut=asked.cut)
    )


async def _facts(visit: Visit, asked: _Asked) -> Mapping[str, Any]:
    """What every page of reports needs to let somebody choose."""
    directs = Right.DIRECT in visit.who.rights

    def choices(transaction: Transaction) -> tuple[Sequence[Any], Sequence[str]]:
        teams = transaction.connection.execute(select(Team.id, Team.name).order_by(Team.name)).all()
        people = transaction.connection.execute(select(Staff.name, Staff.roles).order_by(Staff.name)).all()
        agents = [row.name for row in people if Role.AGENT in row.roles or Role.SUPERVISOR in row.roles]
        return teams, agents if directs else ()

    teams, agents = await visit.house.look(choices)
    return {
        "asked": asked,
        "period": asked.period,
        "grains": tuple(Grain),
        "days": DAYS,
        "channels": visit.house.channels,
        "called": partial(channel_name, visit),
        "teams": teams,
        "agents": agents,
    }


def _words(visit: Visit) -> FigureWords:
    return FigureWords(language=visit.language, playbook=visit.house.playbook())


def _refused(visit: Visit, refused: NotForYou | Unusable) -> web.Response:
    status = 403 if isinstance(refused, NotForYou) else 422
    return visit.page("refused.html", status=status, reason=visit.refusal(refused))


def _day(given: str) -> date | None:
    try:
        return date.fromisoformat(given)
    except ValueError:
        return None


Row = tuple[Figure | str, str, str, date, date, Value]
"""Figure or spread, by what, of whom, from and until which day, and the value."""


def _rows_of_report(found: Report) -> Iterable[Row]:
    days = found.period
    for series in found.series:
        yield from _over_time(series)
    for kinds in found.spreads:
        for kind, now, _ in kinds.rows:
            yield kinds.spread.key, "kind", kind or "", days.first, days.last, Value(value=now, count=now)


def _rows_of_detail(found: Detail) -> Iterable[Row]:
    yield from _over_time(found.series)
    for name, rows in found.by.items():
        for row in rows:
            yield found.series.figure, name, row.of or "", found.period.first, found.period.last, row.whole


def _over_time(series: desk.Series) -> Iterable[Row]:
    buckets = [bucket for bucket, _ in series.over_time]
    for place, (bucket, value) in enumerate(series.over_time):
        following = buckets[place + 1].day if place + 1 < len(buckets) else None
        yield series.figure, "time", "", bucket.day, following or bucket.day, value


async def _file(visit: Visit, asked: _Asked, name: str, rows: Iterable[Row]) -> web.Response:
    """A table for a spreadsheet, and a line in the audit log that says who took it away."""
    words = _words(visit)
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow([words.say(f"csv_{column}") for column in CSV_HEAD])
    for figure, by, of, first, last, value in rows:
        known = isinstance(figure, Figure)
        writer.writerow(
            harmless(cell)
            for cell in (
                figure.name[visit.language] if known else words.say(f"csv_{figure}"),
                words.say(f"by_{by}"),
                of if known else words.kind(figure, of or None),
                first.isoformat(),
                last.isoformat(),
                "" if value.value is None else f"{value.value:.6g}",
                words.say(f"unit_{figure.unit}") if known else words.say("unit_count"),
                str(value.count),
                "" if value.among is None else str(value.among),
                "" if value.high is None else f"{value.high:g}",
            )
        )
    note: Callable[[Transaction], None] = lambda transaction: audit.note(  # noqa: E731
        transaction.connection,
        at=transaction.now,
        who=visit.who.name,
        staff=visit.who.staff,
        action="report.exported",
        subject=f"report:{name}",
        client=visit.client,
        details={"query": asked.query()},
    )
    await visit.house.do(note)
    days = f"{asked.period.first.isoformat()}_{asked.period.last.isoformat()}"
    return web.Response(
        # Excel takes a file for UTF-8 only where it begins with this mark.
        body=b"\xef\xbb\xbf" + written.getvalue().encode(),
        content_type="text/csv",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}_{days}.csv"'},
    )


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula. A plain number is none, though it may begin with a minus."""
    if cell.startswith(DANGEROUS) and not cell.removeprefix("-").replace(".", "", 1).isdigit():
        return f"'{cell}"
    return cell


ROUTES = (
    get("/console/reports", Right.READ_REPORTS, overview),
    get("/console/reports.csv", Right.READ_REPORTS, export),
    get("/console/reports/{figure:[a-z_]+}", Right.READ_REPORTS, figure),
    get("/console/reports/{figure:[a-z_]+}.csv", Right.READ_REPORTS, export_figure),
)
