"""Segments: what a text costs, and where a long one is parted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given as property_of
from hypothesis import strategies as st

from channels.sms.parting import parted
from channels.sms.segments import BASIC, EXTENSION, Encoding, Reference, count, graphemes, segments
from channels.sms.transliteration import transliterated
from tests.given import given

GIVEN = [
    case
    for name in ("twilio_asserted_vectors", "reference_vectors")
    for case in json.loads(given(f"channels/sms_segmentation/{name}.json").read_bytes())
]


@pytest.mark.parametrize("case", GIVEN, ids=lambda case: case.get("name") or case["body"][:20])
def test_every_given_text_is_counted_as_operators_do(case: dict[str, Any]) -> None:
    counted = count(case["body"])
    told = {
        "encoding": counted.encoding.value,
        "segments": counted.segments,
        "message_bits": counted.bits,
        "total_bits": counted.total_bits,
        "characters": counted.characters,
        "unicode_scalars": len(case["body"]),
    }
    assert {key: value for key, value in told.items() if key in case} == {key: case[key] for key in told if key in case}
    assert segments(case["body"]) == counted.segments


def test_the_alphabet_has_its_128_codes_and_ten_behind_the_escape() -> None:
    assert len(set(BASIC)) == 128
    assert BASIC.index("A") == 0x41
    assert BASIC.index("à") == 0x7F
    assert len(EXTENSION) == 10


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("a" * 160, Encoding.GSM_7, 160, 1),
        ("a" * 161, Encoding.GSM_7, 161, 2),
        ("a" * 306, Encoding.GSM_7, 306, 2),
        ("a" * 307, Encoding.GSM_7, 307, 3),
        ("a" * 152 + "€" + "a" * 152, Encoding.GSM_7, 306, 3),  # the escape stays with its sign
        ("订" * 70, Encoding.UCS_2, 70, 1),
        ("订" * 71, Encoding.UCS_2, 71, 2),
        ("订" * 66 + "😀" + "订" * 66, Encoding.UCS_2, 134, 3),  # the pair is not torn
        ("a" * 66 + "👨\u200d👩\u200d👧" + "a" * 10, Encoding.UCS_2, 84, 2),
        ("", Encoding.GSM_7, 0, 1),
    ],
)
def test_a_text_is_cut_where_nothing_is_torn(text: str, encoding: Encoding, units: int, parts: int) -> None:
    counted = count(text)
    assert (counted.encoding, counted.units, counted.segments) == (encoding, units, parts)


def test_a_sixteen_bit_reference_costs_an_octet_more_a_segment() -> None:
    assert count("a" * 306, Reference.EIGHT_BIT).segments == 2
    assert count("a" * 306, Reference.SIXTEEN_BIT).segments == 3
    assert count("订" * 134, Reference.EIGHT_BIT).segments == 2
    assert count("订" * 134, Reference.SIXTEEN_BIT).segments == 3


def test_what_forced_ucs_2_is_named_once_and_in_order() -> None:
    assert count("It\u2019s \u201cready\u201d \u2013 it\u2019s yours").forced_by == (
        "\u2019",
        "\u201c",
        "\u201d",
        "\u2013",
    )
    assert count("plain").forced_by == ()


def test_typography_gives_way_where_that_alone_makes_the_text_dear() -> None:
    assert transliterated("It\u2019s \u201cready\u201d\u00a0\u2013 now\u2026") == 'It\'s "ready" - now...'
    assert transliterated("“您的订单” 已发出…") == "“您的订单” 已发出…"
    assert transliterated("Dvořák\u2019s") == "Dvořák\u2019s"


def test_a_long_text_is_parted_between_sentences_and_never_in_a_link() -> None:
    link = "https://shop.example.com/orders/" + "7" * 120
    text = "Thank you for your order. " * 10 + link + " is where it stands."
    parts = parted(text, 2)
    assert len(parts) == 2
    assert any(link in part for part in parts)
    assert all(count(part).segments <= 2 for part in parts)
    assert parts[0].endswith("order.")


@property_of(st.text(max_size=400), st.integers(1, 3))
def test_parts_hold_all_of_a_text_and_keep_to_the_limit(text: str, limit: int) -> None:
    parts = parted(text, limit)
    joined = "".join("".join(parts).split())
    assert joined == "".join(text.replace("\0", "").split())
    for part in parts:
        assert count(part).segments <= limit or len(graphemes(part)) == 1


@property_of(
    st.text(
        alphabet=st.characters(min_codepoint=0x20, max_codepoint=0xFFFF, exclude_categories=("Cs",))
        | st.sampled_from("aé订。，\r\n€\u3099\u302a\uff9e\u200d😀"),
        max_size=220,
    )
)
def test_counting_quickly_counts_the_same(text: str) -> None:
    assert segments(text) == count(text).segments


@property_of(st.text(alphabet=st.sampled_from("a€订😀é\u0301\u200d\r\n👩"), max_size=300))
def test_segments_never_hold_more_than_fits(text: str) -> None:
    counted = count(text)
    room = 160 if counted.encoding is Encoding.GSM_7 else 70
    assert counted.segments >= -(-counted.units // room)
    assert segments(text) == counted.segments
