"""Alerts: who is told what, once, in how many letters, and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from desk import alert_hours, alerts, staff
from desk.alert_hours import NoSuchHours, OwnHours
from desk.logins import Present
from desk.refusals import NotFound, Unusable
from desk.rights import Right
from storage.alerts import Alert, AlertHabits, AlertKind, AlertLetter, LetterStatus, ToldIn, Way
from storage.database import synchronous_engine
from tests.clock import FrozenClock
from tests.desk.office import Office


@pytest.fixture
def office(migrated_url: str, clock: FrozenClock) -> Iterator[Office]:
    engine = synchronous_engine(migrated_url)
    yield Office(engine, clock)
    engine.dispose()


@pytest.fixture
def ada(office: Office) -> Present:
    return office.first_admin()


def tell(office: Office, kind: AlertKind = AlertKind.MENTIONED, **more: object) -> int:
    return office.do(alerts.raise_alert, kind=kind, subject="conversation:7", **more)


def test_who_is_named_is_told_by_number_or_name_and_who_did_it_is_not(office: Office, ada: Present) -> None:
    ben, eve = office.colleague(ada, "Ben", "agent"), office.colleague(ada, "Eve", "agent")
    assert tell(office, staff=["Ben", eve.staff, "Nobody"], who="Eve") == 1
    assert [row.staff_id for row in office.rows(Alert)] == [ben.staff]
    assert tell(office, staff=ben.staff) == 1
    assert tell(office, staff="Eve") == 1


def test_everybody_with_a_right_is_told_and_nobody_who_left(office: Office, ada: Present) -> None:
    office.colleague(ada, "Ben", "agent")
    sue, eve = office.colleague(ada, "Sue", "supervisor"), office.colleague(ada, "Eve", "supervisor")
    office.do(staff.let_go, by=ada, staff=eve.staff)
    assert tell(office, right=Right.DIRECT) == 2
    assert {row.staff_id for row in office.rows(Alert)} == {ada.staff, sue.staff}


def test_nobody_is_told_where_nobody_is_named(office: Office, ada: Present) -> None:
    assert tell(office) == 0
    assert tell(office, staff=[]) == 0


def test_the_same_fact_is_told_to_the_same_person_once(office: Office, ada: Present) -> None:
    office.colleague(ada, "Ben", "agent")
    assert tell(office, AlertKind.BREACH, staff="Ben", key="breach:C-1042") == 1
    assert tell(office, AlertKind.BREACH, staff=["Ben", "Ada"], key="breach:C-1042") == 1
    assert [row.staff_id for row in office.rows(Alert)] == [2, 1]


def test_ten_mentions_in_a_minute_are_one_mail(office: Office, ada: Present) -> None:
    for _ in range(10):
        tell(office, staff="Ada")
        office.clock.advance(5)
    (letter,) = office.rows(AlertLetter)
    assert (letter.way, letter.status) == (Way.MAIL, LetterStatus.GATHERING)
    assert len(office.rows(ToldIn)) == 10


def test_what_is_urgent_makes_the_letter_leave_earlier(office: Office, ada: Present) -> None:
    tell(office, staff="Ada")
    tell(office, AlertKind.BREACH, staff="Ada")
    (letter,) = office.rows(AlertLetter)
    assert letter.due_at == office.clock() + alerts.AT_ONCE


def test_each_chooses_the_ways_of_each_kind(office: Office, ada: Present) -> None:
    chosen = {AlertKind.MENTIONED: ["desktop"], AlertKind.ASSIGNED: ["mail", "telegram"]}
    office.do(alerts.choose, present=ada, ways=chosen)
    tell(office, staff="Ada")
    assert office.rows(AlertLetter) == []
    tell(office, AlertKind.ASSIGNED, staff="Ada")
    assert [letter.way for letter in office.rows(AlertLetter)] == [Way.MAIL], "no Telegram account is linked"
    known = office.do(alerts.choices, staff=ada.staff)
    assert known[AlertKind.ASSIGNED] == (Way.MAIL, Way.TELEGRAM)
    assert known[AlertKind.BREACH] == ()
    with pytest.raises(Unusable):
        office.do(alerts.choose, present=ada, ways={AlertKind.MENTIONED: ["pigeon"]})


def test_outside_of_ones_hours_letters_wait_for_the_next(office: Office, ada: Present) -> None:
    hours = {"time_zone": "Asia/Shanghai", "begins": "13:00", "ends": "18:00", "days": [0, 1]}
    office.do(alert_hours.set_hours, present=ada, quiet=True, **hours)
    tell(office, staff="Ada")  # Monday noon in Shanghai
    (letter,) = office.rows(AlertLetter)
    assert letter.due_at == datetime(2026, 3, 2, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong", [{"begins": "9"}, {"ends": "09:00"}, {"days": [9]}, {"time_zone": "Mars/Base"}, {"begins": "25:00"}]
)
def test_hours_that_cannot_be_kept_are_refused(office: Office, ada: Present, wrong: dict[str, object]) -> None:
    right = {"time_zone": "Asia/Taipei", "begins": "09:00", "ends": "18:00", "days": [0]}
    with pytest.raises(NoSuchHours):
        office.do(alert_hours.set_hours, present=ada, quiet=True, **(right | wrong))


@given(
    at=some.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=some.just(UTC)),  # noqa: DTZ001
    zone=some.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
    begins=some.integers(0, 1439),
    lasts=some.integers(1, 1439),
    days=some.sets(some.integers(0, 6), min_size=1),
)
def test_the_next_moment_lies_within_the_hours_and_none_before_it_does(
    at: datetime, zone: str, begins: int, lasts: int, days: set[int]
) -> None:
    hours = OwnHours(quiet=True, time_zone=zone, begins=begins, ends=(begins + lasts) % 1440, days=tuple(sorted(days)))
    found = hours.next(at)
    assert at <= found <= at + timedelta(days=8)
    local = found.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    starts = [
        datetime(local.year, local.month, local.day) + timedelta(days=-back, minutes=begins)  # noqa: DTZ001
        for back in (0, 1)
    ]
    assert any(
        start.weekday() in days and start - timedelta(hours=1) <= local <= start + timedelta(minutes=lasts)
        for start in starts
    )
    assert hours.next(found) == found


def test_what_was_read_rings_no_more_and_nobody_reads_for_others(office: Office, ada: Present) -> None:
    office.colleague(ada, "Ben", "agent")
    tell(office, staff="Ada", who="Ben")
    tell(office, AlertKind.BREACH, staff="Ada")
    office.do(alerts.raise_alert, kind=AlertKind.ASSIGNED, subject="case:C-1", staff="Ada")
    bell = office.do(alerts.bell, staff=ada.staff)
    assert (bell.unread, bell.latest[0].subject) == (3, "case:C-1")
    with pytest.raises(NotFound):
        office.do(alerts.read, staff=2, alert=1)
    assert office.do(alerts.read, staff=ada.staff, alert=1) == "conversation:7"
    assert office.do(alerts.bell, staff=ada.staff).unread == 1, "both of the conversation are read"
    tell(office, staff="Ada")
    assert office.do(alerts.read_all, staff=ada.staff, through=3) == 1
    assert office.do(alerts.bell, staff=ada.staff).unread == 1, "the one that came meanwhile"


def test_a_telegram_account_is_linked_by_a_code_that_works_once(office: Office, ada: Present) -> None:
    code = office.do(alert_hours.begin_telegram, present=ada, zone="Asia/Shanghai")
    assert len(code) <= 64, "Telegram takes no longer one"
    assert office.do(alert_hours.show_code, code="staff-guess", address="telegram:666") is None
    assert office.do(alert_hours.show_code, code=code, address="telegram:4242") == ("Ada", "en")
    assert office.do(alert_hours.show_code, code=code, address="telegram:666") is None
    assert [row.telegram for row in office.rows(AlertHabits)] == ["telegram:4242"]
    office.do(alert_hours.end_telegram, present=ada)
    assert office.rows(AlertHabits)[0].telegram is None


def test_a_code_is_over_after_half_an_hour(office: Office, ada: Present) -> None:
    code = office.do(alert_hours.begin_telegram, present=ada, zone="Asia/Shanghai")
    office.clock.advance(alert_hours.CODE_LASTS)
    assert office.do(alert_hours.show_code, code=code, address="telegram:4242") is None


def test_what_was_read_long_ago_is_forgotten_with_its_letters(office: Office, ada: Present) -> None:
    tell(office, staff="Ada")
    office.clock.advance(timedelta(days=1))
    office.do(alerts.read_all, staff=ada.staff, through=99)
    tell(office, AlertKind.BREACH, staff="Ada", key="x")
    office.clock.advance(alerts.KEPT + timedelta(days=1))
    assert office.do(alerts.forget_old) == 1
    assert [row.kind for row in office.rows(Alert)] == [AlertKind.BREACH]
    assert len(office.rows(AlertLetter)) == 1, "the letter tells of the other, too"
