"""Phone numbers: what they are, however they were written; and who can be answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given as property_of
from hypothesis import strategies as st

from channels.request import Unreadable
from channels.sms.numbers import SenderKind, describe, e164, person, sender
from tests.given import given

REFERENCE = json.loads(given("channels/phone_numbers/reference_numbers.json").read_bytes())
EDGES = json.loads(given("channels/phone_numbers/edge_cases.json").read_bytes())
ZONES = json.loads(given("rules/quiet_hours/phone_time_zones.json").read_bytes())["cases"]


@pytest.mark.parametrize("case", REFERENCE, ids=lambda case: case["expected_e164"])
def test_a_given_number_is_the_same_however_it_was_written(case: dict[str, Any]) -> None:
    for written in (value for key, value in case.items() if key.startswith("input_")):
        number = describe(written, case["region"])
        assert number is not None
        told = {f"expected_{name}": getattr(number, name) for name in ("e164", "valid", "possible", "type", "region")}
        assert {key: value for key, value in told.items() if key in case} == {
            key: value for key, value in case.items() if key.startswith("expected_")
        }
        assert case["expected_valid"] <= (e164(written, case["region"]) == case["expected_e164"])


@pytest.mark.parametrize("case", EDGES, ids=lambda case: case["input"])
def test_a_given_odd_number_is_read_as_expected(case: dict[str, Any]) -> None:
    number = describe(case["input"], case["region"])
    assert (number is None) == (case["e164"] is None)
    if number is not None:
        assert number.e164 == case["e164"]
        assert (number.valid, number.possible, number.type) == (case["valid"], case["possible"], case["type"])
        assert number.extension == case["extension"]


@pytest.mark.parametrize("case", ZONES, ids=lambda case: case["e164"])
def test_a_number_knows_the_time_zones_that_its_owner_may_live_in(case: dict[str, Any]) -> None:
    number = describe(case["e164"])
    assert number is not None
    assert list(number.time_zones) == case["time_zones"]


@pytest.mark.parametrize(
    ("written", "region", "address"),
    [
        ("+8613800138000", None, "tel:+8613800138000"),
        ("8613800138000", None, "tel:+8613800138000"),
        ("13800138000", "CN", "tel:+8613800138000"),
        ("8613800138000", "CN", "tel:+8613800138000"),
        ("(206) 555-1234", "US", "tel:+12065551234"),
        ("60124361111", "US", "tel:+60124361111"),
        ("10086", "CN", "sms:10086"),
        ("24453", None, "sms:24453"),
    ],
)
def test_providers_write_numbers_with_and_without_a_plus(written: str, region: str | None, address: str) -> None:
    assert person(written, region) == address


@pytest.mark.parametrize("written", ["MTN", "", "+", "12", "not a number", "９" * 40, "\x00", "+1'; DROP TABLE"])
def test_what_is_no_number_is_nobody(written: str) -> None:
    with pytest.raises(Unreadable):
        person(written)


@pytest.mark.parametrize(
    ("written", "kind"),
    [("+8613800138000", SenderKind.NUMBER), ("10690", SenderKind.SHORT_CODE), ("ACME Shop", SenderKind.NAME)],
)
def test_only_a_number_can_be_asked_to_reply(written: str, kind: SenderKind) -> None:
    found = sender(written)
    assert found is not None
    assert found.kind is kind
    assert found.can_reply == (kind is SenderKind.NUMBER)


@property_of(st.text(max_size=60), st.sampled_from([None, "CN", "US", "XX"]))
def test_whatever_stands_where_a_number_should_is_a_number_or_not(written: str, region: str | None) -> None:
    number = e164(written, region)
    assert number is None or (number.startswith("+") and number[1:].isascii() and number[1:].isdigit())
    sender(written, region)
    describe(written, region)
