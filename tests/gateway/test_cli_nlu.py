from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from nlu import engines
from nlu.engines import EngineMissing

ROWS = [
    *((f"{verb} my card {when}", "block_card") for verb in ("block", "freeze") for when in ("now", "please", "today")),
    *((f"where is my {what} {when}", "track") for what in ("parcel", "order") for when in ("now", "please", "today")),
]


def write(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "intent"), *rows])
    return path


def test_an_engine_is_measured_with_one_command(tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", ROWS)
    test = write(
        tmp_path / "test.csv", [("freeze the card", "block_card"), ("where is it", "block_card"), ("", "track")]
    )
    wrong = tmp_path / "wrong.csv"
    arguments = ["nlu", "evaluate", "--train", str(train), "--test", str(test), "--json", "--wrong", str(wrong)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    figures = json.loads(done.stdout)
    assert (figures["accuracy"], figures["tested"], figures["engine"]) == (0.5, 2, "embedded")
    assert figures["oddities"]["test"] == ["test.csv:4: left out: it has no text"]
    assert "test.csv:4: left out: it has no text" in done.stderr
    with wrong.open(encoding="utf-8", newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)] == ["where is it"]
    shown = CliRunner().invoke(app, [*arguments[:6]])
    assert "50.0%" in shown.stdout


def test_a_broken_file_ends_the_command_with_status_2_and_says_where(tmp_path: Path) -> None:
    good, bad = write(tmp_path / "good.csv", ROWS), tmp_path / "bad.csv"
    bad.write_text("text,intent\nhello\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["nlu", "evaluate", "--train", str(good), "--test", str(bad)])
    assert done.exit_code == 2
    assert done.stderr.startswith("bad.csv:2: 1 fields, where the header has 2")
    one = write(tmp_path / "one.csv", ROWS[:3])
    done = CliRunner().invoke(app, ["nlu", "evaluate", "--train", str(one), "--test", str(good)])
    assert (done.exit_code, done.stderr) == (2, "one.csv:0: there must be two intents at least to tell apart\n")


def test_an_engine_that_is_not_installed_says_which_command_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object) -> engines.Engine:
        raise EngineMissing("it is not installed: `make semantic` installs it")

    monkeypatch.setitem(engines.ENGINES, "semantic", absent)
    file = str(write(tmp_path / "a.csv", ROWS))
    done = CliRunner().invoke(app, ["nlu", "evaluate", "--train", file, "--test", file, "--engine", "semantic"])
    assert done.exit_code == 1
    assert "`make semantic` installs it" in done.stderr
    assert CliRunner().invoke(app, ["nlu", "evaluate", "--train", file, "--test", file, "--engine", "x"]).exit_code == 2
