"""What belongs to one person does not become an example for all."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.entities import Entities
from nlu.reviewed import in_one_line, marked
from nlu.stand_ins import impersonal, spans_of
from tests.nlu.shop import CATALOGUE

FINDER = Entities(catalogue=CATALOGUE)


def kept(text: str, *marks: tuple[str, str]) -> str:
    spans = spans_of(text, FINDER.find(text), marks)
    result = impersonal(text, spans, FINDER, seed=7)
    return marked(result.text, result.entities)


def test_an_order_number_is_replaced_by_one_that_the_pattern_knows() -> None:
    said = kept("订单SL20260012到哪了")
    assert (number := re.fullmatch(r"订单\[(SL\d{8})\]\(order_number\)到哪了", said))
    assert number[1] != "SL20260012"
    assert kept("订单SL20260012到哪了") == said, "the same message has the same stand-in"
    assert FINDER.find(number[1])[0].kind == "order_number"


@pytest.mark.parametrize("number", ["13912345678", "+86 139 1234 5678", "+44 7911 123456", "+1 415 555 2671"])
def test_a_phone_is_replaced_by_an_example_of_its_country(number: str) -> None:
    said = kept(f"call me on {number} please")
    assert "(phone)" in said
    assert number not in said
    stand_in = re.search(r"\[(.*?)\]", said)
    assert stand_in
    (found,) = FINDER.find(stand_in[1])
    (real,) = FINDER.find(number)
    assert found.kind == "phone"
    assert found.value != real.value
    assert phonenumbers.parse(found.value).country_code == phonenumbers.parse(real.value).country_code


def test_a_mail_address_is_nobodys() -> None:
    assert kept("write to anna.li@corp.cn") == "write to [someone@example.com](email)"


def test_what_is_everybodys_stays_as_it_is() -> None:
    assert kept("龙井昨天涨到129元了？") == "[龙井](product)[昨天](date)涨到[129元](amount)了？"


def test_long_numbers_and_pages_that_are_nothing_we_know_are_not_kept() -> None:
    said = kept("card 6222 0212 3456 7890, see https://shop.example/o/8812?token=abc ok")
    assert "6222" not in said
    assert "token" not in said
    assert re.fullmatch(r"card \d{4} \d{4} \d{4} \d{4}, see https://example\.com ok", said)


def test_a_person_marks_what_was_not_found_and_unmarks_what_was_wrong() -> None:
    assert re.fullmatch(
        r"number \[\d{5}\]\(order_number\) of the \[rosy tea\]\(product\)",
        kept("number 48213 of the rosy tea", ("48213", "order_number"), ("rosy tea", "product")),
    )
    assert kept("the Longjing valley", ("Longjing", "")) == "the Longjing valley"


def test_every_place_of_marked_words_is_marked() -> None:
    assert kept("oolong or oolong?", ("oolong", "product")) == "[oolong](product) or [oolong](product)?"


@pytest.mark.parametrize(
    ("marks", "sentence"),
    [
        (("tea", "colour"), "“colour” is no entity"),
        (("coffee", "product"), "“coffee” does not stand in the message"),
        (("", "product"), "“” does not stand in the message"),
    ],
)
def test_a_mark_that_makes_no_sense_is_told(marks: tuple[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        kept("green tea", marks)


@given(st.text(max_size=120))
def test_no_long_number_survives_whatever_stands_around_it(noise: str) -> None:
    text = in_one_line(f"{noise} 6217002870004321567 {noise}")
    spans = spans_of(text, FINDER.find(text))
    result = impersonal(text, spans, FINDER, seed=3)
    assert "6217002870004321567" not in result.text
    for entity in result.entities:
        assert result.text[entity.start : entity.end] == entity.value
