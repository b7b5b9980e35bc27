"""A crash anywhere loses nothing, doubles nothing, and leaves the books in balance.

A failure names its seed: `RAPPORT_CRASH_SEED=4711 python -m pytest tests/acceptance/test_crashes.py -k seed` plays it
again. `RAPPORT_CRASH_RUNS` says how many seeds are played.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import structlog

from tests.acceptance import crashes
from tests.acceptance.crashes import Run

RUNS = int(os.environ.get("RAPPORT_CRASH_RUNS", "2000"))
SEED = os.environ.get("RAPPORT_CRASH_SEED")


def _drop(_logger: object, _name: str, _event: object) -> str:
    raise structlog.DropEvent


_SILENT = structlog.wrap_logger(None, processors=[_drop])


@pytest.fixture
def disk(small_house: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr("storage.database.sqlite_engine", crashes.engine_at)
    monkeypatch.setattr("gateway.gateway.open_database", crashes.open_inline)
    # Engines that fail are part of the plot, and thousands of tracebacks are not worth their time.
    for module in ("turns", "send", "gateway"):
        monkeypatch.setattr(f"gateway.{module}.log", _SILENT)
    return tmp_path


def test_a_crash_at_any_boundary_of_a_busy_day_is_taken_up(disk: Path, migrated_sqlite: Path) -> None:
    calm = Run(seed=7, folder=disk, template=migrated_sqlite, dies=[])
    calm.play()
    assert calm.boundaries > 10
    for boundary in range(1, calm.boundaries + 1):
        Run(seed=7, folder=disk, template=migrated_sqlite, dies=[boundary]).play()


def test_a_crash_while_taking_up_what_a_crash_left_is_taken_up_too(disk: Path, migrated_sqlite: Path) -> None:
    for first in range(2, 30, 3):
        for second in range(1, 8, 2):
            Run(seed=11, folder=disk, template=migrated_sqlite, dies=[first, second, 2]).play()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_no_seed_loses_or_doubles_anything(part: int, disk: Path, migrated_sqlite: Path) -> None:
    if SEED is not None:
        Run(seed=int(SEED), folder=disk, template=migrated_sqlite).play()
        return
    for seed in range(part, RUNS, 10):
        Run(seed=seed, folder=disk, template=migrated_sqlite).play()
