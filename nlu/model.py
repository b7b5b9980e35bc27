"""The embedded engine's model as it lies on disk: one .npz file of plain arrays, written whole or not at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nlu import arrays
from nlu.arrays import ModelUnreadable

Floats = npt.NDArray[np.float32]

RECIPE = "svm-ngrams-6"
"""Changes whenever the same data would give another model: it is part of the fingerprint."""
SIGNALS = 6
"""What confidence is made of: see `signals`."""
LEAST_KNOWN = 0.2
"""Share of a text's features: below, it is another language or no language."""
NOT_OUTSIDE = -2.0
"""So far below the best score, being out of scope is out of the question."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A linear model over n-grams."""

    fingerprint: str
    """Of the training data and the recipe."""
    intents: tuple[str, ...]
    features: tuple[str, ...]
    idf: Floats
    """Inverse document frequency of each feature, times the weight of its kind."""
    weights: Floats
    """Features x intents."""
    bias: Floats
    calibration: Floats
    """Weights of the signals, the constant last: the logit of the share of right answers."""
    spread: float
    """How sharply the rest of the confidence is shared among the other intents."""
    threshold: float
    """Operating threshold: an answer of less confidence is as good as a refusal."""
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
                "weights": self.weights,
                "bias": self.bias,
                "calibration": self.calibration,
                "spread": np.array(self.spread, dtype=np.float32),
                "threshold": np.array(self.threshold, dtype=np.float32),
            },
        )

    @staticmethod
    def load(path: Path) -> Model:
        """Raises ModelUnreadable."""
        with arrays.stored(path) as found:
            model = Model(
                fingerprint=arrays.unpacked(found["fingerprint"]),
                intents=tuple(arrays.unpacked(found["intents"]).split("\n")),
                features=tuple(arrays.unpacked(found["features"]).split("\n")),
                idf=found["idf"],
                weights=found["weights"],
                bias=found["bias"],
                calibration=found["calibration"],
                spread=float(found["spread"]),
                threshold=float(found["threshold"]),
                folding=_two(arrays.unpacked(found["folding"]).split("\n")),
            )
        if model.weights.shape != (len(model.features), len(model.intents)) or len(model.calibration) != SIGNALS + 1:
            raise ModelUnreadable(f"{path}: its arrays do not fit together")
        return model


def signals(
    best: float, second: float, outside: float, known: float, size: float
) -> tuple[float, float, float, float, float, float]:
    """What tells whether an answer is right.

    `best` and `second` are the highest scores of intents that may be answered, `outside` is that of being out of scope
    (very low where there is no such intent), `known` is the share of the text's features that the model knows, `size`
    their number.
    """
    return best, best - second, max(best, 0.0), max(outside - best, NOT_OUTSIDE), known, math.log1p(size)


def _two(parts: list[str]) -> tuple[str, str]:
    left, right = parts
    return left, right
