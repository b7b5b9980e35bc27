"""The semantic engine's model as it lies on disk: one .npz file of plain arrays, written whole or not at all.

A kernel machine: two texts are alike by their n-grams and by their meaning, and each example pulls a text towards its
intent as much as the two are alike. The n-grams' half of that is linear and folds into one weight a feature; of the
meanings, the examples' own stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nlu import arrays
from nlu.arrays import ModelUnreadable
from nlu.model import Floats

RECIPE = "kernel-ridge-e5-4"
"""Changes whenever the same data would give another model: it is part of the fingerprint."""
SIGNALS = 6
"""What confidence is made of: see `signals`."""
_TINY = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class SemanticModel:
    """What makes an intent of a text's n-grams and of its encoding."""

    fingerprint: str
    """Of the training data and the recipes."""
    intents: tuple[str, ...]
    features: tuple[str, ...]
    idf: Floats
    """Inverse document frequency of each feature."""
    weights: Floats
    """Features x intents."""
    centre: Floats
    """The mean of the examples' encodings: what all of them share tells nothing."""
    anchors: Floats
    """Examples x dimensions: their encodings, from the centre, of length 1."""
    pulls: Floats
    """Examples x intents."""
    nearness: float
    """How fast likeness of meaning falls with distance."""
    calibration: Floats
    """Weights of the signals, the constant last: the logit of the share of right answers."""
    spread: float
    """How sharply the rest of the confidence is shared among the other intents."""
    sure: float
    """From this confidence on, the embedded engine's answer needs no second opinion. Over 1: it always does."""
    threshold: float
    """An answer of less confidence is a refusal."""
    folding: tuple[str, str]
    """Traditional characters, and their simplified ones in the same places."""

    def store(self, path: Path) -> None:
        """As arrays.store."""
        arrays.store(
            path,
            {
                "fingerprint": arrays.packed(self.fingerprint),
                "intents": arrays.packed("\n".join(self.intents)),
                "features": arrays.packed("\n".join(self.features)),
                "folding": arrays.packed("\n".join(self.folding)),
                "idf": self.idf,
                "weights": self.weights.astype(np.float16),
                "centre": self.centre,
                "anchors": self.anchors.astype(np.float16),
                "pulls": self.pulls.astype(np.float16),
                "calibration": self.calibration,
                "numbers": np.array([self.nearness, self.spread, self.sure, self.threshold], dtype=np.float64),
            },
        )

    @staticmethod
    def load(path: Path) -> SemanticModel:
        """Raises ModelUnreadable."""
        with arrays.stored(path) as found:
            nearness, spread, sure, threshold = (float(number) for number in found["numbers"])
            traditional, simplified = arrays.unpacked(found["folding"]).split("\n")
            model = SemanticModel(
                fingerprint=arrays.unpacked(found["fingerprint"]),
                intents=tuple(arrays.unpacked(found["intents"]).split("\n")),
                features=tuple(arrays.unpacked(found["features"]).split("\n")),
                idf=found["idf"],
                weights=found["weights"].astype(np.float32),
                centre=found["centre"],
                anchors=found["anchors"].astype(np.float32),
                pulls=found["pulls"].astype(np.float32),
                nearness=nearness,
                calibration=found["calibration"],
                spread=spread,
                sure=sure,
                threshold=threshold,
                folding=(traditional, simplified),
            )
        if not model.fits():
            raise ModelUnreadable(f"{path}: its arrays do not fit together")
        return model

    def fits(self) -> bool:
        examples, intents = len(self.anchors), len(self.intents)
        return (
            self.weights.shape == (len(self.features), intents)
            and self.pulls.shape == (examples, intents)
            and self.anchors.shape == (examples, len(self.centre))
            and len(self.calibration) == SIGNALS + 1
        )


def directions(encodings: Floats, centre: Floats) -> Floats:
    """Encodings seen from the centre, of length 1: all sentences point nearly the same way from nought."""
    moved = encodings - centre
    return moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), np.float32(_TINY))


def likeness(texts: Floats, anchors: Floats, nearness: float) -> Floats:
    """Of each text to each anchor, both of length 1: 1 where they mean the same, towards 0 with distance."""
    return np.exp((texts @ anchors.T - np.float32(1)) * np.float32(2 * nearness))


def signals(scores: Floats, nearest: Floats, known: Floats, outside: int | None) -> Floats:
    """What tells whether a text's best intent is right: six numbers a text.

    `scores` is texts x intents, `nearest` the likeness of each text to the nearest example, `known` the share of its
    n-grams that the examples have, `outside` the intent that is no answer.
    """
    refusing = scores[:, outside] if outside is not None else np.zeros(len(scores), dtype=np.float32)
    answers = np.delete(scores, outside, axis=1) if outside is not None else scores
    two = np.sort(answers, axis=1)[:, -2:]
    best, gap = two[:, -1], two[:, -1] - two[:, 0]
    return np.stack([best, gap, np.sqrt(np.maximum(gap, 0)), nearest, known, refusing], axis=1)


def confidence(facts: Floats, calibration: Floats) -> Floats:
    """The share of right answers among texts of such signals."""
    logits = facts @ calibration[:-1] + calibration[-1]
    return 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
