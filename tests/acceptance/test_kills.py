"""Thirty real `kill -9` under load on each database; `make torture` does a thousand."""

from __future__ import annotations

import os

import pytest

from tests.torture import torture

KILLS = int(os.environ.get("RAPPORT_KILLS", "30"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("database", "formation", "share"),
    [("sqlite", "one", 1.0), ("postgresql", "roles", 0.5), ("postgresql", "all", 0.5)],
    ids=["sqlite-one-process", "postgresql-web-and-two-workers", "postgresql-three-of-all"],
)
async def test_killed_at_random_moments_nothing_is_lost_doubled_or_out_of_order(
    database: str, formation: str, share: float
) -> None:
    report = await torture(kills=round(KILLS * share), database=database, formation=formation, seed=1)
    assert report.mistakes == []
    assert report.messages > 0
    assert report.replies > 0
