"""How the semantic engine learns: kernel ridge regression over n-grams and meanings. Runs in a child process.

`python -m nlu.semantic_learning SOURCE MODEL_FILE ENCODINGS_FILE` learns from a folder of training files or from
examples as JSON lines. It exits with 0; with 3 and a sentence where the encoder does not run.

The ridge is solved once. What it says of examples it has not seen follows from the same solution (leave-block-out by
the block inverse of the regularised kernel), so nothing is learnt twice to be judged honestly.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, cast

import numpy as np
import numpy.typing as npt

from nlu import learning, ngrams, semantic_model, training
from nlu.embedded import OUT_OF_SCOPE
from nlu.encoder import Encoder, EncoderMissing, KeptEncodings
from nlu.learning import Unseen
from nlu.model import Floats
from nlu.semantic import NO_ENCODER
from nlu.semantic_model import SemanticModel, directions, likeness, signals

NEARNESS = 1.0
MEANINGS = (1.0, 2.0, 4.0, 8.0)
"""What meaning may weigh, where n-grams weigh 1: few examples need more of it."""
RIDGES = (0.03, 0.1, 0.2)
"""Of keeping the pulls small, against the weight of both kinds of likeness."""
MOST_TRIED = 2000
"""Examples on which meaning's weight and the ridge are chosen."""
MOST_CHECKED = 3000
"""Examples that are judged as if unseen, for calibration, threshold and cascade."""
MOST_EXAMPLES = 20_000
"""The kernel grows with their square, the work with their cube: 1.6 GB and some minutes. Of more, every so many."""
BLOCKS = 8
"""Neighbours in a file resemble each other: an intent's examples are left out an eighth at a time."""
IN_NO_BLOCK = -1
"""Of the intents' names, which nobody wrote to us: they are never left out, and never judged."""
NAMES = "the intents' names"
FEW_OF_EACH = 20
"""Up to so many examples of an intent on average, its name tells something."""
_NAME_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[\u3400-\u9fff]+")
FEWEST = 2
FEW_EXAMPLES = 200
"""As in nlu.learning: a feature of one example teaches nothing, unless there are few."""
WORTH_OF_REFUSING = 0.08
"""What a share of out-of-scope texts refused is worth, beside a share of all others answered rightly: of twelve texts
that customers write, one or so is of another world."""
AS_LIKELY_WRONG = 0.5
"""The threshold where no example says what must be refused."""
WORTH_OF_SPARING = 0.01
"""What an answer without the encoder is worth, beside a right answer: a hundred messages that are answered a hundred
times faster for one that the encoder would have understood."""
USUAL = 0.55
"""Share of messages that should be answered without the encoder..."""
MOST_LOST = 0.02
"""...unless so many more right answers were lost by it."""
NEVER = 2.0
"""A confidence that no answer has."""
AT_ONCE = 1024

Labels = npt.NDArray[np.int64]


class Encodes(Protocol):
    """Who turns texts into encodings."""

    def encode(self, texts: Sequence[str]) -> Floats: ...


class _Rows(Protocol):
    """What we use of a sparse matrix; its library has no types."""

    T: _Rows

    def __matmul__(self, other: _Rows, /) -> _Rows: ...
    def __getitem__(self, rows: slice | npt.NDArray[np.intp], /) -> _Rows: ...
    def dot(self, other: Floats, /) -> Floats: ...
    def toarray(self) -> Floats: ...
    def sum_duplicates(self) -> None: ...


Factor = tuple[Floats, bool]


class _Linalg(Protocol):
    """What we use of scipy.linalg, which has no types."""

    def cho_factor(self, a: Floats, *, lower: bool, overwrite_a: bool, check_finite: bool) -> Factor: ...
    def cho_solve(self, factor: Factor, b: Floats, *, overwrite_b: bool, check_finite: bool) -> Floats: ...


def _linalg() -> _Linalg:
    return cast("_Linalg", importlib.import_module("scipy.linalg"))


