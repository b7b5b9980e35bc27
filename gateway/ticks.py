"""Ticks: what is to be done every so many seconds, also after somebody has set the wall clock back.

APScheduler plans by the wall clock: set back by an hour, it would be silent for an hour. So the steady clock is looked
at beside it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
STEP = timedelta(seconds=1)
"""NTP slews what is less than half a second; what is more has been set."""


class Ticks:
    """Calls each job every so many seconds, one call of a job at a time."""

    def __init__(
        self,
        jobs: Mapping[Callable[[], Any], int],
        *,
        on_set_back: Callable[[], Awaitable[None]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`jobs` with the seconds between their calls; `on_set_back`: the wall clock has been set back.

        `clock`: the one that APScheduler goes by."""
        self._calls = jobs
        self._clock = clock
        self._monotonic = monotonic
        self._on_set_back = on_set_back
        # However late: a tick that is left out because the loop was busy would be missed until the next.
        habits = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=habits)
        self._jobs = [
            self._scheduler.add_job(_until_the_end(job), "interval", seconds=seconds)  # pyright: ignore[reportUnknownMemberType]
            for job, seconds in jobs.items()
        ]
        self._ahead = self._ahead_of_the_steady_clock()
        self._watching: asyncio.Task[None] | None = None

    @property
    def jobs(self) -> Sequence[Callable[[], Any]]:
        """What is called."""
        return tuple(self._calls)

    def start(self) -> None:
        self._scheduler.start()
        self._watching = asyncio.create_task(self._watch(), name="clock")

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Compare the clocks; where the wall's has been set back since the last look, begin anew from now."""
        before, self._ahead = self._ahead, self._ahead_of_the_steady_clock()
        if before - self._ahead >= STEP:
            log.warning("clock_set_back", seconds=(before - self._ahead).total_seconds())
            for job in self._jobs:
                job.modify(next_run_time=datetime.now(UTC))  # pyright: ignore[reportUnknownMemberType]
            await self._on_set_back()

    def _ahead_of_the_steady_clock(self) -> timedelta:
        return self._clock() - datetime.fromtimestamp(0, UTC) - timedelta(seconds=self._monotonic())


def _until_the_end(job: Callable[[], Any]) -> Callable[[], Any]:
    """Whatever is at work when the scheduler is stopped ends there. That is no failure, and is not logged as one."""
    if not iscoroutinefunction(job):
        return job

    @wraps(job)
    async def run() -> None:
        with suppress(asyncio.CancelledError):
            await job()

    return run
