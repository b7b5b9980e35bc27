"""The choice: which team a Conversation belongs to, and who of those who are here gets it, and why.

Pure: the same need and the same people give the same answer, whatever order they come in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
"""Who was never given anything has been idle since then."""
SPOKEN = frozenset({"zh-Hans", "zh-Hant", "en"})
"""Languages that somebody can be asked to speak; whoever writes in another is everybody's."""


class Why(StrEnum):
    """Why this one of those who could have got it."""

    KNOWS = "knows"  # wrote with this customer before
    ONLY = "only"  # nobody else could
    LEAST_BUSY = "least_busy"  # has the least to do, for what they can do
    LONGEST_IDLE = "longest_idle"  # as little as others, and got something longest ago
    NEXT = "next"  # equal in all: the next in line


class Missing(StrEnum):
    """What was missing in the last of those who could not, in the order in which it is looked at."""

    PEOPLE = "people"  # nobody is available
    TEAM = "team"  # nobody of the team is
    LANGUAGE = "language"  # nobody who is speaks the customer's language
    TOPIC = "topic"  # nobody of them knows the matter
    OTHERS = "others"  # who fits had it already, and let it wait
    ROOM = "room"  # everybody who fits has enough to do


@dataclass(frozen=True, kw_only=True, slots=True)
class Takes:
    """What a team takes; empty: any."""

    team: int
    languages: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """What waits."""

    language: str | None
    channel: str
    tier: str
    topics: frozenset[str] = frozenset()
    weight: float = 1.0
    """How much of somebody's capacity it takes."""
    team: int | None = None
    before: int | None = None
    """Who wrote with this customer last."""
    tried: frozenset[int] = frozenset()
    """Who had it and let it wait."""
    widened: bool = False
    """It has waited too long to be choosy: whoever is here may get it, who fits best first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody who is available."""

    staff: int
    languages: frozenset[str] = frozenset()
    """Empty: any."""
    topics: frozenset[str] = frozenset()
    """Empty: any."""
    teams: frozenset[int] = frozenset()
    capacity: int
    load: float = 0.0
    given_at: datetime | None = None
    """When they were given something last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Who gets it."""

    staff: int
    why: Why
    lacks: tuple[Missing, ...] = ()
    """What they lack, and get it all the same: it waited too long."""


def team_for(need: Need, teams: Iterable[Takes]) -> int | None:
    """The team that takes it most expressly. None: no team does, or several do equally, and it is everybody's."""
    fitting = sorted(((_points(need, team), team.team) for team in teams if _takes(need, team)), reverse=True)
    if not fitting or (len(fitting) > 1 and fitting[0][0] == fitting[1][0]):
        return None
    return fitting[0][1]


def choose(need: Need, people: Sequence[Person]) -> Choice | Missing:
    """Of who fits: who knows the customer, then who has least to do for their capacity, then who waited longest."""
    return pick(need, people) or _missing(need, people)


def pick(need: Need, people: Iterable[Person]) -> Choice | None:
    """As `choose`, without a word on why nobody was found."""
    free = [person for person in people if person.capacity > 0 and person.load + need.weight <= person.capacity]
    if not need.widened:
        fitting = [person for person in free if not _lacks(need, person)]
    else:
        # Who lacks a language is further off than who lacks all the rest.
        distances = [_distance(need, person) for person in free]
        least = min(distances, default=0)
        fitting = [person for person, distance in zip(free, distances, strict=True) if distance == least]
    return _best(need, fitting) if fitting else None


def _missing(need: Need, people: Iterable[Person]) -> Missing:
    """The first thing for which nobody was left."""
    able = [person for person in people if person.capacity > 0]
    if not able:
        return Missing.PEOPLE
    if not need.widened:
        for missing in (Missing.TEAM, Missing.LANGUAGE, Missing.TOPIC, Missing.OTHERS):
            able = [person for person in able if missing not in _lacks(need, person)]
            if not able:
                return missing
    return Missing.ROOM


def _best(need: Need, able: Sequence[Person]) -> Choice:
    for person in able:
        if person.staff == need.before:
            return _choice(need, person, Why.KNOWS)
    if len(able) == 1:
        return _choice(need, able[0], Why.ONLY)
    least = min(_busy(person) for person in able)
    idle = [person for person in able if _busy(person) == least]
    if len(idle) == 1:
        return _choice(need, idle[0], Why.LEAST_BUSY)
    since = min(person.given_at or ALWAYS for person in idle)
    longest = [person for person in idle if (person.given_at or ALWAYS) == since]
    if len(longest) == 1:
        return _choice(need, longest[0], Why.LONGEST_IDLE)
    return _choice(need, min(longest, key=lambda person: person.staff), Why.NEXT)


def _choice(need: Need, person: Person, why: Why) -> Choice:
    return Choice(staff=person.staff, why=why, lacks=tuple(_lacks(need, person)))


def _lacks(need: Need, person: Person) -> list[Missing]:
    lacks: list[Missing] = []
    if need.team is not None and need.team not in person.teams:
        lacks.append(Missing.TEAM)
    if need.language in SPOKEN and person.languages and need.language not in person.languages:
        lacks.append(Missing.LANGUAGE)
    if need.topics and person.topics and not need.topics & person.topics:
        lacks.append(Missing.TOPIC)
    if person.staff in need.tried:
        lacks.append(Missing.OTHERS)
    return lacks


_WEIGHS = {Missing.LANGUAGE: 8, Missing.OTHERS: 4, Missing.TOPIC: 2, Missing.TEAM: 1}


def _distance(need: Need, person: Person) -> int:
    return sum(_WEIGHS[missing] for missing in _lacks(need, person))


def _busy(person: Person) -> float:
    return person.load / person.capacity


def _takes(need: Need, team: Takes) -> bool:
    return (
        (not team.languages or need.language in team.languages)
        and (not team.channels or need.channel in team.channels)
        and (not team.tiers or need.tier in team.tiers)
        and (not team.topics or bool(need.topics & team.topics))
    )


def _points(need: Need, team: Takes) -> int:
    """How expressly a team that takes it says so: the matter says most, then who the customer is."""
    return 8 * bool(team.topics) + 4 * bool(team.tiers) + 2 * bool(team.languages) + bool(team.channels)
