from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from nlu import datasets
from nlu.training import TrainingDataMistakes


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def pairs(path: Path) -> list[tuple[str, str]]:
    return [(example.text, example.intent) for example in datasets.read(path).examples]


def mistakes(path: Path) -> list[tuple[str, int, str]]:
    with pytest.raises(TrainingDataMistakes) as raised:
        datasets.read(path)
    return [(mistake.file, mistake.line, mistake.reason) for mistake in raised.value.mistakes]


def test_a_csv_file_may_have_quotes_line_breaks_other_columns_and_a_byte_order_mark(tmp_path: Path) -> None:
    content = '\ufefftext,intent,noise\r\n"Hello, you",greet,\r\n"two\nlines",Odd-Name?,x\r\n退款,weather/find,\r\n'
    path = write(tmp_path, "a.csv", content)
    assert pairs(path) == [("Hello, you", "greet"), ("two\nlines", "Odd-Name?"), ("退款", "weather/find")]
    assert [example.line for example in datasets.read(path).examples] == [2, 3, 5]


def test_rows_that_are_odd_are_told_and_not_lost_in_silence(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,intent\nhi,greet\n  ,greet\n\nHI,greet\nhi,goodbye\n")
    dataset = datasets.read(path)
    assert [example.line for example in dataset.examples] == [2, 5, 6]
    assert [str(oddity) for oddity in dataset.oddities] == [
        "a.csv:3: left out: it has no text",
        "a.csv:4: left out: the line is empty",
        "a.csv:5: “HI” repeats a.csv:2",
        "a.csv:6: “hi” is goodbye here and greet in a.csv:2",
    ]


@pytest.mark.parametrize(
    ("name", "content", "line", "reason"),
    [
        ("a.csv", b"", 0, "it is empty"),
        ("a.csv", b"text,category\nhi,greet\n", 1, "the header must be `text,intent`, not “text,category”"),
        ("a.csv", b"text,intent\nhi,greet\nhi, there,greet\n", 3, "3 fields, where the header has 2"),
        ("a.csv", b"text,intent\nhi,\n", 2, "“hi” has no intent"),
        ("a.csv", b'text,intent\nhi,greet\n"never closed,greet\nhi,greet\n', 3, "not CSV"),
        ("a.csv", b"text,intent\nhi,greet\n\xff\xfe,greet\n", 3, "this is not UTF-8"),
        ("a.csv", b"text,intent\n", 0, "there are no examples in it"),
        ("a.json", b'{"rasa_nlu_data":\n  {"common_examples": [}}', 2, "not JSON"),
        ("a.json", b'[{"text": "hi"}]', 0, "not Rasa's JSON"),
        ("a.json", b"[" * 100_000, 0, "not Rasa's JSON"),
        ("a.json", b'{"rasa_nlu_data": {"common_examples": [\n{"text": 5, "intent": "x"}]}}', 2, "example 1 must say"),
        ("a.yml", b"nlu:\n- intent: greet\n  examples: hi\n", 3, "`examples` must be a block"),
        ("a.yml", b"nlu: [\n", 2, "not YAML"),
        ("a.txt", b"hi", 0, "a file must end in .csv, .json, .yml or .yaml"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_line_and_reason(
    tmp_path: Path, name: str, content: bytes, line: int, reason: str
) -> None:
    file, at, said = mistakes(write(tmp_path, name, content))[0]
    assert (file, at) == (name, line)
    assert said.startswith(reason)


def test_what_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    assert mistakes(tmp_path / "gone.csv") == [("gone.csv", 0, "it cannot be read: No such file or directory")]
    assert mistakes(tmp_path) == [(tmp_path.name, 0, "there is no .yml file in this folder")]


def test_rasa_s_json_is_read_with_its_entities_and_those_that_do_not_fit_are_told(tmp_path: Path) -> None:
    said = [
        {
            "text": "dim the kitchen",
            "intent": "iot/dim",
            "entities": [
                {"start": 8, "end": 15, "value": "kitchen", "entity": "place"},
                {"start": 8, "end": 99, "value": "x", "entity": "place"},
                {"start": "8", "end": 15, "entity": "place"},
            ],
        },
        {"text": "hi", "intent": "greet"},
    ]
    path = write(tmp_path, "a.json", json.dumps({"rasa_nlu_data": {"common_examples": said}}, indent=1))
    dataset = datasets.read(path)
    assert pairs(path) == [("dim the kitchen", "iot/dim"), ("hi", "greet")]
    assert [(mark.kind, mark.value) for mark in dataset.examples[0].entities] == [("place", "kitchen")]
    assert [oddity.line for oddity in dataset.oddities] == [dataset.examples[0].line] * 2
    assert dataset.examples[0].line < dataset.examples[1].line


def test_somebody_else_s_yaml_may_hold_what_ours_may_not(tmp_path: Path) -> None:
    content = """version: "2.0"
intents: [greet]
responses: {utter_greet: [{text: hi}]}
nlu:
- intent: Greet-Them
  metadata: {sentiment: neutral}
  examples: |
    - hello [Bob](person)
- intent: faq/price
  examples:
    - text: |
        what is the price
      metadata: {source: log}
- regex: zip
  examples: |
    - [0-9
"""
    write(tmp_path, "b.yml", content)
    assert pairs(tmp_path) == [("hello Bob", "Greet-Them"), ("what is the price", "faq/price")]
    assert pairs(tmp_path / "b.yml") == pairs(tmp_path)


def test_the_given_sets_can_be_read(given: Callable[[str], Path]) -> None:
    assert len(datasets.read(given("nlu/hwu64_xliuhw/kfold_1.train.rasa.json")).intents) == 64
    assert len(datasets.read(given("nlu/fewshot_splits/BANKING77/train_10.csv")).examples) == 770
    assert len(datasets.read(given("nlu/rasa_nlu_training_data/banking")).intents) > 3


@for_all(st.binary(max_size=200), st.sampled_from(["csv", "json", "yml"]))
@settings(max_examples=200)
def test_whatever_a_file_holds_it_is_read_or_refused_with_reasons(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, kind: str
) -> None:
    path = tmp_path_factory.mktemp("set") / f"a.{kind}"
    for head in (b"", b"text,intent\n", b"nlu:\n- intent: a\n  examples: |\n    - "):
        path.write_bytes(head + content)
        try:
            found = len(datasets.read(path).examples)
        except TrainingDataMistakes as error:
            found = len(error.mistakes)
        assert found > 0
