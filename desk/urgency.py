"""Urgency: who is answered first, and why in words that an agent can check.

Each conversation has an instant by which it should be answered: since when it waits, and how patient we may be with
this customer; a deadline of theirs that comes earlier counts instead. The list is in the order of these instants, so
that nobody is overtaken for ever: whoever waits becomes the most urgent in the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.effects import HandOffReason

PATIENCE: Final[Mapping[str, timedelta]] = {
    "key": timedelta(minutes=5),
    "ordinary": timedelta(minutes=15),
    "small": timedelta(minutes=30),
}
"""By tier: how long somebody may wait for our next word."""
USUAL: Final = PATIENCE["ordinary"]
BY_PRIORITY: Final[Mapping[int, float]] = {1: 0.2, 2: 0.5, 3: 1.0, 4: 2.0}
"""What becomes of it by priority, 1 urgent … 4 low."""
ANGRY: Final = 0.5
LETTERS: Final = 16.0
"""Nobody sits before a mailbox and waits for the next word."""
SOON: Final = timedelta(hours=1)
"""Before a deadline: it is in danger."""


class Why(StrEnum):
    """What makes a conversation urgent."""

    LATE = "late"  # a deadline has passed
    DEADLINE = "deadline"  # one comes soon
    ANGRY = "angry"
    LEGAL = "legal"  # lawyers, authorities, the press
    URGENT = "urgent"  # somebody, or the routing, gave it the highest priority
    HIGH = "high"
    KEY = "key"  # a key customer
    WAITS = "waits"  # for our word


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One reason, with its time where it has one."""

    why: Why
    seconds: float = 0.0
    """That they have waited, that are left, or that have passed since."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """What decides."""

    since: datetime | None
    """Since when they wait for a person; None: they do not."""
    deadline: datetime | None
    """The earliest of their open cases' deadlines and promises."""
    tier: str
    priority: int
    angry: bool
    letters: bool
    """They write mail."""
    handed_over_for: str | None = None


def answer_by(situation: Situation) -> datetime | None:
    """When it should be answered; None: nothing is to be done now."""
    patient_until = None if situation.since is None else situation.since + _patience(situation)
    instants = [each for each in (patient_until, situation.deadline) if each is not None]
    return min(instants, default=None)


def reasons(situation: Situation, now: datetime) -> list[Reason]:
    """Why it stands where it stands, the weightiest first."""
    found: list[Reason] = []
    if situation.deadline is not None:
        left = (situation.deadline - now).total_seconds()
        if left < 0:
            found.append(Reason(why=Why.LATE, seconds=-left))
        elif left <= SOON.total_seconds():
            found.append(Reason(why=Why.DEADLINE, seconds=left))
    if situation.angry:
        found.append(Reason(why=Why.ANGRY))
    if situation.handed_over_for == HandOffReason.LEGAL:
        found.append(Reason(why=Why.LEGAL))
    if situation.priority <= 2:
        found.append(Reason(why=Why.URGENT if situation.priority == 1 else Why.HIGH))
    if situation.tier == "key":
        found.append(Reason(why=Why.KEY))
    if situation.since is not None:
        found.append(Reason(why=Why.WAITS, seconds=max((now - situation.since).total_seconds(), 0.0)))
    return found


def at_risk(situation: Situation, now: datetime) -> bool:
    """A deadline has passed or comes soon, or somebody waits longer than we may let them."""
    since = at_risk_from(situation)
    return since is not None and since <= now


def at_risk_from(situation: Situation) -> datetime | None:
    """When it is, if nothing happens meanwhile; None: never."""
    soon = None if situation.deadline is None else situation.deadline - SOON
    impatient = None if situation.since is None else situation.since + _patience(situation)
    return min((each for each in (soon, impatient) if each is not None), default=None)


def _patience(situation: Situation) -> timedelta:
    patience = PATIENCE.get(situation.tier, USUAL) * BY_PRIORITY.get(situation.priority, 1.0)
    patience *= ANGRY if situation.angry else 1.0
    return patience * (LETTERS if situation.letters else 1.0)
