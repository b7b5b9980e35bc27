"""The thread: what was said in a Conversation, line by line, with what was understood and what became of each."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import and_, bindparam, or_, select

from desk.refusals import NotFound
from desk.sight import Kind, sees
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.conversations import Conversation
from storage.deliveries import Delivery
from storage.interactions import Direction, Interaction, InteractionKind, TurnRecord
from storage.many import Question, among, named
from storage.media import Media, MediaState

PAGE: Final = 60
MOST: Final = 600
"""Lines that are shown at once, however long somebody reads on."""
REMEMBERED: Final = 10_000
"""Lines that need not be made anew: they are shown again whenever another one comes. Some tens of megabytes."""


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
    message: str | None = None
    """Its name at the provider."""

    @property
    def attachments(self) -> Sequence[Mapping[str, Any]]:
        return self.content.get("attachments", ())


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """Lines of a Conversation that follow one another, oldest first."""

    conversation: int
    name: str | None
    """The Contact's."""
    address: str
    """Theirs, as a URI."""
    seen: int
    """The newest Interaction that is in it."""
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
    talk = next(iter(_talk.ask(connection, {"conversation": conversation})), None)
    if talk is None or not sees(transaction, Kind.CONVERSATION, conversation):
        raise NotFound(f"there is no conversation {conversation}")
    here = {"contact": talk.contact_id, "conversation": conversation}
    place = before if before is not None else since
    if place is None:
        rows = _latest.ask(connection, {**here, "most": limit + 1})
    else:
        at = next(iter(_place.ask(connection, {**here, "place": place})), None)
        if at is None:
            raise NotFound(f"there is no line {place} in conversation {conversation}")
        if before is None:
            limit = MOST
        asked = _since if before is None else _earlier
        rows = asked.ask(connection, {**here, "at": at.at, "place": place, "most": limit + 1})
    shown = list(reversed(rows[:limit]))
    more = len(rows) > limit or (since is not None and _any_before(transaction, here, shown))
    return Stretch(
        conversation=conversation,
        name=talk.name,
        address=talk.uri,
        seen=talk.newest or 0,
        lines=_complete(transaction, here, shown),
        earlier=more,
    )


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


_columns: list[str] = [str(column.key) for column in _lines.selected_columns]
_row = namedtuple("_row", _columns)  # pyright: ignore[reportUntypedNamedTuple]


def _said(values: Sequence[Any]) -> Said:
    row: Any = _row._make(values)
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
        has_raw=bool(row.has_raw),
        message=row.message_id,
    )


# By the contact first: that is what the index knows.
_here = and_(Interaction.contact_id == bindparam("contact"), Interaction.conversation_id == bindparam("conversation"))
_at, _id = bindparam("at", type_=Interaction.at.type), bindparam("place", type_=Interaction.id.type)
_is_before = or_(Interaction.at < _at, and_(Interaction.at == _at, Interaction.id < _id))
_is_later = or_(Interaction.at > _at, and_(Interaction.at == _at, Interaction.id >= _id))
_from_the_end = _lines.where(_here).order_by(Interaction.at.desc(), Interaction.id.desc()).limit(bindparam("most"))

# Each piece of a page asks these, whenever somebody writes: worked out once.
_newest = (
    select(Interaction.id)
    .where(Interaction.contact_id == Conversation.contact_id, Interaction.conversation_id == Conversation.id)
    .order_by(Interaction.id.desc())
    .limit(1)
    .correlate(Conversation)
    .scalar_subquery()
)
_talk = named(
    select(Conversation.contact_id, Contact.name, Address.uri, _newest.label("newest"))
    .join(Contact, Contact.id == Conversation.contact_id)
    .join(Address, Address.id == Conversation.address_id)
    .where(Conversation.id == bindparam("conversation"))
)
_place = named(select(Interaction.at).where(_here, Interaction.id == _id))
_latest = Question(_from_the_end, into=_said, remembers=REMEMBERED)
_earlier = Question(_from_the_end.where(_is_before), into=_said)
_since = Question(_from_the_end.where(_is_later), into=_said, remembers=REMEMBERED)
_one_before = named(select(Interaction.id).where(_here, _is_before).limit(1))
_edits = named(
    select(Interaction.reply_to).where(
        _here, Interaction.kind == InteractionKind.EDIT, among(Interaction.reply_to, "named")
    )
)


def _any_before(transaction: Transaction, here: Mapping[str, int], shown: Sequence[Said]) -> bool:
    if not shown:
        return False
    first = {"at": shown[0].at, "place": shown[0].id}
    return bool(_one_before.ask(transaction.connection, {**here, **first}))


def _complete(transaction: Transaction, here: Mapping[str, int], shown: Sequence[Said]) -> list[Said]:
    """With what other rows say of them."""
    connection = transaction.connection
    messages = [line.message for line in shown if line.message is not None]
    edits = _edits.ask(connection, {**here, "named": messages}) if messages else ()
    edited = {each.reply_to for each in edits}
    with_files = [line.id for line in shown if line.attachments]
    media: dict[int, dict[int, str]] = {}
    if with_files:
        found = select(Media.interaction_id, Media.place, Media.state).where(
            Media.interaction_id.in_(with_files), Media.state != MediaState.KEPT
        )
        for each in connection.execute(found):
            media.setdefault(each.interaction_id, {})[each.place] = str(each.state)
    return [_completed(line, edited=line.message in edited, media=media.get(line.id)) for line in shown]


def _completed(line: Said, *, edited: bool, media: Mapping[int, str] | None) -> Said:
    edited = edited and line.kind is not InteractionKind.EDIT
    return replace(line, edited=edited, media=media or {}) if edited or media else line


def _understood(row: Any) -> Understood | None:
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
