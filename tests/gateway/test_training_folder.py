"""What is taught is kept where the business wants it, begun with what the product knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.settings import Settings
from gateway.training_folder import OURS, training_folder
from nlu import training


def settings_with(folder: Path | None) -> Settings:
    wanted: dict[str, Any] = {"nlu": {"training_data": folder}}
    return Settings.model_validate(wanted)


def test_without_a_setting_it_is_the_products_own() -> None:
    assert training_folder(settings_with(None)) == OURS


@pytest.mark.parametrize("there", [False, True], ids=["a new folder", "an empty folder"])
def test_a_folder_of_ones_own_begins_as_a_copy(tmp_path: Path, there: bool) -> None:
    own = tmp_path / "var" / "training"
    if there:
        own.mkdir(parents=True)
    assert training_folder(settings_with(own)) == own
    assert training.fingerprint(own) == training.fingerprint(OURS)
    assert [path.name for path in own.parent.iterdir()] == ["training"]


def test_what_stands_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text("version: '3.1'\nnlu: []\n")
    training_folder(settings_with(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yml"]


def test_a_folder_that_cannot_be_replaced_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_self: Path, _target: Path) -> Path:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "rename", busy)
    own = tmp_path / "training"
    own.mkdir()
    training_folder(settings_with(own))
    assert training.fingerprint(own) == training.fingerprint(OURS)
    assert [path.name for path in tmp_path.iterdir()] == ["training"]
