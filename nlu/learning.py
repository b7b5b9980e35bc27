"""How the embedded engine learns. Runs in a child process: scikit-learn costs 80 MB that the gateway does not pay.

`python -m nlu.learning SOURCE MODEL_FILE` learns from a folder of training files or from examples as JSON lines. It
exits with 0, or with 2 and the mistakes in the data as JSON lines.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from nlu import ngrams, training
from nlu.datasets import OUT_OF_SCOPE
from nlu.model import LEAST_KNOWN, RECIPE, SIGNALS, Floats, Model, signals

FEWEST = 2
"""A feature of fewer examples teaches nothing that holds for others..."""
FEWEST_GAPS = 3
"""Two words at a distance meet by chance more often."""
FEW_EXAMPLES = 200
"""...unless there are so few that every word is needed."""
LEAN = 1
"""So many more examples a feature needs in the model that the gateway carries all day: two in five go, and memory with
them, for one answer in some hundreds."""
HAN_OPENERS = ("你好，", "您好，请问", "你好 ", "请问", "您好！", "嗨，")
LATIN_OPENERS = ("hi, ", "hello, ", "hey ", "hi ", "hello! ", "good morning, ")
FEW_OPENERS = 6
"""Every so many examples are learnt with an opener too."""
SHORTEST_OPENED = 5
"""Characters: a yes or a goodbye does not follow a greeting."""
FOLDS = 5
ENOUGH_TRIED = 4000
"""Examples, to learn from them how sure to be."""
FEW_OF_EACH = 20
"""Examples of an intent: up to so many are few."""
NAMED = 50
"""Examples of an intent on average: up to so many, its name teaches something."""
STRENGTH_OF_FEW = 20.0
NOBODY_S = -1
"""Instead of an example's place: a text that nobody wrote to us."""
UNSEEN = -9.0
"""The score of an intent of which a fold has no examples."""
WEIGHT_OF_GAPS = 1.0
GIVEN_UP = 0.015
"""Share of the right answers that may be given up for refusing what is strange."""
STRENGTH = 1.0
"""Of fitting the examples against keeping the weights small (LinearSVC's C)."""
STRENGTH_OF_NAMED = 2.0
"""The same where there are so few that the intents' names are learnt."""
EXACT_ENOUGH = 5e-2
"""Decisions come out as with ten times the exactness, in half the time."""


_NAME_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[\u3400-\u9fff]+")

Labels = npt.NDArray[np.int64]


class _Rows(Protocol):
    """What we use of a sparse matrix; its library has no types."""

    shape: tuple[int, int]

    def __getitem__(self, places: Labels, /) -> _Rows: ...
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
    learn(examples, fingerprint=fingerprint, lean=source.is_dir()).store(target)
    return 0


def _examples_of(source: Path) -> tuple[Sequence[training.Example], str]:
    """The examples and their fingerprint. Raises TrainingDataMistakes."""
    if source.is_dir():
        return training.read(source).examples, training.fingerprint(source, recipe=RECIPE)
    content = source.read_bytes()
    examples = [training.Example(**json.loads(line)) for line in content.splitlines()]
    return examples, hashlib.sha256(RECIPE.encode() + content).hexdigest()[:16]


