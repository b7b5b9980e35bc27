"""How what waits for a person finds one: what the business decided about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutingRules:
    """`routing` in `policy.yml`. Times count while the business is open, and stand still while it is closed."""

    automatic: bool = True
    """What waits is given to whoever is available and fits; false: people take it themselves."""
    capacity: int = 5
    """Conversations that somebody can have at once, where nothing else is said of them."""
    mail_counts: float = 0.5
    """How much of a conversation a mail is: nobody sits before a mailbox and waits for the next word."""
    resting_minutes: int = 60
    """Without a word for so long, a conversation takes up nobody's capacity."""
    take_minutes: int = 10
    """Until what nobody took is raised, and given to whoever is there."""
    take_mail_hours: int = 2
    answer_minutes: int = 15
    """Until what somebody has and does not answer goes back to the queue."""
    answer_mail_hours: int = 4
    gone_minutes: int = 5
    """The same, where they are not here at all; mails wait as long as ever."""
    idle_minutes: int = 15
    """Without a touch of keyboard or mouse, until somebody counts as away."""

    def to_take(self, *, mail: bool) -> timedelta:
        return timedelta(hours=self.take_mail_hours) if mail else timedelta(minutes=self.take_minutes)

    def to_answer(self, *, mail: bool, gone: bool) -> timedelta:
        if mail:
            return timedelta(hours=self.answer_mail_hours)
        return timedelta(minutes=min(self.gone_minutes, self.answer_minutes) if gone else self.answer_minutes)

    def weight(self, *, mail: bool) -> float:
        """Of a conversation, in conversations."""
        return self.mail_counts if mail else 1.0

    @property
    def resting(self) -> timedelta:
        return timedelta(minutes=self.resting_minutes)

    @property
    def idle(self) -> timedelta:
        return timedelta(minutes=self.idle_minutes)
