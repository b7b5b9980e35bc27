"""A Rasa server beside us that is killed, hangs, is given good and bad models: messages are answered all the while.

Each test runs with a stand-in for the server process; with `-m slow` with a real Rasa, too.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import shutil
import signal
import stat
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from nlu.embedded import Embedded
from nlu.fallback import WithFallback
from nlu.rasa_client import Rasa, RasaSettings
from nlu.rasa_models import KEPT, Card, Models, Score
from nlu.rasa_project import Environment
from nlu.rasa_server import RasaServer, ServerFailed, token_of
from nlu.rasa_supervisor import State, Supervisor, told
from nlu.understanding import Understanding
from tests import rasa
from tests.given import CHECKOUT
from tests.nlu.fake_rasa_child import LEFT_BEHIND

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TEXTS = {"我要退款": "refund_request", "I want a refund please": "refund_request", "你好": "greet", "hello": "greet"}
PATIENCE = 900
"""Seconds: a busy machine needs minutes to load a real model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """An environment with a server in it, and what is a model there."""

    environment: Environment
    models: Models
    good: Callable[[Path], object]
    """Puts a good model there."""

    def add(self, day: int, content: bytes | None = None) -> Card:
        """A model, good unless it is given a content."""
        card = Card(
            name=self.models.new(NOW + timedelta(days=day)),
            trained_at=NOW,
            seconds=1,
            examples=1,
            epochs=1,
            data="",
            tested_on="held out",
        )
        path = self.models.path(card.name)
        if content is None:
            self.good(path)
        else:
            path.write_bytes(content)
        self.models.note(card)
        return card

    @asynccontextmanager
    async def supervised(self, health_seconds: float = 10.0) -> AsyncGenerator[Supervisor]:
        supervisor = Supervisor(
            self.environment, self.models, look_seconds=0.05, waits=(0.05,), health_seconds=health_seconds
        )
        supervisor.start()
        try:
            yield supervisor
        finally:
            await supervisor.stop()


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.slow)])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    models = Models(tmp_path / "rasa")
    if request.param == "stand-in":
        return Stage(environment=rasa.stand_in(tmp_path), models=models, good=lambda path: path.write_text("well"))
    model: Path = request.getfixturevalue("rasa_model")
    return Stage(environment=rasa.environment(), models=models, good=lambda path: shutil.copyfile(model, path))


@pytest.fixture
def acting(tmp_path: Path) -> Stage:
    """With the stand-in alone, which can be told to misbehave."""
    return Stage(
        environment=rasa.stand_in(tmp_path),
        models=Models(tmp_path / "rasa"),
        good=lambda path: path.write_text("well"),
    )


async def ready(supervisor: Supervisor, model: str) -> None:
    async with asyncio.timeout(PATIENCE):
        await supervisor.until(State.READY, model=model)


def engine(supervisor: Supervisor, embedded: Embedded) -> tuple[Rasa, WithFallback]:
    settings = RasaSettings(
        url=lambda: supervisor.url, token=supervisor.token, model=lambda: supervisor.told.model, timeout=2.0
    )
    client = Rasa(settings)
    return client, WithFallback(client, embedded, timeout=2.0, failures_to_open=3, pause=0.1)


