"""How well and how fast messages are understood: `make bench-nlu`, or `python -m tests.bench_nlu [SET …]`.

Without names all sets are measured with every engine that is installed, and docs/nlu-figures.md is written; half an
hour on a quiet machine, most of it Rasa's training. What was measured is kept: `--resume` measures only what is
missing. `--quick` is a smoke run: its figures mean nothing.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Final

from rich.console import Console

from nlu.embedded import TrainingFailed
from nlu.engines import ENGINES, EngineMissing
from tests.bench import report
from tests.bench.generator import ROOT
from tests.bench_nlu import document, kept, sets
from tests.bench_nlu.kept import Kept
from tests.bench_nlu.measuring import measure

DOCUMENT: Final = ROOT / "docs" / "nlu-figures.md"


def main() -> None:
    given = _parser().parse_args()
    if unknown := set(given.sets) - set(sets.SETS):
        sys.exit(f"There is no set {', '.join(sorted(unknown))}; there are {', '.join(sets.SETS)}.")
    console = Console(width=None if sys.stdout.isatty() else 150)
    if not sets.given():
        sys.exit(f"The given data is absent: set RAPPORT_DATA to the folder that has it, not {sets.DATA}.")
    facts = report.machine(ROOT)
    found: list[Kept] = []
    absent: dict[str, str] = {}
    for name in given.sets or sets.SETS:
        of = sets.smaller(sets.SETS[name]()) if given.quick else sets.SETS[name]()
        for engine in given.engines or ENGINES:
            if (given.resume or given.kept) and (before := kept.find(name, engine)) is not None:
                found.append(before)
                continue
            if given.kept:
                continue
            if engine in absent or (engine == "rasa" and not (given.rasa_everywhere or name in sets.OF_RASA)):
                continue
            console.print(f"{of.name}: {engine} …", style="dim", highlight=False)
            try:
                found.append(kept.just_measured(measure(of, engine)))
                if not given.quick:
                    kept.keep(name, found[-1])
            except EngineMissing as error:
                absent[engine] = f"Not measured: {engine}. {error}."
            except TrainingFailed as error:
                console.print(f"{of.name}: {engine} could not be trained: {error}", style="red", highlight=False)
    results = [each.result for each in found]
    tables = [document.qualities(results), document.speeds(results)]
    report.show(console, report.Findings(title="Understanding", tables=tables))
    report.show_aims(console, document.aims(results))
    for sentence in absent.values():
        console.print(sentence, style="yellow", highlight=False)
    output = given.output or (None if given.sets or given.engines or given.quick else DOCUMENT)
    if output is not None:
        document.write(output, _command(), facts, found, list(absent.values()))
        console.print(f"Written to {output}.", highlight=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench_nlu", description=__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(sets.SETS)}")
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), help="only these")
    parser.add_argument("--rasa-everywhere", action="store_true", help="train Rasa on the large sets too: hours")
    parser.add_argument("--resume", action="store_true", help="measure only what was not measured before")
    parser.add_argument("--kept", action="store_true", help="measure nothing: write down what was measured before")
    parser.add_argument("--quick", action="store_true", help="a smoke run: a few examples of each set")
    parser.add_argument("--output", type=Path, help="write the document here, also for single sets and engines")
    return parser


def _command() -> str:
    arguments = shlex.join(sys.argv[1:])
    return f'make bench-nlu ARGS="{arguments}"' if arguments else "make bench-nlu"


if __name__ == "__main__":
    main()
