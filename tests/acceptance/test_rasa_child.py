"""The whole house with a Rasa that it runs itself: conversation begins before Rasa is there, and goes on without it."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp.test_utils import unused_port
from typer.testing import CliRunner

from gateway import inspecting_nlu, rasa_child
from gateway.cli.app import app
from gateway.findings import Level
from gateway.settings import Settings
from nlu import rasa_project
from nlu.rasa_models import Card, Models, Score
from nlu.rasa_project import Environment, RasaMissing
from nlu.rasa_supervisor import State, told
from storage.interactions import TurnRecord
from tests import rasa
from tests.acceptance.tea_house import TeaHouse, Visitor, open_tea_house
from tests.waiting import until

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
WORDS = "I want a refund"
OWN = {"engine": "rasa", "timeout": 5.0, "breaker_failures": 100}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    environment = rasa.stand_in(tmp_path)
    monkeypatch.setattr(rasa_child, "find_environment", lambda: environment)
    return environment


def promoted(house_data: Path) -> Card:
    """A model in the data folder, as `rapport nlu train --promote` leaves it."""
    models = Models(house_data / "rasa")
    card = Card(
        name=models.new(NOW),
        trained_at=NOW,
        seconds=61.5,
        examples=9000,
        epochs=25,
        data="",
        tested_on="held out",
        score=Score(tested=1000, right=950, out_of_scope=0, refused=0, calibration_error=0.021),
    )
    models.path(card.name).write_text("well")
    return models.serve(card, NOW)


def last_turn(house: TeaHouse) -> dict[str, Any]:
    (message,) = orjson.loads(house.rows(TurnRecord)[-1]["facts"])["messages"]
    return message["understanding"]


async def until_rasa_answers(house: TeaHouse, visitor: Visitor, *, other_than: int = 0) -> dict[str, Any]:
    folder = house.gateway.settings.data_dir / "rasa"
    await until(lambda: told(folder).state is State.READY and told(folder).server != other_than, within=60)
    await visitor.ask(WORDS)
    return last_turn(house)


async def test_conversation_begins_at_once_and_rasa_understands_when_it_is_there(
    installed: Environment, tmp_path: Path, trained_models: Path
) -> None:
    async with open_tea_house(tmp_path, trained_models, nlu=OWN) as house, aiohttp.ClientSession() as http:
        data = house.gateway.settings.data_dir
        visitor = await Visitor(house, http).visit()
        await visitor.ask(WORDS)
        said = last_turn(house)
        assert (said["engine"], said["failure"].split(" (")[0]) == ("embedded", "rasa: cannot be reached")
        card = promoted(data)
        said = await until_rasa_answers(house, visitor)
        assert (said["engine"], said["model"], said["failure"]) == ("rasa", card.name, None)
        server = told(data / "rasa").server
        os.kill(server, signal.SIGKILL)
        await until(lambda: told(data / "rasa").state is not State.READY, within=60)
        await visitor.ask(WORDS)
        said = last_turn(house)
        assert (said["engine"], said["intents"][0]["name"]) == ("embedded", "refund_request")
        assert (await until_rasa_answers(house, visitor, other_than=server))["engine"] == "rasa"
        server = told(data / "rasa").server
    assert not Path(f"/proc/{server}").exists()
    assert told(data / "rasa").state is State.STOPPED


async def test_where_rasa_is_not_installed_conversation_goes_on_without_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trained_models: Path
) -> None:
    def find_environment() -> Environment:
        raise RasaMissing("Rasa is not installed: `make rasa` installs it")

    monkeypatch.setattr(rasa_child, "find_environment", find_environment)
    async with open_tea_house(tmp_path, trained_models, nlu=OWN) as house, aiohttp.ClientSession() as http:
        visitor = await Visitor(house, http).visit()
        await visitor.ask(WORDS)
        assert last_turn(house)["engine"] == "embedded"


def test_the_state_of_the_models_can_be_read_from_the_terminal(tmp_path: Path) -> None:
    card = promoted(tmp_path)
    shown = CliRunner().invoke(app, ["--data-dir", str(tmp_path), "nlu", "status"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    words = " ".join(shown.output.split())
    assert f"→ {card.name} trained 2026-03-10 12:00 on 9000 examples" in words
    assert "of 1000 messages (held out) understands 950 (95.0%), with confidences 2.1% off" in words
    assert "rasa stopped" in words


def test_of_a_rasa_elsewhere_the_terminal_says_what_that_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    monkeypatch.setenv("RAPPORT_NLU__RASA_URL", url)
    shown = CliRunner().invoke(app, ["--data-dir", str(tmp_path), "nlu", "status"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert f"rasa Rasa at {url} cannot be reached (ClientConnectorError)." in " ".join(shown.output.split())


async def test_the_check_says_what_a_rasa_of_our_own_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path / "data", "nlu": OWN})

    def find_environment() -> Environment:
        raise RasaMissing("Rasa is not installed: `make rasa` installs it")

    monkeypatch.setattr(inspecting_nlu, "find_environment", find_environment)
    (found,) = await inspecting_nlu.check_rasa(settings)
    assert (found.level, found.subject) == (Level.MISTAKE, "nlu.engine")
    assert "`make rasa`" in found.sentence
    monkeypatch.setattr(inspecting_nlu, "find_environment", lambda: rasa.stand_in(tmp_path))
    (found,) = await inspecting_nlu.check_rasa(settings)
    assert "`rapport nlu train --promote`" in found.sentence
    card = promoted(tmp_path / "data")
    (found,) = await inspecting_nlu.check_rasa(settings)
    assert (found.level, card.name in found.sentence) == (Level.FINE, True)


def test_a_model_is_trained_and_served_from_the_terminal_and_a_worse_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = rasa.stand_in(tmp_path)
    monkeypatch.setattr(rasa_project, "find_environment", lambda: environment)
    known = {"refund_request": ("退款", "refund"), "greet": ("你好", "hello"), "order_status": ("订单", "order")}
    learnt, asked = tmp_path / "training" / "nlu.yml", tmp_path / "asked.csv"
    learnt.parent.mkdir()
    learnt.write_text(
        'version: "3.1"\nnlu:\n'
        + "".join(f"- intent: {intent}\n  examples: |\n    - {zh}\n    - {en}\n" for intent, (zh, en) in known.items())
    )
    rows = [f"{word} {number},{intent}" for intent, words in known.items() for word in words for number in range(20)]
    asked.write_text("\n".join(["text,intent", *rows]))
    monkeypatch.setenv("RAPPORT_NLU__TRAINING_DATA", str(learnt.parent))
    monkeypatch.setenv("COLUMNS", "200")
    data = tmp_path / "data"

    def train(*options: str) -> tuple[int, str]:
        shown = CliRunner().invoke(
            app, ["--data-dir", str(data), "nlu", "train", "--promote", "--test", str(asked), *options]
        )
        return shown.exit_code, " ".join(shown.output.split())

    status, said = train()
    assert (status, Models(data / "rasa").served() is not None) == (0, True), said
    assert "On 120 messages" in said
    assert "it understands 120 (100.0%). Its confidences, at the temperature 0.10, are 0.0% off" in said
    assert "None is served yet." in said
    first = Models(data / "rasa").served()
    status, said = train("--epochs", "1")
    assert status == 3
    assert "it understands 40 (33.3%)." in said
    assert "The one that is served understands 120 (100.0%) of the same." in said
    assert "0 messages are understood by the new one alone, 80 by the served one alone" in said
    assert Models(data / "rasa").served() == first
    status, said = train()
    assert status == 0
    assert Models(data / "rasa").served() != first


@pytest.mark.parametrize("command", [["train", "--promote"], ["serve"]])
def test_where_rasa_is_not_installed_its_commands_say_which_one_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: list[str]
) -> None:
    for name in ("pyproject.toml", "uv.lock"):
        (tmp_path / name).write_bytes((rasa_project.PROJECT / name).read_bytes())
    monkeypatch.setattr(rasa_project, "PROJECT", tmp_path)
    shown = CliRunner().invoke(app, ["--data-dir", str(tmp_path / "data"), "nlu", *command])
    assert shown.exit_code == 1
    assert "Rasa is not installed: `make rasa` installs it." in " ".join(shown.output.split())
