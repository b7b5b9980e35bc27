"""A house on each kind of database, and programs that speak with it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.clock import FrozenClock
from tests.web.api.programs import Interface, open_interface


@pytest.fixture
async def interface(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Interface]:
    async with open_interface(migrated_url, tmp_path, clock, monkeypatch) as opened:
        yield opened
