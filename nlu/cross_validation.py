"""Cross-validation: what an engine makes of its own training data, each example asked of one that has not seen it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from nlu.engines import ENGINES
from nlu.evaluation import examine
from nlu.training import Example

FOLDS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class CrossValidated:
    """What came of it."""

    engine: str
    pairs: tuple[tuple[str, str], ...]
    """What each example means, and what it was taken for at the operating threshold."""


def cross_validate(
    examples: Sequence[Example], engine: str, *, on_fold: Callable[[int], None] = lambda number: None
) -> CrossValidated:
    """Train as often as there are folds, each time without one of them. Takes some times the training.

    Raises nlu.engines.EngineMissing, nlu.embedded.TrainingFailed.
    """
    places = folds(examples)
    pairs: list[tuple[str, str]] = []
    for fold in range(FOLDS):
        learnt = [one for one, place in zip(examples, places, strict=True) if place != fold]
        asked = [one for one, place in zip(examples, places, strict=True) if place == fold]
        with TemporaryDirectory(prefix="rapport-nlu-") as folder:
            trained = ENGINES[engine](learnt, Path(folder))
            try:
                pairs += [(one.example.intent, one.answer) for one in examine(trained, asked)]
            finally:
                trained.close()
        on_fold(fold + 1)
    return CrossValidated(engine=engine, pairs=tuple(pairs))


def remembered(path: Path, validate: Callable[[], CrossValidated]) -> CrossValidated:
    """As the file says, which is named by what was validated; where there is none, it is made."""
    try:
        said = json.loads(path.read_bytes())
        return CrossValidated(engine=said["engine"], pairs=tuple((one, other) for one, other in said["pairs"]))
    except (OSError, ValueError, KeyError, TypeError):
        found = validate()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(json.dumps({"engine": found.engine, "pairs": found.pairs}), "utf-8")
    return found


def folds(examples: Sequence[Example]) -> list[int]:
    """Which fold each example is asked in: neighbours in a file resemble each other, and are asked together."""
    sizes = Counter((example.file, example.intent) for example in examples)
    seen: Counter[tuple[str, str]] = Counter()
    places: list[int] = []
    for example in examples:
        key = (example.file, example.intent)
        # Where there are fewer than folds, each goes to another one.
        places.append(seen[key] * FOLDS // max(sizes[key], FOLDS))
        seen[key] += 1
    return places