class _Judge(Protocol):
    coef_: Floats
    intercept_: Floats

    def fit(self, X: object, y: object, /) -> object: ...  # noqa: N803 - the library's name


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """The examples, as the machine sees them."""

    intents: tuple[str, ...]
    labels: Labels
    blocks: Labels
    features: tuple[str, ...]
    idf: Floats
    rows: _Rows
    known: Floats
    """The share of each example's n-grams that other examples have, too."""
    centre: Floats
    anchors: Floats

    @property
    def outside(self) -> int | None:
        """The number of the intent that must be refused."""
        return self.intents.index(OUT_OF_SCOPE) if OUT_OF_SCOPE in self.intents else None

    @property
    def targets(self) -> Floats:
        targets = np.zeros((len(self.labels), len(self.intents)), dtype=np.float32)
        targets[np.arange(len(self.labels)), self.labels] = 1
        return targets


@dataclass(frozen=True, kw_only=True, slots=True)
class _Checked:
    """Examples, and what the machine says of them without having seen them."""

    places: npt.NDArray[np.intp]
    scores: Floats
    nearest: Floats


def main(arguments: Sequence[str]) -> int:
    source, target, encodings = (Path(argument) for argument in arguments)
    try:
        encoder = Encoder.load(threads=os.cpu_count() or 1)
    except EncoderMissing as error:
        sys.stdout.write(str(error))
        return NO_ENCODER
    examples = examples_of(source)
    learn(
        examples, KeptEncodings(encodings, encoder), fingerprint=target.stem.rpartition("-")[2], lean=source.is_dir()
    ).store(target)
    return 0


def examples_of(source: Path) -> Sequence[training.Example]:
    """Of a folder of training files, or of a file of examples as JSON lines. Raises training.TrainingDataMistakes."""
    if source.is_dir():
        return training.read(source).examples
    return [training.Example(**json.loads(line)) for line in source.read_bytes().splitlines()]


def learn(
    examples: Sequence[training.Example], encoder: Encodes, *, fingerprint: str, lean: bool = False
) -> SemanticModel:
    """A model of the examples, whose confidences and thresholds come from examples that it had not seen.

    `lean` as the embedded engine beside it was learnt.
    """
    examples = _thinned(examples)
    folding = learning.simplified_characters()
    seen = _see([*examples, *_names(examples)], encoder, ngrams.MEANINGLESS | ngrams.folding(*folding))
    meaning, ridge = _choose(seen)
    first = learning.of_unseen(examples, lean=lean)
    pulls, checked = _solve(seen, meaning, ridge, _worth_checking(seen, first))
    calibration, spread = _calibrate(seen, checked)
    confidences = _confidences(_facts(seen, checked), calibration)
    threshold = _threshold(seen, checked, confidences)
    return SemanticModel(
        fingerprint=fingerprint,
        intents=seen.intents,
        features=seen.features,
        idf=seen.idf,
        weights=seen.rows.T.dot(pulls),
        centre=seen.centre,
        anchors=seen.anchors,
        pulls=pulls * np.float32(meaning),
        nearness=NEARNESS,
        calibration=calibration,
        spread=spread,
        sure=_sure(seen, checked, confidences >= threshold, first),
        threshold=threshold,
        folding=folding,
    )


