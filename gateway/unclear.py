"""Unclear: which messages of a Turn a person should look at, because the assistant did not know what was meant.

Asked for every Turn: the usual answer, none, costs a look at its effects and nothing in the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot import choices
from bot.effects import Effect, Say
from bot.heard import hear_one
from bot.memory import Choice, Memory, Option
from bot.turn import Message, Turn
from channels.envelope import Event
from nlu.understanding import Understanding
from storage.reviews import ReviewState, Why

UNCLEAR: Mapping[str, Why] = {"fallback": Why.FELL_THROUGH, "clarification": Why.CLARIFIED}
"""Skills that speak where nothing was understood, or not surely."""
EVIDENT = 0.8
"""Confidence from which a message among several is not the one that was unclear."""
MOST_ENTITIES = 10


def reviews(turn: Turn, effects: Sequence[Effect], now: datetime) -> list[dict[str, Any]]:
    """A row for each message that is to be reviewed; usually none."""
    why = _why(effects)
    if why is None:
        return []
    told = _told(turn)
    unclear = [message for message in told if not _evident(message)] or told
    return [
        {
            "interaction_id": message.interaction,
            "why": why,
            "state": ReviewState.WAITING,
            "understood": as_understood(message.understanding),
            "queued_at": now,
        }
        for message in unclear
    ]


def meant(turn: Turn) -> str | None:
    """The intent that the customer chose when we asked what was meant; usually nobody had asked."""
    if not turn.conversation.memory.get("choice"):
        return None
    choice = Memory.read(turn.conversation.memory).choice
    for message in turn.messages if choice is not None else ():
        option = choices.pressed(choice, message.text) or _answers(choice, message)
        if option is not None and option.skill == "clarification" and option.does == "mean":
            return option.value
    return None


def as_understood(understanding: Understanding) -> dict[str, Any]:
    """What is kept of an Understanding for whoever reviews it."""
    return {
        "language": understanding.language,
        "intents": [[intent.name, round(intent.confidence, 4)] for intent in understanding.intents],
        "guesses": [[intent.name, round(intent.confidence, 4)] for intent in understanding.guesses],
        "entities": [[entity.kind, entity.value] for entity in understanding.entities[:MOST_ENTITIES]],
        "engine": understanding.engine,
        "model": understanding.model,
        "out_of_scope": understanding.out_of_scope,
        "failure": understanding.failure,
    }


def _why(effects: Sequence[Effect]) -> Why | None:
    for effect in effects:
        if isinstance(effect, Say) and effect.skill in UNCLEAR:
            return UNCLEAR[effect.skill]
    return None


def _told(turn: Turn) -> list[Message]:
    """Messages in words. A button, and the answer to a question of ours, were understood for what they are."""
    choice = Memory.read(turn.conversation.memory).choice
    return [message for message in turn.messages if _is_in_words(message) and _answers(choice, message) is None]


def _is_in_words(message: Message) -> bool:
    if message.event is Event.CALLBACK or choices.TOKEN.fullmatch(message.text.strip()):
        return False
    return any(character.isalpha() for character in message.text)


def _answers(choice: Choice | None, message: Message) -> Option | None:
    return None if choice is None else choices.meant(choice, hear_one(message), EVIDENT)


def _evident(message: Message) -> bool:
    intent = message.understanding.intent
    return intent is not None and intent.confidence >= EVIDENT
