"""Interactions: the stored record of every exchange, insert-only; and the Turns that answered them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Float, ForeignKey, Index, LargeBinary, insert, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.cases import time_again
from storage.many import Many
from storage.schema import Document, Entity, Words
from storage.touched import touch


class InteractionKind(StrEnum):
    """What happened."""

    MESSAGE = "message"
    EDIT = "edit"  # the customer changed an earlier message; `reply_to` holds its message_id
    CALLBACK = "callback"  # the customer pressed a button
    NOTE = "note"  # for colleagues only
    CALL = "call"  # offline contacts, recorded by hand
    VISIT = "visit"
    MEETING = "meeting"
    FAX = "fax"
    FAIR = "fair"
    AUTOMATIC = "automatic"  # came in, but no person wrote it: an out-of-office note; `content` says what
    SYSTEM = "system"  # the house's own news: owner changed, case opened


OFFLINE = (
    InteractionKind.CALL,
    InteractionKind.VISIT,
    InteractionKind.MEETING,
    InteractionKind.FAX,
    InteractionKind.FAIR,
)


class Direction(StrEnum):
    IN = "in"
    OUT = "out"
    INTERNAL = "internal"


HAS_EXTERNAL_ID = text("external_id IS NOT NULL")
HAS_FINGERPRINT = text("fingerprint IS NOT NULL")
HAS_MESSAGE_ID = text("message_id IS NOT NULL")
HAS_CASE = text("case_id IS NOT NULL")


class Interaction(Entity):
    """One line of a Contact's timeline."""

    __tablename__ = "interactions"
    __table_args__ = (
        Index(
            "uq_interactions_channel_external_id",
            "channel",
            "external_id",
            unique=True,
            sqlite_where=HAS_EXTERNAL_ID,
            postgresql_where=HAS_EXTERNAL_ID,
        ),
        Index(
            "uq_interactions_channel_fingerprint",
            "channel",
            "fingerprint",
            unique=True,
            sqlite_where=HAS_FINGERPRINT,
            postgresql_where=HAS_FINGERPRINT,
        ),
        Index("ix_interactions_contact_id_id", "contact_id", "id"),
        Index(
            "ix_interactions_contact_id_message_id",
            "contact_id",
            "message_id",
            sqlite_where=HAS_MESSAGE_ID,
            postgresql_where=HAS_MESSAGE_ID,
        ),
        Index("ix_interactions_case_id", "case_id", sqlite_where=HAS_CASE, postgresql_where=HAS_CASE),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    conversation_id: Mapped[int | None] = mapped_column(ForeignKey("conversations.id"))
    address_id: Mapped[int | None] = mapped_column(ForeignKey("addresses.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    channel: Mapped[str]
    """Name of the channel; `offline` for calls and visits."""
    direction: Mapped[Direction] = mapped_column(Words(Direction))
    kind: Mapped[InteractionKind] = mapped_column(Words(InteractionKind))
    author: Mapped[str]
    """`customer`, `bot`, `system`, or `agent:<name>`."""
    text: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(Document)
    """Attachments, buttons, start parameter: what is not text."""
    external_id: Mapped[str | None]
    """The provider's event; with the channel the key against duplicates."""
    message_id: Mapped[str | None]
    """The provider's message, which replies and edits refer to."""
    fingerprint: Mapped[str | None]
    """Of the message's own identity and content: a second key against duplicates, with the channel."""
    reply_to: Mapped[str | None]
    at: Mapped[datetime]
    """When it was written, as the provider says."""
    stored_at: Mapped[datetime]
    raw: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """The payload as it came."""


_insert = Many(
    insert(Interaction),
    [
        "id",
        "contact_id",
        "conversation_id",
        "address_id",
        "case_id",
        "channel",
        "direction",
        "kind",
        "author",
        "text",
        "content",
        "external_id",
        "message_id",
        "fingerprint",
        "reply_to",
        "at",
        "stored_at",
        "raw",
    ],
)


_CONVERSATION = itemgetter("conversation_id")


def insert_many(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Many Interactions with one statement, each with all the columns that the pipelines fill."""
    _insert.execute(connection, rows)
    touch(connection, map(_CONVERSATION, rows))


def record(
    connection: Connection,
    *,
    contact: int,
    conversation: int | None,
    channel: str,
    direction: Direction,
    kind: InteractionKind,
    author: str,
    text: str,
    now: datetime,
    at: datetime | None = None,
    address: int | None = None,
    case: int | None = None,
    content: Mapping[str, Any] | None = None,
) -> int:
    """One line that no channel brought: an agent's word, a note, a visit, the house's own news; returns its id.

    `at`: when it was, where that is not now.
    """
    row = {
        "contact_id": contact,
        "conversation_id": conversation,
        "address_id": address,
        "case_id": case,
        "channel": channel,
        "direction": direction,
        "kind": kind,
        "author": author,
        "text": text,
        "content": dict(content or {}),
        "at": at or now,
        "stored_at": now,
    }
    touch(connection, (conversation,))
    if direction is Direction.OUT or kind in OFFLINE:
        time_again(connection, [contact])  # the customer has heard from us: the next word is due later
    return connection.execute(insert(Interaction).returning(Interaction.id), row).scalar_one()


class TurnRecord(Entity):
    """How one Turn was understood and answered: enough to run it again."""

    __tablename__ = "turns"

    interaction_id: Mapped[int] = mapped_column(ForeignKey("interactions.id"), primary_key=True, autoincrement=False)
    """Its last inbound Interaction. Turns of due Follow-ups are kept with the Follow-up."""
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), index=True)
    at: Mapped[datetime]
    facts: Mapped[bytes] = mapped_column(LargeBinary)
    """The Turn as JSON, with the understandings."""
    effects: Mapped[bytes] = mapped_column(LargeBinary)
    """What the engine answered, as JSON."""
    playbook: Mapped[str]
    """Fingerprint."""
    intent: Mapped[str | None]
    """Of the last message: for reports and review."""
    confidence: Mapped[float | None] = mapped_column(Float)
    engine: Mapped[str]
    failure: Mapped[str | None]


class RefusedInput(Entity):
    """An input that was not taken: enough to explain it to whoever asks."""

    __tablename__ = "refusals"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]
    reason: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    headers: Mapped[dict[str, Any]] = mapped_column(Document)
    at: Mapped[datetime]
