"""Parts: long texts that the network cut are kept piece by piece until they are whole, and then received as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import bindparam, insert, select, text, tuple_, update

from channels.envelope import InboundMessage, Part
from storage import ids
from storage.commits import Transaction
from storage.message_parts import MessagePart

MISSING = "[…]"
"""Stands where a part never came."""
MOST_PARTS = 255
"""The count is one octet (3GPP TS 23.040, 9.2.3.24.1)."""
REMEMBERED = timedelta(hours=1)
"""How long after a text was joined another part of it is known: networks repeat themselves under another identity;
but phones use the numbers of their texts again."""

Series = tuple[str, str, str]
"""(channel, address, group)"""
Event = tuple[str, str]
"""(channel, external id)"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """A text that has all the parts it will ever have."""

    message: InboundMessage
    parts: Sequence[int]
    """Rows that it was made of."""


@dataclass(slots=True)
class Gathered:
    """What became of the parts that came in together."""

    wholes: list[Whole] = field(default_factory=list[Whole])
    completed: dict[int, Whole] = field(default_factory=dict[int, Whole])
    """By the `id()` of the part that made it whole."""
    repeats: dict[int, int | None] = field(default_factory=dict[int, int | None])
    """By the `id()` of a part that had come before: the Interaction, where it is joined already."""


@dataclass(slots=True)
class _Piece:
    """One part while a transaction works on it."""

    row: int
    message: InboundMessage
    part: Part
    stored_at: datetime
    interaction: int | None = None
    told: bool = False
    """It is part of a text that is whole."""


def is_part(message: InboundMessage) -> bool:
    """Whether to wait for others: what a part says of itself may be nonsense."""
    part = message.part
    return part is not None and 1 < part.count <= MOST_PARTS and 1 <= part.number <= part.count


def gather(transaction: Transaction, parts: Sequence[InboundMessage]) -> Gathered:
    """Keep these parts, each once, and join what is whole now."""
    gathered = Gathered()
    series = {_series(message) for message in parts}
    _lock(transaction, series)
    known, pieces = _known(transaction, parts), _load(transaction, series)
    fresh: list[_Piece] = []
    rows = iter(ids.take(transaction.connection, MessagePart, len(parts)))
    for message in parts:
        event = (message.channel, message.external_id)
        if event in known:
            gathered.repeats[id(message)] = known[event]
            continue
        known[event] = None
        assert message.part is not None
        piece = _Piece(row=next(rows), message=message, part=message.part, stored_at=transaction.now)
        if _take(piece, pieces.setdefault(_series(message), []), gathered):
            fresh.append(piece)
    _keep(transaction, fresh)
    return gathered


def give_up(transaction: Transaction, patience: timedelta, most: int = 100) -> list[Whole]:
    """Texts whose missing parts will not come any more, with a mark where each would stand."""
    overdue = transaction.connection.execute(
        select(MessagePart.channel, MessagePart.address, MessagePart.series)
        .where(MessagePart.interaction_id.is_(None), MessagePart.stored_at <= transaction.now - patience)
        .limit(most)
    )
    series = {(row.channel, row.address, row.series) for row in overdue}
    _lock(transaction, series)
    waiting = (_waiting(pieces) for pieces in _load(transaction, series).values())
    return [_join(pieces) for pieces in waiting if pieces and pieces[0].stored_at <= transaction.now - patience]


_mark = update(MessagePart).where(MessagePart.id == bindparam("part")).values(interaction_id=bindparam("interaction"))


def note_joined(transaction: Transaction, wholes: Iterable[tuple[Whole, int]]) -> None:
    """These texts are Interactions now."""
    rows = [{"part": part, "interaction": interaction} for whole, interaction in wholes for part in whole.parts]
    if rows:
        transaction.connection.execute(_mark, rows)


def _series(message: InboundMessage) -> Series:
    assert message.part is not None
    return message.channel, message.address, message.part.group


def _lock(transaction: Transaction, series: Iterable[Series]) -> None:
    """Two parts that come in at the same time through two processes must see each other."""
    if transaction.connection.dialect.name == "postgresql":
        for each in sorted(series):
            lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
            transaction.connection.execute(lock, {"key": "\x1f".join(each)})


def _known(transaction: Transaction, parts: Sequence[InboundMessage]) -> dict[Event, int | None]:
    events = sorted({(message.channel, message.external_id) for message in parts})
    rows = transaction.connection.execute(
        select(MessagePart.channel, MessagePart.external_id, MessagePart.interaction_id).where(
            tuple_(MessagePart.channel, MessagePart.external_id).in_(events)
        )
    )
    return {(row.channel, row.external_id): row.interaction_id for row in rows}


def _load(transaction: Transaction, series: Iterable[Series]) -> dict[Series, list[_Piece]]:
    """What waits in these series, and what was told of them lately, in the order stored."""
    pieces: dict[Series, list[_Piece]] = {}
    rows = transaction.connection.execute(
        select(*MessagePart.__table__.columns)
        .where(
            tuple_(MessagePart.channel, MessagePart.address, MessagePart.series).in_(sorted(series)),
            MessagePart.interaction_id.is_(None) | (MessagePart.stored_at > transaction.now - REMEMBERED),
        )
        .order_by(MessagePart.id)
    )
    for row in rows:
        pieces.setdefault((row.channel, row.address, row.series), []).append(
            _Piece(
                row=row.id,
                message=replace(_messages().validate_python(row.message), text=row.text, raw=row.raw),
                part=Part(group=row.series, number=row.number, count=row.total),
                stored_at=row.stored_at,
                interaction=row.interaction_id,
                told=row.interaction_id is not None,
            )
        )
    return pieces


def _take(piece: _Piece, pieces: list[_Piece], gathered: Gathered) -> bool:
    """Put a new part to its neighbours; False where the network has only repeated itself."""
    twin = next((other for other in pieces if other.part == piece.part and _same_words(other, piece)), None)
    if twin is not None:
        gathered.repeats[id(piece.message)] = twin.interaction
        return False
    waiting = _waiting(pieces)
    if any(other.part.count != piece.part.count or other.part == piece.part for other in waiting):
        # Another text under the same number: the one before has lost the rest of itself.
        gathered.wholes.append(_join(waiting))
    pieces.append(piece)
    told = {other.part.number for other in pieces if other.told and other.part.count == piece.part.count}
    waiting = _waiting(pieces)
    missing = set(range(1, piece.part.count + 1)) - {other.part.number for other in waiting}
    came_late = piece.part.number not in told and missing <= told
    if not missing or came_late:
        whole = _join(waiting)
        gathered.wholes.append(whole)
        gathered.completed[id(piece.message)] = whole
    return True


def _same_words(one: _Piece, other: _Piece) -> bool:
    return one.message.text == other.message.text


def _waiting(pieces: Iterable[_Piece]) -> list[_Piece]:
    return [piece for piece in pieces if not piece.told]


def _join(pieces: Sequence[_Piece]) -> Whole:
    """The first part's message with the words of all; from now on they are told."""
    by_number = {piece.part.number: piece for piece in pieces}
    for piece in pieces:
        piece.told = True
    first = by_number[min(by_number)]
    numbers = range(1, first.part.count + 1)
    words = [
        "".join(by_number[number].message.text for number in run) if there else MISSING
        for there, run in groupby(numbers, by_number.__contains__)
    ]
    ordered = [by_number[number] for number in sorted(by_number)]
    message = replace(
        first.message,
        text="".join(words),
        raw=b"\n".join(piece.message.raw for piece in ordered),
        attachments=tuple(attachment for piece in ordered for attachment in piece.message.attachments),
        part=None,
    )
    return Whole(message=message, parts=[piece.row for piece in pieces])


def _keep(transaction: Transaction, pieces: Sequence[_Piece]) -> None:
    if pieces:
        transaction.connection.execute(
            insert(MessagePart),
            [
                {
                    "id": piece.row,
                    "channel": piece.message.channel,
                    "external_id": piece.message.external_id,
                    "address": piece.message.address,
                    "series": piece.part.group,
                    "number": piece.part.number,
                    "total": piece.part.count,
                    "text": piece.message.text,
                    "message": _as_json(piece.message),
                    "sent_at": piece.message.sent_at,
                    "stored_at": transaction.now,
                    "raw": piece.message.raw,
                }
                for piece in pieces
            ],
        )


@cache
def _messages() -> TypeAdapter[InboundMessage]:
    return TypeAdapter(InboundMessage)


def _as_json(message: InboundMessage) -> Mapping[str, Any]:
    """Without its words and payload, which have columns of their own."""
    return _messages().dump_python(replace(message, text="", raw=b"", part=None), mode="json")
