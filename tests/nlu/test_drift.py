"""Figures with what they rest on: shares, distances and cross-validation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu import cross_validation, engines
from nlu.cross_validation import CrossValidated, cross_validate, folds, remembered
from nlu.drift import distance
from nlu.scores import Share, scores
from nlu.training import Example
from nlu.understanding import Intent, Understanding


@given(of=st.integers(0, 10_000), data=st.data())
def test_an_interval_holds_its_share_and_few_messages_have_none(of: int, data: st.DataObject) -> None:
    share = Share.measured(data.draw(st.integers(0, of)), of)
    if of < 10:
        assert (share.share, share.low, share.high) == (None, None, None)
    else:
        assert share.share is not None
        assert share.low is not None
        assert share.high is not None
        assert -1e-9 <= share.low - 1e-9 <= share.share <= share.high + 1e-9 <= 1 + 1e-8


def test_an_interval_is_wilson_s() -> None:
    share = Share.measured(9, 10)
    assert (share.low, share.high) == (pytest.approx(0.5958, abs=1e-4), pytest.approx(0.9821, abs=1e-4))


def test_precision_and_recall_are_what_their_names_say() -> None:
    found = scores([("a", "a")] * 18 + [("a", "b")] * 2 + [("b", "b")] * 10)
    a, b = found.intents
    assert (a.recall.share, a.precision.share) == (0.9, 1.0)
    assert (b.recall.share, b.precision.count, b.precision.of) == (1.0, 10, 12)
    assert found.accuracy.count == 28


def test_the_distance_is_nothing_between_equals_and_one_between_strangers() -> None:
    same, strange = distance({"a": 60, "b": 40}, {"a": 120, "b": 80}), distance({"a": 100}, {"b": 100})
    assert same is not None
    assert strange is not None
    assert same.bits == pytest.approx(0)
    assert strange.bits == pytest.approx(1)
    assert (same.changed, strange.changed) == (False, True)
    assert distance({"a": 49}, {"a": 1000}) is None


def test_of_equal_mixes_about_one_in_twenty_is_called_changed() -> None:
    chance = np.random.default_rng(7)
    shares = [0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.03, 0.02]

    def drawn(size: int) -> dict[str, int]:
        return {str(name): int(count) for name, count in enumerate(chance.multinomial(size, shares)) if count}

    found = [distance(drawn(80), drawn(320)) for _ in range(100)]
    assert sum(one is not None and one.changed for one in found) <= 12


def example(text: str, intent: str, file: str = "a.yml") -> Example:
    return Example(text=text, intent=intent, file=file, line=1)


def test_neighbours_are_asked_together_and_every_fold_is_asked() -> None:
    many = [example(str(number), "a") for number in range(8)]
    assert folds(many) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert folds([example("x", "a"), example("y", "a"), example("z", "b")]) == [0, 1, 0]


class Repeats:
    """Knows the words it was trained on, and nothing else."""

    name = "repeats"
    threshold = 0.0
    processes: Sequence[int] = ()

    def __init__(self, examples: Sequence[Example]) -> None:
        self._known = {one.text: one.intent for one in examples}
        self._most = Counter(one.intent for one in examples).most_common(1)[0][0]

    def understand_now(self, texts: Sequence[str]) -> Sequence[Understanding]:
        return [
            Understanding(language=None, intents=(Intent(name=self._known.get(text, self._most), confidence=0.9),))
            for text in texts
        ]

    def close(self) -> None:
        self._known = {}


def test_no_example_is_asked_of_an_engine_that_has_seen_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engines.ENGINES, "repeats", lambda examples, _folder: Repeats(examples))
    asked = [example(f"words {number}", "a" if number < 12 else "b") for number in range(16)]
    seen: list[int] = []
    found = cross_validate(asked, "repeats", on_fold=seen.append)
    assert sorted(one for one, _ in found.pairs) == ["a"] * 12 + ["b"] * 4
    assert {answer for _, answer in found.pairs} == {"a"}
    assert seen == [1, 2, 3, 4]


def test_what_was_validated_once_is_remembered_until_its_file_is_broken(tmp_path: Path) -> None:
    path, made = tmp_path / "models" / "cross.json", list[int]()

    def validate() -> CrossValidated:
        made.append(1)
        return CrossValidated(engine="embedded", pairs=(("a", "b"),))

    assert remembered(path, validate) == remembered(path, validate)
    assert len(made) == 1
    path.write_text("{")
    assert remembered(path, validate).pairs == (("a", "b"),)
    assert (len(made), cross_validation.FOLDS) == (2, 4)
