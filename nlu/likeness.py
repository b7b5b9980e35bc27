"""Likeness: whether words that are to be learnt were learnt before, or stand against what was learnt."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from nlu.training import Example

ALIKE = 0.8
"""From this share of common character pairs (Dice), two texts are nearly the same."""
MOST_SHOWN = 5


class Finding(StrEnum):
    """How an example that is known bears on one that is to be learnt."""

    DUPLICATE = "duplicate"  # the same words for the same intent: nothing is learnt from them
    CONTRADICTION = "contradiction"  # the same words for another intent: both cannot be right
    NEAR_CONTRADICTION = "near_contradiction"  # nearly the same words for another intent: a person should be sure


@dataclass(frozen=True, kw_only=True, slots=True)
class Likeness:
    """One of them."""

    finding: Finding
    example: Example
    alike: float
    """0 to 1."""

    @property
    def sentence(self) -> str:
        """For whoever reviews."""
        one = self.example
        where = f"“{one.text}” ({one.file}:{one.line})"
        match self.finding:
            case Finding.DUPLICATE:
                return f"known already: {where}"
            case Finding.CONTRADICTION:
                return f"the same words are taught as {one.intent}: {where}"
            case Finding.NEAR_CONTRADICTION:
                return f"nearly the same words ({self.alike:.0%}) are taught as {one.intent}: {where}"


class Known:
    """All examples, ready to be compared with."""

    def __init__(self, examples: Iterable[Example], simplified: Mapping[int, int]) -> None:
        """`simplified`: traditional characters and their simplified ones, as `str.translate` takes them."""
        self._simplified = simplified
        folded = [(example, self._folded(example.text)) for example in examples]
        self._examples = [(example, words, _pairs(words)) for example, words in folded]

    def like(self, text: str, intent: str) -> list[Likeness]:
        """What is known of words like these, the most alike first; the gravest of equals before the others."""
        folded = self._folded(text)
        pairs = _pairs(folded)
        found = [
            likeness
            for example, other, others in self._examples
            if (likeness := _likeness(example, intent, 1.0 if other == folded else _alike(pairs, others))) is not None
        ]
        order = list(Finding)
        found.sort(key=lambda one: (-one.alike, -order.index(one.finding)))
        return found[:MOST_SHOWN]

    def _folded(self, text: str) -> str:
        """Without what carries no meaning: width, case, script of Chinese, marks and spaces; all numbers are one."""
        plain = unicodedata.normalize("NFKC", text).casefold().translate(self._simplified)
        if any(map(str.isalpha, plain)):
            plain = re.sub(r"\d+", "0", plain)
        return re.sub(r"[\W_]+", "", plain) or " ".join(plain.split())


def _likeness(example: Example, intent: str, alike: float) -> Likeness | None:
    if alike == 1.0:
        same = example.intent == intent
        return Likeness(finding=Finding.DUPLICATE if same else Finding.CONTRADICTION, example=example, alike=alike)
    if alike >= ALIKE and example.intent != intent:
        return Likeness(finding=Finding.NEAR_CONTRADICTION, example=example, alike=alike)
    return None


def _pairs(folded: str) -> frozenset[str]:
    return frozenset(folded[place : place + 2] for place in range(max(len(folded) - 1, 1)))


def _alike(left: frozenset[str], right: frozenset[str]) -> float:
    """Below 1: equal sets of pairs may still be other words."""
    return min(2 * len(left & right) / (len(left) + len(right)), 0.99) if left and right else 0.0
