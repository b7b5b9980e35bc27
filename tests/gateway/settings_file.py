"""A rapport.toml of the test's own: no variable of this machine, and no file of this checkout, has a say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.settings import Settings, SettingsMistakes, load


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("RAPPORT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def settings(text: str) -> Settings:
    Path("rapport.toml").write_text(text, "utf-8")
    return load()


def sentences(text: str) -> list[str]:
    """What a person is told of this file; never a secret (each in it has "geheim" in it)."""
    with pytest.raises(SettingsMistakes) as caught:
        settings(text)
    assert "geheim" not in str(caught.value)
    return str(caught.value).splitlines()
