"""The embedded engine: a linear model over n-grams, read without scikit-learn; some 50 µs a message."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import repeat
from operator import mul
from pathlib import Path
from typing import cast

import numpy as np

from nlu import ngrams, training
from nlu.language import detect
from nlu.model import LEAST_KNOWN, RECIPE, Floats, Model, signals
from nlu.understanding import FindsEntities, Intent, Understanding

OUT_OF_SCOPE = "out_of_scope"
"""The intent of examples that are none of the business's concern: learnt, but never given as an answer."""
REFUSED = "out of scope"
MOST_INTENTS = 3
AT_ONCE = 64
"""Texts weighed in one piece."""
REMEMBERED_WORDS = 4096
"""Latin words whose weights are kept summed up."""
SECONDS_TO_TRAIN = 180.0
SECONDS_PER_MEGABYTE = 900.0
"""Of training data, besides."""
_TINY = np.float32(1e-9)


class TrainingFailed(Exception):
    """The child process that trains the embedded engine failed."""


def ensure_trained(data_dir: Path, model_dir: Path) -> Path:
    """The model of this training data; trained in a child process where there is none yet.

    Takes milliseconds where there is one, seconds where there is none: from an event loop, call it in a thread.
    Concurrent calls, also of other processes, do no harm. Raises training.TrainingDataMistakes or TrainingFailed.
    """
    target = model_dir / f"embedded-{training.fingerprint(data_dir, recipe=RECIPE)}.npz"
    if not target.exists():
        _learn(data_dir, target)
    return target


def train(examples: Sequence[training.Example], folder: Path) -> Path:
    """The model of these examples, learnt in a child process; its file lies in the folder. Raises TrainingFailed."""
    source, target = folder / "examples.jsonl", folder / "embedded.npz"
    folder.mkdir(parents=True, exist_ok=True)
    with source.open("w", encoding="utf-8") as file:
        for example in examples:
            said = {"text": example.text, "intent": example.intent, "file": example.file, "line": example.line}
            file.write(json.dumps(said) + "\n")
    _learn(source, target)
    return target


