"""Providers of SMS beside Twilio and Kannel: what they tell us, and what we ask of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.channels import courier

DIFFERENT = {
    (
        "clickatell",
        "Valid Receive UTF-16BE",
    ): "an í is expected to become ý, which is a fault of that gateway's decoder",
}


def cases() -> list[Any]:
    names = ("africastalking", "bandwidth", "clickatell", "infobip", "messagebird", "nexmo", "plivo")
    return [
        pytest.param(name, case, id=f"{name}: {case['Label']}") for name in names for case in courier.incoming(name)
    ]


@pytest.mark.parametrize(("name", "case"), cases())
def test_every_given_request_is_understood(name: str, case: dict[str, Any]) -> None:
    inspection = courier.read(name, case)
    if (name, case["Label"]) in DIFFERENT:
        case = {**case, "ExpectedMsgText": case["ExpectedMsgText"].replace("ý", "í")}
    courier.check(inspection, case)
