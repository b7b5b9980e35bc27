"""DIET's confidences made to mean what they say, by one number: the temperature.

It is found on messages that a model has not learnt from, and written into the model, where `rapport_calibration.py` of
the Rasa project reads it: so whoever serves the model gives the same confidences.
Source: Guo et al., On Calibration of Modern Neural Networks, 2017.
"""

from __future__ import annotations

import io
import json
import math
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from nlu.embedded import TrainingFailed
from nlu.understanding import Intent

Ranking = Sequence[Intent]
"""All intents of a model, best first."""

LEAST = 1e-38
"""Confidences are 32-bit numbers: less is told as 0."""
COLDEST, HOTTEST = 0.1, 20.0
FEWEST = 50
"""Messages that a temperature must rest on; of fewer none is found."""
BINS = 10
_STEPS = 40
_METADATA = "metadata.json"
_COMPONENT = "rapport_calibration.Temperature"


def fitted(rankings: Sequence[Ranking], expected: Sequence[str]) -> float:
    """The temperature at which what was expected surprises least. 1, which changes nothing, of too few messages."""
    if sum(map(bool, rankings)) < FEWEST:
        return 1.0
    surprise = _Surprise(rankings, expected)
    # Surprise has one minimum in the logarithm of the temperature: golden-section search.
    golden = (math.sqrt(5) - 1) / 2
    low, high = math.log(COLDEST), math.log(HOTTEST)
    for _ in range(_STEPS):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if surprise.at(math.exp(left)) < surprise.at(math.exp(right)):
            high = right
        else:
            low = left
    return round(math.exp((low + high) / 2), 3)


def scaled(ranking: Ranking, temperature: float) -> Ranking:
    """The same order, with the confidences at this temperature: what the model says once it is written there."""
    if temperature == 1:
        return ranking
    weights = [max(intent.confidence, LEAST) ** (1 / temperature) for intent in ranking]
    whole = sum(weights)
    return [
        Intent(name=intent.name, confidence=weight / whole) for intent, weight in zip(ranking, weights, strict=True)
    ]


def error(rankings: Sequence[Ranking], expected: Sequence[str]) -> float | None:
    """Mean distance between the confidence of the best guess and the share of right ones, over ten bins.

    None of too few messages.
    """
    if len(rankings) < FEWEST:
        return None
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for ranking, intent in zip(rankings, expected, strict=True):
        sure = ranking[0].confidence if ranking else 0.0
        bins[min(int(sure * BINS), BINS - 1)].append((sure, bool(ranking) and ranking[0].name == intent))
    distances = (abs(sum(sure for sure, _ in each) - sum(right for _, right in each)) for each in bins)
    return sum(distances) / len(rankings)


def expected_error(rankings: Sequence[Ranking], expected: Sequence[str]) -> float | None:
    """What remains of it at the fitted temperature: each half of the messages at the temperature of the other.

    None of too few messages.
    """
    if len(rankings) < 2 * FEWEST:
        return None
    halves = [slice(start, None, 2) for start in (0, 1)]
    cooled: list[Ranking] = []
    meant: list[str] = []
    for mine, other in (halves, halves[::-1]):
        temperature = fitted(rankings[other], expected[other])
        cooled += [scaled(ranking, temperature) for ranking in rankings[mine]]
        meant += expected[mine]
    return error(cooled, meant)


def write(model: Path, temperature: float) -> None:
    """Into the model's own description of its pipeline. Raises TrainingFailed where it has no place for it."""
    if temperature == 1:
        return
    halfway = model.with_name(f".{model.name}")
    try:
        with tarfile.open(model) as old, tarfile.open(halfway, "w:gz", compresslevel=1) as new:
            for member in old.getmembers():
                content = old.extractfile(member)
                if content is not None and Path(member.name).name == _METADATA:
                    told = _at(content.read(), temperature)
                    member.size, content = len(told), io.BytesIO(told)
                new.addfile(member, content)
        halfway.replace(model)
    except (tarfile.TarError, OSError, ValueError, KeyError) as error:
        raise TrainingFailed(f"the model's confidences cannot be calibrated ({error})") from error
    finally:
        halfway.unlink(missing_ok=True)


def _at(metadata: bytes, temperature: float) -> bytes:
    said = cast("dict[str, dict[str, dict[str, dict[str, object]]]]", json.loads(metadata))
    nodes = said["predict_schema"]["nodes"].values()
    (ours,) = [cast("dict[str, object]", node["config"]) for node in nodes if node["uses"] == _COMPONENT]
    ours["temperature"] = temperature
    return json.dumps(said, ensure_ascii=False).encode()


class _Surprise:
    """Mean negative logarithm of the confidence in what was expected."""

    def __init__(self, rankings: Sequence[Ranking], expected: Sequence[str]) -> None:
        said = [(ranking, meant) for ranking, meant in zip(rankings, expected, strict=True) if ranking]
        self._logs = np.full((len(said), max((len(ranking) for ranking, _ in said), default=0)), -np.inf)
        self._expected = np.full(len(said), math.log(LEAST))
        for row, (ranking, meant) in enumerate(said):
            logs = [math.log(max(intent.confidence, LEAST)) for intent in ranking]
            self._logs[row, : len(logs)] = logs
            names = [intent.name for intent in ranking]
            if meant in names:
                self._expected[row] = logs[names.index(meant)]

    def at(self, temperature: float) -> float:
        whole = np.log(np.exp(self._logs / temperature).sum(axis=1))
        return float((whole - self._expected / temperature).mean())
