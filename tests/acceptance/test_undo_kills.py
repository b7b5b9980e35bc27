"""`kill -9` while what an agent wrote waits for them to think better of it: it is sent once or taken back, never both,
and the thread says which."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest

from tests.acceptance.agent_at_work import agent_at_work

JUST_BEFORE_IT_LEAVES = 4.7
"""Seconds after the first of the replies was written."""


@pytest.mark.slow
async def test_whoever_dies_before_a_reply_leaves_sends_it_once_or_not_at_all(tmp_path: Path) -> None:
    chance = Random(7)
    async with agent_at_work(tmp_path) as ada:
        talks, fates = await ada.take_over(), set[str]()
        for number, wait in enumerate((0.0, 0.0, JUST_BEFORE_IT_LEAVES)):
            written = time.monotonic()
            said = [await ada.reply(chat, at, f"word {number} for {chat}") for chat, at in talks.items()]
            await ada.wait(wait, since=written)
            regretted = said[::2]
            agreed = await ada.take_back_while_it_dies(regretted, chance)
            await ada.come_back()
            for one in said:
                fate = await ada.fate(one)
                if one in agreed:
                    assert fate == "taken back", f"{one} was taken back, and then: {fate}"
                allowed = {"sent", *({"taken back"} if one in regretted else ()), *({"unknown"} if wait else ())}
                assert fate in allowed
                fates.add(fate)
    assert {"sent", "taken back"} <= fates
