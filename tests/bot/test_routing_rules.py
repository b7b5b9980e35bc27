"""How a business says who gets what waits, and how it hears of its mistakes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.located import Mistake, Place, read_mapping
from bot.routing import RoutingRules
from bot.routing_file import read_routing


def read(content: str) -> tuple[RoutingRules, list[str]]:
    mistakes: list[Mistake] = []
    root = read_mapping(content, Place("policy.yml", mistakes))
    assert root is not None
    return read_routing(root), [str(mistake) for mistake in mistakes]


def test_what_is_not_said_is_as_usual() -> None:
    assert read("business: {}") == (RoutingRules(), [])
    assert read("routing:\n  capacity: 3\n") == (RoutingRules(capacity=3), [])


def test_everything_can_be_said() -> None:
    rules, mistakes = read(
        "routing: {automatic: false, capacity: 8, mail_counts: 0.25, resting_minutes: 30, take_minutes: 5,"
        " take_mail_hours: 1, answer_minutes: 20, answer_mail_hours: 8, gone_minutes: 2, idle_minutes: 10}"
    )
    assert mistakes == []
    assert rules.automatic is False
    assert rules.to_take(mail=False) == timedelta(minutes=5)
    assert rules.to_take(mail=True) == timedelta(hours=1)
    assert rules.to_answer(mail=False, gone=False) == timedelta(minutes=20)
    assert rules.to_answer(mail=False, gone=True) == timedelta(minutes=2)
    assert rules.to_answer(mail=True, gone=True) == timedelta(hours=8), "a mail waits for whoever was gone over night"
    assert (rules.weight(mail=True), rules.weight(mail=False)) == (0.25, 1.0)
    assert (rules.resting, rules.idle) == (timedelta(minutes=30), timedelta(minutes=10))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("capacity: 0", "policy.yml:2: `routing.capacity` should be at least 1."),
        ("capacity: many", "policy.yml:2: `routing.capacity` should be a whole number."),
        ("answer_minutes: 0", "`routing.answer_minutes` should be at least 1."),
        ("mail_counts: 2", "`routing.mail_counts` should be between 0 and 1."),
        ("automatic: perhaps", "`routing.automatic` should be true or false."),
        ("gone_minutes: 30", "`routing.gone_minutes` should not be above `routing.answer_minutes`"),
        ("capasity: 3", "`routing.capasity` is not known here; known are answer_mail_hours,"),
    ],
)
def test_a_mistake_is_named_with_its_line(line: str, says: str) -> None:
    _, mistakes = read(f"routing:\n  {line}\n")
    assert len(mistakes) == 1
    assert says in mistakes[0]


def test_a_list_is_no_section() -> None:
    rules, mistakes = read("routing: [1, 2]")
    assert (rules, len(mistakes)) == (RoutingRules(), 1)
