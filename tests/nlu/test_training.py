from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from nlu import training
from nlu.language import language_of
from nlu.training import TrainingDataMistakes
from nlu.understanding import Language
from tests.nlu.shop import HELD_OUT, INTENTS, TRAINING_DATA

FEWEST_EXAMPLES = 30


@pytest.fixture(scope="module")
def data() -> training.TrainingData:
    return training.read(TRAINING_DATA)


def test_every_intent_that_a_skill_answers_is_taught_and_no_other(data: training.TrainingData) -> None:
    assert set(data.intents) == INTENTS


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_intent_has_thirty_examples_in_each_language(data: training.TrainingData, language: str) -> None:
    counts = Counter(example.intent for example in data.examples if example.file.startswith(f"{language}/"))
    assert {intent: counts[intent] for intent in INTENTS if counts[intent] < FEWEST_EXAMPLES} == {}


def test_no_example_is_given_twice_in_a_language(data: training.TrainingData) -> None:
    counts = Counter((example.file[:2], example.text.lower()) for example in data.examples)
    assert [text for text, count in counts.items() if count > 1] == []


def test_no_words_are_taught_to_mean_two_things(data: training.TrainingData) -> None:
    meanings = {(bare(example.text), example.intent) for example in data.examples if bare(example.text)}
    counts = Counter(words for words, _ in meanings)
    assert [words for words, count in counts.items() if count > 1] == []


def test_a_good_part_of_the_chinese_is_written_in_traditional_characters(data: training.TrainingData) -> None:
    chinese = [example for example in data.examples if example.file.startswith("zh/")]
    traditional = [example for example in chinese if language_of(example.text) is Language.ZH_HANT]
    assert len(traditional) / len(chinese) > 0.15


def test_every_kind_of_entity_is_marked_in_both_languages(data: training.TrainingData) -> None:
    for language in ("zh/", "en/"):
        marked = {
            mark.kind for example in data.examples if example.file.startswith(language) for mark in example.entities
        }
        assert marked == set(training.ENTITY_KINDS)


def test_nothing_held_out_is_taught(data: training.TrainingData, tmp_path: Path) -> None:
    (tmp_path / "held.yml").write_bytes(HELD_OUT.read_bytes())
    held_out = training.read(tmp_path)
    taught = {bare(example.text) for example in data.examples}
    assert [example.text for example in held_out.examples if bare(example.text) in taught] == []


def bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())


def file(tmp_path: Path, content: str | bytes, name: str = "a.yml") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return tmp_path


def test_an_example_is_read_without_its_marks(tmp_path: Path) -> None:
    line = "查[SL20260012](order_number)的[龙井](product:longjing)"
    content = f'version: "3.1"\nnlu:\n- intent: order_status\n  examples: |\n    - {line}\n'
    (example,) = training.read(file(tmp_path, content)).examples
    assert example.text == "查SL20260012的龙井"
    assert [(mark.kind, mark.value, example.text[mark.start : mark.end]) for mark in example.entities] == [
        ("order_number", "SL20260012", "SL20260012"),
        ("product", "longjing", "龙井"),
    ]
    assert (example.file, example.line) == ("a.yml", 5)


def test_a_mark_may_be_written_in_json(tmp_path: Path) -> None:
    content = (
        'version: "3.1"\nnlu:\n- intent: a\n  examples: |\n    - buy [it]{"entity": "product", "value": "tea"} now\n'
    )
    (example,) = training.read(file(tmp_path, content)).examples
    assert (example.text, example.entities[0].value) == ("buy it now", "tea")


HEAD = 'version: "3.1"\nnlu:\n'
INTENT = HEAD + "- intent: a\n  examples: |\n"


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("nlu:\n- intent: a\n  examples: |\n    - x\n", 1, "version"),
        ('version: "2.0"\nnlu: []\n', 1, "3.1"),
        ("- a\n- b\n", 1, "version"),
        ("", 1, "version"),
        (HEAD + "- intent: a\n  examples: |\n    - x\nstories: []\n", 6, "stories"),
        (HEAD + "- intent: a\n  examples:\n  - x\n", 5, "block"),
        (HEAD + "- intent: a\n", 3, "block"),
        (HEAD + "- intnet: a\n  examples: |\n    - x\n", 3, "intnet"),
        (HEAD + "- intent: a\n  synonym: b\n  examples: |\n    - x\n", 3, "one of"),
        (HEAD + "- intent: A b\n  examples: |\n    - x\n", 3, "intent name"),
        (INTENT + "    - x\n\n    y\n", 7, "begins with"),
        (INTENT + "    -\n", 5, "begins with"),
        (INTENT + "    - fine\n    - see [it](colour)\n", 6, "colour"),
        (INTENT + "    - see [it] (product)\n", 5, "marked as"),
        (INTENT + "    - see [it]{entity: product}\n", 5, "JSON"),
        (HEAD + "- regex: order_number\n  examples: |\n    - SL(\n", 5, "regular expression"),
        (HEAD + "- lookup: colour\n  examples: |\n    - red\n", 3, "colour"),
        (
            HEAD + "- intent: a\n  examples: |\n    - x\n- intent: b\n  examples: |\n    - X\n",
            8,
            "already an example of a",
        ),
        ("version: [\n", 2, "not YAML"),
        (HEAD.encode() + b"- intent: \xff\n", 3, "UTF-8"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_line(
    tmp_path: Path, content: str | bytes, line: int, reason: str
) -> None:
    with pytest.raises(TrainingDataMistakes) as raised:
        training.read(file(tmp_path, content))
    assert any(
        (mistake.file, mistake.line) == ("a.yml", line) and reason in mistake.reason
        for mistake in raised.value.mistakes
    ), str(raised.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    file(tmp_path, INTENT + "    - [a](colour)\n    - [b](shape)\n")
    file(tmp_path, "nlu: 3\n", "b.yml")
    with pytest.raises(TrainingDataMistakes) as raised:
        training.read(tmp_path)
    assert [(mistake.file, mistake.line) for mistake in raised.value.mistakes] == [
        ("a.yml", 5),
        ("a.yml", 6),
        ("b.yml", 1),
        ("b.yml", 1),
    ]


def test_an_empty_folder_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataMistakes, match=r"no \.yml file"):
        training.read(tmp_path)


def test_the_fingerprint_changes_with_every_file_and_only_then(tmp_path: Path) -> None:
    file(tmp_path, INTENT + "    - x\n")
    before = training.fingerprint(tmp_path)
    file(tmp_path, INTENT + "    - x\n")
    assert training.fingerprint(tmp_path) == before
    file(tmp_path, INTENT + "    - y\n", "b.yml")
    assert training.fingerprint(tmp_path) != before
    assert training.fingerprint(tmp_path, recipe="another") != training.fingerprint(tmp_path)
