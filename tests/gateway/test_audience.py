"""The audience of several processes on one database: what one commits or notices is heard at the pages of the other."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.clock import FrozenClock
from tests.gateway.desk_house import House, open_house
from tests.waiting import until
from tests.web.console.listening import looking
from tests.web.console.people import Console, open_console


@pytest.fixture
async def console(
    migrated_postgres_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Console]:
    async with open_console(migrated_postgres_url, tmp_path / "here", clock, monkeypatch) as opened:
        yield opened


@pytest.fixture
async def elsewhere(
    console: Console, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    async with open_house(console.house.url, tmp_path / "there", clock, monkeypatch) as house:
        yield house


async def test_what_another_process_stores_is_heard_here(console: Console, elsewhere: House) -> None:
    ben = await console.staff("Ben", "agent")
    await elsewhere.write("hello")
    async with looking(ben, "conversation=1") as page:
        await until(lambda: elsewhere.gateway.audience.company.others_look)
        while await page.hears("conversation", seconds=1.5):
            pass  # its own start, and the look that makes up for what was not told before
        await elsewhere.write("are you there?")
        assert await page.hears("conversation")


async def test_who_looks_and_who_writes_is_known_everywhere(console: Console, elsewhere: House) -> None:
    ben = await console.staff("Ben", "agent")
    await elsewhere.write("hello")
    there = elsewhere.gateway.audience.company
    async with looking(ben, "conversation=1"):
        await until(lambda: [one.name for one in there.others(1, but=99)] == ["Ben"])
        await ben.post("/console/conversations/1/writing")
        await until(lambda: [one.writes for one in there.others(1, but=99)] == [True])
        elsewhere.letters.port.typing("letters:ann")
        here = console.house.gateway.audience.company
        await until(lambda: here.customer_is_writing(1))
    await until(lambda: there.others(1, but=99) == [])


async def test_where_nobody_looks_nothing_is_told(console: Console, elsewhere: House) -> None:
    assert not elsewhere.gateway.audience.company.others_look
    await elsewhere.write("hello")
    assert not console.house.gateway.audience.company.others_look
