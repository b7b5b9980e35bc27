"""By when something is due: counted in the hours in which we are open, pauses left out, whatever clocks and calendars
do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as property_of
from hypothesis import settings
from hypothesis import strategies as st

from bot.hours import Hours
from bot.hours_file import parse_hours
from desk.deadlines import Span, due

LONDON = parse_hours(
    {"time_zone": "Europe/London", "weekly": {"mon-fri": ["09:00-17:30"], "sat": ["00:30-03:00"]}}, "h"
)
SHANGHAI = parse_hours(
    {"time_zone": "Asia/Shanghai", "weekly": {"mon-fri": ["09:00-12:00", "13:00-18:00"]}, "holidays": ["cn"]}, "h"
)
NIGHTS = parse_hours({"time_zone": "America/New_York", "weekly": {"mon-sun": ["20:00-02:00"]}}, "h")
ALWAYS = parse_hours({"time_zone": "Asia/Shanghai", "weekly": {"mon-sun": ["00:00-24:00"]}}, "h")
NEVER = Hours(time_zone=ZoneInfo("Asia/Shanghai"), weekly=((),) * 7)

instants = st.integers(min_value=0, max_value=330 * 86_400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
houses = st.sampled_from([LONDON, SHANGHAI, NIGHTS, ALWAYS])
spans = st.integers(min_value=1, max_value=60 * 100).map(lambda minutes: timedelta(minutes=minutes))


@st.composite
def pauses(draw: st.DrawFn) -> list[Span]:
    """Over and done with, one after the other."""
    at = draw(instants)
    found: list[Span] = []
    for _ in range(draw(st.integers(min_value=0, max_value=4))):
        began_at = at + draw(spans)
        at = began_at + draw(spans)
        found.append(Span(began_at=began_at, ended_at=at))
    return found


def worked(hours: Hours, since: datetime, until: datetime, stood: list[Span]) -> timedelta:
    """Opening hours between two instants, without the pauses: second by second in words, here by cutting them out."""
    total, at = timedelta(), since
    for pause in stood:
        assert pause.ended_at is not None
        if pause.ended_at <= at or pause.began_at >= until:
            continue
        total += hours.working_time(at, max(at, pause.began_at))
        at = max(at, pause.ended_at)
    return total + hours.working_time(at, until)


@property_of(hours=houses, since=instants, span=spans, stood=pauses())
@settings(max_examples=150)
def test_until_it_is_due_we_were_open_for_exactly_that_long(
    hours: Hours, since: datetime, span: timedelta, stood: list[Span]
) -> None:
    by = due(hours, since, span, stood)
    assert by is not None
    assert worked(hours, since, by, stood) == span
    assert worked(hours, since, by - timedelta(seconds=1), stood) < span


@property_of(hours=houses, since=instants, span=spans)
@settings(max_examples=60)
def test_adding_working_time_and_measuring_it_agree(hours: Hours, since: datetime, span: timedelta) -> None:
    by = hours.add_working_time(since, span)
    assert hours.working_time(since, by) == span
    assert due(hours, since, span, []) == by


@property_of(hours=houses, since=instants, span=spans, pause=spans, longer=spans)
@settings(max_examples=60)
def test_a_longer_pause_never_makes_it_due_sooner(
    hours: Hours, since: datetime, span: timedelta, pause: timedelta, longer: timedelta
) -> None:
    short = due(hours, since, span, [Span(began_at=since, ended_at=since + pause)])
    long = due(hours, since, span, [Span(began_at=since, ended_at=since + pause + longer)])
    assert short is not None
    assert long is not None
    assert short <= long


@property_of(hours=houses, since=instants, span=spans)
@settings(max_examples=40)
def test_while_the_clock_stands_still_nothing_is_due_unless_it_was_before(
    hours: Hours, since: datetime, span: timedelta
) -> None:
    by = due(hours, since, span, [])
    assert by is not None
    assert due(hours, since, span, [Span(began_at=since, ended_at=None)]) is None
    assert due(hours, since, span, [Span(began_at=by, ended_at=None)]) == by


@pytest.mark.parametrize(
    ("hours", "since", "span", "by"),
    [
        # London's clocks go forward in the night to 29 March 2026.
        (LONDON, "2026-03-27T17:00+00:00", 1.0, "2026-03-28T01:00+00:00"),
        (LONDON, "2026-03-28T03:00+00:00", 1.0, "2026-03-30T10:00+01:00"),
        # In the night to 25 October they go back: Saturday's hours are before that.
        (LONDON, "2026-10-24T02:30+01:00", 1.0, "2026-10-26T09:30+00:00"),
        # New York's night of 1 November 2026 is an hour longer, and 20:00-02:00 has seven hours.
        (NIGHTS, "2026-10-31T20:00-04:00", 6.5, "2026-11-01T01:30-05:00"),
        # Spring Festival 2026 is from 15 to 23 February; the 14th and the 28th, both Saturdays, are worked.
        (SHANGHAI, "2026-02-13T17:00+08:00", 2.0, "2026-02-14T10:00+08:00"),
        (SHANGHAI, "2026-02-14T17:00+08:00", 2.0, "2026-02-24T10:00+08:00"),
        (SHANGHAI, "2026-02-27T17:30+08:00", 1.0, "2026-02-28T09:30+08:00"),
        (SHANGHAI, "2026-03-02T11:30+08:00", 1.0, "2026-03-02T13:30+08:00"),
    ],
)
def test_clock_changes_and_calendars_are_kept_to(hours: Hours, since: str, span: float, by: str) -> None:
    found = due(hours, datetime.fromisoformat(since), timedelta(hours=span), [])
    assert found == datetime.fromisoformat(by)


def test_a_house_that_never_opens_is_never_late() -> None:
    assert due(NEVER, datetime(2026, 3, 2, tzinfo=UTC), timedelta(hours=1), []) is None
