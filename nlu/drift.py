"""Drift: whether people write about other things than before, or are understood less well, week by week.

Two samples of the same thing never look the same. So the distance between two mixes of intents is given with the one
that chance alone would make in samples of these sizes, and not at all where a week has too few messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from nlu.scores import FEWEST, Share

NOT_UNDERSTOOD = "(not understood)"
"""In a mix of intents: what had none."""
FEWEST_TO_COMPARE = 50
"""Messages of a week below which its mix of intents is not compared."""
BEFORE = 4
"""Weeks that a week is compared with, taken together."""
SAMPLES = 500
"""Drawn to see what chance does."""
BY_CHANCE = 0.95
"""Share of those samples whose distance is smaller than the one given as chance's."""

Shares = npt.NDArray[np.float64]


@dataclass(slots=True)
class Tally:
    """What is counted of the messages of one week."""

    intents: Counter[str] = field(default_factory=Counter[str])
    """Of the messages that were understood as something."""
    not_understood: int = 0
    confidence: float = 0.0
    """Sum over the messages that were understood as something."""
    asked_back: int = 0
    fell_through: int = 0
    corrected: int = 0

    def add(self, intent: str | None, confidence: float | None) -> None:
        if intent is None:
            self.not_understood += 1
        else:
            self.intents[intent] += 1
            self.confidence += confidence or 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Distance:
    """How far a week's mix of intents lies from that of the weeks before it."""

    bits: float
    """Jensen-Shannon divergence: 0, the same mix, to 1, nothing in common (Lin 1991)."""
    by_chance: float
    """What 95 of 100 pairs of such samples of one and the same mix stay below."""
    compared_with: int
    """Messages of the weeks before."""

    @property
    def changed(self) -> bool:
        """More than chance explains."""
        return self.bits > self.by_chance


@dataclass(frozen=True, kw_only=True, slots=True)
class Week:
    """One week of messages."""

    monday: date
    """Its first day; weeks begin on Monday, in UTC."""
    complete: bool
    """False: it is not over, or was not looked at from its beginning."""
    messages: int
    not_understood: Share
    confidence: float | None
    """Mean over what was understood as something; None: too few messages."""
    asked_back: int
    fell_through: int
    corrected: int
    intents: Mapping[str, int]
    """The most frequent first."""
    distance: Distance | None
    """None: too few messages, or none before."""


def monday(moment: datetime) -> date:
    """The week of a moment, which is in UTC."""
    return moment.date() - timedelta(days=moment.weekday())


def weeks(tallies: Mapping[date, Tally], *, since: datetime, now: datetime) -> list[Week]:
    """Every week from the first with messages to the present one, empty ones too; `tallies` by their Mondays."""
    if not tallies:
        return []
    first, last = min(tallies), monday(now)
    days = [first + timedelta(weeks=number) for number in range((last - first).days // 7 + 1)]
    found = [tallies.get(day) or Tally() for day in days]
    return [
        _week(day, found[place], found[max(place - BEFORE, 0) : place], complete=since.date() <= day < last)
        for place, day in enumerate(days)
    ]


def _week(day: date, tally: Tally, before: Sequence[Tally], *, complete: bool) -> Week:
    understood = tally.intents.total()
    return Week(
        monday=day,
        complete=complete,
        messages=understood + tally.not_understood,
        not_understood=Share.measured(tally.not_understood, understood + tally.not_understood),
        confidence=tally.confidence / understood if understood >= FEWEST else None,
        asked_back=tally.asked_back,
        fell_through=tally.fell_through,
        corrected=tally.corrected,
        intents=dict(tally.intents.most_common()),
        distance=distance(_mix(tally), sum((_mix(one) for one in before), Counter[str]())),
    )


def _mix(tally: Tally) -> Counter[str]:
    return tally.intents + Counter({NOT_UNDERSTOOD: tally.not_understood})


def distance(now: Mapping[str, int], before: Mapping[str, int]) -> Distance | None:
    """Between two mixes of intents; None where one of them has too few messages."""
    sizes = sum(now.values()), sum(before.values())
    if min(sizes) < FEWEST_TO_COMPARE:
        return None
    names = sorted({*now, *before})
    counts = np.array([[mix.get(name, 0) for name in names] for mix in (now, before)], dtype=np.float64)
    chance = np.random.default_rng(0)
    shared = counts.sum(axis=0) / counts.sum()
    drawn = [chance.multinomial(size, shared, size=SAMPLES) / size for size in sizes]
    of_chance = _divergence(drawn[0], drawn[1])
    return Distance(
        bits=float(_divergence(counts[:1] / sizes[0], counts[1:] / sizes[1])[0]),
        by_chance=float(np.quantile(of_chance, BY_CHANCE)),
        compared_with=sizes[1],
    )


def _divergence(left: Shares, right: Shares) -> Shares:
    """Jensen-Shannon, in bits, row by row."""
    middle = (left + right) / 2
    return (_surprise(left, middle) + _surprise(right, middle)) / 2


def _surprise(of: Shares, by: Shares) -> Shares:
    """Kullback-Leibler; what does not occur surprises nobody."""
    ratio = np.divide(of, by, out=np.ones_like(of), where=of > 0)
    return (of * np.log2(ratio)).sum(axis=1)
