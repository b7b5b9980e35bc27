"""Refusals: why an agent's verb was not carried out, each in a sentence that says what to do instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Unseen:
    """A message that came in after the agent last looked."""

    id: int
    author: str
    at: datetime
    text: str


class Refused(Exception):
    """Nothing was changed; the message is a sentence for the agent."""


class NotFound(Refused):
    """There is no such conversation, contact, case or link."""


class Ended(Refused):
    """The conversation is over; the customer's next message opens a new one."""


class NotYours(Refused):
    """Somebody else has the conversation."""


class Unreachable(Refused):
    """Nothing can be sent to this address now."""


class Unusable(Refused):
    """What was given cannot be used: an empty text, a date that is yet to come."""


class Impossible(Refused):
    """These contacts cannot be linked or unlinked, now or at all."""


class Stale(Refused):
    """The customer wrote, or a colleague answered, since the draft began."""

    def __init__(self, sentence: str, unseen: Sequence[Unseen] = ()) -> None:
        super().__init__(sentence)
        self.unseen = tuple(unseen)
        """What the draft does not know of, oldest first."""


KINDS: Mapping[str, type[Refused]] = {
    kind.__name__: kind for kind in (NotFound, Ended, NotYours, Unreachable, Unusable, Impossible, Stale)
}
"""Refusals by name: how they travel between processes."""
