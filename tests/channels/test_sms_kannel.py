"""Kannel: what it tells us, and what we ask of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.channels import courier


@pytest.mark.parametrize("case", courier.incoming("kannel"), ids=courier.label)
def test_every_given_request_is_understood(case: dict[str, Any]) -> None:
    courier.check(courier.read("kannel", case), case)
