"""What a business decides about cases, and the causes that it knows: read from its files, mistakes named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.causes import USUAL, within
from bot.playbook import Playbook, PlaybookMistakes, load
from bot.policy import ComplaintKind
from gateway.playbooks import files
from nlu.understanding import Language

FOLDER = Path(__file__).parents[2] / "playbook"

Loads = Callable[..., Playbook]


@pytest.fixture(scope="module")
def loads() -> Loads:
    given = files(FOLDER)

    def with_changes(*, policy: tuple[str, str] | None = None, **others: str) -> Playbook:
        changed = dict(given)
        if policy is not None:
            assert policy[0] in changed["policy.yml"]
            changed["policy.yml"] = changed["policy.yml"].replace(*policy)
        return load(changed | {f"{name}.yml": content for name, content in others.items()})

    return with_changes


def without_cases(loads: Loads) -> Playbook:
    text = files(FOLDER)["policy.yml"]
    begin, end = text.index("\ncases:\n"), text.index("# When a complaint is founded")
    return loads(policy=(text[begin:end], "\n"))


def test_a_playbook_that_says_nothing_has_sensible_rules(loads: Loads) -> None:
    policy = without_cases(loads).policy
    assert policy.cases.target(1, "ordinary").first_response < policy.cases.target(3, "ordinary").first_response
    assert policy.cases.target(3, "key").solution == policy.cases.target(3, "ordinary").solution / 2
    assert policy.may_grant("agent", "ordinary") == policy.authority["ordinary"], "agents what the assistant may"
    assert policy.may_grant("supervisor", "small").refund == float("inf")


def test_the_shop_gives_its_agents_more_than_the_assistant(loads: Loads) -> None:
    policy = loads().policy
    assert policy.may_grant("agent", "ordinary").refund == 400 > policy.authority["ordinary"].refund
    assert not policy.may_grant("agent", "not_to_win_back").replacement
    assert policy.may_grant("marketer", "key") == policy.authority["key"]


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        ("first_response: 0.5", "first_response: soon", "`cases.deadlines.urgent.first_response` should be a number"),
        ("first_response: 0.5", "first_answer: 1", "`cases.deadlines.urgent.first_answer` is not known here"),
        ("soon_hours: 1", "soon_hours: -1", "`cases.soon_hours` should be between 0 and 720"),
        ("recurring: 3", "recurring: 1", "`cases.recurring` should be at least 2"),
        ("tiers: {key: 0.5}", "tiers: {gold: 0.5}", "`cases.tiers.gold` is not known here"),
        (
            "      small: {refund: 200, voucher: 20, replacement: true}\n",
            "",
            "`cases.authority.agent.small` is missing",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(loads: Loads, right: str, wrong: str, sentence: str) -> None:
    with pytest.raises(PlaybookMistakes) as refused:
        loads(policy=(right, wrong))
    assert sentence in str(refused.value)


def test_the_usual_causes_cover_what_the_assistant_records_in_every_language() -> None:
    assert {kind.value for kind in ComplaintKind} <= set(USUAL)
    for cause in USUAL.values():
        assert all(cause.names[language] for language in Language), cause.id
        assert cause.parent is None or cause.parent in USUAL


NAME = "name: {en: X, zh-Hans: 甲, zh-Hant: 甲}"
TREE = "\n".join(f"{kind.value}: {{{NAME}}}" for kind in ComplaintKind if kind is not ComplaintKind.DELIVERY)


def test_a_business_has_its_own_causes(loads: Loads) -> None:
    own = (
        f"{TREE}\ndelivery:\n  {NAME}\n  causes:\n    courier:\n      {NAME}\n      causes:\n        lost: {{{NAME}}}\n"
    )
    causes = loads(causes=own).causes
    assert causes["delivery.courier.lost"].parent == "delivery.courier"
    assert list(causes)[-3:] == ["delivery", "delivery.courier", "delivery.courier.lost"]
    assert within("delivery.courier.lost", "delivery")
    assert not within("delivery.courierx", "delivery.courier")
    assert not within(None, "delivery")


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        (TREE, "delivery should stand here, too"),
        (f"{TREE}\ndelivery: {{name: {{en: X}}}}", "`delivery.name.zh-Hans` is missing"),
        (f"{TREE}\nDelivery: {{{NAME}}}", "`Delivery` should have small letters"),
        (f"{TREE}\ndelivery: {{{NAME}, cause: {{}}}}", "`delivery.cause` is not known here"),
    ],
)
def test_a_mistake_in_the_causes_is_named(loads: Loads, own: str, sentence: str) -> None:
    with pytest.raises(PlaybookMistakes) as refused:
        loads(causes=own)
    assert sentence in str(refused.value)
