"""May we write now? The rule of quiet hours against given instants, and who is refused or made to wait for what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from campaigns.policy import Defer, Delay, Refusal, Send, Situation, Skip, may_write
from campaigns.quiet_hours import Window, allowed, next_allowed, zone
from tests.given import given

VECTORS: Mapping[str, Any] = json.loads(given("rules/quiet_hours/vectors.json").read_text("utf-8"))
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
NIGHT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
ZONES = (
    "Asia/Shanghai",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
)


def situation(purpose: str = "service", **changes: Any) -> Situation:
    plain = Situation(now=NOON, purpose=purpose, deadline=NOON + timedelta(hours=48), zone=SHANGHAI, consent=True)
    return replace(plain, **changes)


# Quiet hours


@pytest.mark.parametrize("case", VECTORS["instants"], ids=lambda case: f"{case['utc']}-{case['zone']}")
def test_each_given_instant_is_quiet_or_not_as_the_rule_says(case: Mapping[str, Any]) -> None:
    instant, where = datetime.fromisoformat(case["utc"]), ZoneInfo(case["zone"])
    assert instant.astimezone(where).isoformat() == case["local"]
    assert allowed(instant, where) is case["allowed_08_21"]
    expected = datetime.fromisoformat(case.get("next_allowed_utc", case["utc"]))
    assert next_allowed(instant, where) == expected


@pytest.mark.parametrize("case", VECTORS["gaps_and_folds"], ids=lambda case: f"{case['zone']}-{case['local']}")
def test_a_window_that_opens_in_a_gap_or_a_fold_opens_once(case: Mapping[str, Any]) -> None:
    where, opens = ZoneInfo(case["zone"]), datetime.fromisoformat(case["local"])
    window = Window(opens=opens.time(), closes=time(21))
    midnight = datetime.combine(opens.date(), time(0, 30), tzinfo=where).astimezone(UTC)
    first = next_allowed(midnight, where, window)
    assert first == datetime.fromisoformat(case["utc_fold0"])
    assert allowed(first, where, window)
    if case["ambiguous"]:
        again = datetime.fromisoformat(case["utc_fold1"])
        assert next_allowed(again, where, window) == again
        # Between the two the wall clock was turned back before the opening: quiet again, until it comes round.
        turned_back = again - timedelta(minutes=10)
        assert not allowed(turned_back, where, window)
        assert allowed(next_allowed(turned_back, where, window), where, window)


@examples(
    minutes=st.integers(0, 60 * 24 * 366 * 2), where=st.sampled_from(ZONES).map(ZoneInfo), second=st.integers(0, 59)
)
def test_next_allowed_is_the_first_allowed_instant_and_none_before_it(
    minutes: int, where: ZoneInfo, second: int
) -> None:
    instant = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes, seconds=second)
    found = next_allowed(instant, where)
    assert allowed(found, where)
    assert found == instant or not allowed(found - timedelta(microseconds=1), where)
    assert found - instant <= timedelta(hours=14)
    for quarters in range(int((found - instant) / timedelta(minutes=15))):
        assert not allowed(instant + timedelta(minutes=15) * quarters, where)


@pytest.mark.parametrize("name", [None, "", "Mars/Olympus", "../etc/passwd", "\x00"])
def test_a_zone_that_nobody_knows_counts_as_the_business_own(name: str | None) -> None:
    assert zone(name, "Asia/Shanghai") == SHANGHAI


def test_where_not_even_the_business_zone_is_known_it_is_utc() -> None:
    assert zone(None, "nowhere") == ZoneInfo("UTC")


# Who is refused, who waits


@pytest.mark.parametrize("purpose", ["service", "transactional", "survey", "marketing"])
def test_at_noon_with_consent_everything_leaves(purpose: str) -> None:
    assert may_write(situation(purpose)) == Send()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"address_closed": True}, Refusal.ADDRESS_CLOSED),
        ({"contact_blocked": True}, Refusal.CONTACT_BLOCKED),
        ({"epoch_passed": True}, Refusal.TAKEN_OVER),
        ({"deadline": NOON}, Refusal.TOO_LATE),
    ],
)
@pytest.mark.parametrize("purpose", ["service", "transactional", "survey", "marketing"])
def test_what_cannot_or_must_not_arrive_is_refused_whatever_its_purpose(
    purpose: str, changes: Mapping[str, Any], reason: Refusal
) -> None:
    assert may_write(situation(purpose, **changes)) == Skip(reason=reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"consent": None}, Refusal.NO_CONSENT),
        ({"consent": False}, Refusal.WITHDRAWN),
        ({"open_complaint": True}, Refusal.OPEN_COMPLAINT),
    ],
)
def test_marketing_needs_consent_and_no_open_complaint_and_a_refusal_is_not_deferred(
    changes: Mapping[str, Any], reason: Refusal
) -> None:
    assert may_write(situation("marketing", **changes)) == Skip(reason=reason)
    assert may_write(situation("marketing", now=NIGHT, in_conversation=True, **changes)) == Skip(reason=reason)
    for purpose in ("service", "transactional", "survey"):
        assert may_write(situation(purpose, **changes)) == Send()


def test_marketing_waits_while_a_person_is_in_conversation_with_the_contact() -> None:
    verdict = may_write(situation("marketing", in_conversation=True))
    assert verdict == Defer(until=NOON + timedelta(minutes=15), reason=Delay.IN_CONVERSATION)
    assert may_write(situation("service", in_conversation=True)) == Send()


@pytest.mark.parametrize("purpose", ["survey", "marketing"])
def test_surveys_and_marketing_wait_for_the_morning_of_the_contact(purpose: str) -> None:
    morning = datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
    assert may_write(situation(purpose, now=NIGHT)) == Defer(until=morning, reason=Delay.QUIET_HOURS)


@pytest.mark.parametrize("purpose", ["service", "transactional"])
def test_an_answer_keeps_no_quiet_hours(purpose: str) -> None:
    assert may_write(situation(purpose, now=NIGHT)) == Send()


@examples(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    where=st.sampled_from(ZONES).map(ZoneInfo),
    consent=st.sampled_from([None, False, True]),
    complaint=st.booleans(),
    people=st.booleans(),
)
def test_marketing_leaves_only_with_consent_by_day_without_complaint_and_with_nobody_talking(
    now: datetime, where: ZoneInfo, consent: bool | None, complaint: bool, people: bool
) -> None:
    asked = situation("marketing", now=now, deadline=now + timedelta(days=9), zone=where, consent=consent)
    verdict = may_write(replace(asked, open_complaint=complaint, in_conversation=people))
    wanted = consent is True and not complaint and not people and allowed(now, where)
    assert isinstance(verdict, Send) is wanted
    if isinstance(verdict, Defer):
        assert verdict.until > now
