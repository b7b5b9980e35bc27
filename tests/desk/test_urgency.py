"""Urgency: who is answered first, and the reasons that are given for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from desk.urgency import Reason, Situation, Why, answer_by, at_risk, reasons

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WAITS = Situation(since=NOW - 10 * MINUTE, deadline=None, tier="ordinary", priority=3, angry=False, letters=False)

situations = st.builds(
    Situation,
    since=st.none() | st.integers(0, 5000).map(lambda minutes: NOW - minutes * MINUTE),
    deadline=st.none() | st.integers(-5000, 5000).map(lambda minutes: NOW + minutes * MINUTE),
    tier=st.sampled_from(["key", "ordinary", "small", "not_to_win_back", "unheard of"]),
    priority=st.integers(1, 4),
    angry=st.booleans(),
    letters=st.booleans(),
)


def instant(situation: Situation) -> datetime:
    found = answer_by(situation)
    assert found is not None
    return found


def test_of_two_who_wait_equally_long_the_more_important_comes_first() -> None:
    for more in (
        replace(WAITS, tier="key"),
        replace(WAITS, priority=2),
        replace(WAITS, angry=True),
        replace(WAITS, deadline=NOW - MINUTE),
        replace(WAITS, since=NOW - 11 * MINUTE),
    ):
        assert instant(more) < instant(WAITS)
    for less in (replace(WAITS, tier="small"), replace(WAITS, priority=4), replace(WAITS, letters=True)):
        assert instant(less) > instant(WAITS)


@given(situations, st.integers(1, 100_000))
def test_whoever_waits_longer_is_never_later_in_the_list(situation: Situation, minutes: int) -> None:
    if situation.since is not None:
        longer = replace(situation, since=situation.since - minutes * MINUTE)
        assert instant(longer) <= instant(situation)


@given(situations)
def test_nobody_is_overtaken_for_ever(situation: Situation) -> None:
    """Even a key customer who comes a day later, angry and urgent, stands behind who has waited since then."""
    if situation.since is not None:
        later = Situation(
            since=situation.since + timedelta(days=1), deadline=None, tier="key", priority=1, angry=True, letters=False
        )
        assert instant(situation) < instant(later)


@given(situations)
def test_who_has_something_to_wait_for_has_a_place_and_a_reason(situation: Situation) -> None:
    assert (answer_by(situation) is None) == (situation.since is None and situation.deadline is None)
    if situation.since is not None:
        assert reasons(situation, NOW)[-1].why is Why.WAITS
    if at_risk(situation, NOW):
        assert reasons(situation, NOW)


def test_reasons_come_with_their_times_the_weightiest_first() -> None:
    situation = replace(WAITS, tier="key", priority=2, angry=True, deadline=NOW + 20 * MINUTE, handed_over_for="policy")
    assert [each.why for each in reasons(situation, NOW)] == [Why.DEADLINE, Why.ANGRY, Why.HIGH, Why.KEY, Why.WAITS]
    assert reasons(situation, NOW)[0] == Reason(why=Why.DEADLINE, seconds=1200.0)
    assert reasons(replace(situation, deadline=NOW - MINUTE), NOW)[0] == Reason(why=Why.LATE, seconds=60.0)
    assert reasons(replace(WAITS, since=None), NOW) == []


def test_what_is_late_or_soon_will_be_is_at_risk() -> None:
    assert not at_risk(WAITS, NOW)
    assert at_risk(WAITS, NOW + 5 * MINUTE)
    assert at_risk(replace(WAITS, since=None, deadline=NOW + 59 * MINUTE), NOW)
    assert not at_risk(replace(WAITS, since=None, deadline=NOW + 61 * MINUTE), NOW)
    assert at_risk(replace(WAITS, since=None, deadline=NOW - MINUTE), NOW)
