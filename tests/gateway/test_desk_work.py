"""The desk's work begins with the first person, case or thing that waits for it, and not before."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from desk import staff
from storage.cases import Case
from storage.commits import Transaction
from storage.staff import Role
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, open_house


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    async with open_house(migrated_url, tmp_path, clock, monkeypatch) as running:
        yield running


def of_a_broken_teapot(transaction: Transaction) -> None:
    """A case that the assistant opened."""
    now = transaction.now
    lists: dict[str, Any] = {"facts": {}, "proposal": {}, "promises": []}
    row = {"number": "C-1042", "contact_id": 1, "kind": "complaint", "status": "open", "subject": "a broken teapot"}
    row |= {"priority": 3, "survey_asked": False, "opened_at": now, "updated_at": now}
    transaction.connection.execute(insert(Case), row | lists)


async def begun(house: House) -> bool:
    """After a look at whether there is somebody to work for."""
    await house.gateway.desk.look()
    return house.gateway.desk.begun


async def test_where_nobody_works_and_nothing_waits_nothing_is_done(house: House) -> None:
    assert not await begun(house)
    await house.write("hello")
    assert not await begun(house), "the assistant answers by itself"


async def test_it_begins_with_the_first_person(house: House) -> None:
    await house.do(staff.add, name="Ada", email="ada@example.com", roles=[Role.ADMIN], language="en")
    assert await begun(house)
    await house.gateway.desk.look()
    assert await begun(house), "once"


async def test_it_begins_with_the_first_case(house: House) -> None:
    await house.write("hello")
    await house.do(of_a_broken_teapot)
    assert await begun(house)


async def test_a_house_that_has_not_begun_has_not_loaded_what_it_begins_with() -> None:
    code = (
        "import sys, gateway.gateway;"
        "print([name for name in ('gateway.desk_ticks', 'gateway.hooks', 'desk.retention', 'desk.erasure',"
        " 'web.console.routes', 'web.api.routes') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: ASYNC221
    assert done.stdout.strip() == "[]"
