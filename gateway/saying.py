"""Saying: words of the bot become an Interaction and a Delivery; on a stream they leave in that very commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.effects import Say
from campaigns.policy import Refusal
from channels.envelope import DeliveryStatus
from gateway import streams
from gateway.envelopes import attachment_as_json, button_as_json
from gateway.news import Streamed
from gateway.outcomes import Outcome, Standing
from storage import outbox
from storage.commits import Transaction
from storage.interactions import Direction, InteractionKind, insert_many
from storage.outbox import AT_ONCE, PATIENT, Leaving


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """Rows of what is said, each table's together."""

    interactions: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    deliveries: list[Leaving] = field(default_factory=list[Leaving])

    def write(self, transaction: Transaction) -> None:
        insert_many(transaction.connection, self.interactions)
        outbox.put(transaction, self.deliveries)


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
            Leaving(
                interaction=interaction,
                conversation=outcome.turn.conversation.id,
                contact=outcome.claim.contact,
                address=outcome.claim.person.address_id,
                channel=channel,
                purpose=say.purpose,
                message={"text": say.text, **content},
                thread=outcome.claim.talk.thread,
                # A due Follow-up answers nothing that was just said, but belongs to all of it.
                through=outcome.claim.through or None,
                epoch=standing.epoch,
                patience=self._deadline if say.purpose in AT_ONCE else PATIENT,
                status=status,
                reason=str(Refusal.TAKEN_OVER) if overtaken else None,
                external_id=str(interaction) if streamed else None,
            )
        )
        if streamed:
            entry = streams.sent(
                interaction,
                author="bot",
                text=say.text,
                at=now,
                buttons=say.buttons,
                attachments=say.attachments,
                custom=say.custom,
            )
            transaction.news.append(Streamed(channel=channel, uri=outcome.claim.person.uri, entry=entry))
            transaction.count("sent", channel, status)


def _content(say: Say) -> dict[str, Any]:
    content: dict[str, Any] = {"skill": say.skill, "language": say.language}
    if say.buttons:
        content["buttons"] = [button_as_json(button) for button in say.buttons]
    if say.attachments:
        content["attachments"] = [attachment_as_json(attachment) for attachment in say.attachments]
    if say.custom is not None:
        content["custom"] = dict(say.custom)
    return content


def _interaction(
    outcome: Outcome, say: Say, content: Mapping[str, Any], identity: int, now: datetime
) -> dict[str, Any]:
    return {
        "id": identity,
        "contact_id": outcome.claim.contact,
        "conversation_id": outcome.turn.conversation.id,
        "address_id": outcome.claim.person.address_id,
        "case_id": None,
        "channel": outcome.turn.channel.name,
        "direction": Direction.OUT,
        "kind": InteractionKind.MESSAGE,
        "author": "bot",
        "text": say.text,
        "content": content,
        "external_id": None,
        "message_id": None,
        "fingerprint": None,
        "reply_to": None,
        "at": now,
        "stored_at": now,
        "raw": None,
    }
