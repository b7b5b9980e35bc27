"""How the terminal reaches the house: directly, or through the process that has the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner

from desk import conversations, inbox, people
from desk.refusals import NotFound, Stale
from gateway.cli import app
from gateway.lock import DataLock
from gateway.reach import NotReached, reach
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, open_house, settings_for

TOKEN = "only the lock file tells it"


@dataclass
class Served:
    """A house that a process serves, as `rapport run` does."""

    house: House
    url: str
    folder: Path


@pytest.fixture
async def served(
    migrated_sqlite_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Served]:
    async with open_house(migrated_sqlite_url, tmp_path, clock, monkeypatch) as house:
        server = TestServer(house.gateway.application(internal_token=TOKEN))
        await server.start_server()
        url = str(server.make_url("")).rstrip("/")
        with DataLock(tmp_path / "data") as lock:
            lock.tell(url=url, token=TOKEN)
            yield Served(house=house, url=url, folder=tmp_path)
        await server.close()


async def test_a_terminal_acts_through_the_process_that_has_the_file(served: Served) -> None:
    written = served.house.clock.now()
    await served.house.write("hello")
    async with reach(served.house.gateway.settings) as reached:
        assert reached.running
        thread = await reached.do(inbox.show, conversation=1)
        standing = await reached.do(conversations.take, conversation=1, by="mei")
        await reached.do(conversations.reply, conversation=1, by="mei", text="你好，我是小梅", seen=thread.seen + 1)
    await served.house.later(1)

    assert (standing.agent, standing.epoch) == ("mei", 1)
    assert [line.author for line in thread.lines] == ["customer", "bot"]
    assert thread.lines[0].at == written
    assert served.house.sent[-1] == "你好，我是小梅"


async def test_a_refusal_is_the_same_through_another_process(served: Served) -> None:
    await served.house.write("hello")
    async with reach(served.house.gateway.settings) as reached:
        await reached.do(conversations.take, conversation=1, by="mei")
        await served.house.write("wait")
        with pytest.raises(Stale) as refused:
            await reached.do(conversations.reply, conversation=1, by="mei", text="Hello")
        assert [line.text for line in refused.value.unseen] == ["wait"]
        with pytest.raises(NotFound, match="no contact"):
            await reached.do(people.contact, contact="nobody")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "203.0.113.9"},
    ],
    ids=["no token", "wrong token", "another scheme", "through a proxy"],
)
async def test_for_everybody_else_the_internal_interface_does_not_exist(
    served: Served, headers: dict[str, str]
) -> None:
    async with aiohttp.ClientSession() as session:
        for method, path in (("POST", "queue"), ("GET", "queue"), ("POST", "nothing")):
            async with session.request(method, f"{served.url}/internal/{path}", headers=headers, data="{}") as response:
                seen = response.status, await response.text()
            async with session.get(f"{served.url}/nowhere") as response:
                assert seen == (response.status, await response.text())


@pytest.mark.parametrize(("body", "status"), [("{", 400), ("[]", 400), ('{"agent": 7}', 409), ('{"agnt": null}', 409)])
async def test_a_request_that_makes_no_sense_is_refused_and_changes_nothing(
    served: Served, body: str, status: int
) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{served.url}/internal/queue", data=body) as response,
    ):
        assert response.status == status


async def test_a_running_process_that_does_not_answer_is_named(served: Served) -> None:
    with DataLock(served.folder / "other") as lock:
        lock.tell(url="http://127.0.0.1:9", token=TOKEN)
        settings = settings_for(f"sqlite:///{served.folder / 'other' / 'r.sqlite3'}", served.folder)
        settings = settings.model_copy(update={"data_dir": served.folder / "other"})
        async with reach(settings) as reached:
            with pytest.raises(NotReached, match="does not answer"):
                await reached.do(inbox.queue)


async def test_without_a_running_process_the_database_is_opened_directly(migrated_url: str, tmp_path: Path) -> None:
    async with reach(settings_for(migrated_url, tmp_path)) as reached:
        assert await reached.do(inbox.queue) == []
        with pytest.raises(NotFound):
            await reached.do(conversations.take, conversation=1, by="mei")


async def test_the_terminal_prints_what_an_agent_asks_for(served: Served) -> None:
    await served.house.write("hello [bold]there[/bold] \x1b[2J")
    await served.house.do(conversations.take, conversation=1, by="mei")
    folder, database = str(served.folder / "data"), str(served.house.gateway.settings.database_url)

    async def run(*arguments: str) -> tuple[int, str]:
        runner = CliRunner(env={"RAPPORT_DATABASE__URL": database, "COLUMNS": "200", "RAPPORT_SETTINGS": ""})
        result = await asyncio.to_thread(runner.invoke, app, ["--data-dir", folder, *arguments])
        return result.exit_code, result.output

    status, shown = await run("show", "1")
    assert status == 0, shown
    assert "hello [bold]there[/bold] ␛[2J" in shown, "words are shown, and steer no terminal"
    assert "mei has it" in shown
    status, listed = await run("queue", "--json")
    assert status == 0
    assert '"conversation":1' in listed
    status, refused = await run("reply", "1", "Hello", "--as", "bob")
    assert status == 1
    assert "mei has conversation 1; take it first, then reply" in refused
    status, _ = await run("reply", "1", "Hello", "--as", "mei")
    assert status == 0


async def test_what_customers_wrote_is_nobody_else_s_to_read(tmp_path: Path) -> None:
    with DataLock(tmp_path / "data"):
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0
