from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nlu.entities import Entities
from nlu.rasa_client import LARGEST_ANSWER, Rasa, RasaSettings
from nlu.understanding import Language, Understanding
from tests.nlu import rasa_server
from tests.nlu.rasa_server import TOKEN, FakeRasa
from tests.nlu.shop import CATALOGUE


@pytest.fixture
async def server() -> AsyncIterator[FakeRasa]:
    async with rasa_server.running() as fake:
        yield fake


@pytest.fixture
async def rasa(server: FakeRasa) -> AsyncIterator[Rasa]:
    engine = Rasa(RasaSettings(url=server.url, token=TOKEN, timeout=5.0), Entities(catalogue=CATALOGUE))
    yield engine
    await engine.close()


async def one(engine: Rasa, text: str) -> Understanding:
    (understanding,) = await engine.understand([text])
    return understanding


async def test_rasa_s_ranking_becomes_our_intents_best_first(rasa: Rasa) -> None:
    understanding = await one(rasa, "I want my money back")
    assert [(intent.name, intent.confidence) for intent in understanding.intents] == [
        ("refund_request", 0.9213),
        ("return_request", 0.0431),
        ("thank", 0.0102),
    ]
    assert (understanding.engine, understanding.failure, understanding.language) == ("rasa", None, Language.EN)


async def test_facts_are_normalised_by_us_and_completed_by_rasa(server: FakeRasa, rasa: Rasa) -> None:
    text = "我要退款，茶 350元"
    found = [
        {"entity": "product", "start": 5, "end": 6, "value": "tea"},
        {"entity": "amount", "start": 7, "end": 10, "value": "350"},
        {"entity": "PERSON", "start": 0, "end": 1, "value": "我"},
    ]
    server.body = json.dumps({**rasa_server.answer(text), "entities": found}).encode()
    understanding = await one(rasa, text)
    assert [(e.kind, e.value, e.text) for e in understanding.entities] == [
        ("product", "tea", "茶"),
        ("amount", "350.00 CNY", "350元"),
    ]


async def test_a_product_that_both_find_is_told_once_with_our_name(rasa: Rasa) -> None:
    understanding = await one(rasa, "refund my Longjing")
    assert [(e.kind, e.value) for e in understanding.entities] == [("product", "longjing")]


async def test_what_rasa_s_own_fallback_says_is_no_intent(server: FakeRasa, rasa: Rasa) -> None:
    ranking = [{"name": "nlu_fallback", "confidence": 0.7}, {"name": "greet", "confidence": 0.4}]
    server.body = json.dumps({"intent_ranking": ranking, "entities": []}).encode()
    assert [intent.name for intent in (await one(rasa, "hm")).intents] == ["greet"]


async def test_what_is_out_of_scope_is_not_understood_and_no_failure_of_rasa(server: FakeRasa, rasa: Rasa) -> None:
    ranking = [{"name": "out_of_scope", "confidence": 0.9}, {"name": "greet", "confidence": 0.1}]
    server.body = json.dumps({"intent_ranking": ranking, "entities": []}).encode()
    understanding = await one(rasa, "how tall is the Eiffel tower")
    assert (understanding.engine, understanding.intents, understanding.failure) == ("rasa", (), "out of scope")
    assert understanding.out_of_scope


OURS = ("greet", "goodbye", "refund_request", "out_of_scope")


