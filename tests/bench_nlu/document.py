"""docs/nlu-figures.md and its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.report import Aim, Table
from tests.bench_nlu import pictures
from tests.bench_nlu.kept import Kept
from tests.bench_nlu.measuring import Result


def qualities(results: Sequence[Result]) -> Table:
    columns = ["Set", "engine", "accuracy", "macro-F1", "refused rightly", "refusals right", "calibration error"]
    rows = [
        [
            each.set.name,
            each.engine,
            _percent(each.quality.accuracy),
            _percent(each.quality.macro_f1),
            _percent(each.quality.out_of_scope_recall),
            _percent(each.quality.out_of_scope_precision),
            _percent(each.quality.expected_calibration_error),
        ]
        for each in results
    ]
    return Table(columns=columns, rows=rows)


def speeds(results: Sequence[Result]) -> Table:
    columns = ["Set", "engine", "p50 ms", "p99 ms", "µs in batches", "messages/s in batches", "training s", "MB"]
    rows = [
        [
            each.set.name,
            each.engine,
            f"{each.speed.latency_ms_p50:.3f}",
            f"{each.speed.latency_ms_p99:.3f}",
            f"{each.speed.batch_us_per_message:,.0f}",
            f"{each.speed.messages_per_second_in_batches:,.0f}",
            f"{each.speed.training_seconds:,.1f}",
            f"{each.speed.memory_mb:,.0f}",
        ]
        for each in results
    ]
    return Table(columns=columns, rows=rows)


def aims(results: Sequence[Result]) -> list[Aim]:
    found: list[Aim] = []
    for each in results:
        name = f"{each.set.name}, {each.engine}"
        if each.engine in each.set.aims and each.quality.accuracy is not None:
            found.append(_share(f"{name}: accuracy", each.set.aims[each.engine], each.quality.accuracy))
        if each.engine in each.set.refusals and each.quality.out_of_scope_recall is not None:
            wanted = each.set.refusals[each.engine]
            found.append(_share(f"{name}: out-of-scope recall", wanted, each.quality.out_of_scope_recall))
        if each.same is not None and each.engine == "semantic":
            found.append(_share(f"{name}: the same answer in both languages", 0.9, each.same))
        if each.engine == "embedded" and each.set.name.startswith("The demo shop"):
            found.append(Aim.below(f"{name}: p50 in ms", 1, each.speed.latency_ms_p50))
            found.append(
                Aim.at_least(f"{name}: messages/s in batches", 10_000, each.speed.messages_per_second_in_batches)
            )
        if each.engine == "semantic" and each.set.name.startswith("The demo shop"):
            found.append(Aim.below(f"{name}: p50 in ms", 3, each.speed.latency_ms_p50))
    return found


def write(path: Path, command: str, facts: Mapping[str, str], found: Sequence[Kept], absent: Sequence[str]) -> None:
    """The document, and the pictures beside it."""
    results = [each.result for each in found]
    by_set: dict[str, dict[str, float]] = {}
    for each in results:
        if each.quality.accuracy is not None:
            by_set.setdefault(each.set.name, {})[each.engine] = each.quality.accuracy
    largest = max((each.quality.tested for each in results), default=0)
    shown = {each.engine: each.quality.calibration for each in results if each.quality.tested == largest}
    _picture(path, "accuracy", pictures.accuracies(by_set))
    _picture(path, "calibration", pictures.calibration(shown))
    sets = {each.set.name: each for each in results}
    about = Table(
        columns=["Set", "learnt; asked", "examples", "messages"],
        rows=[[name, of.set.about, f"{of.examples:,}", f"{of.quality.tested:,}"] for name, of in sets.items()],
    )
    parts = [
        "# Understanding in figures",
        f"Written by `{command}` on {datetime.now(UTC):%Y-%m-%d}, on one machine; when each line was measured stands "
        "at the end, and times compare only within one sitting. What each figure means is in [nlu.md](nlu.md). The "
        "public sets' own test parts were not used: what is given of them is split with a fixed seed, so that these "
        "are estimates, and some sets' own test parts are easier. Aims are of those.",
        _markdown(Table(columns=["Machine", ""], rows=list(facts.items()))),
        *absent,
        "## Right answers",
        f"![Share of right answers]({path.stem}-accuracy.svg)",
        _markdown(qualities(results)),
        *[
            f"{each.set.name}, {each.engine}: the same message got the same answer in both languages {each.same:.1%} "
            "of the time."
            for each in results
            if each.same is not None
        ],
        "## Confidence",
        f"![Confidence and right answers]({path.stem}-calibration.svg)",
        "On the largest set above; a dot is a tenth of confidence, and its size how many answers lie there.",
        "## Speed",
        "One message at a time, entities included, and batches of 64; Rasa is asked over `/model/parse`.",
        _markdown(speeds(results)),
        "## Sets",
        _markdown(about),
        "## Aims",
        _markdown(_of_aims(aims(results))),
        "## When",
        _markdown(
            Table(
                columns=["Set", "engine", "minute (UTC), commit"],
                rows=[[each.result.set.name, each.result.engine, each.measured] for each in found],
            )
        ),
    ]
    path.write_text("\n\n".join(parts) + "\n", "utf-8")


def _of_aims(found: Sequence[Aim]) -> Table:
    rows = [[aim.name, aim.wanted, aim.measured, "yes" if aim.met else "**no**"] for aim in found]
    return Table(columns=["", "aim", "measured", "met"], rows=rows)


def _markdown(table: Table) -> str:
    lines = [table.columns, ["---", *["---:"] * (len(table.columns) - 1)], *table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _picture(path: Path, name: str, svg: str) -> None:
    path.with_name(f"{path.stem}-{name}.svg").write_text(svg, "utf-8")


def _share(name: str, wanted: float, measured: float) -> Aim:
    return Aim(name=name, wanted=f"≥ {wanted:.1%}", measured=f"{measured:.1%}", met=measured >= wanted)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
