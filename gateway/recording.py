"""Turns and effects as JSON: kept with the Interaction, so that every answer can be explained and run again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, get_args

import orjson
from pydantic import TypeAdapter

from bot.effects import Effect
from bot.turn import Turn


@cache
def _turns() -> TypeAdapter[Turn]:
    return TypeAdapter(Turn)


@cache
def _effects() -> dict[str, TypeAdapter[Any]]:
    return {kind.__name__: TypeAdapter(kind) for kind in get_args(Effect)}


def turn_to_json(turn: Turn) -> bytes:
    return orjson.dumps(turn)


def turn_from_json(recorded: bytes) -> Turn:
    """Raises pydantic.ValidationError where a Turn was recorded by a version that knew other facts."""
    return _turns().validate_json(recorded)


def effects_to_json(effects: Sequence[Effect]) -> bytes:
    return orjson.dumps([{type(effect).__name__: effect} for effect in effects])


def effects_from_json(recorded: bytes) -> list[Effect]:
    """Effects of kinds that no longer exist are an error, too: they cannot be compared."""
    return [
        _effects()[kind].validate_python(fields) for entry in orjson.loads(recorded) for kind, fields in entry.items()
    ]
