"""A skip says its reason; where everything is required it fails instead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.given import CHECKOUT

TRIALS = {
    "test_in_the_middle.py": "def test_it(given):\n    given('nowhere/one.json')\n",
    "test_at_the_top.py": "from tests.given import given\nROWS = given('nowhere/two.json')\ndef test_it(): pass\n",
    "test_by_a_mark.py": "import pytest\n@pytest.mark.skip(reason='no such machine')\ndef test_it(): pass\n",
}
REASONS = ("given data nowhere/one.json is absent", "given data nowhere/two.json is absent", "no such machine")


def run(folder: Path, *, required: bool) -> subprocess.CompletedProcess[str]:
    for name, content in TRIALS.items():
        (folder / name).write_text(content)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-rs",
            "--continue-on-collection-errors",
            "-p",
            "tests.conftest",
            "-p",
            "no:cacheprovider",
            *TRIALS,
        ],
        cwd=folder,
        env=os.environ | {"RAPPORT_REQUIRE_ALL": "1" if required else "0", "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_what_is_absent_is_skipped_with_its_reason(tmp_path: Path) -> None:
    trial = run(tmp_path, required=False)
    assert "3 skipped" in trial.stdout
    assert [reason for reason in REASONS if reason not in trial.stdout] == []


def test_where_all_is_required_every_skip_fails_with_its_reason(tmp_path: Path) -> None:
    trial = run(tmp_path, required=True)
    assert "skipped" not in trial.stdout
    assert "passed" not in trial.stdout
    assert [reason for reason in REASONS if reason not in trial.stdout] == []
    assert trial.stdout.count("RAPPORT_REQUIRE_ALL=1 allows no skips") >= len(REASONS)
