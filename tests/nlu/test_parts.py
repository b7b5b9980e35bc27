"""Several questions in one message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.parts import MOST_CHARACTERS, MOST_PARTS, questions, statements


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("你好，发货要多久？能开发票吗？", ["你好, 发货要多久", "能开发票吗"]),
        ("鐵觀音一斤多少錢？有折扣嗎？", ["鐵觀音一斤多少錢", "有折扣嗎"]),
        ("龙井多少钱，铁观音呢", ["龙井多少钱", "铁观音呢"]),
        (
            "Hi! How long does shipping take, do you take paypal, and can I get an invoice?",
            ["Hi, How long does shipping take", "do you take paypal", "and can I get an invoice"],
        ),
        (
            "do you ship to Canada?? also what payment do you accept",
            ["do you ship to Canada", "also what payment do you accept"],
        ),
        ("Where is it? When does it come? I need it.", ["Where is it", "When does it come, I need it"]),
    ],
)
def test_each_question_stands_with_the_words_that_lead_to_it(text: str, parts: list[str]) -> None:
    assert questions(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "where is my order???",
        "我上周买的，现在到哪了？",
        "it cost 12.50, is that right?",
        "气死我了！你们到底有没有在做事！",
        "The teapot is broken. I am sad.",
        "v1.2?",
        "",
    ],
)
def test_one_question_is_left_whole(text: str) -> None:
    assert questions(text) == []


def test_a_question_beside_something_else_can_be_taken_apart() -> None:
    text = "please stop sending me offers, and where is my order SL20260012?"
    assert statements(text) == ["please stop sending me offers", "and where is my order SL20260012"]
    assert statements("please stop sending me offers. thank you") == []


@given(st.text(alphabet="a?？，。 吗多久\nw", max_size=MOST_CHARACTERS * 2))
def test_no_part_is_empty_and_a_story_is_never_taken_apart(text: str) -> None:
    for parts in (questions(text), statements(text)):
        assert len(parts) <= MOST_PARTS
        assert all(part.strip() for part in parts)
        assert not parts or len(text) <= MOST_CHARACTERS
