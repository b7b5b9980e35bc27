"""Scores by intent: how often what was expected was answered, and on how many messages that rests."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST = 10
"""Messages below which a share says nothing, and is not given."""
_Z = 1.96
"""Of a 95 % interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """A share of messages, with what it rests on."""

    of: int
    """Messages."""
    count: int
    share: float | None
    """None: too few messages to say."""
    low: float | None
    high: float | None
    """The 95 % interval (Wilson 1927): where the true share may lie."""

    @staticmethod
    def measured(count: int, of: int) -> Share:
        if of < FEWEST:
            return Share(of=of, count=count, share=None, low=None, high=None)
        share, z2 = count / of, _Z * _Z
        middle = (share + z2 / (2 * of)) / (1 + z2 / of)
        reach = _Z / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
        return Share(of=of, count=count, share=share, low=max(middle - reach, 0.0), high=min(middle + reach, 1.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class IntentScore:
    """How one intent fares."""

    intent: str
    precision: Share
    """Of what was taken for it, what was it."""
    recall: Share
    """Of what was it, what was taken for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Confusion:
    expected: str
    answered: str
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """Some messages whose meaning is known."""

    accuracy: Share
    intents: tuple[IntentScore, ...]
    """By name: all that were expected or answered."""
    confusions: tuple[Confusion, ...]
    """The most frequent first."""


def scores(pairs: Sequence[tuple[str, str]]) -> Scores:
    """Of pairs of what was expected and what was answered."""
    expected, answered = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    right = Counter(one for one, other in pairs if one == other)
    wrong = Counter(pair for pair in pairs if pair[0] != pair[1])
    return Scores(
        accuracy=Share.measured(right.total(), len(pairs)),
        intents=tuple(
            IntentScore(
                intent=intent,
                precision=Share.measured(right[intent], answered[intent]),
                recall=Share.measured(right[intent], expected[intent]),
            )
            for intent in sorted(expected | answered)
        ),
        confusions=tuple(
            Confusion(expected=one, answered=other, count=count)
            for (one, other), count in sorted(wrong.items(), key=lambda item: (-item[1], item[0]))
        ),
    )
