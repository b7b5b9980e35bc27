from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from nlu import evaluation
from nlu.datasets import OUT_OF_SCOPE
from nlu.engines import ENGINES, Engine
from nlu.training import Example
from nlu.understanding import Intent, Understanding


class Fixed:
    """An engine that says what it was told to say."""

    name = "fixed"
    processes: Sequence[int] = ()

    def __init__(self, said: dict[str, Understanding], threshold: float = 0.0) -> None:
        self.threshold = threshold
        self.closed = False
        self._said = said

    def understand_now(self, texts: Sequence[str]) -> Sequence[Understanding]:
        return [self._said[text] for text in texts]

    def close(self) -> None:
        self.closed = True


def example(text: str, intent: str) -> Example:
    return Example(text=text, intent=intent, file="a.csv", line=1)


def says(intent: str, confidence: float) -> Understanding:
    return Understanding(language=None, intents=(Intent(name=intent, confidence=confidence),))


def refuses(guess: str, confidence: float) -> Understanding:
    return Understanding(language=None, out_of_scope=True, guesses=(Intent(name=guess, confidence=confidence),))


SAID = {
    "refund": says("refund", 0.9),
    "refund me": says("return", 0.6),
    "return": refuses("return", 0.3),
    "returning": says("return", 0.45),
    "weather": says("refund", 0.35),
    "joke": refuses("return", 0.1),
}
IN_SCOPE = [
    example("refund", "refund"),
    example("refund me", "refund"),
    example("return", "return"),
    example("returning", "return"),
]
STRANGE = [example("weather", OUT_OF_SCOPE), example("joke", OUT_OF_SCOPE)]


def test_where_nothing_must_be_refused_the_best_guess_counts() -> None:
    quality = evaluation.quality(evaluation.examine(Fixed(SAID, 0.4), IN_SCOPE))
    assert (quality.accuracy, quality.accuracy_answering_all, quality.accuracy_at_threshold) == (0.75, 0.75, 0.5)
    assert (quality.out_of_scope_recall, quality.out_of_scope_precision) == (None, None)
    # refund: 1 right of 2 expected and 1 answered; return: 2 right of 2 expected and 3 answered
    assert quality.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert quality.confusions == (("refund", "return", 1),)


def test_where_something_must_be_refused_refusing_the_rest_is_wrong() -> None:
    quality = evaluation.quality(evaluation.examine(Fixed(SAID, 0.4), [*IN_SCOPE, *STRANGE]))
    assert (quality.accuracy, quality.accuracy_answering_all, quality.accuracy_at_threshold) == (0.5, 0.75, 0.5)
    assert quality.out_of_scope_recall == 1.0
    assert quality.out_of_scope_precision == pytest.approx(2 / 3)
    lenient = evaluation.quality(evaluation.examine(Fixed(SAID), [*IN_SCOPE, *STRANGE]))
    assert (lenient.accuracy, lenient.out_of_scope_recall) == (0.5, 0.5)


def test_confidence_is_held_against_what_was_right() -> None:
    honest = {f"{n}": says("a" if n < 8 else "b", 0.8) for n in range(10)}
    tests = [example(text, "a") for text in honest]
    quality = evaluation.quality(evaluation.examine(Fixed(honest), tests))
    assert quality.expected_calibration_error == pytest.approx(0.0)
    (only,) = quality.calibration
    assert (only.answers, only.right) == (10, 0.8)
    boaster = {text: says(said.intents[0].name, 0.98) for text, said in honest.items()}
    quality = evaluation.quality(evaluation.examine(Fixed(boaster), tests))
    assert quality.expected_calibration_error == pytest.approx(0.18)


def test_an_engine_is_trained_asked_timed_and_closed(tmp_path: Path) -> None:
    trained: list[tuple[int, Path]] = []
    engine = Fixed(SAID, 0.4)

    def train(examples: Sequence[Example], folder: Path) -> Engine:
        trained.append((len(examples), folder))
        return engine

    found = evaluation.evaluate("fixed", train, IN_SCOPE, [*IN_SCOPE, *STRANGE], tmp_path)
    assert trained == [(4, tmp_path)]
    assert engine.closed
    figures = found.figures()
    assert (figures["engine"], figures["examples"], figures["tested"], figures["threshold"]) == ("fixed", 4, 6, 0.4)
    assert 0 < found.speed.latency_ms_p50 <= found.speed.latency_ms_p99
    assert found.speed.messages_per_second_in_batches == pytest.approx(1e6 / found.speed.batch_us_per_message)


def test_the_embedded_engine_learns_intents_of_any_name_and_refuses_what_is_strange(tmp_path: Path) -> None:
    examples = [
        *(example(f"{verb} my card {when}", "Block card/now?") for verb in ("block", "freeze") for when in "abcdefg"),
        *(example(f"where is my {what} {when}", "order.where") for what in ("parcel", "order") for when in "abcdefg"),
        *(example(f"tell me a {what} about {who}", OUT_OF_SCOPE) for what in ("joke", "story") for who in "abcdefg"),
    ]
    engine = ENGINES["embedded"](examples, tmp_path)
    tests = [
        example("freeze my card", "Block card/now?"),
        example("where's my order?", "order.where"),
        example("tell me a joke", OUT_OF_SCOPE),
    ]
    assert [one.answer for one in evaluation.examine(engine, tests)] == [one.intent for one in tests]
