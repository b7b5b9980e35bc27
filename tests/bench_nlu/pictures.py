"""The pictures, as plain SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from nlu.evaluation import Bin

COLOURS: Mapping[str, str] = {"embedded": "#2f6f6a", "semantic": "#c0722c", "rasa": "#6a5acd"}


def accuracies(found: Mapping[str, Mapping[str, float]]) -> str:
    """Bars from 60 % up: set to engine to share of right answers."""
    bars: list[str] = []
    left, height = 200, 0
    for name, by_engine in found.items():
        bars.append(f'<text x="{left - 10}" y="{height + 20}" text-anchor="end">{escape(name)}</text>')
        for engine, share in by_engine.items():
            width = max(0.0, share - 0.6) / 0.4 * 400
            bars.append(
                f'<rect x="{left}" y="{height + 8}" width="{width:.0f}" height="14" fill="{COLOURS[engine]}"/>'
                f'<text x="{left + width + 6:.0f}" y="{height + 20}">{share:.1%}</text>'
            )
            height += 18
        height += 12
    return _svg(720, height + 40, "Share of right answers", [*bars, *_legend(left, height + 20)])


def calibration(bins: Mapping[str, Sequence[Bin]]) -> str:
    """How sure an engine was, against how often it was right; on the dashed line, it knows itself."""
    side, edge = 320, 50
    parts = [
        f'<rect x="{edge}" y="20" width="{side}" height="{side}" fill="none" stroke="#99a"/>',
        f'<line x1="{edge}" y1="{20 + side}" x2="{edge + side}" y2="20" stroke="#99a" stroke-dasharray="4 4"/>',
        f'<text x="{edge + side / 2}" y="{side + 60}" text-anchor="middle">confidence</text>',
        f'<text x="{edge - 8}" y="32" text-anchor="end">right</text>',
    ]
    for tenth in range(0, 11, 2):
        at = edge + side * tenth / 10
        parts.append(f'<text x="{at:.0f}" y="{side + 38}" text-anchor="middle">{tenth / 10:.1f}</text>')
    for engine, points in bins.items():
        places = [(edge + side * each.confidence, 20 + side * (1 - each.right), each.answers) for each in points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[engine]}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{min(2 + answers**0.5 / 8, 9):.1f}" fill="{COLOURS[engine]}"/>'
            for x, y, answers in places
        ]
    return _svg(edge + side + 40, side + 110, "Confidence and right answers", [*parts, *_legend(edge, side + 80)])


def _legend(x: int, y: int) -> list[str]:
    return [
        f'<rect x="{x + 110 * place}" y="{y}" width="12" height="12" fill="{colour}"/>'
        f'<text x="{x + 110 * place + 18}" y="{y + 11}">{engine}</text>'
        for place, (engine, colour) in enumerate(COLOURS.items())
    ]


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img" '
        f'font-family="sans-serif" font-size="13" fill="#667">\n<title>{title}</title>\n{body}\n</svg>\n'
    )
