"""Waiting for what happens outside of this process, or in real time: looking again, not sleeping a guess."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LOOK_AGAIN = 0.02
"""Seconds between two looks."""


async def until(condition: Callable[[], object], *, within: float = 15.0) -> None:
    """Return once the condition holds. Raises TimeoutError when it does not within so many seconds."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  # what we wait for rings no bell
            await asyncio.sleep(LOOK_AGAIN)


async def a_moment() -> None:
    """Let the outside go on before the next try."""
    await asyncio.sleep(LOOK_AGAIN)
