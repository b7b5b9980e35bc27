"""What every engine promises, whichever it is: asked the same, each keeps the contract of nlu.understanding."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from nlu import encoder, semantic
from nlu.embedded import Embedded, train
from nlu.engines import Engine
from nlu.entities import Entities
from nlu.understanding import Language, Understanding
from tests import rasa
from tests.given import missing

CASES = ("embedded", "semantic", pytest.param("rasa", marks=pytest.mark.slow))
BAD: dict[str, str] = {
    "nothing": "",
    "blanks": " \t\r\n\u3000\u200b ",
    "a letter": "a",
    "a sign": "？",
    "zeros": "\x00" * 50,
    "control characters": "".join(map(chr, range(32))),
    "half a character": "refund \ud83d please",
    "bytes read as Latin-1": bytes(range(256)).decode("latin-1"),
    "many scripts": "退款 рефанд εεε ريفند रिफंड 환불 払い戻し refund",
    "directions turned around": "\u202erefund\u202c \u2066退款\u2069",
    "marks upon marks": "z" + "\u0301" * 5000,
    "emoji": "😡👎🏿👨‍👩‍👧‍👦🇨🇳" * 50,
    "one word a thousand times": "refund " * 1000,
    "one character twenty thousand times": "退" * 20_000,
    "a word without an end": "a" * 50_000,
    "brackets as in training data": "[refund](product){'entity': 'x'}" * 20,
    "what looks like a command": '/restart{"a": 1} /greet __import__("os")',
    "digits": "1234567890" * 500,
}


@pytest.fixture(scope="session", params=CASES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Trained on the same few examples, whichever it is."""
    if request.param == "rasa":
        yield request.getfixturevalue("rasa_engine")
        return
    if request.param == "semantic":
        yield request.getfixturevalue("semantic_engine")
        return
    engine = Embedded.load(train(rasa.few_examples(), tmp_path_factory.mktemp("engine")), Entities())
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def semantic_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if not encoder.installed():
        missing(encoder.MISSING)
    folder = tmp_path_factory.mktemp("engine")
    models = semantic.train(rasa.few_examples(), folder, folder / "encodings.sqlite3")
    engine = semantic.Semantic.load(*models, encoder.Encoder.shared(), Entities())
    yield engine
    engine.close()


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_whatever_is_written_gets_an_answer_and_nothing_is_raised(engine: Engine, text: str) -> None:
    (said,) = engine.understand_now([text])
    check(said, text)
    if not text.strip("\u200b\u3000 \t\r\n"):
        assert said.intents == ()
        assert said.failure is not None


def test_answers_come_in_the_order_of_the_texts(engine: Engine) -> None:
    texts = ["我要退款", "", "hello", "how tall is the Eiffel tower", "你好"] * 10
    said = engine.understand_now(texts)
    assert [one.language for one in said[:3]] == [Language.ZH_HANS, None, Language.EN]
    assert [best(one) for one in said] == [best(one) for text in texts for one in engine.understand_now([text])]
    assert engine.understand_now([]) in ([], ())


def test_what_was_learnt_is_understood_in_both_languages(engine: Engine) -> None:
    examples = rasa.few_examples()
    right = sum(
        best(said) == example.intent
        for example, said in zip(examples, engine.understand_now([e.text for e in examples]), strict=True)
    )
    assert right >= len(examples) * 0.9


def test_what_is_out_of_scope_has_no_intents_and_says_so(engine: Engine) -> None:
    strange = [example.text for example in rasa.few_examples() if example.intent == "out_of_scope"]
    refused = [said for said in engine.understand_now(strange) if said.out_of_scope]
    assert len(refused) >= len(strange) / 2
    assert all(said.intents == () and said.failure == "out of scope" and said.guesses for said in refused)


def test_an_answer_names_its_engine_and_its_model(engine: Engine) -> None:
    (said,) = engine.understand_now(["I want a refund"])
    assert said.engine == engine.name
    assert said.model != ""


def test_facts_are_found_where_they_stand(engine: Engine) -> None:
    text = "订单 SL20260012 要退 ¥128.50，电话 13812345678"
    (said,) = engine.understand_now([text])
    assert {entity.kind for entity in said.entities} >= {"order_number", "amount", "phone"}
    assert all(text[entity.start : entity.end] == entity.text for entity in said.entities)


async def test_many_at_the_same_time_get_their_own_answers(engine: Engine) -> None:
    texts = ["我要退款", "I want a refund", "你好", "hello"]
    said = await asyncio.gather(*(asyncio.to_thread(engine.understand_now, [text]) for text in texts * 5))
    alone = {text: best(engine.understand_now([text])[0]) for text in texts}
    assert [best(one) for (one,) in said] == [alone[text] for text in texts * 5]


def check(said: Understanding, text: str) -> None:
    confidences = [intent.confidence for intent in said.intents]
    assert confidences == sorted(confidences, reverse=True)
    assert all(0 <= confidence <= 1 for confidence in confidences)
    assert {intent.name for intent in said.intents} <= {*rasa.INTENTS} - {"out_of_scope"}
    assert all(text[entity.start : entity.end] == entity.text for entity in said.entities)
    assert said.intents or said.failure


def best(said: Understanding) -> str:
    return said.intent.name if said.intent else "out_of_scope"
