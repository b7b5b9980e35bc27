"""Measuring: Conversations that something happened to are counted anew, a piece at a time.

What happens to a Conversation leaves a line in its thread; who follows the lines sees every one that changed. The few
changes without a line (it was closed for idleness, taken for spam) are found among those that were open; and a slow
round goes over all of them, so that nothing stays wrong for long, whatever happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update

from storage.commits import Transaction
from storage.conversations import Conversation, ConversationState, Owner
from storage.interactions import Direction, Interaction, InteractionKind
from storage.measured import Measured, MeasuredMessages, Measuring

LINES = 400
"""That are looked at in one piece."""
CONVERSATIONS = 40
"""That are measured in one piece."""
SETTLED = timedelta(seconds=10)
"""On PostgreSQL a line may be committed after another with a higher number: nobody takes as long as this over it."""
QUARTER = 15 * 60
SAID = (InteractionKind.MESSAGE, InteractionKind.CALLBACK)
"""What counts as a message."""


def follow(transaction: Transaction) -> int:
    """Measure what new lines speak of; returns how many Conversations that were."""
    position = _position(transaction, "messages")
    if position is None:
        return 0
    until = transaction.now
    if transaction.connection.dialect.name != "sqlite":
        until -= SETTLED
    rows = transaction.connection.execute(
        select(Interaction.id, Interaction.conversation_id, Interaction.stored_at)
        .where(Interaction.id > position)
        .order_by(Interaction.id)
        .limit(LINES)
    ).all()
    touched: dict[int, None] = {}
    for row in rows:
        another = row.conversation_id is not None and row.conversation_id not in touched
        if row.stored_at > until or (another and len(touched) >= CONVERSATIONS):
            break
        position = row.id
        if row.conversation_id is not None:
            touched[row.conversation_id] = None
    _move(transaction, "messages", position)
    measure(transaction, touched)
    return len(touched)


def close(transaction: Transaction) -> int:
    """Measure what changed without a line; returns how many Conversations that were."""
    changed = transaction.connection.scalars(
        select(Measured.conversation_id)
        .join(Conversation, Conversation.id == Measured.conversation_id)
        .where(
            Measured.closed_at.is_(None),
            or_(Conversation.state != Measured.state, Conversation.epoch != Measured.epoch),
        )
        .limit(CONVERSATIONS)
    ).all()
    measure(transaction, changed)
    return len(changed)


def go_round(transaction: Transaction) -> int:
    """Measure the next few of all; after the last comes the first. Returns how many."""
    position = _position(transaction, "round")
    if position is None:
        return 0
    after = transaction.connection.scalars(
        select(Conversation.id).where(Conversation.id > position).order_by(Conversation.id).limit(CONVERSATIONS)
    ).all()
    measure(transaction, after)
    _move(transaction, "round", after[-1] if after else 0)
    return len(after)


def measured_until(transaction: Transaction) -> datetime | None:
    """Reports know of everything up to then; None: nothing was measured yet."""
    connection = transaction.connection
    row = connection.execute(select(Measuring.position, Measuring.at).where(Measuring.name == "messages")).one_or_none()
    if row is None:
        return None
    first = connection.scalar(
        select(Interaction.stored_at).where(Interaction.id > row.position).order_by(Interaction.id).limit(1)
    )
    return row.at if first is None else min(first, row.at)


def measure(transaction: Transaction, conversations: Iterable[int]) -> None:
    """Count these anew, from what is stored."""
    wanted = sorted(set(conversations))
    if not wanted:
        return
    connection = transaction.connection
    known = connection.execute(_conversations.where(Conversation.id.in_(wanted))).all()
    lines = _lines(transaction, {row.contact_id for row in known}, wanted)
    for entity in (Measured, MeasuredMessages):
        connection.execute(delete(entity).where(entity.conversation_id.in_(wanted)))
    if known:
        rows = [_measured(row, lines.get(row.id, ()), transaction.now) for row in known]
        connection.execute(insert(Measured), rows)
    messages = [row for number, of_one in lines.items() for row in _messages(number, of_one)]
    if messages:
        connection.execute(insert(MeasuredMessages), messages)


_conversations = select(
    Conversation.id,
    Conversation.contact_id,
    Conversation.channel,
    Conversation.state,
    Conversation.owner,
    Conversation.agent,
    Conversation.epoch,
    Conversation.team_id,
    Conversation.opened_at,
    Conversation.closed_at,
    Conversation.handed_off_at,
    Conversation.handoff_reason,
    Conversation.last_at,
)


def _lines(transaction: Transaction, contacts: set[int], conversations: Sequence[int]) -> Mapping[int, list[Any]]:
    """What was said in each, and when it was handed back; oldest first."""
    rows = transaction.connection.execute(
        select(
            Interaction.conversation_id,
            Interaction.direction,
            Interaction.kind,
            Interaction.author,
            Interaction.stored_at,
            Interaction.content["event"].as_string().label("event"),
        )
        .where(
            Interaction.contact_id.in_(contacts),
            Interaction.conversation_id.in_(conversations),
            Interaction.kind.in_([*SAID, InteractionKind.SYSTEM]),
        )
        .order_by(Interaction.id)
    )
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.conversation_id, []).append(row)
    return found


def _measured(row: Any, lines: Sequence[Any], now: datetime) -> dict[str, Any]:
    said = [line for line in lines if line.kind in SAID]
    first_in = next((line.stored_at for line in said if line.direction is Direction.IN), None)
    first_out = next(
        (
            line.stored_at
            for line in said
            if first_in and line.direction is Direction.OUT and line.stored_at >= first_in
        ),
        None,
    )
    by_people = [line for line in said if line.direction is Direction.OUT and line.author.startswith("agent:")]
    handed = row.handed_off_at
    person = next((line.stored_at for line in by_people if handed is not None and line.stored_at >= handed), None)
    last = by_people[-1].author.removeprefix("agent:") if by_people else None
    resolved = row.state is ConversationState.RESOLVED and row.closed_at is not None
    return {
        "conversation_id": row.id,
        "channel": row.channel,
        "state": row.state,
        "epoch": row.epoch,
        "agent": row.agent or last,
        "team_id": row.team_id,
        "opened_at": row.opened_at,
        "closed_at": None if row.state is ConversationState.OPEN else row.closed_at or row.last_at,
        "handed_off_at": handed,
        "reason": row.handoff_reason,
        "left_people_at": None if handed is None else _left_people_at(row, lines),
        "answer_seconds": _seconds(first_in, first_out),
        "person_seconds": _seconds(handed, person),
        "resolution_seconds": _seconds(row.opened_at, row.closed_at) if resolved else None,
        "measured_at": now,
    }


def _left_people_at(row: Any, lines: Sequence[Any]) -> datetime | None:
    if row.state is not ConversationState.OPEN:
        ended = row.closed_at or row.last_at
    elif row.owner is Owner.BOT:
        ended = row.last_at
    else:
        return None
    if row.owner is Owner.BOT:
        back = [line.stored_at for line in lines if line.event == "handed_back" and line.stored_at >= row.handed_off_at]
        ended = back[-1] if back else ended
    return max(ended, row.handed_off_at)


def _seconds(begin: datetime | None, end: datetime | None) -> int | None:
    return None if begin is None or end is None else max(0, int((end - begin).total_seconds()))


def _messages(conversation: int, lines: Sequence[Any]) -> Iterable[dict[str, Any]]:
    counted = Counter((quarter(line.stored_at), _author(line)) for line in lines if line.kind in SAID)
    for (slot, author), messages in counted.items():
        yield {"conversation_id": conversation, "slot": slot, "author": author, "messages": messages}


def _author(line: Any) -> str:
    return "customer" if line.direction is Direction.IN else line.author


def quarter(at: datetime) -> datetime:
    """The first moment of its quarter of an hour."""
    return at - timedelta(seconds=at.timestamp() % QUARTER)


def _position(transaction: Transaction, name: str) -> int | None:
    """How far we have come; None while another process is at it."""
    connection = transaction.connection
    held = select(Measuring.position).where(Measuring.name == name)
    position = connection.scalar(held.with_for_update(skip_locked=True))
    if position is None and connection.scalar(held) is None:
        position = 0
        connection.execute(insert(Measuring), {"name": name, "position": 0, "at": transaction.now})
    return position


def _move(transaction: Transaction, name: str, position: int) -> None:
    transaction.connection.execute(
        update(Measuring).where(Measuring.name == name).values(position=position, at=transaction.now)
    )


def waiting(transaction: Transaction) -> int:
    """Lines that were not looked at yet."""
    position = select(Measuring.position).where(Measuring.name == "messages").scalar_subquery()
    newest = transaction.connection.scalar(select(func.max(Interaction.id))) or 0
    return max(0, newest - (transaction.connection.scalar(select(position)) or 0))
