"""`[assistant]`: who answers customers, our own engine or a Rasa assistant that the business has already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, SecretStr

from gateway.sections import Section
from gateway.settings_sources import Mistake
from gateway.settings_values import HttpUrl, Seconds

PATIENCE = 20.0
"""Seconds that a Turn may spend on its answer: with all else that it does, less than a Lane's lease."""


class Assistant(Section):
    """`[assistant]`: who answers."""

    engine: Literal["rapport", "rasa"] = Field(
        default="rapport", description="rapport, or rasa where your own Rasa assistant answers"
    )
    rasa_url: HttpUrl | None = Field(
        default=None, description="address of your assistant's Rasa server, such as http://localhost:5005"
    )
    rasa_channel: str = Field(
        default="rest",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="name of its channel in credentials.yml: rest, or one of your own that speaks as it does",
    )
    rasa_token: SecretStr | None = Field(
        default=None, description="what that server was started with as --auth-token; only rapport check needs it"
    )
    webhook_token: SecretStr | None = Field(
        default=None,
        description="sent to the channel as Authorization: Bearer …, where a proxy or your own channel asks for it",
    )
    timeout: float = Field(
        default=8.0, gt=0, le=15, description="seconds to wait for the answer to a message, up to 15"
    )
    connections: int = Field(default=16, ge=1, le=1000, description="messages that it is asked at the same time")
    breaker_failures: int = Field(
        default=5, ge=1, le=1000, description="failures in a row after which the assistant gets a rest"
    )
    breaker_pause: Seconds = Field(default=10.0, description="seconds of that rest")
    most_question_characters: int = Field(
        default=4000, ge=100, le=100_000, description="characters of a customer's message that it gets, from 100"
    )
    most_answer_bytes: int = Field(
        default=1_000_000, ge=1000, le=16_777_216, description="bytes of an answer that are read, 1000 to 16777216"
    )
    most_messages: int = Field(default=10, ge=1, le=100, description="messages that an answer may have, 1 to 100")
    most_characters: int = Field(
        default=4000, ge=100, le=100_000, description="characters that each of them may have, 100 to 100000"
    )
    most_buttons: int = Field(default=12, ge=1, le=100, description="buttons that each of them may have, 1 to 100")
    most_custom_bytes: int = Field(
        default=16_384, ge=100, le=262_144, description="bytes that a custom payload may have, 100 to 262144"
    )


def contradictions(assistant: Assistant) -> Iterable[Mistake]:
    """Values that are right each by itself and wrong together."""
    if assistant.engine == "rasa" and assistant.rasa_url is None:
        yield Mistake(
            key="assistant.rasa_url",
            what="is missing while assistant.engine is rasa",
            right="set your assistant's address, such as http://localhost:5005, or assistant.engine = rapport",
        )
