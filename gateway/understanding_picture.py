"""The report as a picture (SVG): weeks on the left, intents and confusions on the right; drawn by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from html import escape

from gateway.understanding_report import Report
from nlu.drift import NOT_UNDERSTOOD, Week
from nlu.scores import Confusion, IntentScore, Scores, Share

WIDTH, HEIGHT = 1180, 760
LEFT, RIGHT = 60, 640
"""Where the two columns begin."""
WIDE = 480
"""Of the left column's charts."""
MOST_INTENTS = 16
"""On the right: those that fare worst."""
MOST_CONFUSIONS = 10
MOST_COLOURS = 8
COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5")
REST, LOST, INK, FAINT = "#c9c9c9", "#555555", "#1f2328", "#8b949e"
"""Colours of all other intents, of what was not understood, of words and of what stands behind."""


def picture(report: Report) -> str:
    """An SVG document that stands alone, on white."""
    known = report.cross_checked.scores if report.cross_checked is not None else report.reviewed.scores
    pieces = [
        _text(LEFT, 34, "How well messages are understood", size=20, weight="bold"),
        _text(LEFT, 54, _rests_on(report), colour=FAINT),
        *_not_understood(report.weeks, 84),
        *_confidence(report.weeks, 284),
        *_mix(report.weeks, 424),
        *_intents(known, 84, _source(report)),
        *_confusions(known, 560),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        ' font-family="system-ui, Helvetica, Arial, sans-serif" font-size="12">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>{"".join(pieces)}</svg>\n'
    )


def _rests_on(report: Report) -> str:
    reviewed = report.reviewed
    messages = sum(week.messages for week in report.weeks)
    return (
        f"{report.since:%Y-%m-%d} to {report.until:%Y-%m-%d}: {messages:,} messages, {reviewed.scores.accuracy.of:,}"
        f" judged by people ({reviewed.accepted:,} accepted, {reviewed.corrected:,} corrected), {reviewed.waiting:,}"
        " waiting"
    )


def _source(report: Report) -> str:
    if report.cross_checked is None:
        return f"{report.reviewed.scores.accuracy.of:,} reviewed messages"
    one = report.cross_checked
    return f"{one.examples:,} training examples, {one.folds}-fold, {one.engine}"


# Weeks


def _not_understood(weeks: Sequence[Week], top: int) -> Iterator[str]:
    """Bars of messages, and before them the share that was not understood, with its 95 % interval."""
    yield _text(LEFT, top, "Not understood, share of each week's messages", weight="bold")
    yield _text(LEFT, top + 16, "with its 95 % interval; the bars are the messages", colour=FAINT)
    most = max((week.messages for week in weeks), default=0)
    highest = max([0.1, *(week.not_understood.high or 0 for week in weeks)])
    base, tall = top + 160, 130
    yield from _scale(base, tall, highest)
    for x, wide, week in _slots(weeks):
        bar = tall * week.messages / most if most else 0
        yield _box(x - wide * 0.4, base - bar, wide * 0.8, bar, "#eaeef2")
        yield _text(x, base + 14, f"{week.monday:%d %b}", anchor="middle", size=9, colour=FAINT)
        yield _text(x, base - bar - 3, f"{week.messages:,}", anchor="middle", size=9, colour=FAINT)
        yield from _point(x, base, tall / highest, week.not_understood)
    yield _curve(weeks, lambda week: week.not_understood.share, lambda share: base - tall * share / highest)


def _confidence(weeks: Sequence[Week], top: int) -> Iterator[str]:
    yield _text(LEFT, top, "Mean confidence of what was understood", weight="bold")
    base, tall = top + 105, 85
    yield from _scale(base, tall, 1.0)
    for x, _, week in _slots(weeks):
        if week.confidence is not None:
            yield _dot(x, base - tall * week.confidence, COLOURS[0])
    yield _curve(weeks, lambda week: week.confidence, lambda share: base - tall * share)


