"""Speed: `make bench`, or `python -m tests.bench [speed] [postgresql] [old] [start] [mail-out] [bulk]`. Linux only.

Without names all sections are measured, and docs/benchmarks.md is written; takes about a quarter of an hour on a quiet
machine. `--quick` is a smoke run: it shows that everything runs, its figures mean nothing.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.bench import report
from tests.bench.contest import Pace
from tests.bench.generator import ROOT
from tests.bench.sections import SECTIONS, Workshop

DOCUMENT: Final = ROOT / "docs" / "benchmarks.md"
QUICK: Final = Pace(seconds=0.5, warm_up=0.2, rounds=1)


def main() -> None:
    given = _parser().parse_args()
    unknown = set(given.sections) - set(SECTIONS)
    if unknown:
        sys.exit(f"There is no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}.")
    # A file has no width of its own, and the tables are wide.
    console = Console(width=None if sys.stdout.isatty() else 150)
    cache = ROOT / ".tools"
    cache.mkdir(exist_ok=True)
    # Not in the system's folder for temporary files, which may be memory: then fsync would cost nothing.
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=cache))
    try:
        shop = Workshop(
            folder=folder,
            cache=cache,
            pace=QUICK if given.quick else Pace(seconds=given.seconds, warm_up=given.warm_up, rounds=given.rounds),
            quick=given.quick,
            offline=given.offline,
            tell=lambda line: console.print(line, style="dim", highlight=False),
        )
        facts = report.machine(folder)
        findings: list[report.Findings] = []
        for name in [name for name in SECTIONS if name in given.sections or not given.sections]:
            findings.append(SECTIONS[name](shop))
            report.show(console, findings[-1])
        report.show_aims(console, [aim for each in findings for aim in each.aims])
        output = given.output or (None if given.sections or given.quick else DOCUMENT)
        if output is not None:
            report.write(output, _command(), facts, findings)
            console.print(f"Written to {output}.", highlight=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; none: all")
    parser.add_argument("--quick", action="store_true", help="a smoke run: short, once, small")
    parser.add_argument("--offline", action="store_true", help="install nothing; what is absent is not measured")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement (6)")
    parser.add_argument("--warm-up", type=float, default=1.5, help="seconds of load before it (1.5)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured, in turns (3)")
    parser.add_argument("--output", type=Path, help="write the document here, also for single sections")
    return parser


def _command() -> str:
    arguments = shlex.join(sys.argv[1:])
    return f'make bench ARGS="{arguments}"' if arguments else "make bench"


if __name__ == "__main__":
    main()
