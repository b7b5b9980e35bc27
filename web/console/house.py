"""The house, as far as the console needs it: what the gateway gives it at the start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from aiohttp import web

from bot.playbook import Playbook
from storage.commits import Transaction

R = TypeVar("R")


class Runs(Protocol):
    """Runs a verb."""

    def __call__(self, verb: Callable[[Transaction], R], /) -> Awaitable[R]:
        """Raises storage.commits.Unavailable, and what the verb raises."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """What the console works with."""

    do: Runs
    """In the next shared commit."""
    look: Runs
    """On committed data; what it would change is lost."""
    now: Callable[[], datetime]
    client: Callable[[web.Request], str]
    """The address that somebody calls from, as logs and throttles know it."""
    host: Callable[[web.Request], str]
    """The name and port by which they know us."""
    business: Callable[[str], str]
    """Its name in a language."""
    playbook: Callable[[], Playbook]
    """The one in force: the business's rules, texts and opening hours."""
    secure: bool
    """The world reaches us over TLS: cookies travel over nothing else."""
