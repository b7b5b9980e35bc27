"""Plots: a series as SVG, drawn by the server, without a script. Colours are those of reports.css.

A plot is a picture for those who see: beside each stands the table that it was drawn from, for everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup, escape

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 70, 8, 10, 24
MOST_LABELS = 7

TIMES: tuple[float, ...] = (
    *(1, 5, 10, 15, 30),
    *(minutes * 60 for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * 3600 for hours in (1, 2, 3, 6, 12)),
    *(days * 86_400 for days in (1, 2, 5, 10, 20)),
)
"""Steps in seconds that people count time in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One day, week or month."""

    label: str
    """Below the axis."""
    value: float | None
    """None: there is nothing to say, and nothing is drawn."""
    high: float | None = None
    """A second, paler line above it."""
    tells: str = ""
    """What the pointer over it reads."""
    few: bool = False
    """Made of few: drawn hollow."""


def bars(points: Sequence[Point], *, title: str, tick: Callable[[float], str]) -> Markup:
    """How many: columns from zero."""
    top, ticks = _scale(points)
    step = _step(points)
    drawn: list[str] = []
    for place, point in enumerate(points):
        if point.value is not None:
            y = _y(point.value, top)
            drawn.append(
                f'<rect class="bar-of" x="{LEFT + step * place + step * 0.12:.1f}" y="{y:.1f}"'
                f' width="{max(step * 0.76, 1):.1f}" height="{max(HEIGHT - BOTTOM - y, 0):.1f}">'
                f"<title>{escape(point.tells)}</title></rect>"
            )
    return _svg(points, title, _axes(points, ticks, top, tick), drawn)


def lines(
    points: Sequence[Point],
    *,
    title: str,
    tick: Callable[[float], str],
    most: float | None = None,
    times: bool = False,
) -> Markup:
    """A course: where there is nothing to say, it is broken. `most`: where the scale ends, such as 1 for shares;
    `times`: they are seconds, and the scale goes in minutes, hours or days."""
    top, ticks = _scale(points, most, TIMES if times else ())
    drawn = [f'<path class="high" d="{path}"/>' for path in _paths(points, top, lambda point: point.high)]
    drawn += [f'<path class="course" d="{path}"/>' for path in _paths(points, top, lambda point: point.value)]
    for place, point in enumerate(points):
        if point.value is not None:
            kind = "dot few" if point.few else "dot"
            drawn.append(
                f'<circle class="{kind}" cx="{_x(place, points):.1f}" cy="{_y(point.value, top):.1f}" r="3.5">'
                f"<title>{escape(point.tells)}</title></circle>"
            )
    return _svg(points, title, _axes(points, ticks, top, tick), drawn)


def spark(values: Sequence[float | None]) -> Markup:
    """A small course without axes, beside its figure in words."""
    points = [Point(label="", value=value) for value in values]
    top, _ = _scale(points)
    width = 160.0
    found = [
        (width * place / max(len(points) - 1, 1), 34 - 30 * value / top)
        for place, value in enumerate(values)
        if value is not None
    ]
    if not found:
        return Markup("")
    path = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in found)
    x, y = found[-1]
    return Markup(  # noqa: S704 - numbers alone
        '<svg class="spark" viewBox="-4 0 168 38" aria-hidden="true" focusable="false">'
        f'<path class="course" d="{path}"/>'
        f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/></svg>'
    )


def _svg(points: Sequence[Point], title: str, axes: Sequence[str], drawn: Sequence[str]) -> Markup:
    inside = "".join([*axes, *drawn])
    label = escape(title)
    return Markup(  # noqa: S704 - numbers, and words that were escaped
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{inside}</svg>'
    )


def _axes(points: Sequence[Point], ticks: Sequence[float], top: float, tick: Callable[[float], str]) -> list[str]:
    found: list[str] = []
    for value in ticks:
        y = _y(value, top)
        found.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        found.append(
            f'<text class="scale" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(tick(value))}</text>'
        )
    every = max(1, ceil(len(points) / MOST_LABELS))
    for place in range(0, len(points), every):
        x, label = _x(place, points), escape(points[place].label)
        found.append(f'<text class="scale" x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{label}</text>')
    return found


def _paths(points: Sequence[Point], top: float, of: Callable[[Point], float | None]) -> list[str]:
    paths: list[list[str]] = [[]]
    for place, point in enumerate(points):
        value = of(point)
        if value is None:
            paths.append([])
        else:
            paths[-1].append(f"{_x(place, points):.1f} {_y(value, top):.1f}")
    return ["M" + " L".join(path) for path in paths if len(path) > 1]


def _scale(
    points: Sequence[Point], most: float | None = None, round_ones: Sequence[float] = ()
) -> tuple[float, list[float]]:
    """From zero to a round number above all there is, in four or five steps."""
    highest = max((value for point in points for value in (point.value, point.high) if value is not None), default=0)
    if most is not None:
        return most, [most * part / 4 for part in range(5)]
    if highest <= 0:
        return 1, [0, 1]
    rough = highest / 4
    power = 10 ** floor(log10(rough))
    decimal = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    step = next((one for one in round_ones if one >= rough), decimal)
    steps = ceil(highest / step)
    return step * steps, [step * number for number in range(steps + 1)]


def _step(points: Sequence[Point]) -> float:
    return (WIDTH - LEFT - RIGHT) / max(len(points), 1)


def _x(place: int, points: Sequence[Point]) -> float:
    return LEFT + _step(points) * (place + 0.5)


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * min(value, top) / top
