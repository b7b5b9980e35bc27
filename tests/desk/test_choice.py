"""Who gets what waits: explained, the same every time, and never somebody who cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from desk.choice import Choice, Missing, Need, Person, Takes, Why, choose, team_for

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
NEED = Need(language="en", channel="webchat", tier="ordinary")


def person(staff: int, **facts: object) -> Person:
    return replace(Person(staff=staff, capacity=5), **facts)


def test_who_has_least_to_do_for_what_they_can_do_gets_it() -> None:
    people = [person(1, load=2.0, capacity=4), person(2, load=3.0, capacity=10), person(3, load=1.0, capacity=2)]
    assert choose(NEED, people) == Choice(staff=2, why=Why.LEAST_BUSY)


def test_of_equals_who_was_given_something_longest_ago_and_who_never_was_comes_first() -> None:
    early, late = person(1, given_at=NOON), person(2, given_at=NOON + timedelta(minutes=1))
    assert choose(NEED, [late, early]) == Choice(staff=1, why=Why.LONGEST_IDLE)
    assert choose(NEED, [late, early, person(3)]) == Choice(staff=3, why=Why.LONGEST_IDLE)
    assert choose(NEED, [person(8), person(7)]) == Choice(staff=7, why=Why.NEXT)


def test_who_wrote_with_the_customer_before_gets_it_though_busier_but_not_when_full() -> None:
    need = replace(NEED, before=1)
    assert choose(need, [person(1, load=4.0), person(2)]) == Choice(staff=1, why=Why.KNOWS)
    assert choose(need, [person(1, load=4.5), person(2)]) == Choice(staff=2, why=Why.ONLY)


def test_the_customers_language_must_be_spoken() -> None:
    chinese, english = person(1, languages=frozenset({"zh-Hans"})), person(2, languages=frozenset({"en"}), load=4.0)
    assert choose(NEED, [chinese, english]) == Choice(staff=2, why=Why.ONLY)
    assert choose(NEED, [chinese]) is Missing.LANGUAGE
    assert choose(replace(NEED, language="fr"), [chinese]) == Choice(staff=1, why=Why.ONLY), "nobody can be asked to"
    assert choose(replace(NEED, language=None), [chinese]) == Choice(staff=1, why=Why.ONLY)


def test_what_it_is_about_must_be_known_where_it_is_known_what_it_is_about() -> None:
    returns = person(1, topics=frozenset({"returns"}))
    assert choose(replace(NEED, topics=frozenset({"privacy"})), [returns]) is Missing.TOPIC
    assert choose(replace(NEED, topics=frozenset({"privacy", "returns"})), [returns]) == Choice(staff=1, why=Why.ONLY)
    assert choose(NEED, [returns]) == Choice(staff=1, why=Why.ONLY)


def test_who_let_it_wait_does_not_get_it_again_before_others_were_asked_for_long() -> None:
    need = replace(NEED, tried=frozenset({1}))
    assert choose(need, [person(1)]) is Missing.OTHERS
    assert choose(need, [person(1), person(2, load=4.0)]) == Choice(staff=2, why=Why.ONLY)
    again = choose(replace(need, widened=True), [person(1)])
    assert again == Choice(staff=1, why=Why.ONLY, lacks=(Missing.OTHERS,))


def test_what_waited_too_long_goes_to_whoever_is_here_and_lacks_least() -> None:
    need = replace(NEED, team=9, topics=frozenset({"legal"}), widened=True)
    stranger = person(1, languages=frozenset({"zh-Hans"}), teams=frozenset({9}))
    layman = person(2, topics=frozenset({"orders"}), load=4.0)
    assert choose(need, [stranger, layman]) == Choice(staff=2, why=Why.ONLY, lacks=(Missing.TEAM, Missing.TOPIC))
    assert choose(need, [stranger]) == Choice(staff=1, why=Why.ONLY, lacks=(Missing.LANGUAGE,))


def test_a_mail_fits_where_a_chat_does_not() -> None:
    nearly_full = [person(1, load=4.5)]
    assert choose(NEED, nearly_full) is Missing.ROOM
    assert choose(replace(NEED, weight=0.5), nearly_full) == Choice(staff=1, why=Why.ONLY)


def test_the_team_that_takes_it_most_expressly_has_it() -> None:
    everything = Takes(team=1)
    key = Takes(team=2, tiers=frozenset({"key"}))
    english = Takes(team=3, languages=frozenset({"en"}))
    returns = Takes(team=4, topics=frozenset({"returns"}))
    teams = [everything, key, english, returns]
    assert team_for(replace(NEED, language="zh-Hans"), teams) == 1
    assert team_for(NEED, teams) == 3
    assert team_for(replace(NEED, tier="key"), teams) == 2
    assert team_for(replace(NEED, tier="key", topics=frozenset({"returns"})), teams) == 4
    assert team_for(NEED, [returns]) is None
    assert team_for(NEED, [everything, Takes(team=7)]) is None, "equals: it is everybody's"


words = some.frozensets(some.sampled_from(["zh-Hans", "zh-Hant", "en"]), max_size=2)
topics = some.frozensets(some.sampled_from(["orders", "returns", "legal"]), max_size=2)
persons = some.builds(
    Person,
    staff=some.integers(1, 6),
    languages=words,
    topics=topics,
    teams=some.frozensets(some.integers(1, 3), max_size=2),
    capacity=some.integers(0, 4),
    load=some.sampled_from([0.0, 0.5, 1.0, 2.0, 3.5]),
    given_at=some.none() | some.sampled_from([NOON, NOON + timedelta(hours=1)]),
)
needs = some.builds(
    Need,
    language=some.sampled_from([None, "en", "zh-Hant", "fr"]),
    channel=some.just("webchat"),
    tier=some.just("ordinary"),
    topics=topics,
    weight=some.sampled_from([0.5, 1.0]),
    team=some.none() | some.integers(1, 3),
    before=some.none() | some.integers(1, 6),
    tried=some.frozensets(some.integers(1, 6), max_size=2),
    widened=some.booleans(),
)
crowds = some.lists(persons, max_size=6, unique_by=lambda one: one.staff)


def fits(need: Need, one: Person) -> bool:
    return (
        (need.team is None or need.team in one.teams)
        and (need.language in (None, "fr") or not one.languages or need.language in one.languages)
        and (not need.topics or not one.topics or bool(need.topics & one.topics))
        and one.staff not in need.tried
    )


@given(needs, crowds, some.randoms(use_true_random=False))
def test_the_order_in_which_people_come_changes_nothing(need: Need, crowd: list[Person], chance: object) -> None:
    shuffled = list(crowd)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert choose(need, crowd) == choose(need, shuffled)


@given(needs, crowds)
def test_somebody_is_found_exactly_when_somebody_could_take_it(need: Need, crowd: list[Person]) -> None:
    free = [one for one in crowd if one.capacity and one.load + need.weight <= one.capacity]
    able = free if need.widened else [one for one in free if fits(need, one)]
    found = choose(need, crowd)
    assert isinstance(found, Choice) == bool(able)
    if isinstance(found, Choice):
        assert found.staff in {one.staff for one in able}


@given(needs, crowds)
def test_nobody_who_fits_and_has_room_is_passed_over_for_one_who_does_not_fit(need: Need, crowd: list[Person]) -> None:
    found = choose(need, crowd)
    fitting = [one for one in crowd if one.capacity and one.load + need.weight <= one.capacity and fits(need, one)]
    if isinstance(found, Choice) and fitting:
        assert found.lacks == ()
        chosen = next(one for one in crowd if one.staff == found.staff)
        if found.why is not Why.KNOWS:
            assert chosen.load / chosen.capacity == min(one.load / one.capacity for one in fitting)
