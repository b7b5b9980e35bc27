"""What an operator and a load balancer ask a running process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import text

from channels.envelope import OutboundMessage, SendError, SendErrorCode
from tests.acceptance.house import House, Post, Provider, message, open_house
from tests.clock import FrozenClock


@pytest.fixture
async def house(small_house: None, tmp_path: Path, clock: FrozenClock, migrated_url: str) -> AsyncGenerator[House]:
    async def refused(provider: Provider, outbound: OutboundMessage) -> None:
        raise SendError(SendErrorCode.UNREACHABLE, "refused")

    channels = [Post("post", Provider()), Post("courier", Provider(), refused)]
    house = await open_house(tmp_path, channels, clock, migrated_url)
    yield house
    await house.stop()


async def asked(house: House, path: str) -> tuple[int, str]:
    async with TestClient(TestServer(house.application())) as client:
        answer = await client.get(path)
        return answer.status, await answer.text()


async def test_who_lives_says_so_and_who_has_a_database_is_ready(house: House) -> None:
    assert (await asked(house, "/healthz"))[0] == 200
    assert (await asked(house, "/readyz"))[0] == 200


async def test_on_a_database_of_another_version_a_process_lives_and_is_not_ready(house: House) -> None:
    statement = text("UPDATE alembic_version SET version_num = '9999'")
    await house.commits.run(lambda transaction: transaction.connection.execute(statement))
    assert (await asked(house, "/healthz"))[0] == 200
    status, said = await asked(house, "/readyz")
    assert status == 503
    assert "9999" in said


async def test_what_happened_is_counted_by_channel_and_outcome_and_nobody_is_quoted(
    house: House, clock: FrozenClock
) -> None:
    await house.ports["post"].accept([message("post", "post:1", "m1", "secretword")])
    await house.ports["courier"].accept([message("courier", "courier:1", "c1", "person secretword")])
    await house.settle()
    clock.advance(0.25)  # less than any retry waits
    await house._measure()
    status, page = await asked(house, "/metrics")
    assert status == 200
    samples = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line[0] != "#"}

    def of(*words: str) -> list[float]:
        return [value for name, value in samples.items() if all(word in name for word in words)]

    assert of("received_total", 'channel="post"') == [1.0]
    assert of("handled_total", 'channel="courier"') == [1.0]
    assert of("sent_total", 'channel="post"', "sent") == [1.0]
    assert of("sent_total", 'channel="courier"', "retrying") == [1.0]
    assert of("depth", "outbox") == of("depth", "agents") == [1.0]
    assert of("seconds", "agents") == [0.25]
    assert of("commit", "_count")[0] > 0
    assert "secretword" not in page
