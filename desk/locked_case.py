"""A case while a verb changes it: its Contact's Lane is locked, and what is done stands in its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Row, insert, select, update

from bot.memory import Complaint, Memory
from bot.turn import CaseStatus, Step
from desk.case_news import CaseEvent, tell
from desk.deeds import noted
from desk.logins import Present
from desk.refusals import NotFound, Refused
from desk.sight import Kind, sees
from storage import lanes
from storage.cases import Case, CaseChange
from storage.commits import Transaction
from storage.contacts import Contact
from storage.conversations import Conversation, ConversationState

OPEN = (CaseStatus.OPEN.value, CaseStatus.WAITING.value)
LONGEST_NUMBER = 24


class NoCase(NotFound):
    """There is no such case."""


class CaseOver(Refused):
    """The case is resolved or closed; open it again first."""


class Merged(Refused):
    """The case was merged into another; what is done goes there."""


_case = select(*Case.__table__.columns, Contact.tier, Contact.language).join(Contact, Contact.id == Case.contact_id)


def lock_case(transaction: Transaction, number: str) -> Row[*tuple[Any, ...]]:
    """The case with its Contact's tier and language. Its Contact may change while we wait: two were just linked.

    Raises NoCase.
    """
    connection = transaction.connection
    while True:
        contact = connection.scalar(select(Case.contact_id).where(Case.number == number[:LONGEST_NUMBER]))
        if contact is None or not sees(transaction, Kind.CASE, number):
            raise NoCase(f"there is no case {number[:LONGEST_NUMBER]}")
        lanes.lock(connection, [contact])
        row = connection.execute(_case.where(Case.number == number).with_for_update(of=Case.__table__)).one()
        if row.contact_id == contact:
            return row


def lock_open_case(transaction: Transaction, number: str) -> Row[*tuple[Any, ...]]:
    """Raises CaseOver, Merged, NoCase."""
    row = lock_case(transaction, number)
    if row.merged_into is not None:
        raise Merged(f"case {number} was merged into {row.merged_into}")
    if row.status not in OPEN:
        raise CaseOver(f"case {number} is {row.status}")
    return row


def change(transaction: Transaction, row: Row[*tuple[Any, ...]], **values: Any) -> None:
    """Its deadlines are looked at again within a moment."""
    transaction.connection.execute(
        update(Case).where(Case.id == row.id).values(**values, updated_at=transaction.now, timed=False)
    )


def remember(
    transaction: Transaction, row: Row[*tuple[Any, ...]], by: Present, changes: Mapping[str, tuple[Any, Any]]
) -> None:
    """What stood there before is kept: field to (before, after)."""
    made = {"case_id": row.id, "at": transaction.now, "by": by.name}
    rows = [made | {"field": field, "before": before, "after": after} for field, (before, after) in changes.items()]
    if rows:
        transaction.connection.execute(insert(CaseChange), rows)


def did(
    transaction: Transaction,
    row: Row[*tuple[Any, ...]],
    event: CaseEvent,
    by: Present,
    facts: Mapping[str, Any] | None = None,
    *,
    conversation: int | None = None,
) -> None:
    """Into the timeline, and into the log of who did what; the latter without what customers said."""
    tell(transaction, row, event, by=by.name, facts=facts, conversation=conversation)
    harmless = {name: value for name, value in (facts or {}).items() if name in _HARMLESS}
    noted(transaction, by, event.value.replace("_", ".", 1), f"case:{row.number}", **harmless)


_HARMLESS = frozenset({"fields", "other", "kind", "amount", "currency", "approval", "deadline", "founded", "priority"})


def let_engine_know(transaction: Transaction, row: Row[*tuple[Any, ...]], change: Callable[[Complaint], None]) -> None:
    """What the assistant remembers of this complaint is changed, too: it would ask, or offer, as if nobody had."""
    connection = transaction.connection
    talks = connection.execute(
        select(Conversation.id, Conversation.memory).where(
            Conversation.contact_id == row.contact_id, Conversation.state == ConversationState.OPEN
        )
    ).all()
    for talk in talks:
        memory = Memory.read(talk.memory)
        known = [one for one in (memory.complaint, memory.withdrawn) if one is not None and one.case == row.number]
        if not known:
            continue
        for complaint in known:
            change(complaint)
        memory.choice = None
        connection.execute(update(Conversation).where(Conversation.id == talk.id).values(memory=memory.write()))


def leave_to_people(complaint: Complaint) -> None:
    """The assistant judges and offers no more: it only says what was promised, and by when."""
    complaint.step, complaint.asked, complaint.offered = Step.FOLLOW_UP.value, "", []


def place_to_write(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> int | None:
    """The Conversation in which its customer is told of it; None: there never was one."""
    if row.conversation_id is not None:
        return row.conversation_id
    return transaction.connection.scalar(
        select(Conversation.id)
        .where(Conversation.contact_id == row.contact_id, Conversation.state != ConversationState.SPAM)
        .order_by(Conversation.id.desc())
        .limit(1)
    )