def _thinned(examples: Sequence[training.Example]) -> Sequence[training.Example]:
    step = -(-len(examples) // MOST_EXAMPLES)
    return examples if step < 2 else [*sorted(examples, key=lambda example: example.intent)][::step]


def _names(examples: Sequence[training.Example]) -> list[training.Example]:
    """Where there are few examples of each intent: its name says what it means, too (`Refund_not_showing_up`)."""
    intents = sorted({example.intent for example in examples} - {OUT_OF_SCOPE})
    if len(examples) > FEW_OF_EACH * len(intents):
        return []
    said = {intent: " ".join(_NAME_WORD.findall(intent)).lower() for intent in intents}
    return [training.Example(text=text, intent=intent, file=NAMES, line=0) for intent, text in said.items() if text]


def _see(examples: Sequence[training.Example], encoder: Encodes, folding: ngrams.Folding) -> _Seen:
    texts = [learning.features_of(example.text, folding) for example in examples]
    intents = tuple(sorted({example.intent for example in examples}))
    number = {intent: index for index, intent in enumerate(intents)}
    frequency = Counter(feature for features in texts for feature in set(features))
    fewest = FEWEST if len(texts) >= FEW_EXAMPLES else 1
    features = tuple(feature for feature, count in frequency.items() if count >= fewest)
    counts = np.array([frequency[feature] for feature in features], dtype=np.float32)
    idf = (np.log((1 + len(texts)) / (1 + counts)) + 1).astype(np.float32)
    encodings = encoder.encode([example.text for example in examples])
    centre = encodings.mean(axis=0)
    shared = [sum(frequency[feature] >= FEWEST for feature in of_text) / max(len(of_text), 1) for of_text in texts]
    return _Seen(
        intents=intents,
        labels=np.array([number[example.intent] for example in examples]),
        blocks=_blocks(examples),
        features=features,
        idf=idf,
        rows=_rows(texts, features, idf),
        known=np.array(shared, dtype=np.float32),
        centre=centre,
        anchors=directions(encodings, centre),
    )


def _rows(texts: Sequence[list[str]], features: Sequence[str], idf: Floats) -> _Rows:
    from scipy import sparse

    column = {feature: index for index, feature in enumerate(features)}
    columns, values, ends = list[npt.NDArray[np.int32]](), list[Floats](), [0]
    for of_text in texts:
        found = np.array([column[feature] for feature in of_text if feature in column], dtype=np.int32)
        weights = idf[found]
        columns.append(found)
        values.append(weights / max(float(np.sqrt(np.square(weights).sum())), 1e-9))
        ends.append(ends[-1] + len(found))
    cells = (np.concatenate(values), np.concatenate(columns), ends)
    rows = cast("_Rows", sparse.csr_matrix(cells, shape=(len(texts), len(features)), dtype=np.float32))
    rows.sum_duplicates()
    return rows


def _blocks(examples: Sequence[training.Example]) -> Labels:
    sizes = Counter((example.file, example.intent) for example in examples)
    seen: Counter[tuple[str, str]] = Counter()
    blocks: list[int] = []
    for example in examples:
        key = (example.file, example.intent)
        blocks.append(seen[key] * BLOCKS // sizes[key] if example.file != NAMES else IN_NO_BLOCK)
        seen[key] += 1
    return np.array(blocks)


def _choose(seen: _Seen) -> tuple[float, float]:
    """Meaning's weight and the ridge with which unseen examples are answered best."""
    places = _spaced(np.arange(len(seen.labels)), MOST_TRIED)
    linalg = _linalg()
    words, meanings = _likenesses(seen, places)
    targets, labels, written = seen.targets[places], seen.labels[places], seen.blocks[places] != IN_NO_BLOCK

    def quality(meaning: float, ridge: float) -> tuple[int, float]:
        kernel: Floats = np.add(words, np.float32(meaning) * meanings, dtype=np.float32)
        kernel[np.diag_indices(len(kernel))] += np.float32(ridge * (1 + meaning))
        factor = linalg.cho_factor(kernel, lower=False, overwrite_a=True, check_finite=False)
        inverse = linalg.cho_solve(factor, np.eye(len(kernel), dtype=np.float32), overwrite_b=True, check_finite=False)
        scores = left_out(inverse, np.matmul(inverse, targets, dtype=np.float32), targets, seen.blocks[places])
        right = (scores.argmax(axis=1) == labels) & written
        return int(right.sum()), -float(np.square(scores - targets)[written].mean())

    return max(((meaning, ridge) for meaning in MEANINGS for ridge in RIDGES), key=lambda pair: quality(*pair))


def _spaced(places: npt.NDArray[np.intp], most: int) -> npt.NDArray[np.intp]:
    return places if len(places) <= most else places[np.linspace(0, len(places) - 1, most).astype(np.intp)]


def _likenesses(seen: _Seen, places: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Of some examples among each other, by words and by meaning."""
    rows = seen.rows[places]
    return (rows @ rows.T).toarray(), likeness(seen.anchors[places], seen.anchors[places], NEARNESS)


def left_out(inverse: Floats, pulls: Floats, targets: Floats, blocks: Labels) -> Floats:
    """The scores of each block's examples, had they been left out of the examples."""
    scores = np.zeros_like(targets)
    for block in range(BLOCKS):
        inside = np.flatnonzero(blocks == block)
        if len(inside):
            corner = inverse[np.ix_(inside, inside)]
            scores[inside] = targets[inside] - np.linalg.solve(corner, pulls[inside])
    return scores


def _worth_checking(seen: _Seen, first: Mapping[int, Unseen]) -> npt.NDArray[np.intp]:
    """Out-of-scope examples all: they are scarce, and no threshold holds without them. Of the others so many, of those
    that the embedded engine was tried on, too."""
    outside = np.flatnonzero(seen.labels == seen.outside)[:MOST_CHECKED] if seen.outside is not None else np.array([])
    tried = np.isin(np.arange(len(seen.labels)), list(first))
    others = np.flatnonzero((seen.labels != seen.outside) & tried)
    return np.sort(np.concatenate([outside, _spaced(others, MOST_CHECKED)])).astype(np.intp)


def _solve(seen: _Seen, meaning: float, ridge: float, places: npt.NDArray[np.intp]) -> tuple[Floats, _Checked]:
    """The pulls of all examples on each intent, and what is said of some examples by the others.

    Those come last: then the corner of the inverse that says it is the inverse of a corner of the factor.
    """
    linalg = _linalg()
    order = np.concatenate([np.setdiff1d(np.arange(len(seen.labels)), places), places])
    kernel, nearest = _kernel(seen, meaning, order, len(places))
    kernel[np.diag_indices(len(kernel))] += np.float32(ridge * (1 + meaning))
    factor, lower = linalg.cho_factor(kernel.T, lower=False, overwrite_a=True, check_finite=False)
    targets = seen.targets[order]
    ordered = linalg.cho_solve((factor, lower), targets, overwrite_b=False, check_finite=False)
    pulls = np.empty_like(ordered)
    pulls[order] = ordered
    last = slice(len(order) - len(places), None)
    corner = linalg.cho_solve(
        (factor[last, last], lower), np.eye(len(places), dtype=np.float32), overwrite_b=True, check_finite=False
    )
    scores = left_out(corner, ordered[last], targets[last], seen.blocks[places])
    return pulls, _Checked(places=places, scores=scores, nearest=nearest)


def _kernel(seen: _Seen, meaning: float, order: npt.NDArray[np.intp], last: int) -> tuple[Floats, Floats]:
    """The likeness of all examples in that order, as far as its lower half; and of each of the last ones, how near the
    nearest example in meaning is that would not be left out with it."""
    rows, anchors = seen.rows[order], seen.anchors[order]
    group = (seen.blocks * len(seen.intents) + seen.labels)[order]
    kernel = np.empty((len(order), len(order)), dtype=np.float32)
    first = len(order) - last
    nearest = np.zeros(last, dtype=np.float32)
    starts = [*range(0, first, AT_ONCE), *range(first, len(order), AT_ONCE)]
    for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
        piece, width = slice(start, stop), slice(None, stop if stop <= first else None)
        meanings = likeness(anchors[piece], anchors[width], NEARNESS)
        kernel[piece, width] = (rows[piece] @ rows[width].T).toarray()
        kernel[piece, width] += np.float32(meaning) * meanings
        if start >= first:
            meanings[group[piece][:, None] == group] = 0
            nearest[start - first : stop - first] = meanings.max(axis=1)
    return kernel, nearest


def _facts(seen: _Seen, checked: _Checked) -> Floats:
    return signals(checked.scores, checked.nearest, seen.known[checked.places], seen.outside)


def _calibrate(seen: _Seen, checked: _Checked) -> tuple[Floats, float]:
    """What the signals say about being right, and how the other intents share the rest."""
    from sklearn.linear_model import LogisticRegression

    right = _guesses(seen, checked) == seen.labels[checked.places]
    spread = _spread(checked.scores, seen.labels[checked.places])
    if right.all() or not right.any():
        constant = np.zeros(semantic_model.SIGNALS + 1, dtype=np.float32)
        constant[-1] = 3.0 if right.all() else -3.0
        return constant, spread
    judge = cast("_Judge", LogisticRegression(C=10.0, max_iter=1000))
    judge.fit(_facts(seen, checked), right)
    return np.append(judge.coef_[0], judge.intercept_[0]).astype(np.float32), spread


def _guesses(seen: _Seen, checked: _Checked) -> Labels:
    """The best intents that are answers."""
    scores = checked.scores.copy()
    if seen.outside is not None:
        scores[:, seen.outside] = -np.inf
    return scores.argmax(axis=1)


def _spread(scores: Floats, labels: Labels) -> float:
    """The sharpness at which a softmax of the scores is least surprised by the truth."""

    def surprise(sharpness: float) -> float:
        scaled = scores.astype(np.float64) * sharpness
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]).mean())

    return min((2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 16.0, 20.0), key=surprise)


