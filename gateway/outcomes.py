"""Outcomes: what running a Turn came to, and the Conversation as it changes while that is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.effects import Effect
from bot.turn import Turn
from gateway.claims import Claim
from storage.conversations import ConversationState, Owner


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A Turn that was run, ready to be applied."""

    claim: Claim
    turn: Turn
    effects: Sequence[Effect]
    playbook: str
    failure: str | None = None
    """What went wrong inside, where the engine could not answer."""

    @property
    def trouble(self) -> str | None:
        """Why the business's own assistant did not answer, where there is one."""
        answer = self.turn.assistant.answer if self.turn.assistant is not None else None
        return answer.reason if answer is not None else None


@dataclass(slots=True)
class Standing:
    """A Conversation's changeable side while effects are written."""

    state: ConversationState
    owner: Owner
    epoch: int
    memory: Mapping[str, Any]
    closed_at: datetime | None
    handed_off_at: datetime | None
    handoff_reason: str | None
    handoff_summary: str | None
    priority: int