def learn(examples: Sequence[training.Example], *, fingerprint: str, lean: bool = False) -> Model:
    """A model of the examples, whose confidences were calibrated on examples that it had not seen."""
    folding = simplified_characters()
    lesson = _lesson(examples, folding, lean=lean)
    idf = lesson.texts.idf(np.arange(len(lesson.labels)))
    with ThreadPoolExecutor(1) as beside:  # where there are two cores, both learn
        whole = beside.submit(_fit, lesson, lesson.texts.rows(idf), lesson.labels)
        trial = _try(lesson)
        weights, bias = whole.result()
    calibration, confidences, right = _calibrate(trial, lesson.labels, lesson.outside)
    return Model(
        fingerprint=fingerprint,
        intents=lesson.intents,
        features=lesson.texts.features,
        idf=idf,
        weights=weights,
        bias=bias,
        calibration=calibration,
        spread=_spread(trial.scores[trial.places], lesson.labels[trial.places]),
        threshold=_threshold(confidences, right),
        folding=folding,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Unseen:
    """What the engine makes of an example that it has not seen."""

    intent: str | None
    """None: it would refuse."""
    confidence: float


def of_unseen(examples: Sequence[training.Example], *, lean: bool = False) -> dict[int, Unseen]:
    """By place, what an engine that learnt the others says of some thousand examples (of all, where there are fewer).

    The same trial, and so the same confidences, as the engine that learns from all of them is calibrated on.
    """
    lesson = _lesson(examples, simplified_characters(), lean=lean)
    trial = _try(lesson)
    _, confidences, _ = _calibrate(trial, lesson.labels, lesson.outside)
    said: dict[int, Unseen] = {}
    for place, confidence in zip(trial.places.tolist(), confidences.tolist(), strict=True):
        origin = int(lesson.origins[place])
        if origin != NOBODY_S:
            scores = trial.scores[place].copy()
            strange = -math.inf
            if lesson.outside is not None:
                strange, scores[lesson.outside] = float(scores[lesson.outside]), -math.inf
            best = int(scores.argmax())
            refused = strange > scores[best] or trial.known[place] < LEAST_KNOWN
            said[origin] = Unseen(intent=None if refused else lesson.intents[best], confidence=confidence)
    return said


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lesson:
    """What is learnt from: the examples, and what is made of them."""

    intents: tuple[str, ...]
    labels: Labels
    origins: Labels
    """Which of the examples each text is; NOBODY_S of those that we made."""
    folds: Labels
    texts: _Texts
    few: bool
    """There are so few examples of each intent that other ways of learning pay."""
    named: bool
    """There are so few that the intents' names are learnt."""

    @property
    def outside(self) -> int | None:
        """The number of the intent that must be refused."""
        return self.intents.index(OUT_OF_SCOPE) if OUT_OF_SCOPE in self.intents else None


def _lesson(examples: Sequence[training.Example], folding: tuple[str, str], *, lean: bool) -> _Lesson:
    few = _few_of_each(examples)
    scarce = few or len(examples) <= NAMED * len({example.intent for example in examples})
    named = list(_names(examples)) if scarce else []
    place = {id(example): number for number, example in enumerate(examples)}
    learnt = [*_with_openers(examples), *named]
    intents = tuple(sorted({example.intent for example in learnt}))
    number = {intent: index for index, intent in enumerate(intents)}
    folds = _folds(learnt)
    folds[len(learnt) - len(named) :] = -1
    table = ngrams.MEANINGLESS | ngrams.folding(*folding)
    return _Lesson(
        intents=intents,
        labels=np.array([number[example.intent] for example in learnt]),
        origins=np.array([place.get(id(example), NOBODY_S) for example in learnt]),
        folds=folds,
        texts=_Texts([example.text for example in learnt], table, rarer=LEAN if lean else 0),
        few=few,
        named=scarce,
    )


def _few_of_each(examples: Sequence[training.Example]) -> bool:
    """Whether most intents have so few examples that other ways of learning pay."""
    counts = sorted(Counter(example.intent for example in examples).values())
    return counts[len(counts) // 2] <= FEW_OF_EACH


def _names(examples: Sequence[training.Example]) -> Iterator[training.Example]:
    """The words in the intents' names: `card_arrival` says much where few examples do."""
    for intent in sorted({example.intent for example in examples} - {OUT_OF_SCOPE}):
        words = " ".join(_NAME_WORD.findall(intent))
        if words:
            yield training.Example(text=words, intent=intent, file="", line=0)


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
    """The features of a text but for the gaps."""
    return features_of_tokens(ngrams.tokens(text, folding))


def features_of_tokens(tokens: list[str]) -> list[str]:
    features = [feature for token in tokens for feature in ngrams.of_token(token)]
    return features + ngrams.of_pairs(tokens)


class _Texts:
    """Texts as counts of their features, of which any part can be learnt from."""

    def __init__(self, texts: Sequence[str], table: ngrams.Folding, *, rarer: int) -> None:
        seen, sizes = list[list[str]](), list[int]()
        for text in texts:
            tokens = ngrams.tokens(text, table)
            plain = features_of_tokens(tokens)
            seen.append([*plain, *ngrams.of_gaps(tokens)])
            sizes.append(len(plain))
        # In the order of the texts, not of a set: the same data gives the same model.
        frequency = Counter(feature for features in seen for feature in dict.fromkeys(features))
        self._fewest = FEWEST + rarer if len(texts) >= FEW_EXAMPLES else 1
        self.features = tuple(
            feature
            for feature, count in frequency.items()
            if count >= (FEWEST_GAPS + rarer if ngrams.is_gap(feature) else self._fewest)
        )
        column = {feature: index for index, feature in enumerate(self.features)}
        found = [[column[feature] for feature in features if feature in column] for features in seen]
        self._sizes: Floats = np.array(sizes, dtype=np.float32)
        self._plain: Floats = np.array([not ngrams.is_gap(feature) for feature in self.features], dtype=np.float32)
        self._weight: Floats = np.where(self._plain > 0, 1, WEIGHT_OF_GAPS).astype(np.float32)
        self._of_text: Labels = np.repeat(np.arange(len(seen)), [len(columns) for columns in found])
        self._columns: Labels = np.array([index for columns in found for index in columns], dtype=np.int64)
        pairs = np.unique(self._of_text * len(self.features) + self._columns)
        self._text_of_pair, self._column_of_pair = np.divmod(pairs, max(len(self.features), 1))

    def idf(self, places: Labels) -> Floats:
        """What each feature weighs, judged by the texts at some places; 0 where too few of them have it."""
        inside = np.zeros(len(self._sizes), dtype=bool)
        inside[places] = True
        columns = self._column_of_pair[inside[self._text_of_pair]]
        counts = np.bincount(columns, minlength=len(self.features))
        weights = (np.log((1 + len(places)) / (1 + counts)) + 1) * self._weight
        return np.where(counts >= self._fewest, weights, 0).astype(np.float32)

    def rows(self, idf: Floats) -> _Rows:
        """Every text as a row of weighted features, of length 1."""
        from scipy import sparse

        weights = idf[self._columns]
        norms = np.sqrt(np.bincount(self._of_text, weights=np.square(weights), minlength=len(self._sizes)))
        values = weights / np.maximum(norms, 1e-9)[self._of_text]
        shape = (len(self._sizes), len(self.features))
        return cast("_Rows", sparse.csr_matrix((values, (self._of_text, self._columns)), shape=shape))

    def known(self, idf: Floats) -> tuple[Floats, Floats]:
        """The share of known features, and the number of features, of each text."""
        told = (idf > 0) * self._plain
        known = np.bincount(self._of_text, weights=told[self._columns], minlength=len(self._sizes))
        return (known / np.maximum(self._sizes, 1)).astype(np.float32), self._sizes


def _fit(lesson: _Lesson, rows: _Rows, labels: Labels) -> tuple[Floats, Floats]:
    """Weights (features x intents) and bias, of all of a lesson's rows or of some.

    A line between each intent and all the others; of few examples, their odds against each other teach more.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    if lesson.few:
        machine = cast("_Lines", LogisticRegression(C=STRENGTH_OF_FEW, max_iter=200, tol=1e-3))
    else:
        strength, weighed = STRENGTH_OF_NAMED if lesson.named else STRENGTH, _weighed(labels, lesson.outside)
        machine = cast("_Lines", LinearSVC(C=strength, tol=EXACT_ENOUGH, random_state=0, class_weight=weighed))
    machine.fit(rows, labels)
    intents = len(lesson.intents)
    weights = np.zeros((rows.shape[1], intents), dtype=np.float32)
    bias = np.full(intents, UNSEEN, dtype=np.float32)
    if len(machine.classes_) == 2:
        first, second = machine.classes_.tolist()
        weights[:, second], bias[second] = machine.coef_[0], machine.intercept_[0]
        weights[:, first], bias[first] = -machine.coef_[0], -machine.intercept_[0]
    else:
        weights[:, machine.classes_] = machine.coef_.T
        bias[machine.classes_] = machine.intercept_
    return weights, bias


def _weighed(labels: Labels, outside: int | None) -> dict[int, float]:
    """What an example of each intent weighs: a rare intent's more, half way to weighing as much as a usual one."""
    numbers, counts = np.unique(labels, return_counts=True)
    usual = counts[numbers != outside].mean()
    return dict(zip(numbers.tolist(), np.sqrt(np.maximum(usual / counts, 1)).tolist(), strict=True))


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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Trial:
    """What models that had not seen them said of the examples."""

    scores: Floats
    known: Floats
    sizes: Floats
    places: Labels
    """The examples that were tried."""


def _try(lesson: _Lesson) -> _Trial:
    texts, labels, folds, intents = lesson.texts, lesson.labels, lesson.folds, len(lesson.intents)
    scores = np.zeros((len(labels), intents), dtype=np.float32)
    known, tried = np.zeros(len(labels), dtype=np.float32), np.zeros(len(labels), dtype=bool)
    sizes = np.zeros(len(labels), dtype=np.float32)
    for fold in range(FOLDS):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if not len(outside) or len(np.unique(labels[inside])) < 2 or tried.sum() >= ENOUGH_TRIED:
            continue
        idf = texts.idf(inside)
        rows = texts.rows(idf)
        weights, bias = _fit(lesson, rows[inside], labels[inside])
        scores[outside] = rows[outside] @ weights + bias
        shares, sizes = texts.known(idf)
        known[outside], tried[outside] = shares[outside], True
    return _Trial(scores=scores, known=known, sizes=sizes, places=np.flatnonzero(tried))


def _calibrate(
    trial: _Trial, labels: Labels, outside: int | None
) -> tuple[Floats, npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """What the signals say about being right; by it, the confidence of each answer tried, and which are right."""
    facts, right = list[tuple[float, ...]](), list[bool]()
    for place in trial.places.tolist():
        scores = trial.scores[place].tolist()
        strange = -math.inf
        if outside is not None:
            strange, scores[outside] = scores[outside], -math.inf
        second, best = sorted(scores)[-2:]
        second = strange if second == -math.inf else second
        facts.append(signals(best, second, strange, float(trial.known[place]), float(trial.sizes[place])))
        right.append(scores.index(best) == labels[place])
    weights = _judge(facts, right)
    confidences = 1 / (1 + np.exp(-(np.array(facts).reshape(-1, SIGNALS) @ weights[:-1] + weights[-1])))
    return weights, confidences, np.array(right, dtype=bool)


def _judge(facts: Sequence[tuple[float, ...]], right: Sequence[bool]) -> Floats:
    if len(set(right)) < 2:
        return np.array([*[0] * SIGNALS, 3.0 if all(right) and right else -3.0], dtype=np.float32)
    from sklearn.linear_model import LogisticRegression

    judge = cast("_Lines", LogisticRegression(C=10.0, max_iter=500))
    judge.fit(facts, right)
    return np.append(judge.coef_[0], judge.intercept_[0]).astype(np.float32)


def _threshold(confidences: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """The confidence that all but a few of the right answers have: what has less is more likely something strange."""
    return float(np.quantile(confidences[right], GIVEN_UP)) if right.any() else 0.0


def _spread(scores: Floats, labels: Labels) -> float:
    """The sharpness at which a softmax of the scores is least surprised by the truth."""

    def surprise(sharpness: float) -> float:
        scaled = scores.astype(np.float64) * sharpness
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]).mean())

    return min((1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0), key=surprise)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
