"""Saying: words of the bot become an Interaction and a Delivery; on a stream they leave in that very commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert

from bot.effects import Say
from bot.turn import Purpose
from campaigns.policy import Refusal
from channels.envelope import DeliveryStatus
from gateway import streams
from gateway.envelopes import button_as_json
from gateway.news import OutboxFilled, Streamed
from gateway.outcomes import Outcome, Standing
from storage.commits import Transaction
from storage.deliveries import Delivery
from storage.interactions import Direction, InteractionKind, insert_many
from storage.many import Many

PRIORITY: Mapping[Purpose, int] = {
    Purpose.SERVICE: 0,
    Purpose.TRANSACTIONAL: 0,
    Purpose.SURVEY: 5,
    Purpose.MARKETING: 9,
}
AT_ONCE = (Purpose.SERVICE, Purpose.TRANSACTIONAL)
"""Purposes that no quiet hour defers."""
PATIENT = timedelta(days=3)
"""How long what may be deferred is worth sending."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """Rows of what is said, each table's together."""

    interactions: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    deliveries: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def write(self, transaction: Transaction) -> None:
        insert_many(transaction.connection, self.interactions)
        _insert_deliveries.execute(transaction.connection, self.deliveries)


class Speaker:
    """Turns a Say into rows."""

    def __init__(self, *, streams: frozenset[str], deadline: timedelta) -> None:
        """`streams`: channels where committed is sent; `deadline`: how long a reply is worth sending."""
        self._streams = streams
        self._deadline = deadline

    def say(
        self,
        transaction: Transaction,
        words: Words,
        outcome: Outcome,
        say: Say,
        standing: Standing,
        interaction: int,
        *,
        overtaken: bool,
    ) -> None:
        """Add one Say to the rows; `overtaken`: somebody took the Conversation over, and nothing leaves any more."""
        now, channel = transaction.now, outcome.turn.channel.name
        streamed = channel in self._streams and say.purpose in AT_ONCE and not overtaken
        status = DeliveryStatus.SKIPPED if overtaken else DeliveryStatus.SENT if streamed else DeliveryStatus.QUEUED
        content = _content(say)
        words.interactions.append(_interaction(outcome, say, content, interaction, now))
        words.deliveries.append(
            {
                "interaction_id": interaction,
                "conversation_id": outcome.turn.conversation.id,
                "contact_id": outcome.claim.contact,
                "address_id": outcome.claim.person.address_id,
                "channel": channel,
                "purpose": say.purpose,
                "priority": PRIORITY[say.purpose],
                "message": {"text": say.text, **content},
                "status": status,
                "reason": str(Refusal.TAKEN_OVER) if overtaken else None,
                "epoch": standing.epoch,
                "due_at": now,
                "deadline": now + (self._deadline if say.purpose in AT_ONCE else PATIENT),
                "attempts": 0,
                "external_id": str(interaction) if streamed else None,
                "queued_at": now,
                "sent_at": now if streamed else None,
                "updated_at": now,
            }
        )
        if streamed:
            entry = streams.sent(interaction, author="bot", text=say.text, at=now, buttons=say.buttons)
            transaction.news.append(Streamed(channel=channel, uri=outcome.claim.person.uri, entry=entry))
            transaction.count("sent", channel, status)
        elif not overtaken:
            transaction.news.append(OutboxFilled(channel=channel))


def _content(say: Say) -> dict[str, Any]:
    content: dict[str, Any] = {"skill": say.skill, "language": say.language}
    if say.buttons:
        content["buttons"] = [button_as_json(button) for button in say.buttons]
    return content


def _interaction(
    outcome: Outcome, say: Say, content: Mapping[str, Any], identity: int, now: datetime
) -> dict[str, Any]:
    return {
        "id": identity,
        "contact_id": outcome.claim.contact,
        "conversation_id": outcome.turn.conversation.id,
        "address_id": outcome.claim.person.address_id,
        "channel": outcome.turn.channel.name,
        "direction": Direction.OUT,
        "kind": InteractionKind.MESSAGE,
        "author": "bot",
        "text": say.text,
        "content": content,
        "external_id": None,
        "message_id": None,
        "reply_to": None,
        "at": now,
        "stored_at": now,
        "raw": None,
    }


_insert_deliveries = Many(
    insert(Delivery),
    [
        "interaction_id",
        "conversation_id",
        "contact_id",
        "address_id",
        "channel",
        "purpose",
        "priority",
        "message",
        "status",
        "reason",
        "epoch",
        "due_at",
        "deadline",
        "attempts",
        "external_id",
        "queued_at",
        "sent_at",
        "updated_at",
    ],
)
