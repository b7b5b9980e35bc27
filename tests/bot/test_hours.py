"""When the shop is open, when it opens next, and how long working time takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given as property_of
from hypothesis import strategies as st

from bot.hours import Hours
from bot.hours_file import HoursMistake, parse_hours

SHANGHAI = {
    "time_zone": "Asia/Shanghai",
    "weekly": {"mon-fri": ["09:00-12:00", "13:30-18:00"]},
    "holidays": ["cn"],
    "closed": [date(2026, 11, 11)],
    "extra_open": {"2026-11-15": ["10:00-16:00"]},
}


def hours_of(**changes: object) -> Hours:
    return parse_hours({**SHANGHAI, **changes}, "hours.yml")


def at(text: str) -> datetime:
    """An instant written with its offset."""
    return datetime.fromisoformat(text)


def shanghai(text: str) -> datetime:
    return at(f"{text}+08:00")


@pytest.mark.parametrize(
    ("instant", "is_open"),
    [
        ("2026-03-02T08:59:59", False),
        ("2026-03-02T09:00:00", True),
        ("2026-03-02T11:59:59", True),
        ("2026-03-02T12:00:00", False),  # the lunch break
        ("2026-03-02T13:30:00", True),
        ("2026-03-02T18:00:00", False),
        ("2026-03-01T10:00:00", False),  # a Sunday like any other
        ("2026-02-17T10:00:00", False),  # Spring Festival
        ("2026-02-28T10:00:00", True),  # the Saturday worked for it
        ("2026-11-11T10:00:00", False),  # closed by the business
        ("2026-11-15T10:00:00", True),  # a Sunday opened by the business
        ("2026-11-15T17:00:00", False),
    ],
)
def test_open_in_the_hours_of_the_week_and_of_single_days(instant: str, is_open: bool) -> None:
    assert hours_of().open_at(shanghai(instant)) is is_open


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-03-02T08:00:00", "2026-03-02T09:00:00"),
        ("2026-03-02T12:30:00", "2026-03-02T13:30:00"),
        ("2026-03-06T18:00:00", "2026-03-09T09:00:00"),  # over a weekend
        ("2026-02-14T20:00:00", "2026-02-24T09:00:00"),  # over Spring Festival, as the State Council set it
        ("2026-11-10T20:00:00", "2026-11-12T09:00:00"),  # over a day closed by the business
        ("2026-11-13T20:00:00", "2026-11-15T10:00:00"),  # an extra opening comes first
        ("2026-03-02T10:00:00", "2026-03-02T13:30:00"),  # open now: the next time that doors open
    ],
)
def test_the_next_opening_is_told_in_utc(now: str, opens: str) -> None:
    opening = hours_of().next_opening(shanghai(now))
    assert opening == shanghai(opens)
    assert opening is not None
    assert opening.tzinfo is UTC


def test_a_shop_that_never_closes_never_opens() -> None:
    always = hours_of(weekly={"mon-sun": ["00:00-24:00"]}, holidays=[], closed=[])
    assert always.open_at(shanghai("2026-03-02T00:00:00"))
    assert always.next_opening(shanghai("2026-03-02T10:00:00")) is None
    assert always.add_working_time(shanghai("2026-03-02T10:00:00"), timedelta(days=400)) == shanghai(
        "2026-03-02T10:00:00"
    ) + timedelta(days=400)


def test_a_year_without_opening_has_no_next_one() -> None:
    every_day_but_far_ones = [date(2026, 1, 1) + timedelta(days=day) for day in range(800)]
    shut = hours_of(holidays=[], closed=every_day_but_far_ones, extra_open={})
    assert shut.next_opening(shanghai("2026-03-02T10:00:00")) is None


@pytest.mark.parametrize(
    ("start", "span", "end"),
    [
        ("2026-03-02T09:00:00", timedelta(hours=3), "2026-03-02T12:00:00"),
        ("2026-03-02T09:00:00", timedelta(hours=4), "2026-03-02T14:30:00"),
        ("2026-03-02T12:15:00", timedelta(minutes=30), "2026-03-02T14:00:00"),
        ("2026-03-06T17:00:00", timedelta(hours=2), "2026-03-09T10:00:00"),
        ("2026-02-14T17:00:00", timedelta(hours=2), "2026-02-24T10:00:00"),
        ("2026-03-01T12:00:00", timedelta(), "2026-03-01T12:00:00"),
    ],
)
def test_working_time_passes_only_while_we_are_open(start: str, span: timedelta, end: str) -> None:
    assert hours_of().add_working_time(shanghai(start), span) == shanghai(end)


def test_working_time_cannot_be_taken_away() -> None:
    with pytest.raises(ValueError, match="not taken away"):
        hours_of().add_working_time(shanghai("2026-03-02T09:00:00"), timedelta(seconds=-1))


def test_a_bar_is_open_past_midnight_also_into_a_holiday() -> None:
    bar = hours_of(weekly={"mon-sun": ["18:00-02:00"]}, holidays=["2026-12-25"])
    assert bar.open_at(shanghai("2026-12-25T01:30:00")), "the night that began on the 24th goes on"
    assert not bar.open_at(shanghai("2026-12-25T19:00:00"))
    assert not bar.open_at(shanghai("2026-12-26T01:30:00")), "the night of the 25th never began"
    assert bar.next_opening(shanghai("2026-12-25T02:00:00")) == shanghai("2026-12-26T18:00:00")


def test_openings_that_touch_at_midnight_are_one() -> None:
    night = hours_of(weekly={"sat": ["20:00-24:00"], "sun": ["00:00-03:00"]}, holidays=[], extra_open={})
    assert night.next_opening(shanghai("2026-03-07T21:00:00")) == shanghai("2026-03-14T20:00:00")
    assert night.add_working_time(shanghai("2026-03-07T23:00:00"), timedelta(hours=2)) == shanghai(
        "2026-03-08T01:00:00"
    )


def test_the_wall_clock_holds_when_daylight_saving_begins_and_ends() -> None:
    new_york = hours_of(time_zone="America/New_York", weekly={"mon-sun": ["09:00-17:00"]}, holidays=[], closed=[])
    assert new_york.next_opening(at("2026-03-07T23:00:00Z")) == at("2026-03-08T13:00:00Z")  # the day clocks jump
    assert new_york.next_opening(at("2026-03-06T23:00:00Z")) == at("2026-03-07T14:00:00Z")
    assert new_york.next_opening(at("2026-10-31T22:00:00Z")) == at("2026-11-01T14:00:00Z")  # the day they fall back


def test_a_night_shift_is_as_long_as_it_is_when_clocks_change() -> None:
    nights = hours_of(time_zone="America/New_York", weekly={"mon-sun": ["22:00-06:00"]}, holidays=[], closed=[])
    assert nights.add_working_time(at("2026-03-08T03:00:00Z"), timedelta(hours=7)) == at("2026-03-08T10:00:00Z")
    assert nights.open_at(at("2026-11-01T10:59:00Z")), "nine hours from 22:00 to 06:00"
    assert not nights.open_at(at("2026-11-01T11:00:00Z"))


def test_an_opening_inside_the_skipped_hour_does_not_exist() -> None:
    skipped = hours_of(time_zone="America/New_York", weekly={"sun": ["02:30-03:15"]}, holidays=[], closed=[])
    assert not skipped.open_at(at("2026-03-08T07:20:00Z"))
    assert skipped.next_opening(at("2026-03-08T00:00:00Z")) == at("2026-03-15T06:30:00Z")


def test_workdays_of_two_years_are_those_the_state_council_set(given: Callable[[str], Path]) -> None:
    published = json.loads(given("rules/cn_workdays/chinese_calendar_days.json").read_text("utf-8"))
    years = {int(day[:4]) for day in published["holidays"]}
    week = hours_of(closed=[], extra_open={})
    assert years
    for year in years:
        assert week.knows(year)
        for offset in range(365):
            day = date(year, 1, 1) + timedelta(days=offset)
            name = day.isoformat()
            expected = name in published["make_up_workdays"] or (
                day.weekday() < 5 and name not in published["holidays"]
            )
            assert week.is_workday(day) is expected, name


def test_a_year_nobody_has_published_falls_back_to_the_plain_week_and_says_so() -> None:
    hours = hours_of(closed=[], extra_open={})
    assert not hours.knows(2099)
    assert hours.is_workday(date(2099, 10, 1))  # a Thursday
    assert not hours.is_workday(date(2099, 10, 3))
    assert hours_of(holidays=[]).knows(2099), "without the Chinese calendar there is nothing to know"


def test_a_make_up_saturday_is_worked_with_the_hours_of_the_week_not_of_the_weekend() -> None:
    hours = hours_of(weekly={"mon-fri": ["09:00-18:00"], "sat": ["14:00-16:00"]})
    assert hours.open_at(shanghai("2026-02-28T10:00:00"))
    assert not hours.open_at(shanghai("2026-03-07T10:00:00"))


@pytest.mark.parametrize(
    ("changes", "key", "sentence"),
    [
        ({"time_zone": None}, "time_zone", "time_zone is missing"),
        ({"time_zone": "Asia/Hangzhou"}, "time_zone", '"Asia/Hangzhou" is no time zone'),
        ({"time_zone": "../etc/passwd"}, "time_zone", "is no time zone"),
        ({"time_zone": "Asia"}, "time_zone", "is no time zone"),
        ({"weekly": {}}, "weekly", "weekly is missing"),
        ({"weekly": {"mon": []}}, "weekly", "no opening at all"),
        ({"weekly": {"monday": ["09:00-18:00"]}}, "weekly.monday", "monday is no day"),
        ({"weekly": {"fri-mon": ["09:00-18:00"]}}, "weekly.fri-mon", "fri-mon is no day"),
        ({"weekly": {"mon-fri": ["09:00-18:00"], "fri": []}}, "weekly.fri", "fri is given twice"),
        ({"weekly": {"mon": "09:00-18:00"}}, "weekly.mon", "is not a list"),
        ({"weekly": {"mon": ["9-18"]}}, "weekly.mon", '"9-18" is no opening'),
        ({"weekly": {"mon": ["09:00-25:00"]}}, "weekly.mon", "is no opening"),
        ({"weekly": {"mon": ["09:00-09:00"]}}, "weekly.mon", "is no opening"),
        ({"weekly": {"mon": ["٠٩:00-18:00"]}}, "weekly.mon", "is no opening"),
        ({"weekly": {"mon": [540]}}, "weekly.mon", '"540" is no opening'),
        ({"weekly": {"mon": ["09:00-13:00", "12:00-18:00"]}}, "weekly.mon", "two openings overlap"),
        ({"holidays": ["us"]}, "holidays", '"us" is no date'),
        ({"holidays": "cn"}, "holidays", "holidays is not a list"),
        ({"closed": ["2026-13-01"]}, "closed", '"2026-13-01" is no date'),
        ({"extra_open": ["2026-11-15"]}, "extra_open", "extra_open is not a mapping"),
        ({"extra_open": {"Sunday": ["10:00-16:00"]}}, "extra_open.Sunday", '"Sunday" is no date'),
        ({"extra_open": {"2026-11-15": ["10-16"]}}, "extra_open.2026-11-15", "is no opening"),
        ({"opening": []}, "opening", "opening is not a key"),
    ],
)
def test_a_mistake_is_named_with_its_key(changes: dict[str, object], key: str, sentence: str) -> None:
    with pytest.raises(HoursMistake) as caught:
        hours_of(**changes)
    assert key in [found for found, _ in caught.value.found]
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("hours.yml: ")


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(HoursMistake) as caught:
        hours_of(time_zone="Mars", closed=["soon"], weekly={"mon": ["late"]})
    assert [key for key, _ in caught.value.found] == ["time_zone", "weekly.mon", "closed"]


def test_an_instant_without_time_zone_is_our_bug() -> None:
    with pytest.raises(ValueError, match="needs its time zone"):
        hours_of().open_at(datetime(2026, 3, 2, 10, 0))  # noqa: DTZ001


@property_of(
    instant=st.integers(0, 10 * 366 * 24 * 60).map(
        lambda minutes: at("2020-01-01T00:00:00Z") + timedelta(minutes=minutes)
    ),
    minutes=st.integers(1, 6000),
    zone=st.sampled_from(["Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"]),
)
def test_openings_and_working_time_agree_in_every_zone(instant: datetime, minutes: int, zone: str) -> None:
    hours = hours_of(time_zone=zone, weekly={"mon-fri": ["09:00-12:00", "13:00-18:00"], "sat": ["20:00-03:00"]})
    opening = hours.next_opening(instant)
    assert opening is not None
    assert opening > instant
    assert hours.open_at(opening)
    assert not hours.open_at(opening - timedelta(microseconds=1))
    done = hours.add_working_time(instant, timedelta(minutes=minutes))
    assert done >= instant + timedelta(minutes=minutes)
    assert hours.open_at(done - timedelta(microseconds=1)), "the last moment of working time was worked"
    half = hours.add_working_time(instant, timedelta(minutes=minutes / 2))
    assert hours.add_working_time(half, timedelta(minutes=minutes / 2)) == done
