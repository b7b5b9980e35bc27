"""The demo shop's intents on messages that nothing was learnt from.

`heldout/test-*.csv` were written by somebody who had not read the training data, and labelled a second time blind;
whoever adds training data reads `dev-*.csv` only. Failures therefore name pairs of intents, never a message.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
import yaml

from nlu import training
from nlu.embedded import Embedded
from nlu.understanding import Understanding
from tests.nlu.shop import INTENTS, TRAINING_DATA

HELD_OUT = Path(__file__).resolve().parent / "heldout"
POLICY = TRAINING_DATA.parent.parent.parent / "playbook" / "policy.yml"
LANGUAGES = ("zh", "en")
OUT_OF_SCOPE = "out_of_scope"
UNDERSTOOD = 0.95
"""Share of the messages of one language whose best guess is right."""
UNDERSTOOD_IN_NOISE = 0.9
"""The same of one kind of noise: there are a few dozen messages of each."""
NOT_ACTED_UPON = 0.9
"""Share of what is none of the shop's concern that is refused, or guessed with too little confidence to act upon."""
TAUGHT_BY_CHANCE = 0.03
"""Share of the messages that the training data may hold as well: there are few ways to say "brb"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What a customer might write."""

    text: str
    intent: str
    noise: str
    """`clean`, `typo`, `mixed` (two languages), `slang` or `emoji`."""


def read(part: str, language: str) -> list[Message]:
    with (HELD_OUT / f"{part}-{language}.csv").open(encoding="utf-8", newline="") as file:
        return [Message(text=row["text"], intent=row["intent"], noise=row["noise"]) for row in csv.DictReader(file)]


def bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text)).casefold()


@pytest.fixture(scope="module")
def taught() -> frozenset[str]:
    return frozenset(bare(example.text) for example in training.read(TRAINING_DATA).examples) - {""}


@pytest.fixture(scope="module")
def acts_from() -> float:
    """The confidence from which the demo shop's assistant acts on a guess without asking."""
    policy = cast("dict[str, dict[str, float]]", yaml.safe_load(POLICY.read_text(encoding="utf-8")))
    return policy["confidence"]["sure"]


def answers_to(embedded: Embedded, messages: list[Message]) -> list[tuple[Message, Understanding]]:
    return list(zip(messages, embedded.understand_now([message.text for message in messages]), strict=True))


def best_guess(answer: Understanding) -> str:
    return OUT_OF_SCOPE if answer.intent is None else answer.intent.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_nineteen_of_twenty_messages_are_understood(embedded: Embedded, taught: frozenset[str], language: str) -> None:
    messages = [m for m in read("test", language) if m.intent != OUT_OF_SCOPE and bare(m.text) not in taught]
    guesses = [(message.intent, best_guess(answer)) for message, answer in answers_to(embedded, messages)]
    right = sum(intent == guess for intent, guess in guesses) / len(guesses)
    confusions = Counter(f"{intent} -> {guess}" for intent, guess in guesses if intent != guess)
    assert right >= UNDERSTOOD, f"{right:.1%}; {confusions.most_common()}"


@pytest.mark.parametrize("noise", ["typo", "mixed", "slang", "emoji"])
def test_noise_does_not_hide_what_is_meant(embedded: Embedded, taught: frozenset[str], noise: str) -> None:
    messages = [message for language in LANGUAGES for message in read("test", language) if message.noise == noise]
    messages = [m for m in messages if m.intent != OUT_OF_SCOPE and bare(m.text) not in taught]
    right = [best_guess(answer) == message.intent for message, answer in answers_to(embedded, messages)]
    share = sum(right) / len(right)
    assert share >= UNDERSTOOD_IN_NOISE, f"{share:.1%} of {len(right)}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_none_of_the_shop_s_concern_is_not_acted_upon(
    embedded: Embedded, acts_from: float, language: str
) -> None:
    messages = [message for message in read("test", language) if message.intent == OUT_OF_SCOPE]
    acted_upon = Counter(
        answer.intent.name
        for _, answer in answers_to(embedded, messages)
        if answer.intent is not None and answer.intent.confidence >= acts_from
    )
    share = 1 - acted_upon.total() / len(messages)
    assert share >= NOT_ACTED_UPON, f"{share:.1%}; {acted_upon.most_common()}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_intent_is_asked_about_and_no_message_twice(language: str) -> None:
    tests, all_of_it = read("test", language), [*read("dev", language), *read("test", language)]
    counts, tested = Counter(message.intent for message in all_of_it), Counter(message.intent for message in tests)
    assert set(counts) == INTENTS
    assert min(counts.values()) >= 12
    assert min(tested.values()) >= 10
    assert counts[OUT_OF_SCOPE] >= 60
    repeated = Counter(message.text.casefold() for message in all_of_it)
    assert max(repeated.values()) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_hardly_any_of_it_is_taught(taught: frozenset[str], language: str) -> None:
    messages = read("test", language)
    known = sum(bare(message.text) in taught for message in messages)
    assert known / len(messages) <= TAUGHT_BY_CHANCE
