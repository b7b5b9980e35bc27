"""The engine knows no storage, so some words stand twice in the house: then they are the same words."""

from __future__ import annotations

from enum import StrEnum

import pytest

from bot import turn
from storage import consents, conversations


@pytest.mark.parametrize(
    ("spoken", "stored"), [(turn.Owner, conversations.Owner), (turn.Purpose, consents.Purpose)], ids=str
)
def test_what_the_engine_says_is_what_is_stored(spoken: type[StrEnum], stored: type[StrEnum]) -> None:
    assert {word.name: word.value for word in spoken} == {word.name: word.value for word in stored}
