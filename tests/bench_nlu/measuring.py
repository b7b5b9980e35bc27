"""One set and one engine: every part is learnt and asked, and the answers are counted together."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nlu import evaluation
from nlu.engines import ENGINES
from nlu.evaluation import Answered, Quality, Speed
from tests.bench_nlu.sets import Set


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What came out."""

    set: Set
    engine: str
    examples: int
    """Learnt in the first part."""
    threshold: float
    quality: Quality
    speed: Speed
    """Of the part that took longest to learn."""
    same: float | None
    """Of messages that are asked in two languages, the share that got the same answer in both."""


def measure(of: Set, engine: str) -> Result:
    """Raises nlu.engines.EngineMissing or nlu.embedded.TrainingFailed."""
    answers: list[Answered] = []
    same: list[bool] = []
    found: list[evaluation.Evaluation] = []
    for learnt, asked in of.parts:
        with tempfile.TemporaryDirectory(prefix="bench-nlu-") as folder:
            found.append(evaluation.evaluate(engine, ENGINES[engine], learnt, asked, Path(folder)))
        answers += found[-1].answers
        if of.in_two_languages:
            same += _same(found[-1].answers)
    return Result(
        set=of,
        engine=engine,
        examples=found[0].examples,
        threshold=found[0].threshold,
        quality=evaluation.quality(answers),
        speed=max((each.speed for each in found), key=lambda speed: speed.training_seconds),
        same=sum(same) / len(same) if same else None,
    )


def _same(answers: Sequence[Answered]) -> list[bool]:
    """They were asked in turns: one language, the other."""
    return [one.best == other.best for one, other in zip(answers[::2], answers[1::2], strict=True)]
