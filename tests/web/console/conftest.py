"""The console of a house on each kind of database."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.clock import FrozenClock
from tests.web.console.people import Console, open_console


@pytest.fixture
async def console(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Console]:
    async with open_console(migrated_url, tmp_path, clock, monkeypatch) as opened:
        yield opened
