"""A model's confidences are made to mean what they say, by messages that it has not learnt from."""

from __future__ import annotations

import json
import random
import shutil
import tarfile
from pathlib import Path

import pytest

from nlu import rasa_calibration
from nlu.embedded import TrainingFailed
from nlu.rasa_calibration import FEWEST, error, expected_error, fitted, scaled
from nlu.rasa_client import Rasa, RasaSettings
from nlu.rasa_server import RasaServer
from nlu.understanding import Intent
from tests import rasa
from tests.nlu import fake_rasa_child

NAMES = ("greet", "thank", "refund_request", "order_status")


def asked(number: int, *, temperature: float, seed: int = 5) -> tuple[list[list[Intent]], list[str]]:
    """Rankings of a model that is too sure of itself by this temperature, and what was meant."""
    chance = random.Random(seed)
    rankings: list[list[Intent]] = []
    meant: list[str] = []
    for _ in range(number):
        true = [chance.random() ** 4 + 1e-9 for _ in NAMES]
        true = [each / sum(true) for each in true]
        meant += chance.choices(NAMES, true)
        told = [each**temperature for each in true]
        rankings.append(
            sorted(
                (Intent(name=name, confidence=each / sum(told)) for name, each in zip(NAMES, told, strict=True)),
                key=lambda intent: -intent.confidence,
            )
        )
    return rankings, meant


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_by_which_a_model_is_too_sure_or_not_sure_enough_is_found(temperature: float) -> None:
    rankings, meant = asked(3000, temperature=temperature)
    assert fitted(rankings, meant) == pytest.approx(temperature, rel=0.1)
    left = expected_error(rankings, meant)
    assert left is not None
    assert left < 0.03


def test_a_model_that_is_too_sure_of_itself_is_calibrated_by_more_than_half() -> None:
    rankings, meant = asked(1000, temperature=3.0)
    before, after = error(rankings, meant), expected_error(rankings, meant)
    assert before is not None
    assert after is not None
    assert after < before / 2


def test_the_order_stays_and_the_whole_is_one() -> None:
    for ranking in asked(50, temperature=1.0)[0]:
        cooled = scaled(ranking, 4.0)
        assert [intent.name for intent in cooled] == [intent.name for intent in ranking]
        assert sum(intent.confidence for intent in cooled) == pytest.approx(1)
        assert cooled[0].confidence < ranking[0].confidence


def test_of_too_few_messages_and_of_silence_nothing_is_learnt() -> None:
    rankings, meant = asked(FEWEST - 1, temperature=3.0)
    assert (fitted(rankings, meant), expected_error(rankings, meant), error(rankings, meant)) == (1.0, None, None)
    silence = [*rankings, *[()] * FEWEST]
    assert fitted(silence, meant + ["greet"] * FEWEST) == 1.0


def test_an_intent_that_the_model_does_not_know_and_a_certainty_that_is_wrong_are_no_obstacle() -> None:
    certain = [Intent(name="greet", confidence=1.0), Intent(name="thank", confidence=0.0)]
    assert fitted([certain] * 100, ["greet"] * 90 + ["thank"] * 5 + ["never learnt"] * 5) > 5


def test_the_temperature_is_written_into_the_model_and_nothing_else_changes(tmp_path: Path) -> None:
    model = tmp_path / "model.tar.gz"
    fake_rasa_child.trained(model, "well")
    rasa_calibration.write(model, 1.7)
    assert (fake_rasa_child.temperature(model), fake_rasa_child.says(model)) == (1.7, "well")
    rasa_calibration.write(model, 2.1)
    assert fake_rasa_child.temperature(model) == 2.1
    assert list(tmp_path.iterdir()) == [model]


@pytest.mark.parametrize("metadata", [None, {"predict_schema": {"nodes": {}}}, {"nothing": 1}])
def test_a_model_without_a_place_for_it_says_so_and_stays_as_it_is(tmp_path: Path, metadata: object) -> None:
    model = tmp_path / "model.tar.gz"
    if metadata is None:
        model.write_text("well")
    else:
        (tmp_path / "metadata.json").write_text(json.dumps(metadata))
        with tarfile.open(model, "w:gz") as archive:
            archive.add(tmp_path / "metadata.json", "metadata.json")
    before = model.read_bytes()
    with pytest.raises(TrainingFailed, match="cannot be calibrated"):
        rasa_calibration.write(model, 1.7)
    assert model.read_bytes() == before
    assert not (tmp_path / ".model.tar.gz").exists()


@pytest.mark.slow
async def test_a_real_rasa_answers_at_the_temperature_that_its_model_holds(rasa_model: Path, tmp_path: Path) -> None:
    texts = ["我要退款", "我要退錢", "hello", "where is my order SL20260012", "how tall is the Eiffel tower"]
    warm = tmp_path / "warm.tar.gz"
    shutil.copyfile(rasa_model, warm)
    rasa_calibration.write(warm, 3.0)
    async with RasaServer(rasa.environment(), token="a-token", log=tmp_path / "rasa.log") as server:
        client = Rasa(RasaSettings(url=server.url, token="a-token", timeout=60))
        await server.start(rasa_model)
        before = await client.rankings(texts)
        await server.load(warm)
        after = await client.rankings(texts)
        await client.close()
    for cold, told in zip(before, after, strict=True):
        expected = scaled(cold, 3.0)
        assert [intent.name for intent in told] == [intent.name for intent in expected]
        sure = [intent.confidence for intent in told]
        assert sure == pytest.approx([intent.confidence for intent in expected], abs=1e-3)
    assert max(ranking[0].confidence for ranking in after) < max(ranking[0].confidence for ranking in before)
