"""A real Rasa for the tests: its environment, a small part of the training data, and a model of that."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from nlu import rasa_project, training
from nlu.rasa_project import Environment, RasaMissing, find_environment
from nlu.training import Example
from tests.given import missing

HERE = Path(__file__).resolve().parent
INTENTS = ("greet", "refund_request", "order_status", "human_request", "complaint_quality", "out_of_scope")
EACH = 10
"""Examples of an intent in a language."""
EPOCHS = 12


def environment() -> Environment:
    """Rasa's environment; where it is not installed the test skips, or fails if all is required."""
    try:
        return find_environment()
    except RasaMissing as reason:
        missing(str(reason))


def few_examples() -> list[Example]:
    """Six intents in both languages: learnt within a minute."""
    told: Counter[tuple[str, str]] = Counter()
    few: list[Example] = []
    for example in training.read(rasa_project.DATA).examples:
        key = (example.intent, example.file.split("/")[0])
        if example.intent in INTENTS and told[key] < EACH:
            told[key] += 1
            few.append(example)
    return few


def stand_in(folder: Path) -> Environment:
    """An environment whose server is a small stand-in, ready within a moment; a model is a file that says `well`."""
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {HERE / "nlu" / "fake_rasa_child.py"} "$@"\n')
    python.chmod(0o700)
    return Environment(python=python)


def train(target: Path) -> Path:
    """A model of those examples."""
    facts = training.read(rasa_project.DATA)
    rasa_project.train(environment(), few_examples(), target, facts=facts, epochs=EPOCHS)
    return target
