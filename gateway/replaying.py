"""Replaying: a recorded Conversation against today's engine and playbook, to see what would differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from pydantic import ValidationError
from sqlalchemy import Connection, select

from bot.effects import AskAssistant, Effect, Lookup
from bot.playbook import Playbook
from gateway.recording import effects_from_json, effects_to_json, turn_from_json
from gateway.turns import respondent
from storage.follow_ups import FollowUp
from storage.interactions import Interaction, TurnRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """One Turn, then and now."""

    at: datetime
    occasion: str
    """What the customer wrote, or which Follow-up was due."""
    then: Sequence[dict[str, Any]]
    """Effects as recorded."""
    now: Sequence[dict[str, Any]]
    playbook_changed: bool
    unreadable: str | None = None
    """Why this Turn cannot be run again: it was recorded by a version that knew other facts."""

    @property
    def differs(self) -> bool:
        return self.unreadable is None and list(self.then) != list(self.now)


def replay(connection: Connection, conversation: int, playbook: Playbook) -> list[Replayed]:
    """Every recorded Turn of a Conversation in order, each run again with what it saw then."""
    turns = connection.execute(
        select(TurnRecord.at, TurnRecord.facts, TurnRecord.effects, TurnRecord.playbook, Interaction.text)
        .join(Interaction, Interaction.id == TurnRecord.interaction_id)
        .where(TurnRecord.conversation_id == conversation)
    ).all()
    follow_ups = connection.execute(
        select(FollowUp.done_at, FollowUp.kind, FollowUp.turn).where(
            FollowUp.conversation_id == conversation, FollowUp.turn.is_not(None)
        )
    ).all()
    again = [
        _run(
            row.at,
            row.text,
            row.facts,
            orjson.loads(row.effects),
            playbook,
            changed=row.playbook != playbook.fingerprint,
        )
        for row in turns
    ]
    for row in follow_ups:
        recorded = orjson.loads(row.turn)
        facts = orjson.dumps(recorded["turn"])
        again.append(_run(row.done_at, f"({row.kind})", facts, recorded["effects"], playbook, changed=False))
    return sorted(again, key=lambda turn: turn.at)


def _run(
    at: datetime, occasion: str, facts: bytes, then: Sequence[dict[str, Any]], playbook: Playbook, *, changed: bool
) -> Replayed:
    try:
        turn = turn_from_json(facts)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return Replayed(
            at=at,
            occasion=occasion,
            then=then,
            now=(),
            playbook_changed=changed,
            unreadable=f"{where}: {first['msg']}",
        )
    then = _in_today_s_form(then)
    effects: Sequence[Effect] = respondent(turn)(turn, playbook)
    if turn.lookups or turn.assistant is not None:
        # What was not known then is not known now: no more wishes are granted than were.
        effects = [effect for effect in effects if not isinstance(effect, Lookup | AskAssistant)]
    return Replayed(
        at=at, occasion=occasion, then=then, now=orjson.loads(effects_to_json(effects)), playbook_changed=changed
    )


def _in_today_s_form(recorded: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Fields that effects have got since then, with what they mean where they are absent, are no difference."""
    try:
        return orjson.loads(effects_to_json(effects_from_json(orjson.dumps(recorded))))
    except (ValidationError, KeyError):
        return recorded  # of a kind that is gone
