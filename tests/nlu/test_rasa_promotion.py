"""A new model takes the served one's place unless it is worse by more than chance."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nlu import rasa_promotion, training
from nlu.rasa_models import Card, Models, Score
from nlu.rasa_project import DATA
from nlu.rasa_promotion import LEFT_TO_LEARN, ONE_IN, Comparison, split
from nlu.training import Example
from tests import rasa

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SCORE = Score(tested=100, right=90, out_of_scope=0, refused=0)


def example(text: str, intent: str = "greet") -> Example:
    return Example(text=text, intent=intent, file="a.yml", line=1)


def test_about_a_tenth_is_held_out_and_the_same_at_each_training() -> None:
    examples = training.read(DATA).examples
    learnt, held_out = split(examples)
    assert len(learnt) + len(held_out) == len(examples)
    assert 0.5 / ONE_IN < len(held_out) / len(examples) < 1.5 / ONE_IN
    _, later = split([*examples, *(example(f"something new {number}") for number in range(50))])
    assert {each.text for each in held_out} <= {each.text for each in later}


def test_words_written_otherwise_fall_on_the_same_side() -> None:
    texts = [f"Where is order {number}" for number in range(200)]
    one = split([example(text) for text in texts])[1]
    other = split([example(f"  {text.upper()} ") for text in texts])[1]
    assert [each.text.lower().strip() for each in other] == [each.text.lower() for each in one]


def test_an_intent_of_few_examples_keeps_them_to_learn_from() -> None:
    examples = [example(f"text {number}", f"intent_{number % 60}") for number in range(360)]
    left = Counter(each.intent for each in split(examples)[0])
    assert min(left.values()) >= LEFT_TO_LEARN
    assert len(left) == 60


@pytest.mark.parametrize(
    ("better", "worse", "promotes"),
    [
        (0, 0, True),
        (0, 4, True),  # four losses and no gain: one time in sixteen by chance
        (0, 5, False),
        (10, 16, True),
        (10, 20, False),
        (200, 240, False),
        (300, 200, True),
    ],
)
def test_a_model_is_refused_when_its_losses_are_no_chance(better: int, worse: int, promotes: bool) -> None:
    comparison = Comparison(new=SCORE, served=SCORE, better=better, worse=worse)
    assert 0 <= comparison.chance <= 1
    assert comparison.promotes is promotes


def test_where_none_is_served_any_model_may() -> None:
    assert Comparison(new=Score(tested=10, right=0, out_of_scope=0, refused=0), served=None).promotes


@pytest.mark.slow
def test_a_model_is_trained_and_compared_with_the_served_one_and_both_are_asked_the_same(
    rasa_model: Path, tmp_path: Path
) -> None:
    """For real: `rapport nlu train` on a folder of few examples, with one epoch too few."""
    data = tmp_path / "data"
    data.mkdir()
    lines = "\n".join(
        f"- intent: {intent}\n  examples: |\n"
        + "\n".join(f"    - {each.text}" for each in rasa.few_examples() if each.intent == intent)
        for intent in rasa.INTENTS
    )
    (data / "nlu.yml").write_text(f'version: "3.1"\nnlu:\n{lines}\n', encoding="utf-8")
    models = Models(tmp_path / "rasa")
    served = Card(
        name=models.new(NOW), trained_at=NOW, seconds=1, examples=1, epochs=1, data="", tested_on="another file"
    )
    shutil.copyfile(rasa_model, models.path(served.name))
    models.serve(served, NOW)
    tests = tuple(example(each.text + "!", each.intent) for each in rasa.few_examples()[::3])
    said: list[str] = []
    card, comparison = rasa_promotion.train(
        rasa.environment(),
        models,
        data,
        now=NOW + timedelta(days=1),
        test=("questions.csv", tests),
        epochs=1,
        say=said.append,
    )
    assert (card.examples, card.epochs, card.tested_on) == (len(rasa.few_examples()), 1, "questions.csv")
    assert models.card(card.name) == card
    assert card.score == comparison.new
    assert comparison.served is not None
    assert comparison.new.tested == comparison.served.tested == len(tests)
    assert comparison.served.right > len(tests) * 0.8
    assert comparison.better - comparison.worse == comparison.new.right - comparison.served.right
    assert not comparison.promotes, "after one epoch a model knows next to nothing"
    assert comparison.familiar
    assert models.served() == served.name, "training promotes nothing by itself"
    assert len(said) == 2
