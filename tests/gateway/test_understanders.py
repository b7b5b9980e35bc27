"""The engine of the settings: what they ask for, or what stands in for it with its reason."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.metrics import Metrics
from gateway.settings import Settings, load
from gateway.understanders import understander
from nlu import encoder, semantic
from nlu.entities import Entities
from nlu.understanding import Understanding
from tests.gateway.settings_file import elsewhere
from tests.given import missing
from tests.waiting import a_moment

__all__ = ["elsewhere"]

pytestmark = pytest.mark.usefixtures("elsewhere")

SAID = {
    "refund_request": ["I want a refund", "give me my money back", "refund my order", "send the money back", "refund!"],
    "order_status": ["where is my parcel", "track my package", "has it shipped", "when will it arrive", "order status"],
    "greet": ["hello", "hi there", "good morning", "hey", "good evening"],
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a business with little to learn from, in English, that wants the semantic engine."""
    training = tmp_path / "training"
    training.mkdir()
    intents = [
        f"- intent: {intent}\n  examples: |\n" + "".join(f"    - {text}\n" for text in texts)
        for intent, texts in SAID.items()
    ]
    (training / "en.yml").write_text('version: "3.1"\nnlu:\n' + "".join(intents), encoding="utf-8")
    return load(
        overrides={
            "nlu.engine": "semantic",
            "nlu.training_data": str(training),
            "data_dir": str(tmp_path / "data"),
        }
    )


async def asked(settings: Settings, text: str) -> Understanding:
    async with AsyncExitStack() as stack:
        engine = await understander(settings, Entities(), Metrics(), stack)
        (said,) = await engine.understand([text])
        return said


async def test_the_semantic_engine_understands_what_no_example_says_in_this_language(settings: Settings) -> None:
    if not encoder.installed():
        missing(encoder.MISSING)
    folder = settings.nlu.training_data
    assert folder is not None
    learnt = semantic.ensure_trained(folder, settings.data_dir / "models")
    said = await asked(settings, "请把钱退给我")
    assert (said.engine, (said.intents or said.guesses)[0].name) == ("semantic", "refund_request")
    assert learnt.stem.endswith(said.model)


async def test_nobody_waits_for_it_to_learn_the_embedded_engine_answers_until_then(settings: Settings) -> None:
    if not encoder.installed():
        missing(encoder.MISSING)
    async with AsyncExitStack() as stack:
        engine = await understander(settings, Entities(), Metrics(), stack)
        (said,) = await engine.understand(["I want a refund"])
        assert (said.engine, said.failure) == ("embedded", "semantic: it is still learning")
        while said.engine != "semantic":
            await a_moment()
            (said,) = await engine.understand(["I want a refund"])
        assert said.failure is None


async def test_without_its_encoder_the_embedded_engine_answers_and_every_answer_says_why(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder.Encoder.shared.cache_clear()
    monkeypatch.setattr(encoder, "PACKAGE", "an_encoder_that_nobody_installed")
    said = await asked(settings, "I want a refund")
    assert (said.engine, said.intents[0].name) == ("embedded", "refund_request")
    assert said.failure == f"semantic: {encoder.MISSING}"
