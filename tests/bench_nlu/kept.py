"""What was measured is kept, so that hours of training need not be one sitting: `make bench-nlu ARGS="--resume"`."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from tests.bench.generator import ROOT
from tests.bench_nlu.measuring import Result

FOLDER = ROOT / ".tools" / "bench-nlu"


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A result, and when and of what it is one."""

    result: Result
    """Without the messages of its set."""
    measured: str
    """Minute (UTC) and commit."""


def just_measured(result: Result) -> Kept:
    """A result of this minute."""
    return Kept(result=replace(result, set=replace(result.set, parts=[])), measured=_now())


def keep(name: str, measured: Kept) -> None:
    """Write it down under the set's name and its engine."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    _place(name, measured.result.engine).write_bytes(_adapter().dump_json(measured, indent=1))


def find(name: str, engine: str) -> Kept | None:
    """What was kept last. Raises pydantic.ValidationError where another version kept it."""
    try:
        return _adapter().validate_json(_place(name, engine).read_bytes())
    except FileNotFoundError:
        return None


def _place(name: str, engine: str) -> Path:
    return FOLDER / f"{name}-{engine}.json"


def _adapter() -> TypeAdapter[Kept]:
    return TypeAdapter(Kept)


def _now() -> str:
    git = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} {git.stdout.strip()}".rstrip()
