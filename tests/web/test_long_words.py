"""What customers write is masked for whoever may not see it, and one word without an end does not hold the house up."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from desk import same_person
from web.api import answers
from web.console import case_words

ENDLESS = ("a" * 40_000, "a@" + "b" * 40_000, "+1" + "1" * 40_000, "a@b." * 10_000, "13 " * 10_000)
READERS: dict[str, Callable[[str], object]] = {
    "for programs": lambda words: answers.hidden({"facts": {"what": words}}),
    "in a case": case_words.hidden,
    "same person": lambda words: (same_person.MAIL.findall(words), same_person.PHONE.findall(words)),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_word_without_an_end_is_read_in_a_moment(reader: str) -> None:
    began = time.process_time()
    for words in ENDLESS:
        READERS[reader](words)
    assert time.process_time() - began < 10, "looked through from each of its letters to its end, it took minutes"


def test_addresses_are_masked_wherever_they_stand() -> None:
    words = "mei.lin@shop.example, b@x.y+c@z.w or +86 138 0000 0000"
    assert answers.hidden({"facts": {"how": words}}) == {
        "facts": {"how": "me…@shop.example, b…@x.y+c…@z.w or +86 1…00"}
    }
    assert case_words.hidden("mei@shop.example; +8613800000000") == "me…@shop.example; +86…00"
