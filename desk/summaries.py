"""Summaries: what the assistant wrote for whoever takes over, in the reader's own language.

The engine is a pure function, and the Turn that it handed over in is on record: asked again, for staff of another
language, it writes the same summary in that one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select

from bot.effects import HandOff
from bot.engine import respond
from bot.playbook import Playbook
from bot.turn import Turn
from nlu.understanding import Language
from storage.commits import Transaction
from storage.conversations import Conversation
from storage.interactions import TurnRecord

LATEST = 5
"""Turns among which the hand-off is looked for; who asked for a person and writes on is soon beyond them."""


def summary(transaction: Transaction, *, conversation: int, language: str, playbook: Playbook) -> str | None:
    """In this language where the engine can still say it so; else as it was written. None: there is none."""
    row = transaction.connection.execute(
        select(Conversation.handoff_summary, Conversation.handoff_reason, Conversation.handed_off_at).where(
            Conversation.id == conversation
        )
    ).one_or_none()
    if row is None or not row.handoff_summary:
        return None
    spoken, staff = Language(language), playbook.policy.staff_language
    if spoken is staff or row.handed_off_at is None:
        return row.handoff_summary
    records = transaction.connection.execute(
        select(TurnRecord.facts, TurnRecord.effects)
        .where(TurnRecord.conversation_id == conversation, TurnRecord.at <= row.handed_off_at)
        .order_by(TurnRecord.at.desc(), TurnRecord.interaction_id.desc())
        .limit(LATEST)
    )
    for record in records:
        if b'"HandOff"' in record.effects:
            return _said_again(record.facts, row, playbook, spoken) or row.handoff_summary
    return row.handoff_summary


def _said_again(facts: bytes, row: Any, playbook: Playbook, language: Language) -> str | None:
    """None: it would be another one now; the rules, or what a Turn is, have changed since."""
    try:
        turn = _turns().validate_json(facts)
    except ValidationError:
        return None
    if _summary(turn, playbook) != (row.handoff_reason, row.handoff_summary):
        return None
    said = _summary(turn, replace(playbook, policy=replace(playbook.policy, staff_language=language)))
    return None if said is None else said[1]


def _summary(turn: Turn, playbook: Playbook) -> tuple[str, str] | None:
    handed = [effect for effect in respond(turn, playbook) if isinstance(effect, HandOff)]
    return (str(handed[-1].reason), handed[-1].summary) if handed else None


@cache
def _turns() -> TypeAdapter[Turn]:
    return TypeAdapter(Turn)
