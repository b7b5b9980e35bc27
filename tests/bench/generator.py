"""The customers in a process of their own, so that they cost the bot nothing but its share of the machine.

python -m tests.bench.generator < plan.json > measured.json
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import orjson
import uvloop

from tests.bench.load import PATIENCE, Measured, Plan, Way, run

ROOT: Final = Path(__file__).parent.parent.parent


class LoadFailed(Exception):
    """The customers were not answered; the message is the last thing that they said."""


def measure(plan: Plan) -> Measured:
    """Let the plan happen in a fresh process. Raises LoadFailed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.generator"],
        input=orjson.dumps(asdict(plan)),
        capture_output=True,
        check=False,
        cwd=ROOT,
        timeout=plan.warm_up + plan.seconds + 2 * PATIENCE,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise LoadFailed(f"{plan.way}, {plan.clients} clients: {lines[-1] if lines else done.returncode}")
    return Measured(**orjson.loads(done.stdout))


def main() -> None:
    given: dict[str, Any] = orjson.loads(sys.stdin.buffer.read())
    plan = Plan(way=Way(given.pop("way")), **given)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measured = runner.run(run(plan))
    sys.stdout.buffer.write(orjson.dumps(asdict(measured)))


if __name__ == "__main__":
    main()
