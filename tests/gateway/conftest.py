"""What the tests of the gateway share: a small house with one channel. Some open a house of their own instead."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.acceptance.house import House, Post, Provider, open_house, small_house
from tests.clock import FrozenClock

__all__ = ["small_house"]


@pytest.fixture
async def house(small_house: None, tmp_path: Path, clock: FrozenClock, migrated_url: str) -> AsyncGenerator[House]:
    house = await open_house(tmp_path, [Post("post", Provider())], clock, migrated_url)
    yield house
    await house.stop()