def _confidences(facts: Floats, calibration: Floats) -> Floats:
    return semantic_model.confidence(facts, calibration)


def _threshold(seen: _Seen, checked: _Checked, confidences: Floats) -> float:
    """The confidence below which an answer is none."""
    labels = seen.labels[checked.places]
    outside = labels == seen.outside
    if seen.outside is None or outside.all() or not outside.any():
        return AS_LIKELY_WRONG
    right = _guesses(seen, checked) == labels

    def worth(threshold: float) -> float:
        refused = confidences < threshold
        answered = float((right & ~refused)[~outside].mean())
        return answered + WORTH_OF_REFUSING * float(refused[outside].mean())

    return max((step / 200 for step in range(200)), key=worth)


def _sure(seen: _Seen, checked: _Checked, answered: npt.NDArray[np.bool_], first: Mapping[int, Unseen]) -> float:
    """The embedded engine's confidence from which on its answers are taken.

    Where, of examples that neither engine had seen, what is lost in right answers and what is spared weigh best.
    """
    labels, guesses = seen.labels[checked.places], _guesses(seen, checked)
    if seen.outside is None:
        answered = np.ones_like(answered)  # with nothing to refuse, the best guess is the answer
    ours = np.where(labels == seen.outside, ~answered, answered & (guesses == labels))
    both = np.isin(checked.places, list(first))
    strange = both & (labels == seen.outside)
    usual = max(int(both.sum() - strange.sum()), 1)
    trusted: list[Trusted] = []
    for place in np.flatnonzero(both).tolist():
        said, label, right = first[int(checked.places[place])], int(labels[place]), float(ours[place])
        if said.intent is not None:  # else it is read closely, however sure that was
            counts = WORTH_OF_REFUSING / int(strange.sum()) if strange[place] else 1 / usual
            lost = counts * (right - (said.intent == seen.intents[label]))
            trusted.append(Trusted(said.confidence, lost, 0.0 if strange[place] else counts))
    return least_sure(trusted)


class Trusted(NamedTuple):
    """What taking the embedded engine's answer to an example for ours does."""

    confidence: float
    """Of that answer."""
    lost: float
    """Share of right answers; below 0 where it knew better."""
    spared: float
    """Share of messages."""


def least_sure(trusted: Sequence[Trusted]) -> float:
    """The confidence from which on to trust: where what is lost and what is spared weigh best in all.

    If that is seldom, more often, unless it would cost too much: it is the usual message that must not wait.
    """
    lost = spared = 0.0
    points: dict[float, tuple[float, float]] = {NEVER: (0.0, 0.0)}
    for one in sorted(trusted, reverse=True):
        lost, spared = lost + one.lost, spared + one.spared
        points[one.confidence] = lost, spared

    def worth(point: float) -> tuple[float, float]:
        lost, spared = points[point]
        return WORTH_OF_SPARING * spared - lost, -point

    best = max(points, key=worth)
    often = max((point for point in points if points[point][1] >= USUAL), key=worth, default=best)
    return often if points[often][0] - points[best][0] <= MOST_LOST else best


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
