"""How Rasa is started: whatever the token is, it arrives, and stands on no command line that others see."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SERVE = Path(__file__).resolve().parents[2] / "nlu" / "rasa" / "serve.py"
RASA = """
import argparse

def main():
    parser = argparse.ArgumentParser()
    run = parser.add_subparsers().add_parser("run")
    run.add_argument("--enable-api", action="store_true")
    run.add_argument("-t", "--auth-token")
    run.add_argument("--port")
    print(parser.parse_args(), flush=True)
"""


@pytest.mark.parametrize("token", ["0123abc", "-0123abc", "--port"])
def test_a_token_arrives_however_it_begins(tmp_path: Path, token: str) -> None:
    (tmp_path / "rasa").mkdir()
    (tmp_path / "rasa" / "__init__.py").touch()
    (tmp_path / "rasa" / "__main__.py").write_text(RASA)
    child = subprocess.Popen(
        [sys.executable, SERVE, "--port", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(tmp_path)},
    )
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(f"{token}\n")
        child.stdin.flush()  # and stays open: what it starts ends with it
        said = child.stdout.readline()
    assert f"auth_token={token!r}" in said
    assert "port='1'" in said