@pytest.mark.parametrize(
    ("ranking", "said"),
    [
        ({"mood_great": 0.9, "greet": 0.1}, "mood_great"),
        ({"greet": 0.9, "mood_great": 0.05, "mood_unhappy": 0.05}, "mood_great"),
        ({"greet": 0.9, "goodbye": 0.05, "mood_great": 0.03, "mood_unhappy": 0.02}, "mood_great"),
        ({"nlu_fallback": 0.7, "bot_challenge": 0.2, "goodbye": 0.1, "greet": 0.1}, "bot_challenge"),
        ({"out_of_scope": 0.9, "mood_great": 0.1}, "mood_great"),
    ],
    ids=[
        "an answer that means nothing here",
        "most are not ours",
        "half are not ours",
        "unsure of what means nothing here",
        "refused",
    ],
)
async def test_a_model_with_other_intents_than_ours_is_a_failure_that_says_so(
    server: FakeRasa, ranking: dict[str, float], said: str
) -> None:
    named = [{"name": name, "confidence": confidence} for name, confidence in ranking.items()]
    server.body = json.dumps({"intent_ranking": named, "entities": []}).encode()
    rasa = Rasa(RasaSettings(url=server.url, token=TOKEN, intents=lambda: OURS))
    understanding = await one(rasa, "hello")
    assert (understanding.engine, understanding.intents) == ("none", ())
    assert understanding.failure == f"rasa: has another model: {said} is no intent of ours"
    await rasa.close()


async def test_a_model_from_before_an_intent_was_given_up_answers_all_the_same(server: FakeRasa) -> None:
    named = [{"name": name, "confidence": 0.3} for name in ("greet", "given_up", "goodbye", "nlu_fallback")]
    server.body = json.dumps({"intent_ranking": named, "entities": []}).encode()
    rasa = Rasa(RasaSettings(url=server.url, token=TOKEN, intents=lambda: OURS))
    assert [intent.name for intent in (await one(rasa, "hello")).intents] == ["greet", "goodbye"]
    await rasa.close()


async def test_the_name_of_a_foreign_intent_is_told_only_so_far(server: FakeRasa) -> None:
    named = [{"name": "x" * 10_000, "confidence": 0.9}]
    server.body = json.dumps({"intent_ranking": named, "entities": []}).encode()
    rasa = Rasa(RasaSettings(url=server.url, token=TOKEN, intents=lambda: OURS))
    assert len((await one(rasa, "hello")).failure or "") < 150
    await rasa.close()


async def test_texts_are_answered_in_their_order(rasa: Rasa) -> None:
    understandings = await rasa.understand(["我要退款", "", "refund please", "我要退錢"])
    assert [understanding.language for understanding in understandings] == [
        Language.ZH_HANS,
        None,
        Language.EN,
        Language.ZH_HANT,
    ]


async def test_nothing_is_asked_about_an_empty_text(server: FakeRasa, rasa: Rasa) -> None:
    assert (await one(rasa, " \n")).failure == "empty"
    assert server.asked == []


async def test_what_looks_like_a_command_is_words(server: FakeRasa, rasa: Rasa) -> None:
    """`/refund_request` would tell Rasa what to understand, and `/restart` what to do."""
    for text in ("/restart", ' \u3000/greet{"name": "x"}', "//restart", "and/or"):
        await one(rasa, text)
    assert server.asked == ["／restart", ' \u3000／greet{"name": "x"}', "／/restart", "and/or"]


async def test_signs_that_nobody_sees_are_nothing(server: FakeRasa, rasa: Rasa) -> None:
    assert (await one(rasa, " \u200b\u3000\x00\ud83d")).failure == "empty"
    assert server.asked == []


async def test_of_a_huge_text_the_beginning_is_sent(server: FakeRasa, rasa: Rasa) -> None:
    await one(rasa, "退" * 100_000)
    assert [len(text) for text in server.asked] == [4000]


