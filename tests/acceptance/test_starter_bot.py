"""Rasa's own starter bot, trained and served by a real Rasa, behind the whole house: by web chat and by text message.

It is the project that `rasa init` makes, with what a business would have added to it: two buttons under its greeting,
and a hand-over where somebody wants to know whether it is a person. It learns in fewer rounds than Rasa's default.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import yaml

from gateway import check
from nlu.rasa_server import RasaServer
from nlu.understanding import Language
from storage.consents import Consent
from storage.conversations import Conversation, Owner
from storage.interactions import Interaction, TurnRecord
from tests.acceptance import starter_bot
from tests.acceptance.starter_bot import (
    CHEERING,
    GREAT,
    GREETING,
    QUESTION,
    SAD,
    answer,
    cheered_up,
    cheered_up_by_text_message,
    handed_over_and_back,
)
from tests.acceptance.tea_house import Visitor, open_tea_house, wording
from tests.acceptance.test_sms import NUMBER, Phone
from tests.channels.sms_server import TwilioServer
from tests.rasa import environment

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

TEMPLATE = "import importlib.util; print(importlib.util.find_spec('rasa').submodule_search_locations[0])"
CAT = "https://i.imgur.com/nGF1K8f.jpg"
CONFIG: dict[str, Any] = {
    "recipe": "default.v1",
    "assistant_id": "starter",
    "language": "en",
    "pipeline": [
        {"name": "WhitespaceTokenizer"},
        {"name": "CountVectorsFeaturizer"},
        {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
        {"name": "DIETClassifier", "epochs": 40},
        {"name": "FallbackClassifier", "threshold": 0.3, "ambiguity_threshold": 0.1},
    ],
    "policies": [{"name": "MemoizationPolicy"}, {"name": "RulePolicy"}],
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter bot, trained."""
    rasa = environment()
    folder = tmp_path_factory.mktemp("starter") / "bot"
    found = subprocess.run([str(rasa.python), "-c", TEMPLATE], capture_output=True, text=True, check=True)
    shutil.copytree(Path(found.stdout.strip()) / "cli" / "initial_project", folder)
    domain = yaml.safe_load((folder / "domain.yml").read_text("utf-8"))
    domain["responses"]["utter_greet"][0]["buttons"] = [
        {"title": GREAT, "payload": "/mood_great"},
        {"title": SAD, "payload": "/mood_unhappy"},
    ]
    domain["responses"]["utter_iamabot"][0]["custom"] = {"handoff": True, "reason": "asked for a human being"}
    (folder / "domain.yml").write_text(yaml.safe_dump(domain), "utf-8")
    (folder / "config.yml").write_text(yaml.safe_dump(CONFIG), "utf-8")
    done = subprocess.run(
        rasa.command("train", "--fixed-model-name", "starter", "--quiet"),
        cwd=folder,
        env=rasa.surroundings(folder.parent),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "models" / "starter.tar.gz"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rasa(model: Path) -> AsyncGenerator[RasaServer]:
    async with RasaServer(environment(), token="a-token", log=model.parent / "server.log") as server:
        await server.start(model)
        yield server


def behind(rasa: RasaServer) -> dict[str, Any]:
    return starter_bot.behind(rasa.url, rasa_token="a-token", timeout=15)


async def test_by_web_chat_it_leads_the_conversation_and_people_take_over(
    tmp_path: Path, trained_models: Path, rasa: RasaServer
) -> None:
    async with (
        open_tea_house(tmp_path, trained_models, assistant=behind(rasa)) as house,
        aiohttp.ClientSession() as http,
    ):
        visitor = await Visitor(house, http).visit()
        await cheered_up(visitor, "hi", CAT)
        assert await visitor.ask("yes") == "Great, carry on!"

        assert wording("consent.stopped", Language.EN).search(await visitor.ask("STOP"))
        assert [row["granted"] for row in house.rows(Consent)][-1:] == [False]

        words, said = "am I talking to a bot?", "I am a bot, powered by Rasa."
        await handed_over_and_back(house, visitor, words, said=said, reason="asked for a human being")
        assert await visitor.ask("bye") == "Bye"
        assert not [row["failure"] for row in house.rows(TurnRecord) if "rasa" in (row["failure"] or "")]
        texts = [row["text"] for row in house.rows(Interaction)]
        assert all(said in texts for said in (GREETING, CHEERING, QUESTION, "Great, carry on!"))


async def test_by_text_message_a_number_chooses_and_stop_is_obeyed(
    tmp_path: Path, trained_models: Path, rasa: RasaServer
) -> None:
    async with (
        TwilioServer() as twilio,
        open_tea_house(
            tmp_path, trained_models, assistant=behind(rasa), sms=[NUMBER | {"api_base": twilio.url}]
        ) as house,
    ):
        wang = Phone(house, twilio)
        await cheered_up_by_text_message(wang, CAT)
        assert await answer(wang, "no") == "Bye"
        assert wording("consent.stopped@sms", Language.EN).search(await answer(wang, "STOP"))
        assert wording("handoff.requested", Language.EN).search(await answer(wang, "I want to talk to a person"))
        assert house.rows(Conversation)[-1]["owner"] == Owner.QUEUE


async def test_asked_to_understand_for_us_it_is_found_to_have_another_model(
    tmp_path: Path, trained_models: Path, rasa: RasaServer
) -> None:
    async with open_tea_house(tmp_path, trained_models, nlu=behind(rasa)) as house, aiohttp.ClientSession() as http:
        visitor = await Visitor(house, http).visit()
        await visitor.ask("I am so sad, I want a refund")
        turn = house.rows(TurnRecord)[-1]
        assert turn["engine"] == "embedded"
        assert turn["failure"].startswith("rasa: has another model: ")
        (found,) = await check.check_rasa(house.gateway.settings)
    assert (found.level, "it knows" in found.sentence) == (check.Level.MISTAKE, True)


async def test_a_rasa_that_is_ended_in_the_middle_is_excused_and_not_missed_for_long(
    tmp_path: Path, trained_models: Path, rasa: RasaServer, model: Path
) -> None:
    async with (
        open_tea_house(tmp_path, trained_models, assistant=behind(rasa)) as house,
        aiohttp.ClientSession() as http,
    ):
        visitor = await Visitor(house, http).visit()
        assert await visitor.ask("hi") == GREETING
        await rasa.end()
        assert wording("assistant.unavailable", Language.EN).search(await visitor.ask("/mood_great"))
        assert house.rows(TurnRecord)[-1]["failure"] == "rasa: cannot be reached (ClientConnectorError)"
        await rasa.start(model)
        assert await visitor.ask("hi") == GREETING
