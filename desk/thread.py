"""The thread: what was said in a Conversation, line by line, with what was understood and what became of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Row, and_, or_, select

from desk.refusals import NotFound
from storage.commits import Transaction
from storage.conversations import Conversation
from storage.deliveries import Delivery
from storage.interactions import Direction, Interaction, InteractionKind, TurnRecord
from storage.media import Media, MediaState

PAGE: Final = 60
MOST: Final = 600
"""Lines that are shown at once, however long somebody reads on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Understood:
    """What the assistant took a message for."""

    intent: str | None
    confidence: float | None
    engine: str
    failure: str | None
    entities: tuple[tuple[str, str], ...] = ()
    """Kind and value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """One line."""

    id: int
    at: datetime
    channel: str
    direction: Direction
    kind: InteractionKind
    author: str
    text: str
    content: Mapping[str, Any]
    """Attachments, markup, a system line's facts."""
    status: str | None
    """Where its Delivery stands; None: it has none."""
    reason: str | None
    due_at: datetime | None
    attempts: int
    understood: Understood | None
    edited: bool = False
    """Its writer has changed it since."""
    has_raw: bool = False
    """The payload it came in is there."""
    media: Mapping[int, str] = field(default_factory=dict[int, str])
    """Of attachments that are not here: `wanted` or `failed`, by place."""

    @property
    def attachments(self) -> Sequence[Mapping[str, Any]]:
        return self.content.get("attachments", ())


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """Lines that follow one another, oldest first."""

    lines: Sequence[Said]
    earlier: bool
    """There are lines before them."""

    @property
    def first(self) -> int | None:
        return self.lines[0].id if self.lines else None


def stretch(
    transaction: Transaction,
    *,
    conversation: int,
    before: int | None = None,
    since: int | None = None,
    limit: int = PAGE,
) -> Stretch:
    """The latest lines; with `before`, those before that one; with `since`, from that one on. Raises NotFound."""
    connection = transaction.connection
    contact = connection.scalar(select(Conversation.contact_id).where(Conversation.id == conversation))
    if contact is None:
        raise NotFound(f"there is no conversation {conversation}")
    # By the contact first: that is what the index knows.
    here = and_(Interaction.contact_id == contact, Interaction.conversation_id == conversation)
    statement = _lines.where(here)
    place = before if before is not None else since
    if place is not None:
        at = connection.scalar(select(Interaction.at).where(here, Interaction.id == place))
        if at is None:
            raise NotFound(f"there is no line {place} in conversation {conversation}")
        if before is not None:
            earlier = and_(Interaction.at == at, Interaction.id < before)
            statement = statement.where(or_(Interaction.at < at, earlier))
        else:
            later = and_(Interaction.at == at, Interaction.id >= place)
            statement, limit = statement.where(or_(Interaction.at > at, later)), MOST
    rows = connection.execute(statement.order_by(Interaction.at.desc(), Interaction.id.desc()).limit(limit + 1)).all()
    shown = list(reversed(rows[:limit]))
    more = len(rows) > limit or (since is not None and _any_before(transaction, here, shown))
    return Stretch(lines=_complete(transaction, here, shown), earlier=more)


def attachment(transaction: Transaction, *, conversation: int, interaction: int, place: int) -> Mapping[str, Any]:
    """What went along with one line of this Conversation. Raises NotFound."""
    content = transaction.connection.scalar(
        select(Interaction.content).where(Interaction.id == interaction, Interaction.conversation_id == conversation)
    )
    attachments = (content or {}).get("attachments", ())
    if not 0 <= place < len(attachments):
        raise NotFound("there is no such attachment here")
    return attachments[place]


def payload(transaction: Transaction, *, conversation: int, interaction: int) -> tuple[bytes | None, str | None]:
    """What one line came in: its bytes, or the blob that they are. Raises NotFound."""
    row = transaction.connection.execute(
        select(Interaction.raw, Interaction.content).where(
            Interaction.id == interaction,
            Interaction.conversation_id == conversation,
            Interaction.direction == Direction.IN,
        )
    ).one_or_none()
    if row is None:
        raise NotFound("there is no such message here")
    return row.raw, row.content.get("raw_blob")


_lines = (
    select(
        Interaction.id,
        Interaction.at,
        Interaction.channel,
        Interaction.direction,
        Interaction.kind,
        Interaction.author,
        Interaction.text,
        Interaction.content,
        Interaction.message_id,
        Interaction.raw.is_not(None).label("has_raw"),
        Delivery.status,
        Delivery.reason,
        Delivery.due_at,
        Delivery.attempts,
        TurnRecord.intent,
        TurnRecord.confidence,
        TurnRecord.engine,
        TurnRecord.failure,
        TurnRecord.facts,
    )
    .outerjoin(Delivery, Delivery.interaction_id == Interaction.id)
    .outerjoin(TurnRecord, TurnRecord.interaction_id == Interaction.id)
)


def _any_before(transaction: Transaction, here: Any, rows: Sequence[Row[*tuple[Any, ...]]]) -> bool:
    if not rows:
        return False
    first = rows[0]
    same = and_(Interaction.at == first.at, Interaction.id < first.id)
    earlier = select(Interaction.id).where(here, or_(Interaction.at < first.at, same)).limit(1)
    return transaction.connection.scalar(earlier) is not None


def _complete(transaction: Transaction, here: Any, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Said]:
    connection = transaction.connection
    named = [row.message_id for row in rows if row.message_id is not None]
    edited: set[str] = set()
    if named:
        changes = select(Interaction.reply_to).where(
            here, Interaction.kind == InteractionKind.EDIT, Interaction.reply_to.in_(named)
        )
        edited = {each for each in connection.scalars(changes) if each is not None}
    with_files = [row.id for row in rows if row.content.get("attachments")]
    media: dict[int, dict[int, str]] = {}
    if with_files:
        found = select(Media.interaction_id, Media.place, Media.state).where(
            Media.interaction_id.in_(with_files), Media.state != MediaState.KEPT
        )
        for each in connection.execute(found):
            media.setdefault(each.interaction_id, {})[each.place] = str(each.state)
    return [_said(row, edited, media.get(row.id, {})) for row in rows]


def _said(row: Row[*tuple[Any, ...]], edited: set[str], media: Mapping[int, str]) -> Said:
    return Said(
        id=row.id,
        at=row.at,
        channel=row.channel,
        direction=row.direction,
        kind=row.kind,
        author=row.author,
        text=row.text,
        content=row.content,
        status=row.status,
        reason=row.reason,
        due_at=row.due_at,
        attempts=row.attempts or 0,
        understood=_understood(row),
        edited=row.kind is not InteractionKind.EDIT and row.message_id in edited,
        has_raw=bool(row.has_raw),
        media=media,
    )


def _understood(row: Row[*tuple[Any, ...]]) -> Understood | None:
    if row.engine is None:
        return None
    return Understood(
        intent=row.intent,
        confidence=row.confidence,
        engine=row.engine,
        failure=row.failure,
        entities=_entities(row.facts),
    )


def _entities(facts: bytes) -> tuple[tuple[str, str], ...]:
    """What was found in the messages of a Turn; another version's, or an emptied one, says nothing."""
    try:
        messages = orjson.loads(facts)["messages"]
        found = [
            (str(entity["kind"]), str(entity["value"]))
            for message in messages
            for entity in message["understanding"]["entities"]
        ]
    except (ValueError, KeyError, TypeError):
        return ()
    return tuple(dict.fromkeys(found))