RANKING = [{"name": "greet", "confidence": 0.9}]
NONSENSE: dict[str, bytes] = {
    "an HTML page": b"<html><body>502 Bad Gateway</body></html>",
    "nothing": b"",
    "JSON cut short": b'{"intent_ranking": [',
    "a list": b"[]",
    "a word": b'"ok"',
    "null": b"null",
    "no ranking": b'{"entities": []}',
    "an empty ranking": b'{"intent_ranking": [], "entities": []}',
    "no entities": json.dumps({"intent_ranking": RANKING}).encode(),
    "a ranking of words": b'{"intent_ranking": ["greet"], "entities": []}',
    "an intent without a name": b'{"intent_ranking": [{"confidence": 0.9}], "entities": []}',
    "an intent whose name is null": b'{"intent_ranking": [{"name": null, "confidence": 0.0}], "entities": []}',
    "a confidence in words": b'{"intent_ranking": [{"name": "greet", "confidence": "high"}], "entities": []}',
    "a confidence that is true": b'{"intent_ranking": [{"name": "greet", "confidence": true}], "entities": []}',
    "a confidence that is NaN": b'{"intent_ranking": [{"name": "greet", "confidence": NaN}], "entities": []}',
    "an infinite confidence": b'{"intent_ranking": [{"name": "greet", "confidence": 1e999}], "entities": []}',
    "a confidence above 1": b'{"intent_ranking": [{"name": "greet", "confidence": 97}], "entities": []}',
    "an entity outside the text": json.dumps(
        {"intent_ranking": RANKING, "entities": [{"entity": "product", "start": 3, "end": 99, "value": "x"}]}
    ).encode(),
    "an entity that ends before it starts": json.dumps(
        {"intent_ranking": RANKING, "entities": [{"entity": "product", "start": 3, "end": 1, "value": "x"}]}
    ).encode(),
    "an entity without a place": json.dumps({"intent_ranking": RANKING, "entities": [{"entity": "product"}]}).encode(),
    "bytes that are no UTF-8": b'{"intent_ranking": [{"name": "\xff", "confidence": 0.9}], "entities": []}',
    "endless nesting": b"[" * 100_000,
    "a flood": b" " * (LARGEST_ANSWER + 1),
}


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE.keys())
async def test_an_answer_that_is_none_is_a_failure_with_its_reason(server: FakeRasa, rasa: Rasa, body: bytes) -> None:
    server.body = body
    understanding = await one(rasa, "hello, order SL20260012")
    assert (understanding.engine, understanding.intents) == ("none", ())
    assert understanding.failure is not None
    assert understanding.failure.startswith("rasa: answered nonsense: ")
    assert [entity.value for entity in understanding.entities] == ["SL20260012"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["intent_ranking", "entities", "name", "confidence", "entity", "start", "end", "value"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_shape_of_json_comes_no_exception_escapes(said: object) -> None:
    from nlu.rasa_client import Nonsense

    engine = Rasa(RasaSettings(url="http://127.0.0.1:1"))
    if not isinstance(said, dict):
        return
    try:
        understanding = engine._read("hello", said)
    except Nonsense:
        return
    assert all(0 <= intent.confidence <= 1 for intent in understanding.intents)


@pytest.mark.parametrize("status", [301, 404, 500, 503])
async def test_a_status_that_is_no_success_is_a_failure(server: FakeRasa, rasa: Rasa, status: int) -> None:
    server.status = status
    understanding = await one(rasa, "hello")
    assert (understanding.engine, understanding.failure) == ("none", f"rasa: answered {status}")


async def test_a_refused_token_is_a_failure(server: FakeRasa) -> None:
    engine = Rasa(RasaSettings(url=server.url, token="wrong"))
    assert (await one(engine, "hello")).failure == "rasa: answered 401"
    await engine.close()


async def test_a_silent_server_costs_no_more_than_the_time_limit(server: FakeRasa) -> None:
    server.silent = True
    engine = Rasa(RasaSettings(url=server.url, token=TOKEN, timeout=0.05))
    understanding = await one(engine, "我要退款")
    assert understanding.failure == "rasa: timed out after 0.1 s"
    assert understanding.language is Language.ZH_HANS
    await engine.close()


async def test_a_dead_server_is_a_failure() -> None:
    async with rasa_server.running() as fake:
        url = fake.url
    engine = Rasa(RasaSettings(url=url, token=TOKEN))
    failure = (await one(engine, "hello")).failure
    assert failure is not None
    assert failure.startswith("rasa: cannot be reached")
    await engine.close()


def test_the_token_is_not_shown() -> None:
    assert TOKEN not in repr(RasaSettings(url="http://127.0.0.1:5005", token=TOKEN))
