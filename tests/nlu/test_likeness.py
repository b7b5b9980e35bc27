"""What was learnt before is not learnt twice, and what stands against it is pointed out."""

from __future__ import annotations

import pytest

from nlu import training
from nlu.learning import simplified_characters
from nlu.likeness import Finding, Known
from nlu.training import Example
from tests.nlu.shop import TRAINING_DATA


@pytest.fixture(scope="module")
def simplified() -> dict[int, int]:
    return str.maketrans(*simplified_characters())


def known(simplified: dict[int, int], *said: tuple[str, str]) -> Known:
    examples = [
        Example(text=text, intent=intent, file="zh/a.yml", line=line) for line, (text, intent) in enumerate(said, 1)
    ]
    return Known(examples, simplified)


@pytest.mark.parametrize("text", ["我要退款", "我要退款！！", "我 要 退 款", "ＯＫ我要退款"[2:], "我要退款。"], ids=str)
def test_the_same_words_are_a_duplicate_however_they_are_written(simplified: dict[int, int], text: str) -> None:
    (found,) = known(simplified, ("我要退款", "refund_request")).like(text, "refund_request")
    assert found.finding is Finding.DUPLICATE
    assert found.sentence == "known already: “我要退款” (zh/a.yml:1)"


def test_traditional_characters_width_case_and_numbers_make_no_difference(simplified: dict[int, int]) -> None:
    before = known(simplified, ("订单SL20260012到了吗", "order_status"))
    for text in ("訂單SL20269999到了嗎", "订单sl1到了吗？", "订单ＳＬ２０２６００１２到了吗"):
        assert [one.finding for one in before.like(text, "order_status")] == [Finding.DUPLICATE]


def test_the_same_words_for_another_intent_contradict(simplified: dict[int, int]) -> None:
    (found,) = known(simplified, ("我要退款", "refund_request")).like("我要退款!", "return_request")
    assert found.finding is Finding.CONTRADICTION
    assert "taught as refund_request: “我要退款” (zh/a.yml:1)" in found.sentence


def test_nearly_the_same_words_for_another_intent_are_pointed_out(simplified: dict[int, int]) -> None:
    before = known(simplified, ("please change my order today", "order_change"), ("hello there", "greet"))
    (found,) = before.like("please exchange my order today", "exchange_request")
    assert found.finding is Finding.NEAR_CONTRADICTION
    assert 0.8 <= found.alike < 1
    assert "order_change" in found.sentence


def test_nearly_the_same_words_for_the_same_intent_are_welcome(simplified: dict[int, int]) -> None:
    assert known(simplified, ("please change my order today", "x")).like("please change my order now", "x") == []


def test_a_word_that_turns_the_meaning_is_another_word(simplified: dict[int, int]) -> None:
    before = known(simplified, ("可以退吗", "return_request"), ("24/7?", "opening_hours"))
    assert before.like("可以换吗", "exchange_request") == []
    assert before.like("10/10", "satisfied") == []


def test_marks_alone_are_compared_as_they_are(simplified: dict[int, int]) -> None:
    assert known(simplified, ("???", "greet")).like("!!!", "anger") == []
    assert known(simplified, ("👍", "affirm")).like("👍", "affirm")[0].finding is Finding.DUPLICATE


def test_what_is_taught_today_is_hardly_ever_called_contradictory(simplified: dict[int, int]) -> None:
    examples = training.read(TRAINING_DATA).examples
    every = Known(examples, simplified)
    asked = examples[::40]
    doubted = [
        one for one in asked if any(f.finding is not Finding.DUPLICATE for f in every.like(one.text, one.intent))
    ]
    assert len(doubted) / len(asked) < 0.05
