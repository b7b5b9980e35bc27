"""The engine follows its training files without a restart, and is never without an answer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.relearning import Relearning, forget_old_models
from nlu import training
from nlu.embedded import TrainingFailed
from nlu.understanding import Understander, Understanding

HEAD = 'version: "3.1"\nnlu:\n'


def write(folder: Path, *intents: str, name: str = "a.yml") -> None:
    folder.mkdir(exist_ok=True)
    entries = "".join(f"- intent: {intent}\n  examples: |\n    - {intent} please\n" for intent in intents)
    (folder / name).write_text(HEAD + entries)


@dataclass
class Knows:
    """An engine that answers by which data it was made of."""

    model: str
    name: str = "knowing"
    batches: bool = True

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        return [Understanding(language=None, engine=self.name, model=self.model) for _ in texts]


@dataclass
class School:
    """Makes engines of a folder, and counts how often it was asked to."""

    folder: Path
    lessons: list[str] = field(default_factory=list[str])
    failure: Exception | None = None

    def learn(self) -> Understander:
        known = ",".join(training.read(self.folder).intents)
        self.lessons.append(known)
        if self.failure is not None:
            raise self.failure
        return Knows(known)


@pytest.fixture
def school(tmp_path: Path) -> School:
    write(tmp_path / "data", "greet")
    return School(tmp_path / "data")


async def model_of(engine: Relearning) -> str:
    return (await engine.understand(["hello"]))[0].model


async def look_twice(engine: Relearning) -> None:
    await engine.look_again()
    await engine.look_again()


async def test_a_change_is_learnt_and_answered_from(school: School) -> None:
    engine = await Relearning.begin(school.folder, school.learn)
    write(school.folder, "greet", "thank")
    assert await model_of(engine) == "greet"
    await look_twice(engine)
    assert await model_of(engine) == "greet,thank"
    assert (engine.name, engine.batches) == ("knowing", True)


async def test_a_new_file_and_one_taken_away_are_changes(school: School) -> None:
    engine = await Relearning.begin(school.folder, school.learn)
    write(school.folder, "anger", name="reviewed.yml")
    await look_twice(engine)
    assert await model_of(engine) == "anger,greet"
    (school.folder / "reviewed.yml").unlink()
    await look_twice(engine)
    assert await model_of(engine) == "greet"


async def test_nothing_is_learnt_while_the_files_stay_as_they_are_or_are_still_being_changed(school: School) -> None:
    engine = await Relearning.begin(school.folder, school.learn)
    await look_twice(engine)
    for number in range(1, 4):
        write(school.folder, *[f"intent{one}" for one in range(number + 1)])
        await engine.look_again()
    assert school.lessons == ["greet"]
    await engine.look_again()
    assert school.lessons == ["greet", "intent0,intent1,intent2,intent3"]


async def test_what_cannot_be_learnt_from_leaves_the_engine_in_force_and_is_tried_once(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int, str]] = []

    def tell(_event: str, **said: Any) -> None:
        told.append((said["file"], said["line"], said["reason"]))

    monkeypatch.setattr("gateway.relearning.log.error", tell)
    engine = await Relearning.begin(school.folder, school.learn)
    with (school.folder / "a.yml").open("a") as file:
        file.write("- intent: anger\n  examples: |\n    - greet please\n")
    await look_twice(engine)
    await look_twice(engine)
    assert await model_of(engine) == "greet"
    assert engine.mistakes is not None
    assert told == [("a.yml", 8, "“…” is already an example of greet (a.yml:5)")], "told once, without the words"
    write(school.folder, "thank")
    await look_twice(engine)
    assert (await model_of(engine), engine.mistakes) == ("thank", None)


async def test_a_training_that_fails_leaves_the_engine_in_force(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr("gateway.relearning.log.error", lambda _event, **said: told.append(said["reason"]))
    engine = await Relearning.begin(school.folder, school.learn)
    school.failure = TrainingFailed("training ended with -9")
    write(school.folder, "thank")
    await look_twice(engine)
    await look_twice(engine)
    assert (await model_of(engine), told, len(school.lessons)) == ("greet", ["training ended with -9"], 2)


async def test_a_house_does_not_open_with_training_data_that_cannot_be_read(school: School) -> None:
    (school.folder / "a.yml").write_text("nlu: 3\n")
    with pytest.raises(training.TrainingDataMistakes):
        await Relearning.begin(school.folder, school.learn)


async def test_it_can_be_stopped_while_it_watches(school: School) -> None:
    engine = await Relearning.begin(school.folder, school.learn)
    await engine.stop()
    engine.watch()
    await engine.stop()


def test_models_of_older_data_are_forgotten_after_a_while(tmp_path: Path) -> None:
    for number in range(7):
        path = tmp_path / f"embedded-{number}.npz"
        path.write_bytes(b"model")

        os.utime(path, (number, number))
    (tmp_path / "other.npz").write_bytes(b"else")
    forget_old_models(tmp_path, "embedded-*.npz")
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == [*(f"embedded-{number}.npz" for number in (3, 4, 5, 6)), "other.npz"]
