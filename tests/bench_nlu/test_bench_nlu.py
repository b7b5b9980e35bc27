"""The bench measures something: that it splits honestly and draws, not how good anything is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from nlu.evaluation import Bin
from tests.bench_nlu import document, kept, pictures
from tests.bench_nlu.measuring import measure
from tests.bench_nlu.sets import SETS, Set, smaller
from tests.nlu.test_evaluation import example


@pytest.mark.parametrize("name", SETS)
def test_no_example_is_both_learnt_and_asked(name: str, given: Callable[[str], Path]) -> None:
    given("nlu")
    for learnt, asked in SETS[name]().parts:
        assert learnt
        assert asked
        assert not {id(each) for each in learnt} & {id(each) for each in asked}
        assert [each.text for each in SETS[name]().parts[0][1]] == [each.text for each in SETS[name]().parts[0][1]]


def test_a_set_is_measured_and_written_down_with_its_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "FOLDER", tmp_path / "kept")
    rows = [example(f"{verb} it {n}", verb) for verb in ("refund", "return") for n in ("now", "please", "again")]
    of = Set(name="A & B", about="a; b", parts=[(rows, rows)], aims={"embedded": 0.5}, refusals={})
    result = measure(of, "embedded")
    assert result.quality.accuracy == 1.0
    kept.keep("a", kept.just_measured(result))
    page = tmp_path / "figures.md"
    before = kept.find("a", "embedded")
    assert before is not None
    assert before.result.quality == result.quality
    assert kept.find("a", "semantic") is None
    document.write(page, "make bench-nlu", {"Processor": "x"}, [before], ["Not measured: rasa."])
    written = page.read_text("utf-8")
    assert "| A & B, embedded: accuracy | ≥ 50.0% | 100.0% | yes |" in written
    assert "Not measured: rasa." in written
    for picture in ("accuracy", "calibration"):
        assert f"figures-{picture}.svg" in written
        ET.parse(tmp_path / f"figures-{picture}.svg")  # ours, just written


def test_a_smoke_run_takes_some_of_a_few_intents() -> None:
    rows = [example(str(n), f"intent {n % 10}") for n in range(300)]
    ((learnt, asked),) = smaller(Set(name="x", about="", parts=[(rows, rows)], aims={}, refusals={})).parts
    assert len({each.intent for each in learnt}) == 4
    assert len(learnt) == len(asked) == 40


def test_a_dot_on_the_dashed_line_is_drawn_where_the_line_is() -> None:
    svg = pictures.calibration({"embedded": [Bin(answers=10, confidence=0.5, right=0.5)]})
    assert '<circle cx="210.0" cy="180.0"' in svg
