"""The search index follows the conversations by itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from desk.rights import RIGHTS
from desk.search import Results, Seeker, search
from gateway.search_upkeep import FOR, REST, SearchUpkeep
from storage.search_upkeep import PIECE
from storage.staff import Role
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, open_house

BEN = Seeker(name="Ben", rights=RIGHTS[Role.AGENT])


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    async with open_house(migrated_url, tmp_path, clock, monkeypatch) as running:
        yield running


async def test_what_is_said_is_found_after_the_next_tick(house: House) -> None:
    await house.write("the kettle leaks")
    (tick,) = [job for job in house.gateway.ticks.jobs if getattr(job, "__name__", "") == "_index"]
    await tick()
    assert (await _looked_for(house, "kettle")).lines.rows[0].text == "the kettle leaks"


async def test_an_old_house_is_taken_up_piece_by_piece() -> None:
    old = Rows(450)
    await SearchUpkeep(old.take_up, clock=lambda: 0.0).keep_up()
    assert (old.left, old.pieces) == (0, 4), "and a last look whether anything is left"


async def test_however_much_there_is_a_tick_is_over_before_the_next() -> None:
    old, times = Rows(1_000_000), iter((0.0, 0.0, 0.001, 0.005, 0.005 + FOR / (REST + 1)))
    await SearchUpkeep(old.take_up, clock=lambda: next(times)).keep_up()
    assert old.pieces == 2


class Rows:
    """What is left to index."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.pieces = 0

    async def take_up(self, _verb: object) -> int:
        piece = min(self.left, PIECE)
        self.left -= piece
        self.pieces += 1
        return piece


async def _looked_for(house: House, query: str) -> Results:
    return await house.do(search, query=query, by=BEN, zone=ZoneInfo("UTC"))
