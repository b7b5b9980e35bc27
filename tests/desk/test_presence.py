"""Presence: nobody is given anything who is not there, and nobody has to think of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from desk import logins, presence, staff
from desk.logins import Present
from desk.presence import Because
from desk.refusals import Unusable
from storage.database import synchronous_engine
from storage.presence import State
from tests.clock import FrozenClock
from tests.desk.floor import Floor

AFTER = timedelta(minutes=15)


@pytest.fixture
def floor(migrated_url: str, clock: FrozenClock) -> Iterator[Floor]:
    engine = synchronous_engine(migrated_url)
    yield Floor(engine, clock)
    engine.dispose()


def state(floor: Floor, somebody: Present) -> tuple[State, Because]:
    here = floor.do(presence.of, staff=somebody.staff, idle=AFTER)
    return here.state, here.because


def beat(floor: Floor, somebody: Present, *, idle: float = 0, after: float = 30) -> None:
    floor.clock.advance(after)
    floor.do(presence.heard, present=somebody, idle=idle, after=AFTER)


def test_whoever_logs_in_takes_nothing_before_they_say_so(floor: Floor) -> None:
    ben = floor.colleague(floor.ada, "Ben", "agent")
    assert state(floor, ben) == (State.OFFLINE, Because.OUT)
    beat(floor, ben)
    assert state(floor, ben) == (State.AWAY, Because.NOT_SAID)
    floor.say(ben, "available")
    assert state(floor, ben) == (State.AVAILABLE, Because.SAID)
    floor.say(ben, "away")
    assert state(floor, ben) == (State.AWAY, Because.SAID)


def test_what_is_no_state_is_refused(floor: Floor) -> None:
    with pytest.raises(Unusable):
        floor.say(floor.ada, "asleep")


def test_who_logs_out_is_offline_and_says_it_anew_at_the_next_login(floor: Floor) -> None:
    ben = floor.here("Ben")
    floor.do(logins.leave, present=ben, client="::1")
    assert state(floor, ben) == (State.OFFLINE, Because.OUT)
    floor.clock.advance(5)
    ben = floor.log_in("ben@shop.test")
    beat(floor, ben)
    assert state(floor, ben) == (State.AWAY, Because.NOT_SAID)


def test_a_second_browser_changes_nothing(floor: Floor) -> None:
    ben = floor.here("Ben")
    floor.clock.advance(60)
    elsewhere = floor.log_in("ben@shop.test")
    beat(floor, elsewhere)
    assert state(floor, ben) == (State.AVAILABLE, Because.SAID)


def test_who_touches_nothing_is_away_and_is_back_with_the_next_touch(floor: Floor) -> None:
    ben = floor.here("Ben")
    for minutes in range(1, 16):
        beat(floor, ben, idle=60 * minutes, after=60)
    assert state(floor, ben) == (State.AWAY, Because.IDLE)
    beat(floor, ben, idle=1)
    assert state(floor, ben) == (State.AVAILABLE, Because.SAID)


def test_of_two_pages_the_one_that_is_touched_counts(floor: Floor) -> None:
    ben = floor.here("Ben")
    for minutes in range(1, 20):
        beat(floor, ben, idle=2, after=30)
        beat(floor, ben, idle=60 * minutes, after=30)
    assert state(floor, ben) == (State.AVAILABLE, Because.SAID)


def test_a_page_that_is_heard_no_more_was_closed(floor: Floor) -> None:
    ben = floor.here("Ben")
    floor.clock.advance(149)
    assert state(floor, ben)[0] is State.AVAILABLE
    floor.clock.advance(2)
    assert state(floor, ben) == (State.OFFLINE, Because.SILENT)
    beat(floor, ben)
    assert state(floor, ben)[0] is State.AVAILABLE, "a laptop that was shut for a moment"


def test_a_page_that_was_idle_when_it_fell_silent_is_away_for_an_hour(floor: Floor) -> None:
    ben = floor.here("Ben")
    beat(floor, ben, idle=900, after=900)
    floor.clock.advance(3500)
    assert state(floor, ben) == (State.AWAY, Because.IDLE)
    floor.clock.advance(200)
    assert state(floor, ben) == (State.OFFLINE, Because.SILENT)


def test_who_is_let_go_is_gone_at_once(floor: Floor) -> None:
    ben = floor.here("Ben")
    floor.do(staff.let_go, by=floor.ada, staff=ben.staff)
    assert [here.name for here in floor.do(presence.everybody, idle=AFTER)] == ["Ada"]
    assert state(floor, ben) == (State.OFFLINE, Because.OUT)


def test_marketers_are_not_waited_for(floor: Floor) -> None:
    floor.colleague(floor.ada, "Max", "marketer")
    floor.here("Ben")
    assert [here.name for here in floor.do(presence.everybody, idle=AFTER)] == ["Ada", "Ben"]


def test_several_pages_of_one_person_are_not_a_write_each(floor: Floor) -> None:
    ben = floor.here("Ben")
    floor.clock.advance(10)
    assert not floor.do(presence.worth_noting, present=ben)
    floor.clock.advance(10)
    assert floor.do(presence.worth_noting, present=ben)


def test_since_when_somebody_is_what_they_are_is_known(floor: Floor) -> None:
    ben = floor.here("Ben")
    said = floor.clock()
    floor.run(60)
    assert floor.do(presence.of, staff=ben.staff, idle=AFTER).since == said
    floor.people.clear()
    floor.run(200)
    here = floor.do(presence.of, staff=ben.staff, idle=AFTER)
    assert (here.state, here.since) == (State.OFFLINE, floor.clock())
