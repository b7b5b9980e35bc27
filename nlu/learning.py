"""How the embedded engine learns. Runs in a child process: scikit-learn costs 80 MB that the gateway does not pay.

`python -m nlu.learning SOURCE MODEL_FILE` learns from a folder of training files or from examples as JSON lines. It
exits with 0, or with 2 and the mistakes in the data as JSON lines.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import cycle
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from nlu import ngrams, training
from nlu.model import RECIPE, Floats, Model, signals

FEWEST = 2
"""A feature of fewer examples teaches nothing that holds for others..."""
FEW_EXAMPLES = 200
"""...unless there are so few that every word is needed."""
HAN_OPENERS = ("你好，", "您好，请问", "你好 ", "请问", "您好！", "嗨，")
LATIN_OPENERS = ("hi, ", "hello, ", "hey ", "hi ", "hello! ", "good morning, ")
FEW_OPENERS = 6
"""Every so many examples are learnt with an opener too."""
SHORTEST_OPENED = 5
"""Characters: a yes or a goodbye does not follow a greeting."""
FOLDS = 4
STRENGTH = 1.0
"""Of fitting the examples against keeping the weights small (LinearSVC's C)."""
EXACT_ENOUGH = 1e-2
"""Weights come out within 0.002 of the exact ones, a quarter sooner."""


Labels = npt.NDArray[np.int64]


class _Rows(Protocol):
    """What we use of a sparse matrix; its library has no types."""

    def sum_duplicates(self) -> None: ...
    def __matmul__(self, other: Floats, /) -> Floats: ...


class _Converter(Protocol):
    """What we use of OpenCC."""

    def convert(self, text: str, /) -> str: ...


class _Lines(Protocol):
    """What we use of a fitted linear classifier; its library has no types."""

    coef_: Floats
    intercept_: Floats
    classes_: Labels

    def fit(self, X: object, y: object, /) -> object: ...  # noqa: N803 - the library's name


def main(arguments: Sequence[str]) -> int:
    source, target = Path(arguments[0]), Path(arguments[1])
    try:
        examples, fingerprint = _examples_of(source)
        if len({example.intent for example in examples}) < 2:
            reason = "there must be two intents at least to tell apart"
            raise training.TrainingDataMistakes([training.Mistake(file=str(source), line=0, reason=reason)])
    except training.TrainingDataMistakes as error:
        for mistake in error.mistakes:
            sys.stdout.write(json.dumps(asdict(mistake)) + "\n")
        return 2
    learn(examples, fingerprint=fingerprint).store(target)
    return 0


def _examples_of(source: Path) -> tuple[Sequence[training.Example], str]:
    """The examples and their fingerprint. Raises TrainingDataMistakes."""
    if source.is_dir():
        return training.read(source).examples, training.fingerprint(source, recipe=RECIPE)
    content = source.read_bytes()
    examples = [training.Example(**json.loads(line)) for line in content.splitlines()]
    return examples, hashlib.sha256(RECIPE.encode() + content).hexdigest()[:16]


def learn(examples: Sequence[training.Example], *, fingerprint: str) -> Model:
    """A model of the examples, whose confidences were calibrated on examples that it had not seen."""
    folding = simplified_characters()
    table = ngrams.MEANINGLESS | ngrams.folding(*folding)
    examples = list(_with_openers(examples))
    texts = [features_of(example.text, table) for example in examples]
    intents = tuple(sorted({example.intent for example in examples}))
    number = {intent: index for index, intent in enumerate(intents)}
    labels = np.array([number[example.intent] for example in examples])
    matrix = _Matrix(texts)
    weights, bias = _fit(matrix, labels, len(intents))
    calibration, spread = _calibrate(texts, labels, _folds(examples), len(intents))
    return Model(
        fingerprint=fingerprint,
        intents=intents,
        features=matrix.features,
        idf=matrix.idf,
        weights=weights,
        bias=bias,
        calibration=calibration,
        spread=spread,
        folding=folding,
    )


def _with_openers(examples: Sequence[training.Example]) -> Iterator[training.Example]:
    """The examples, some of them once more behind a greeting: what follows it is what the person wants."""
    openers = {True: cycle(LATIN_OPENERS), False: cycle(HAN_OPENERS)}
    for place, example in enumerate(examples):
        yield example
        if place % FEW_OPENERS == 0 and len(example.text) >= SHORTEST_OPENED and example.intent != "greet":
            yield replace(example, text=next(openers[example.text.isascii()]) + example.text)


def simplified_characters() -> tuple[str, str]:
    """Traditional characters and the simplified ones that stand for them."""
    from opencc import OpenCC

    traditional = [chr(code) for code in range(0x4E00, 0x9FA6)]
    simplified = cast("_Converter", OpenCC("t2s")).convert("\n".join(traditional)).split("\n")
    pairs = [(old, new) for old, new in zip(traditional, simplified, strict=True) if old != new and len(new) == 1]
    return "".join(old for old, _ in pairs), "".join(new for _, new in pairs)


def features_of(text: str, folding: ngrams.Folding) -> list[str]:
    words = ngrams.tokens(text, folding)
    features = [feature for word in words for feature in ngrams.of_token(word)]
    return features + ngrams.of_pairs(words)


class _Matrix:
    """Texts as rows of weighted features; knows how to see other texts the same way."""

    def __init__(self, texts: Sequence[list[str]]) -> None:
        frequency = Counter(feature for features in texts for feature in set(features))
        fewest = FEWEST if len(texts) >= FEW_EXAMPLES else 1
        self.features = tuple(feature for feature, count in frequency.items() if count >= fewest)
        self._column = {feature: index for index, feature in enumerate(self.features)}
        counts = np.array([frequency[feature] for feature in self.features], dtype=np.float32)
        self.idf: Floats = (np.log((1 + len(texts)) / (1 + counts)) + 1).astype(np.float32)
        self.rows, self.known, self.sizes = self.see(texts)

    def see(self, texts: Sequence[list[str]]) -> tuple[_Rows, Floats, Floats]:
        """The rows, the share of known features and the number of features of each text."""
        from scipy import sparse

        columns, values, ends = list[npt.NDArray[np.int32]](), list[Floats](), [0]
        known, sizes = list[float](), list[int]()
        for features in texts:
            found = [self._column[feature] for feature in features if feature in self._column]
            columns.append(np.array(found, dtype=np.int32))
            idf = self.idf[columns[-1]]
            values.append(idf / max(float(np.sqrt(np.square(idf).sum())), 1e-9))
            ends.append(ends[-1] + len(found))
            known.append(len(found) / max(len(features), 1))
            sizes.append(len(features))
        shape = (len(texts), len(self.features))
        cells = (np.concatenate(values), np.concatenate(columns), ends)
        rows = cast("_Rows", sparse.csr_matrix(cells, shape=shape))
        rows.sum_duplicates()
        return rows, np.array(known, dtype=np.float32), np.array(sizes, dtype=np.float32)


def _fit(matrix: _Matrix, labels: Labels, intents: int) -> tuple[Floats, Floats]:
    """Weights (features x intents) and bias: a line between each intent and all the others."""
    from sklearn.svm import LinearSVC

    machine = cast("_Lines", LinearSVC(C=STRENGTH, tol=EXACT_ENOUGH, random_state=0))
    machine.fit(matrix.rows, labels)
    weights = np.zeros((len(matrix.features), intents), dtype=np.float32)
    bias = np.full(intents, -1, dtype=np.float32)
    if len(machine.classes_) == 2:
        first, second = machine.classes_.tolist()
        weights[:, second], bias[second] = machine.coef_[0], machine.intercept_[0]
        weights[:, first], bias[first] = -machine.coef_[0], -machine.intercept_[0]
    else:
        weights[:, machine.classes_] = machine.coef_.T
        bias[machine.classes_] = machine.intercept_
    return weights, bias


def _folds(examples: Sequence[training.Example]) -> Labels:
    """Which fold an example is tested in: neighbours in a file resemble each other, so they are tested together."""
    sizes = Counter((example.file, example.intent) for example in examples)
    seen: Counter[tuple[str, str]] = Counter()
    folds: list[int] = []
    for example in examples:
        key = (example.file, example.intent)
        folds.append(seen[key] * FOLDS // sizes[key])
        seen[key] += 1
    return np.array(folds)


def _calibrate(texts: Sequence[list[str]], labels: Labels, folds: Labels, intents: int) -> tuple[Floats, float]:
    """What the signals say about being right, and how the other intents share the rest, on examples held out."""
    scores = np.zeros((len(texts), intents), dtype=np.float32)
    facts, right = list[tuple[float, ...]](), list[bool]()
    for fold in range(FOLDS):
        inside = np.flatnonzero(folds != fold).tolist()
        outside = np.flatnonzero(folds == fold).tolist()
        if not outside or len({int(label) for label in labels[inside]}) < 2:
            continue
        matrix = _Matrix([texts[index] for index in inside])
        weights, bias = _fit(matrix, labels[inside], intents)
        rows, known, sizes = matrix.see([texts[index] for index in outside])
        scores[outside] = rows @ weights + bias
        two = np.sort(scores[outside], axis=1)[:, -2:].tolist()
        facts.extend(
            signals(best, second, *fact) for (second, best), fact in zip(two, _pairs(known, sizes), strict=True)
        )
        right.extend((scores[outside].argmax(axis=1) == labels[outside]).tolist())
    spread = _spread(scores, labels)
    if len(set(right)) < 2:
        return np.array([0, 0, 0, 0, 0, 3.0 if right[0] else -3.0], dtype=np.float32), spread
    from sklearn.linear_model import LogisticRegression

    judge = cast("_Lines", LogisticRegression(C=10.0, max_iter=500))
    judge.fit(facts, right)
    return np.append(judge.coef_[0], judge.intercept_[0]).astype(np.float32), spread


def _pairs(left: Floats, right: Floats) -> list[tuple[float, float]]:
    return list(zip(left.tolist(), right.tolist(), strict=True))


def _spread(scores: Floats, labels: Labels) -> float:
    """The sharpness at which a softmax of the scores is least surprised by the truth."""

    def surprise(sharpness: float) -> float:
        scaled = scores.astype(np.float64) * sharpness
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]).mean())

    return min((1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0), key=surprise)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
