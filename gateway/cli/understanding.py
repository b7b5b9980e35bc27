"""`rapport nlu report`: how well messages are understood, and whether that changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gateway.cli.app import err, load_settings
from gateway.cli.desk import Json
from gateway.cli.nlu import nlu_app

if TYPE_CHECKING:
    from rich.table import Table

    from gateway.settings import Settings
    from gateway.understanding_report import CrossChecked, Report
    from nlu.cross_validation import CrossValidated
    from nlu.drift import Week
    from nlu.scores import Scores, Share
    from nlu.training import Example

MOST_CONFUSIONS = 10
LEGEND = (
    "Doubtful: asked back + fell through + corrected by agents. Mix: how far from the four weeks before, in bits"
    " (Jensen-Shannon), and what chance alone stays below. –: too few messages to say. …: not a whole week."
)


@nlu_app.command()
def report(
    context: typer.Context,
    since: Annotated[
        datetime | None, typer.Option(help="Only what happened since this day; the last 12 weeks where left out.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Draw it into this .svg file, too.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Without the training data's own figures.")] = False,
    as_json: Json = False,
) -> None:
    """Precision, recall and confusions by intent, what people reviewed, and what changes from week to week."""
    from gateway.understanding_report import report as gather
    from storage.database import synchronous_engine

    if output is not None and output.suffix.lower() != ".svg":
        raise typer.BadParameter(f"{output.name} must end in .svg", param_hint="--output")
    settings = load_settings(context)
    _must_be_migrated(settings)
    checked = None if quick else _cross_checked(settings)
    start = None if since is None else since.astimezone(UTC)
    engine = synchronous_engine(settings.database_url.render_as_string(hide_password=False))
    try:
        with engine.connect().execution_options(rapport_reads=True) as connection, connection.begin():
            found = gather(connection, since=start, now=datetime.now(UTC), cross_checked=checked)
    finally:
        engine.dispose()
    if output is not None:
        from gateway.understanding_picture import picture

        output.write_text(picture(found), "utf-8")
    if as_json:
        from gateway.verbs import to_json

        typer.echo(to_json(found).decode())
    else:
        _print(found, output)


def _cross_checked(settings: Settings) -> CrossChecked:
    """The training data, asked about itself; kept until the data changes."""
    from gateway.relearning import forget_old_models
    from gateway.training_folder import training_folder
    from gateway.understanding_report import CrossChecked
    from nlu import training
    from nlu.cross_validation import FOLDS, remembered
    from nlu.embedded import TrainingFailed
    from nlu.engines import ENGINES, EngineMissing
    from nlu.model import RECIPE
    from nlu.scores import scores

    # Rasa takes minutes for each training: its own figures come with each model (`rapport nlu status`).
    engine = settings.nlu.engine if settings.nlu.engine != "rasa" and settings.nlu.engine in ENGINES else "embedded"
    try:
        folder = training_folder(settings)
        examples = training.read(folder).examples
        name = f"cross-validated-{engine}-{training.fingerprint(folder, recipe=RECIPE)}.json"
        found = remembered(settings.data_dir / "models" / name, lambda: _with_a_bar(examples, engine))
    except (training.TrainingDataMistakes, TrainingFailed, EngineMissing, OSError) as error:
        err.print(str(error), style="red", highlight=False, markup=False)
        raise typer.Exit(2) from None
    forget_old_models(settings.data_dir / "models", "cross-validated-*.json")
    return CrossChecked(engine=found.engine, examples=len(found.pairs), folds=FOLDS, scores=scores(found.pairs))


def _with_a_bar(examples: Sequence[Example], engine: str) -> CrossValidated:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from nlu.cross_validation import FOLDS, cross_validate

    columns = (TextColumn("asking the training data about itself"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("", total=FOLDS)
        return cross_validate(examples, engine, on_fold=lambda number: bar.update(task, completed=number))


def _must_be_migrated(settings: Settings) -> None:
    """Reading creates no database and changes no shape."""
    from storage import migrations
    from storage.database import synchronous_engine

    url = settings.database_url
    if settings.embedded and not Path(url.database or "").exists():
        err.print("There is no database yet: `rapport run` makes one.", style="red", highlight=False)
        raise typer.Exit(1)
    engine = synchronous_engine(url.render_as_string(hide_password=False))
    with engine.connect() as connection:
        revision = migrations.current(connection)
    engine.dispose()
    if revision != migrations.newest():
        err.print(
            "The database has another version's shape: run `rapport migrate` first.", style="red", highlight=False
        )
        raise typer.Exit(1)


def _print(found: Report, output: Path | None) -> None:
    console, reviewed = Console(), found.reviewed
    if found.cross_checked is not None:
        one = found.cross_checked
        title = f"{one.examples:,} training examples, each asked of an engine ({one.engine}) that has not seen it"
        _print_scores(console, title, one.scores)
    judged = reviewed.scores.accuracy.of
    title = (
        f"{judged:,} doubtful messages that people judged since {found.since:%Y-%m-%d}: {reviewed.accepted:,} accepted,"
        f" {reviewed.corrected:,} corrected and not reviewed yet ({reviewed.discarded:,} discarded,"
        f" {reviewed.waiting:,} waiting). They say where the engine errs, not how often."
    )
    _print_scores(console, title, reviewed.scores)
    console.print("Week by week, from Monday, UTC", style="bold")
    console.print(_weeks_table(found.weeks), highlight=False)
    console.print(LEGEND, style="dim", highlight=False)
    if output is not None:
        console.print(f"Drawn into {output}.", highlight=False, markup=False)


def _print_scores(console: Console, title: str, known: Scores) -> None:
    from rich.table import Table

    console.print(title, style="bold", highlight=False, markup=False)
    if not known.intents:
        console.print("Nothing to measure yet.", style="dim")
        return
    console.print(f"right: {_share(known.accuracy)}", highlight=False)
    table = Table("Intent", "Precision", "Recall", box=None)
    for one in known.intents:
        table.add_row(one.intent, _share(one.precision), _share(one.recall))
    console.print(table, highlight=False, markup=False)
    for wrong in known.confusions[:MOST_CONFUSIONS]:
        console.print(
            f"  {wrong.count} × {wrong.expected} taken for {wrong.answered}", style="dim", highlight=False, markup=False
        )


def _share(share: Share) -> str:
    if share.share is None or share.low is None or share.high is None:
        return "–" if share.of == 0 else f"{share.count} of {share.of}, too few to say"
    return f"{share.share:.1%} ({share.low:.0%}–{share.high:.0%}) of {share.of:,}"


def _weeks_table(weeks: Sequence[Week]) -> Table:
    """Doubtful ones: asked back, fell through, corrected."""
    from rich.table import Table

    table = Table("Week", "Messages", "Not understood", "Confidence", "Doubtful", "Mix of intents", box=None)
    for week in weeks:
        table.add_row(
            f"{week.monday}{'' if week.complete else '…'}",
            f"{week.messages:,}",
            _brief(week.not_understood),
            "–" if week.confidence is None else f"{week.confidence:.2f}",
            f"{week.asked_back} + {week.fell_through} + {week.corrected}",
            _mix(week),
        )
    return table


def _brief(share: Share) -> str:
    if share.share is None or share.low is None or share.high is None:
        return "–"
    return f"{share.share:.1%} ({share.low:.0%}–{share.high:.0%})"


def _mix(week: Week) -> str:
    if week.distance is None:
        return "–"
    much = "changed" if week.distance.changed else "as before"
    return f"{much}, {week.distance.bits:.3f} ({week.distance.by_chance:.3f})"
