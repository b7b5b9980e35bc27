"""The timeline: Interactions as an agent reads them, with what was understood and what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from storage.commits import Transaction
from storage.deliveries import Delivery
from storage.interactions import Direction, Interaction, InteractionKind, TurnRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One Interaction, with what was understood and what became of it on its way."""

    id: int
    at: datetime
    conversation: int | None
    channel: str
    direction: Direction
    kind: InteractionKind
    author: str
    text: str
    attachments: tuple[str, ...] = ()
    """Kind and name of each."""
    delivery: int | None = None
    status: str | None = None
    """Where its Delivery stands."""
    failure: str | None = None
    """Why it stands there, where there is a why."""
    intent: str | None = None
    """What the engine understood, of the last message of a Turn."""
    confidence: float | None = None
    engine: str | None = None
    turn_failure: str | None = None
    case: int | None = None


def lines(transaction: Transaction, where: ColumnElement[bool], limit: int) -> list[Line]:
    """The latest Interactions that `where` selects, oldest first: one query over all channels.

    An offline contact recorded later stands where it happened, not where it was written down.
    """
    statement = _lines.where(where).order_by(Interaction.at.desc(), Interaction.id.desc()).limit(limit)
    return [_line(row) for row in reversed(transaction.connection.execute(statement).all())]


_lines = (
    select(
        Interaction.id,
        Interaction.at,
        Interaction.conversation_id,
        Interaction.channel,
        Interaction.direction,
        Interaction.kind,
        Interaction.author,
        Interaction.text,
        Interaction.content,
        Interaction.case_id,
        Delivery.id.label("delivery"),
        Delivery.status,
        Delivery.reason,
        TurnRecord.intent,
        TurnRecord.confidence,
        TurnRecord.engine,
        TurnRecord.failure,
    )
    .outerjoin(Delivery, Delivery.interaction_id == Interaction.id)
    .outerjoin(TurnRecord, TurnRecord.interaction_id == Interaction.id)
)


def _line(row: Any) -> Line:
    return Line(
        id=row.id,
        at=row.at,
        conversation=row.conversation_id,
        channel=row.channel,
        direction=row.direction,
        kind=row.kind,
        author=row.author,
        text=row.text,
        attachments=tuple(
            " ".join(str(attachment[key]) for key in ("kind", "name") if attachment.get(key))
            for attachment in row.content.get("attachments", ())
        ),
        delivery=row.delivery,
        status=row.status,
        failure=row.reason,
        intent=row.intent,
        confidence=row.confidence,
        engine=row.engine,
        turn_failure=row.failure,
        case=row.case_id,
    )