class Load:
    """Customers that write without a pause, each waiting for an answer before the next message."""

    def __init__(self, engine: WithFallback) -> None:
        self.answers: list[tuple[str, Understanding]] = []
        self._engine = engine
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Load:
        self._tasks = [asyncio.create_task(self._write(number)) for number in range(4)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def until(self, name: str, model: str | None = None) -> None:
        """Until the engine of this name, with this model, has answered a message written from now on."""
        known = len(self.answers)
        async with asyncio.timeout(PATIENCE):
            while not any(said.engine == name and model in (None, said.model) for _, said in self.answers[known:]):
                await asyncio.wait(self._tasks, timeout=0.02)
                for task in self._tasks:
                    if task.done():
                        task.result()

    async def _write(self, number: int) -> None:
        while True:
            for text in list(TEXTS)[number:] + list(TEXTS)[:number]:
                (said,) = await self._engine.understand([text])
                self.answers.append((text, said))
                await asyncio.sleep(0)


async def test_a_server_killed_under_load_is_started_anew_and_every_message_has_its_answer(
    stage: Stage, embedded: Embedded
) -> None:
    card = stage.models.serve(stage.add(0), NOW)
    async with stage.supervised() as supervisor:
        await ready(supervisor, card.name)
        client, understander = engine(supervisor, embedded)
        async with Load(understander) as load:
            await load.until("rasa", card.name)
            first = supervisor.told.server
            os.kill(first, signal.SIGKILL)
            await load.until("embedded")
            await load.until("rasa", card.name)
        await client.close()
        assert supervisor.told.server != first
        assert supervisor.told.restarts == 1
        assert [(text, said) for text, said in load.answers if not said.intent or said.intent.name != TEXTS[text]] == []


async def test_a_model_is_swapped_under_load_in_the_running_server_and_no_message_is_lost(
    stage: Stage, embedded: Embedded
) -> None:
    old = stage.models.serve(stage.add(0), NOW)
    async with stage.supervised() as supervisor:
        await ready(supervisor, old.name)
        server = supervisor.told.server
        client, understander = engine(supervisor, embedded)
        async with Load(understander) as load:
            await load.until("rasa", old.name)
            new = stage.models.serve(stage.add(1), NOW)
            await load.until("embedded")
            await load.until("rasa", new.name)
        await client.close()
        assert (supervisor.told.server, supervisor.told.restarts) == (server, 0)
        assert {said.engine for _, said in load.answers} == {"rasa", "embedded"}
        assert [text for text, said in load.answers if not said.intent or said.intent.name != TEXTS[text]] == []


async def test_a_model_that_cannot_be_read_is_refused_and_the_old_one_goes_on(stage: Stage) -> None:
    good = stage.models.serve(stage.add(0), NOW)
    async with stage.supervised() as supervisor:
        await ready(supervisor, good.name)
        stage.models.serve(stage.add(1, b"\x1f\x8bno archive"), NOW)
        async with asyncio.timeout(PATIENCE):
            while not supervisor.told.reason:
                await supervisor.until(State.SWAPPING)
                await supervisor.until(State.READY)
        assert "does not take the model" in supervisor.told.reason
        assert supervisor.told.model == good.name
        client = Rasa(RasaSettings(url=lambda: supervisor.url, token=supervisor.token, timeout=60))
        (said,) = await client.understand(["我要退款"])
        await client.close()
        assert said.intent is not None
        assert said.intent.name == "refund_request"


async def test_the_server_wants_the_token_and_nobody_can_read_it_from_outside(stage: Stage, tmp_path: Path) -> None:
    card = stage.add(0)
    token = token_of(stage.models.folder)
    log = tmp_path / "rasa.log"
    async with RasaServer(stage.environment, token=token, log=log) as server, aiohttp.ClientSession() as http:
        await server.start(stage.models.path(card.name))
        async with http.post(f"{server.url}/model/parse", json={"text": "hello"}) as answer:
            assert answer.status == 401
        process = Path(f"/proc/{server.pid}")
        assert token.encode() not in (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    assert token not in log.read_text(errors="replace")
    assert stat.S_IMODE((stage.models.folder / "token").stat().st_mode) == 0o600
    assert not process.exists()


async def test_a_model_that_is_none_does_not_start(stage: Stage, tmp_path: Path) -> None:
    card = stage.add(0, b"\x1f\x8bno archive")
    async with RasaServer(stage.environment, token="t", log=tmp_path / "rasa.log") as server:
        with pytest.raises(ServerFailed):
            await server.start(stage.models.path(card.name))
        assert not server.alive


async def test_a_server_that_falls_silent_is_started_anew(acting: Stage) -> None:
    card = acting.models.serve(acting.add(0, b"falls silent"), NOW)
    async with acting.supervised(health_seconds=0.05) as supervisor:
        await ready(supervisor, card.name)
        async with asyncio.timeout(PATIENCE):
            await supervisor.until(State.FAILED)
        assert supervisor.told.reason == "Rasa does not answer any more"
        acting.models.path(card.name).write_text("well")
        await ready(supervisor, card.name)


async def test_a_server_that_cannot_start_is_tried_again_and_says_why(acting: Stage) -> None:
    card = acting.models.serve(acting.add(0, b"dies"), NOW)
    async with acting.supervised() as supervisor:
        async with asyncio.timeout(PATIENCE):
            await supervisor.until(State.FAILED)
        assert "this model is the end of me" in supervisor.told.reason
        assert supervisor.url is None
        acting.models.path(card.name).write_text("well")
        await ready(supervisor, card.name)
        assert told(acting.models.folder) == supervisor.told


async def test_nothing_is_served_until_a_model_is_promoted(acting: Stage) -> None:
    async with acting.supervised() as supervisor:
        async with asyncio.timeout(PATIENCE):
            await supervisor.until(State.NO_MODEL)
        card = acting.models.serve(acting.add(0), NOW)
        await ready(supervisor, card.name)


async def test_of_two_that_serve_one_folder_the_second_uses_the_first_one_s_server_and_takes_over_after_it(
    acting: Stage,
) -> None:
    card = acting.models.serve(acting.add(0), NOW)
    async with acting.supervised() as second:
        first = second
        await ready(first, card.name)
        async with acting.supervised() as second:
            async with asyncio.timeout(PATIENCE):
                await second.until(State.ELSEWHERE)
            assert second.url == first.url
            await first.stop()
            await ready(second, card.name)
            assert told(acting.models.folder).state is State.READY


async def test_the_server_ends_with_us_however_we_end(acting: Stage) -> None:
    """Even killed: nobody is left who could have told it."""
    card = acting.models.serve(acting.add(0), NOW)
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from nlu.rasa_models import Models\n"
        "from nlu.rasa_project import Environment\n"
        "from nlu.rasa_supervisor import State, Supervisor\n"
        "async def main():\n"
        "    supervisor = Supervisor(Environment(python=Path(sys.argv[1])), Models(Path(sys.argv[2])))\n"
        "    supervisor.start()\n"
        "    await supervisor.until(State.READY)\n"
        "    print(supervisor.told.server, file=sys.stderr, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", program, str(acting.environment.python), str(acting.models.folder)]
    parent = await asyncio.create_subprocess_exec(*command, cwd=CHECKOUT, stdout=DEVNULL, stderr=PIPE)
    assert parent.stderr is not None
    server = int(await parent.stderr.readline())
    assert told(acting.models.folder).model == card.name
    parent.kill()
    await parent.wait()
    await asyncio.to_thread(until_gone, server)
    assert told(acting.models.folder).state is State.STOPPED


async def test_what_a_server_leaves_in_its_temporary_folder_goes_with_it_or_with_the_next_one(acting: Stage) -> None:
    def left() -> int:
        return len(list(acting.models.folder.rglob(LEFT_BEHIND)))

    card = acting.models.serve(acting.add(0), NOW)
    killed = acting.models.folder / "rapport-scratch-of-somebody-killed"
    killed.mkdir()
    (killed / LEFT_BEHIND).touch()
    async with acting.supervised() as supervisor:
        await ready(supervisor, card.name)
        assert left() == 1
        os.kill(supervisor.told.server, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE):
            await supervisor.until(State.FAILED)
        await ready(supervisor, card.name)
        assert left() == 1
    assert left() == 0
    assert not (Path(tempfile.gettempdir()) / LEFT_BEHIND).exists()


def until_gone(process: int) -> None:
    descriptor = os.pidfd_open(process)
    ended, _, _ = select.select([descriptor], [], [], 60)
    os.close(descriptor)
    assert ended


def test_of_the_models_three_are_kept_and_the_served_one_always(acting: Stage) -> None:
    models = acting.models
    first = models.serve(acting.add(0), NOW)
    others = [acting.add(day) for day in range(1, 5)]
    models.serve(first, NOW)
    assert len(models.names()) == KEPT
    assert models.names() == [others[3].name, others[2].name, first.name]
    assert models.served() == first.name
    assert models.card(others[0].name) is None


def test_a_card_comes_back_as_it_was_written_and_a_broken_one_is_none(acting: Stage) -> None:
    score = Score(tested=10, right=9, out_of_scope=2, refused=1)
    card = acting.add(0)
    written = acting.models.serve(replace(card, score=score), NOW)
    assert acting.models.card(card.name) == written
    assert written.promoted_at == NOW
    (acting.models.folder / f"{card.name}.json").write_text(json.dumps({"name": 7}))
    assert acting.models.card(card.name) is None


@pytest.mark.parametrize("content", ["", "../../etc/passwd", "20260101-000000", "\x00"])
def test_a_pointer_that_leads_nowhere_serves_nothing(acting: Stage, content: str) -> None:
    acting.models.folder.mkdir()
    (acting.models.folder / "served").write_text(content)
    assert acting.models.served() is None
