"""The Rasa project fits the training data, learns from all of it, and shows its environment nothing of ours."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from nlu import rasa_project, training
from nlu.embedded import TrainingFailed
from nlu.rasa_engine import fallback_threshold
from nlu.rasa_project import (
    DATA,
    FEWEST_EPOCHS,
    MOST_EPOCHS,
    PROJECT,
    Environment,
    RasaMissing,
    domain,
    find_environment,
    rules,
    sensible_epochs,
    write_project,
)
from nlu.training import Example
from tests import rasa
from tests.nlu.fake_rasa_child import LEFT_BEHIND
from tests.nlu.shop import INTENTS

STORIES = sorted((PROJECT / "tests").glob("*.yml"))


@pytest.mark.parametrize(("name", "made"), [("domain.yml", domain), ("rules.yml", rules)])
def test_domain_and_rules_are_those_of_the_training_data(name: str, made: Any) -> None:
    said = (PROJECT / name).read_text("utf-8")
    assert said == made(training.read(DATA).intents), "python -m nlu.rasa_project brings it up to date"


def test_the_characters_that_the_tokenizer_folds_are_those_of_the_embedded_engine() -> None:
    said = (PROJECT / "simplified.txt").read_text("utf-8")
    assert said == rasa_project.simplified(), "python -m nlu.rasa_project brings it up to date"
    traditional, simplified = said.split()
    assert len(traditional) == len(simplified) > 2000
    assert dict(zip(traditional, simplified, strict=True))["貨"] == "货"


CUT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from rapport_tokenizer import BothScriptsTokenizer
from rasa.shared.nlu.training_data.message import Message
tokenizer = BothScriptsTokenizer(BothScriptsTokenizer.get_default_config(), None, None)
for text in sys.argv[2:]:
    tokens = tokenizer.process([Message(data={"text": text})])[0].get("text_tokens")
    print(json.dumps([[token.text, token.lemma, token.start, token.end] for token in tokens]))
"""


@pytest.mark.slow
def test_traditional_chinese_is_cut_as_simplified_is_and_entities_stay_where_they_stand(tmp_path: Path) -> None:
    texts = ["我想退貨，訂單 SL20260012 的龍井茶發霉了 please", "我想退货，订单 SL20260012 的龙井茶发霉了 please"]
    environment = rasa.environment()
    done = subprocess.run(
        [str(environment.python), "-c", CUT, str(PROJECT), *texts],
        env=environment.surroundings(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    traditional, simplified = map(json.loads, done.stdout.splitlines())
    for text, words in zip(texts, (traditional, simplified), strict=True):
        assert [text[start:end] for _, _, start, end in words] == [word for word, _, _, _ in words]
        assert "".join(word for word, _, _, _ in words) == text
    assert [lemma for _, lemma, _, _ in traditional] == [lemma for _, lemma, _, _ in simplified]
    assert {"訂單", "SL20260012", "please"} <= {word for word, _, _, _ in traditional}


def test_the_project_written_for_a_training_says_all_that_the_data_says(tmp_path: Path) -> None:
    known = training.read(DATA)
    write_project(tmp_path, known.examples, facts=known, epochs=7)
    again = training.read(tmp_path / "data")
    assert sorted((e.intent, e.text, e.entities) for e in again.examples) == sorted(
        (e.intent, e.text, e.entities) for e in known.examples
    )
    assert (again.synonyms, again.regexes, again.lookups) == (known.synonyms, known.regexes, known.lookups)
    config = yaml.safe_load((tmp_path / "config.yml").read_text())
    assert [each["epochs"] for each in config["pipeline"] if "epochs" in each] == [7]


def test_words_that_look_like_yaml_or_like_marks_stay_words(tmp_path: Path) -> None:
    texts = ["yes: no", "# not a comment", "a\nb", "[x](y) and [x]{z}", "'\"", "- - -", "{{ 1 }}", "null"]
    examples = [Example(text=text, intent="greet", file="x", line=1) for text in texts]
    write_project(tmp_path, examples, facts=None, epochs=1)
    said = yaml.safe_load((tmp_path / "data" / "nlu.yml").read_text("utf-8"))["nlu"][0]["examples"].splitlines()
    assert said == [
        "- yes: no",
        "- # not a comment",
        "- a b",
        "- [x] (y) and [x] {z}",
        "- '\"",
        "- - - -",
        "- {{ 1 }}",
        "- null",
    ]


def test_the_more_examples_the_fewer_passes() -> None:
    assert [sensible_epochs(number) for number in (0, 100)] == [MOST_EPOCHS, MOST_EPOCHS]
    assert [sensible_epochs(number) for number in (5000, 10_000)] == [20, 10]
    assert sensible_epochs(100_000) == FEWEST_EPOCHS


def test_what_rasa_calls_unsure_is_read_from_its_pipeline() -> None:
    assert fallback_threshold() == 0.4


def test_rasa_sees_no_setting_and_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_TELEGRAM__TOKEN", "geheim")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    seen = Environment(python=Path("python")).surroundings(Path("/somewhere/else"))
    assert "geheim" not in json.dumps(seen)
    assert "PYTHONPATH" not in seen
    assert seen["RASA_TELEMETRY_ENABLED"] == "false"
    assert seen["TMPDIR"] == "/somewhere/else"


def test_an_environment_that_is_missing_or_old_is_named_with_the_command_that_makes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("pyproject.toml", "uv.lock"):
        (tmp_path / name).write_bytes((PROJECT / name).read_bytes())
    monkeypatch.setattr(rasa_project, "PROJECT", tmp_path)
    with pytest.raises(RasaMissing, match="not installed: `make rasa`"):
        find_environment()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".rapport").write_text("of another lock")
    with pytest.raises(RasaMissing, match="another version: `make rasa`"):
        find_environment()


def test_stories_speak_of_most_intents_in_words_that_were_not_learnt() -> None:
    steps = [
        step
        for path in STORIES
        for story in yaml.safe_load(path.read_text("utf-8"))["stories"]
        for step in story["steps"]
    ]
    told = {step["intent"] for step in steps if "intent" in step}
    assert told <= INTENTS
    assert len(told) > 30
    learnt = {example.text for example in training.read(DATA).examples}
    words = [step["user"].strip() for step in steps if "user" in step]
    assert [text for text in words if text in learnt] == [], "what was learnt proves nothing"


def test_a_training_leaves_its_model_and_what_it_said_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "models" / "model.tar.gz"
    rasa_project.train(rasa.stand_in(tmp_path), rasa.few_examples(), target, epochs=7)
    assert sorted(path.name for path in target.parent.iterdir()) == ["model.log", "model.tar.gz"]
    assert not (Path(tempfile.gettempdir()) / LEFT_BEHIND).exists()


def test_a_training_that_fails_says_what_rasa_said_and_leaves_no_model(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no memory left >&2\nexit 3\n")
    python.chmod(0o700)
    target = tmp_path / "models" / "model.tar.gz"
    with pytest.raises(TrainingFailed, match="ended with 3: no memory left"):
        rasa_project.train(Environment(python=python), rasa.few_examples(), target, epochs=1)
    assert not target.exists()
    assert (tmp_path / "models" / "model.log").read_text() == "no memory left\n"
