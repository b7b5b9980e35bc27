"""What was found: tables on the terminal, and docs/benchmarks.md with the machine it was found on."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table as RichTable


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Cells as they are shown; the first column is text, the others are figures."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Aim:
    """What was to be reached, and what was."""

    name: str
    wanted: str
    measured: str
    met: bool

    @classmethod
    def at_least(cls, name: str, wanted: float, measured: float) -> Aim:
        return cls(name=name, wanted=f"≥ {wanted:,}", measured=_short(measured), met=measured >= wanted)

    @classmethod
    def below(cls, name: str, wanted: float, measured: float) -> Aim:
        return cls(name=name, wanted=f"< {wanted:,}", measured=_short(measured), met=measured < wanted)


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One size of the database."""

    label: str
    per_second: float
    p99: float
    """Milliseconds."""
    megabytes: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """One section."""

    title: str
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    aims: Sequence[Aim] = ()
    curve: Sequence[Point] = field(default=())


def show(console: Console, findings: Findings) -> None:
    """On the terminal."""
    for table in findings.tables:
        console.print(_rich(table, findings.title))
    for note in findings.notes:
        console.print(note, style="dim", highlight=False)


def show_aims(console: Console, aims: Sequence[Aim]) -> None:
    if aims:
        console.print(_rich(_aims(aims), "Aims"))


def machine(folder: Path) -> dict[str, str]:
    """What figures depend on; `folder` is on the disk that is measured."""
    return {
        "Processor": f"{_of_file('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores",
        "Memory": f"{int(_of_file('/proc/meminfo', 'MemTotal').split()[0]) * 1024 / 1e9:.0f} GB",
        "Disk": f"{_file_system(folder)}; a 4 KB write with fsync takes {_fsync(folder):.2f} ms (median)",
        "System": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "Load before the run": "{:.1f} (1 minute), {:.1f} (5 minutes), {:.1f} (15 minutes)".format(*os.getloadavg()),
    }


def write(path: Path, command: str, facts: Mapping[str, str], findings: Sequence[Findings]) -> None:
    """The document, and the curve beside it as `<name>-curve.svg`."""
    parts = [
        "# Benchmarks",
        f"Written by `{command}` on {datetime.now(UTC):%Y-%m-%d}. Everything on this page was measured in one run on "
        "one machine, contestants in turns (A B C A B C …); figures are medians over the rounds, and `all rounds` "
        "shows the slowest and the fastest. The customers run in a process of their own, each writing the next "
        "message when the last one is answered; `customers' CPU` is what they used of one core: near 100% they would "
        "be measured, and not the bot. MB are resident megabytes (10⁶ bytes).",
        _markdown(Table(columns=["Machine", ""], rows=list(facts.items()))),
    ]
    if aims := [aim for each in findings for aim in each.aims]:
        parts += ["## Aims", _markdown(_aims(aims))]
    for each in findings:
        parts.append(f"## {each.title}")
        parts += [_markdown(table) for table in each.tables]
        if len(each.curve) > 1:
            picture = path.with_name(f"{path.stem}-curve.svg")
            picture.write_text(curve(each.curve), "utf-8")
            parts.append(f"![Turns a second by the number of old interactions]({picture.name})")
        parts += each.notes
    path.write_text("\n\n".join(parts) + "\n", "utf-8")


def curve(points: Sequence[Point]) -> str:
    """Bars, as SVG: a share of the tallest each, which should all look alike."""
    tallest = max(point.per_second for point in points)
    width, height = 160, 200
    bars = [
        f'<rect x="{20 + width * number}" y="{220 - height * point.per_second / tallest:.0f}" width="{width - 40}" '
        f'height="{height * point.per_second / tallest:.0f}" fill="#2f6f6a"/>'
        f'<text x="{width * number + width / 2:.0f}" y="{212 - height * point.per_second / tallest:.0f}">'
        f"{point.per_second:,.0f}/s</text>"
        f'<text x="{width * number + width / 2:.0f}" y="240">{point.label}</text>'
        f'<text x="{width * number + width / 2:.0f}" y="258">{point.megabytes:,.0f} MB</text>'
        for number, point in enumerate(points)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -10 {width * len(points)} 280" '
        f'width="{width * len(points)}" role="img" '
        'font-family="sans-serif" font-size="13" text-anchor="middle" fill="#667">'
        "<title>Turns a second by the number of old interactions</title>\n" + "\n".join(bars) + "\n</svg>\n"
    )


def _aims(aims: Sequence[Aim]) -> Table:
    rows = [[aim.name, aim.wanted, aim.measured, "yes" if aim.met else "**no**"] for aim in aims]
    return Table(columns=["", "aim", "measured", "met"], rows=rows)


def _rich(table: Table, title: str) -> RichTable:
    shown = RichTable(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for number, column in enumerate(table.columns):
        shown.add_column(column, justify="right" if number else "left", min_width=0 if number else 30)
    for row in table.rows:
        shown.add_row(*(cell.replace("**", "") for cell in row))
    return shown


def _markdown(table: Table) -> str:
    head = "| " + " | ".join(table.columns) + " |"
    line = "|---|" + "---:|" * (len(table.columns) - 1)
    return "\n".join([head, line, *("| " + " | ".join(row) + " |" for row in table.rows)])


def _short(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.2f}"


def _of_file(path: str, key: str) -> str:
    for line in Path(path).read_text("utf-8", "replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return "0"


def _file_system(folder: Path) -> str:
    """proc(5), mountinfo: the longest mount point that the folder lies under."""
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    under = [fields for fields in mounts if folder.resolve().is_relative_to(fields[4])]
    deepest = max(under, key=lambda fields: len(fields[4]))
    return deepest[deepest.index("-") + 1]


def _fsync(folder: Path) -> float:
    """Milliseconds."""
    path = folder / "fsync"
    took: list[float] = []
    with path.open("wb", buffering=0) as file:
        for _ in range(200):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    path.unlink()
    return statistics.median(took)
