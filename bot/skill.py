"""What a skill is: the code that answers one kind of need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.memory import Option
from bot.talk import Talk


@dataclass(frozen=True, kw_only=True, slots=True)
class Skill:
    """One kind of need. Registered in `bot.repertoire.SKILLS` and nowhere else."""

    name: str
    answer: Callable[[Talk], None]
    """Answer what was heard: one of `intents` was understood in it."""
    intents: frozenset[str] = frozenset()
    goes_on: Callable[[Talk], bool] | None = None
    """Has the floor from an earlier Turn: takes what was heard as its own and says so, or leaves it to the others."""
    chosen: Callable[[Talk, Option], None] | None = None
    """One of the options it offered was chosen."""
