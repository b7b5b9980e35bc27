"""Long texts, cut for Telegram: nothing lost, nothing torn, and parted where a reader would pause."""

from __future__ import annotations

import re
import time

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.cleaning import clean
from channels.telegram.text import TEXT_LIMIT, split, units


def without_space(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(st.text(max_size=300), st.integers(min_value=4, max_value=40))
def test_every_part_fits_and_no_word_is_lost_or_repeated(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(0 < units(part) <= limit and part.strip() for part in parts)
    assert without_space("".join(parts)) == without_space(clean(text))


@given(
    st.lists(st.sampled_from(["👨‍👩‍👧‍👦", "🇨🇳", "👍🏽", "é", "한", "न्दी", "a", "中", "！️"]), max_size=60).map("".join)
)
@settings(max_examples=60)
def test_no_sign_is_torn_apart(text: str) -> None:
    signs = [sign for part in split(text, 40) for sign in regex.findall(r"\X", part)]
    assert signs == regex.findall(r"\X", text)


def test_a_short_text_is_one_part() -> None:
    assert split("你好") == ("你好",)


def test_nothing_to_say_is_no_part() -> None:
    assert split(" \n\x00 ") == ()


def test_telegram_counts_an_emoji_as_two() -> None:
    assert [units(part) for part in split("😀" * 2049)] == [4096, 2]


def test_a_text_of_exactly_the_limit_is_not_cut() -> None:
    assert split("x" * TEXT_LIMIT) == ("x" * TEXT_LIMIT,)


def test_paragraphs_stay_whole_where_they_can() -> None:
    assert split("One. Two.\n\nThree. Four. Five.", 24) == ("One. Two.", "Three. Four. Five.")


def test_then_lines() -> None:
    assert split("first line here\nsecond line", 22) == ("first line here", "second line")


def test_then_sentences() -> None:
    assert split("It is on its way. You will have it soon.", 30) == ("It is on its way.", "You will have it soon.")


def test_chinese_sentences_end_without_a_space() -> None:
    assert split("您的订单已发货。请注意查收！谢谢惠顾", 15) == ("您的订单已发货。请注意查收！", "谢谢惠顾")


def test_the_closing_quote_stays_with_its_sentence() -> None:
    assert split("他说：“明天送到。”我们会跟进这件事情", 14) == ("他说：“明天送到。”", "我们会跟进这件事情")


def test_then_words_and_clauses() -> None:
    assert split("no full stops in sight at all", 16) == ("no full stops in", "sight at all")
    assert split("今天下单，明天发货，后天就能收到包裹", 12) == ("今天下单，明天发货，", "后天就能收到包裹")


def test_a_decimal_point_ends_no_sentence() -> None:
    assert split("It costs 12.50 altogether today", 20) == ("It costs 12.50", "altogether today")


def test_a_single_sign_longer_than_a_message_is_still_sent() -> None:
    monster = "a" + "\u0301" * 100
    assert "".join(split(monster, 20)) == monster


def test_a_hundred_thousand_characters_are_cut_in_order() -> None:
    text = "退款申请已经收到。" * 12_000
    parts = split(text)
    assert "".join(parts) == text
    assert all(units(part) <= TEXT_LIMIT and part.endswith("。") for part in parts)


@pytest.mark.parametrize("unit", [".", "\n", " \n", '."', "a", "\u200d", "e\u0301", "？"])
def test_no_text_is_slow_to_cut(unit: str) -> None:
    """A hundred thousand of anything, in far less than a reader's blink would allow if the patterns backtracked."""
    began = time.process_time()
    split(unit * 100_000 + "x")
    assert time.process_time() - began < 1
