"""`rapport nlu …`: how well messages are understood."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.app import app, err

if TYPE_CHECKING:
    from nlu.datasets import Dataset
    from nlu.evaluation import Evaluation

nlu_app = typer.Typer(no_args_is_help=True, help="How well messages are understood.")
app.add_typer(nlu_app, name="nlu")

FILES = "Rasa's YAML (a file or a folder) or JSON, or CSV with the header text,intent."
MOST_ODDITIES = 5


@nlu_app.command()
def evaluate(
    train: Annotated[Path, typer.Option(help=f"What to learn from: {FILES}")],
    test: Annotated[
        Path, typer.Option(help="What to ask, in the same forms; out_of_scope marks what must be refused.")
    ],
    engine: Annotated[str, typer.Option(help="embedded, semantic or rasa.")] = "embedded",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    wrong: Annotated[Path | None, typer.Option(help="Write the messages answered wrongly to this CSV file.")] = None,
) -> None:
    """Train an engine on one file and measure it on another."""
    from tempfile import gettempdir

    from nlu import evaluation
    from nlu.embedded import TrainingFailed
    from nlu.engines import ENGINES, EngineMissing
    from nlu.scratch import scratch

    if engine not in ENGINES:
        raise typer.BadParameter(f"{engine} is none of {', '.join(ENGINES)}", param_hint="--engine")
    learnt, asked = _read(train), _read(test)
    if len(learnt.intents) < 2:
        reason = f"{train.name}:0: there must be two intents at least to tell apart"
        err.print(reason, style="red", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(2)
    with scratch(Path(gettempdir())) as folder:
        try:
            found = evaluation.evaluate(engine, ENGINES[engine], learnt.examples, asked.examples, folder)
        except (EngineMissing, TrainingFailed) as error:
            err.print(f"{error}.", style="red", highlight=False, markup=False, soft_wrap=True)
            raise typer.Exit(1) from None
    if wrong is not None:
        _write_wrong(wrong, found)
    if as_json:
        _print_json(found, learnt, asked)
    else:
        _print_table(found)


def _read(path: Path) -> Dataset:
    """The file's examples; what is odd in it goes to standard error, what is wrong ends the command."""
    from nlu.datasets import read
    from nlu.training import TrainingDataMistakes

    try:
        dataset = read(path)
    except TrainingDataMistakes as error:
        for mistake in error.mistakes:
            err.print(str(mistake), style="red", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    for oddity in dataset.oddities[:MOST_ODDITIES]:
        err.print(str(oddity), style="yellow", highlight=False, markup=False, soft_wrap=True)
    if len(dataset.oddities) > MOST_ODDITIES:
        more = f"{path.name}: {len(dataset.oddities) - MOST_ODDITIES} more oddities; --json names them all"
        err.print(more, style="yellow", highlight=False, markup=False, soft_wrap=True)
    return dataset


def _write_wrong(path: Path, found: Evaluation) -> None:
    import csv

    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "intent", "answer", "guess", "confidence"))
        for one, answer in found.wrong():
            confidence = f"{one.guess.confidence:.3f}" if one.guess else ""
            rows.writerow((one.example.text, one.example.intent, answer, one.best, confidence))


def _print_json(found: Evaluation, learnt: Dataset, asked: Dataset) -> None:
    import orjson

    oddities = {"train": [str(odd) for odd in learnt.oddities], "test": [str(odd) for odd in asked.oddities]}
    typer.echo(orjson.dumps({**found.figures(), "oddities": oddities}).decode())


def _print_table(found: Evaluation) -> None:
    from rich.console import Console
    from rich.table import Table

    quality, speed = found.quality, found.speed
    table = Table(show_header=False, box=None)
    table.add_row("engine", f"{found.engine}, trained on {found.examples} examples in {speed.training_seconds:.1f} s")
    table.add_row("tested", f"{quality.tested} messages")
    table.add_row("accuracy", _percent(quality.accuracy))
    table.add_row("  answering all", _percent(quality.accuracy_answering_all))
    table.add_row("  at the threshold", f"{_percent(quality.accuracy_at_threshold)} (of {found.threshold:.3f})")
    table.add_row("macro-F1", _percent(quality.macro_f1))
    table.add_row("out-of-scope recall", _percent(quality.out_of_scope_recall))
    table.add_row("out-of-scope precision", _percent(quality.out_of_scope_precision))
    table.add_row("calibration error", _percent(quality.expected_calibration_error))
    table.add_row("one by one", f"p50 {speed.latency_ms_p50:.3f} ms, p99 {speed.latency_ms_p99:.3f} ms")
    table.add_row(
        "in batches of 64",
        f"{speed.batch_us_per_message:.1f} µs a message, {speed.messages_per_second_in_batches:,.0f} a second",
    )
    table.add_row("memory", f"{speed.memory_mb:.0f} MB")
    for expected, answer, count in quality.confusions[:10]:
        table.add_row("", f"{count} × {expected} taken for {answer}", style="dim")
    Console().print(table, markup=False, highlight=False)


def _percent(share: float | None) -> str:
    return "nothing to measure it on" if share is None else f"{share:.1%}"