def _learn(source: Path, target: Path) -> None:
    house = Path(__file__).resolve().parent.parent
    files = training.training_files(source) if source.is_dir() else [source]
    seconds = SECONDS_TO_TRAIN + SECONDS_PER_MEGABYTE * sum(file.stat().st_size for file in files) / 1e6
    command = [sys.executable, "-m", "nlu.learning", str(source.resolve()), str(target.resolve())]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, paths given by the settings
            command,
            cwd=house,
            env={**os.environ, "PYTHONPATH": str(house), "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TrainingFailed(f"training took more than {seconds:.0f} s") from error
    if done.returncode == 2 and done.stdout:
        raise training.TrainingDataMistakes([_mistake(line) for line in done.stdout.splitlines()])
    if done.returncode != 0 or not target.exists():
        raise TrainingFailed(f"training ended with {done.returncode}: {done.stderr.strip()[-2000:]}")


def _mistake(line: str) -> training.Mistake:
    said = cast("dict[str, str | int]", json.loads(line))
    return training.Mistake(file=str(said["file"]), line=int(said["line"]), reason=str(said["reason"]))


class Embedded:
    """Understands every message by itself; nothing of it waits, and nothing of it fails."""

    name = "embedded"
    batches = True
    processes: Sequence[int] = ()

    def __init__(self, model: Model, entities: FindsEntities | None = None) -> None:
        self.threshold = model.threshold
        self._entities = entities
        self.intents: Sequence[str] = model.intents
        """What it can tell apart, `out_of_scope` among them."""
        self._out_of_scope = model.intents.index(OUT_OF_SCOPE) if OUT_OF_SCOPE in model.intents else -1
        self._bias = model.bias
        self._calibration: list[float] = model.calibration[:-1].tolist()
        self._constant = float(model.calibration[-1])
        self._spread = model.spread
        self._folding = ngrams.MEANINGLESS | ngrams.folding(*model.folding)
        self._rows = _Rows(model)
        self.fingerprint = model.fingerprint

    @staticmethod
    def load(path: Path, entities: FindsEntities | None = None) -> Embedded:
        """The engine with the model that `ensure_trained` named. Raises arrays.ModelUnreadable."""
        return Embedded(Model.load(path), entities)

    def close(self) -> None:
        """Nothing is open."""

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        return self.understand_now(texts)

    def understand_now(self, texts: Sequence[str]) -> list[Understanding]:
        """One Understanding a text, in order, on the caller's time: some 50 µs each. Never raises."""
        answers: list[Understanding] = []
        for start in range(0, len(texts), AT_ONCE):
            piece = texts[start : start + AT_ONCE]
            for text, (guesses, failure) in zip(piece, self._weigh(piece), strict=True):
                answers.append(self._answer(text, guesses, failure))
        return answers

    def _answer(self, text: str, guesses: tuple[Intent, ...], failure: str | None) -> Understanding:
        language, either_script = detect(text)
        return Understanding(
            language=language,
            either_script=either_script,
            intents=() if failure else guesses,
            guesses=guesses if failure else (),
            entities=self._entities.find(text) if self._entities else (),
            engine=self.name,
            model=self.fingerprint,
            out_of_scope=failure == REFUSED,
            failure=failure,
        )

    def _weigh(self, texts: Sequence[str]) -> list[tuple[tuple[Intent, ...], str | None]]:
        self._rows.forget_when_full()
        rows: list[int] = []
        starts: list[int] = []
        for text in texts:
            starts.append(len(rows))
            rows.append(0)
            self._rows.of(ngrams.tokens(text, self._folding), rows)
        sums = np.add.reduceat(self._rows.table.take(rows, axis=0), starts, axis=0)
        scores = sums[:, :-3] / np.sqrt(sums[:, -3:-2] + _TINY) + self._bias
        return [
            self._verdict(of_text, known, size)
            for of_text, (known, size) in zip(scores.tolist(), sums[:, -2:].tolist(), strict=True)
        ]

    def _verdict(self, scores: list[float], known: float, size: float) -> tuple[tuple[Intent, ...], str | None]:
        """The guesses, and why they are no answer. Plain Python: for some fifty numbers, numpy's calls cost more."""
        if not size:
            return (), "empty"
        outside = -math.inf
        if self._out_of_scope >= 0:
            outside, scores[self._out_of_scope] = scores[self._out_of_scope], -math.inf
        best, *others = _highest(scores)
        second = others[0][0] if others else outside
        confidence = self._confidence(best[0], second, outside, known / size, size)
        shares = [math.exp((score - best[0]) * self._spread) for score, _ in others]
        rest = (1 - confidence) / max(sum(shares), 1e-9)
        guesses = (
            Intent(name=self.intents[best[1]], confidence=confidence),
            *[
                Intent(name=self.intents[place], confidence=min(share * rest, confidence))
                for share, (_, place) in zip(shares, others, strict=True)
            ],
        )
        if known < size * LEAST_KNOWN:
            return guesses, "no known words"
        return guesses, REFUSED if outside > best[0] else None

    def _confidence(self, best: float, second: float, outside: float, known: float, size: float) -> float:
        facts = signals(best, second, outside, known, size)
        logit = self._constant + sum(map(mul, self._calibration, facts))
        return 1 / (1 + math.exp(-max(min(logit, 30.0), -30.0)))


def _highest(scores: list[float]) -> list[tuple[float, int]]:
    """The highest scores and their places, which are crossed out; of equals, the first. Faster than sorting all."""
    found: list[tuple[float, int]] = []
    for _ in range(min(MOST_INTENTS, len(scores))):
        top = max(scores)
        if top == -math.inf:
            break
        place = scores.index(top)
        found.append((top, place))
        scores[place] = -math.inf
    return found


class _Rows:
    """The weights as one table: a row a feature, and a row a Latin word whose features were summed up before.

    Columns: the intents, then the square of the feature's norm, then 1 where it is known, then 1; gaps do not count as
    known or unknown. Row 0 is nothing, row 1 a feature nobody knows.
    """

    def __init__(self, model: Model) -> None:
        features, intents = model.weights.shape
        first_word = features + 2
        self.table: Floats = np.zeros((first_word + REMEMBERED_WORDS, intents + 3), dtype=np.float32)
        self.table[2:first_word, :intents] = model.weights * model.idf[:, None]
        self.table[2:first_word, intents] = model.idf**2
        self.table[2:first_word, intents + 1] = [not ngrams.is_gap(feature) for feature in model.features]
        self.table[2:first_word, intents + 2] = self.table[2:first_word, intents + 1]
        self.table[1, intents + 2] = 1
        self._features: dict[str, int] = {}
        beside: dict[str, dict[str, int]] = {}
        behind: dict[str, dict[str, int]] = {}
        for row, feature in enumerate(model.features, start=2):
            if ngrams.is_gap(feature):
                left, right = feature.split("\t")
                behind.setdefault(left, {})[right] = row
            elif ngrams.is_pair(feature):
                left, right = feature.split(" ")
                beside.setdefault(left, {})[right] = row
            else:
                self._features[feature] = row
        self._beside = {left: row_of.get for left, row_of in beside.items()}
        self._behind = {left: row_of.get for left, row_of in behind.items()}
        self._words: dict[str, int] = {}
        self._first_word = first_word

    def of(self, tokens: list[str], rows: list[int]) -> None:
        """Append the rows of a text."""
        row_of = self._features.get
        words = self._words
        for token in tokens:
            word = words.get(token)
            if word is not None:
                rows.append(word)
                continue
            found = list(map(row_of, ngrams.of_token(token), repeat(1)))
            if len(words) < REMEMBERED_WORDS and not ngrams.is_han(token):
                words[token] = self._remember(found)
            rows += found
        beside, behind = self._beside, self._behind
        rows += [beside[left](right, 1) if left in beside else 1 for left, right in ngrams.pairs(tokens)]
        units = ngrams.units(tokens)
        for place, left in enumerate(units, 1):
            if left in behind:
                rows += filter(None, map(behind[left], units[place : place + ngrams.WIDEST_GAP]))

    def forget_when_full(self) -> None:
        """Between two pieces of work, so that no row is written over that somebody counts on."""
        if len(self._words) == REMEMBERED_WORDS:
            self._words.clear()

    def _remember(self, found: list[int]) -> int:
        row = self._first_word + len(self._words)
        self.table[row] = self.table.take(found, axis=0).sum(0)
        return row