def _mix(weeks: Sequence[Week], top: int) -> Iterator[str]:
    """What people write about; ▲ marks weeks whose mix differs from the weeks before by more than chance."""
    total = sum((Counter(week.intents) for week in weeks), Counter[str]())
    named = [intent for intent, _ in total.most_common(MOST_COLOURS)]
    colours = dict(zip(named, COLOURS, strict=False))
    yield _text(LEFT, top, "What people write about", weight="bold")
    yield _text(LEFT, top + 16, "▲ differs from the four weeks before by more than chance would", colour=FAINT)
    base, tall = top + 215, 175
    for x, wide, week in _slots(weeks):
        y = float(base)
        for intent, count in _parts(week, named):
            high = tall * count / week.messages
            y -= high
            yield _box(
                x - wide * 0.4, y, wide * 0.8, high, colours.get(intent, LOST if intent == NOT_UNDERSTOOD else REST)
            )
        if week.distance is not None and week.distance.changed:
            yield _text(x, base - tall - 5, "▲", anchor="middle", colour=COLOURS[2])
    legend = [*colours.items(), ("other intents", REST), (NOT_UNDERSTOOD, LOST)]
    for place, (name, colour) in enumerate(legend):
        x, y = LEFT + place % 4 * (WIDE // 4), base + 24 + place // 4 * 18
        yield _box(x, y - 9, 10, 10, colour)
        yield _text(x + 14, y, name, size=10)


def _parts(week: Week, named: Sequence[str]) -> Iterator[tuple[str, int]]:
    """From below: the frequent intents, all others, and what was not understood."""
    if week.messages:
        yield from ((intent, week.intents.get(intent, 0)) for intent in named)
        yield "", sum(count for intent, count in week.intents.items() if intent not in named)
        yield NOT_UNDERSTOOD, week.not_understood.count


def _slots(weeks: Sequence[Week]) -> Iterator[tuple[float, float, Week]]:
    """Each week's middle and width."""
    wide = WIDE / max(len(weeks), 4)
    for place, week in enumerate(weeks):
        yield LEFT + wide * (place + 0.5), wide, week


def _curve(weeks: Sequence[Week], value: Callable[[Week], float | None], height: Callable[[float], float]) -> str:
    """Through the weeks that have a value; a week without one breaks it."""
    path, drawing = list[str](), False
    for x, _, week in _slots(weeks):
        said = value(week)
        if said is not None:
            path.append(f"{'L' if drawing else 'M'}{x:.1f},{height(said):.1f}")
        drawing = said is not None
    return f'<path d="{" ".join(path)}" fill="none" stroke="{COLOURS[0]}" stroke-width="2"/>' if path else ""


def _point(x: float, base: float, scale: float, share: Share) -> Iterator[str]:
    if share.share is not None and share.low is not None and share.high is not None:
        yield _line(x, base - scale * share.low, x, base - scale * share.high, COLOURS[0])
        yield _dot(x, base - scale * share.share, COLOURS[0])


def _scale(base: float, tall: float, highest: float) -> Iterator[str]:
    for part in (0.0, 0.5, 1.0):
        y = base - tall * part
        yield _line(LEFT, y, LEFT + WIDE, y, "#d0d7de")
        yield _text(LEFT - 6, y + 4, f"{highest * part:.0%}", anchor="end", size=10, colour=FAINT)


# Intents


def _intents(known: Scores, top: int, source: str) -> Iterator[str]:
    """Precision and recall of the intents that fare worst, with the interval of recall."""
    worst = sorted(filter(_is_measured, known.intents), key=_f1)[:MOST_INTENTS]
    left, wide = RIGHT + 190, 280
    yield _text(RIGHT, top, "Intents that fare worst", weight="bold")
    yield _text(RIGHT, top + 16, f"{source}; ● recall with its 95 % interval, ○ precision", colour=FAINT)
    if not worst:
        yield _text(RIGHT, top + 50, "There are too few messages to say.", colour=FAINT)
        return
    low = min([0.5, *(one.recall.low or 0 for one in worst), *(one.precision.share or 0 for one in worst)])
    scale = wide / (1 - low)
    base = top + 44 + 24 * len(worst)
    for part in (low, (low + 1) / 2, 1.0):
        x = left + (part - low) * scale
        yield _line(x, top + 32, x, base, "#d0d7de")
        yield _text(x, base + 14, f"{part:.0%}", anchor="middle", size=10, colour=FAINT)
    for place, one in enumerate(worst):
        y = top + 48 + 24 * place
        yield _text(left - 10, y + 4, f"{one.intent} ({one.recall.of})", anchor="end", size=11)
        yield _line(
            left + ((one.recall.low or 0) - low) * scale, y, left + ((one.recall.high or 0) - low) * scale, y, FAINT
        )
        yield _dot(left + ((one.recall.share or 0) - low) * scale, y, COLOURS[0])
        yield _ring(left + ((one.precision.share or 0) - low) * scale, y)


def _is_measured(one: IntentScore) -> bool:
    return one.recall.share is not None and one.precision.share is not None


def _f1(one: IntentScore) -> float:
    precision, recall = one.precision.share or 0, one.recall.share or 0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _confusions(known: Scores, top: int) -> Iterator[str]:
    found: Sequence[Confusion] = known.confusions[:MOST_CONFUSIONS]
    yield _text(RIGHT, top, "Taken for something else", weight="bold")
    most = max((one.count for one in found), default=1)
    for place, one in enumerate(found):
        y = top + 20 + 17 * place
        yield _box(RIGHT + 380, y - 9, 90 * one.count / most, 11, "#ffd8d2")
        yield _text(RIGHT + 384, y, str(one.count), size=10)
        yield _text(RIGHT + 372, y, f"{one.expected} → {one.answered}", anchor="end", size=11)


# Strokes


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", size: int = 12, weight: str = "normal", colour: str = INK
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}"'
        f' fill="{colour}">{escape(words)}</text>'
    )


def _box(x: float, y: float, wide: float, high: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" fill="{colour}"/>'


def _line(x: float, y: float, to_x: float, to_y: float, colour: str) -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="{colour}"/>'


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'


def _ring(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="none" stroke="{COLOURS[2]}" stroke-width="1.5"/>'
