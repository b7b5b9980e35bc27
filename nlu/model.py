"""The embedded engine's model as it lies on disk: one .npz file of plain arrays, written whole or not at all."""

from __future__ import annotations

import math
import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

RECIPE = "svm-ngrams-5"
"""Changes whenever the same data would give another model: it is part of the fingerprint."""
SIGNALS = 6
"""What confidence is made of: see `signals`."""
NOT_OUTSIDE = -2.0
"""So far below the best score, being out of scope is out of the question."""


class ModelUnreadable(Exception):
    """The model's file is damaged or was written by another version; delete it, and it is trained again."""


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
        """Atomic: who opens the path sees the whole file or the one before; two writers do no harm."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(
                    file,
                    fingerprint=_bytes(self.fingerprint),
                    intents=_bytes("\n".join(self.intents)),
                    features=_bytes("\n".join(self.features)),
                    folding=_bytes("\n".join(self.folding)),
                    idf=self.idf,
                    weights=self.weights,
                    bias=self.bias,
                    calibration=self.calibration,
                    spread=np.float32(self.spread),
                    threshold=np.float32(self.threshold),
                )
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    @staticmethod
    def load(path: Path) -> Model:
        """Raises ModelUnreadable."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                model = Model(
                    fingerprint=_text(arrays["fingerprint"]),
                    intents=tuple(_text(arrays["intents"]).split("\n")),
                    features=tuple(_text(arrays["features"]).split("\n")),
                    idf=arrays["idf"],
                    weights=arrays["weights"],
                    bias=arrays["bias"],
                    calibration=arrays["calibration"],
                    spread=float(arrays["spread"]),
                    threshold=float(arrays["threshold"]),
                    folding=_two(_text(arrays["folding"]).split("\n")),
                )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ModelUnreadable(f"{path}: {error}") from error
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


def _bytes(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _text(array: npt.NDArray[np.uint8]) -> str:
    return array.tobytes().decode()


def _two(parts: list[str]) -> tuple[str, str]:
    left, right = parts
    return left, right
