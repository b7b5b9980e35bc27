"""What belongs to a case: Conversations about it, and cases that are the same matter or were two in one.

Whatever is put together can be taken apart again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, insert, select, update

from bot.turn import CaseKind, CaseStatus
from desk.case_news import CaseEvent
from desk.casework import checked_subject, write_down
from desk.locked_case import (
    OPEN,
    Merged,
    NoCase,
    change,
    did,
    leave_to_people,
    let_engine_know,
    lock_case,
    lock_open_case,
)
from desk.logins import Present
from desk.refusals import Impossible, NotFound
from desk.sight import Kind, open_cases, sees
from storage.cases import Case, CaseConversation, CaseLink, LinkKind
from storage.commits import Transaction
from storage.conversations import Conversation
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import Direction, Interaction

RECENT: Final = timedelta(days=30)
"""An older case of the same kind is another matter, more often than not."""


class OtherCustomer(Impossible):
    """The cases are of two customers; link the two first, if they are one person."""


class Undone(Impossible):
    """It was undone before, or something newer stands on it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """A case that a Conversation, or another case, may be about."""

    number: str
    subject: str
    why: str
    """`named`, `same_order`, `same_category` or `only_one`: the strongest sign."""
    fact: str = ""
    """What they have in common: the order's number, the category."""


def attach(
    transaction: Transaction, *, case: str, conversation: int, by: Present, why: str = "agent", attached: bool = True
) -> None:
    """This Conversation is about the case; or not, whatever it looked like (`attached` False).

    Raises NoCase, Merged, NotFound: conversations of other customers are none of the case's.
    """
    row = lock_case(transaction, case)
    if row.merged_into is not None:
        raise Merged(f"case {case} was merged into {row.merged_into}")
    connection = transaction.connection
    contact = connection.scalar(select(Conversation.contact_id).where(Conversation.id == conversation))
    if contact != row.contact_id or not sees(transaction, Kind.CONVERSATION, conversation):
        raise NotFound(f"this contact has no conversation {conversation}")
    values = {"attached": attached, "why": why, "by": by.name, "at": transaction.now}
    known = CaseConversation.case_id == row.id, CaseConversation.conversation_id == conversation
    if not connection.execute(update(CaseConversation).where(*known).values(**values)).rowcount:
        made = {"case_id": row.id, "conversation_id": conversation}
        connection.execute(insert(CaseConversation), made | values)
    change(transaction, row)
    event = CaseEvent.ATTACHED if attached else CaseEvent.DETACHED
    did(transaction, row, event, by, conversation=conversation)


def conversations_of(transaction: Transaction, cases: Sequence[int]) -> list[int]:
    """The Conversations that cases are about: where they began, where words of theirs were said, and what people said
    so; without those that people said are about something else."""
    connection = transaction.connection
    found = set(connection.scalars(select(Case.conversation_id).where(Case.id.in_(cases))))
    found |= set(
        connection.scalars(
            select(Interaction.conversation_id)
            .where(Interaction.case_id.in_(cases), Interaction.conversation_id.is_not(None))
            .distinct()
        )
    )
    said = connection.execute(
        select(CaseConversation.conversation_id, CaseConversation.attached).where(CaseConversation.case_id.in_(cases))
    ).all()
    found |= {one.conversation_id for one in said if one.attached}
    found -= {one.conversation_id for one in said if not one.attached}
    return sorted(one for one in found if one is not None)


def merge(transaction: Transaction, *, case: str, other: str, by: Present) -> int:
    """`other` is the same matter as `case`, where all goes on. Returns the number of the link.

    Open promises and planned Follow-ups go along; words, compensations and approvals stay written where they were, and
    are shown with `case`. Raises OtherCustomer, NoCase, Merged, CaseOver, Impossible.
    """
    if case == other:
        raise Impossible("a case cannot be merged with itself")
    stays = lock_open_case(transaction, case)
    gone = lock_case(transaction, other)
    if gone.merged_into is not None:
        raise Merged(f"case {other} was merged into {gone.merged_into}")
    if stays.contact_id != gone.contact_id:
        raise OtherCustomer("the cases are of two customers")
    going = [promise for promise in gone.promises if not promise["kept"]]
    planned = _move_follow_ups(transaction, gone, other, case)
    before = {
        "status": gone.status,
        "closed_at": gone.closed_at.isoformat() if gone.closed_at else None,
        "promises": [promise["id"] for promise in going],
        "follow_ups": planned,
    }
    change(transaction, stays, promises=[*stays.promises, *going])
    change(
        transaction,
        gone,
        status=CaseStatus.CLOSED.value,
        closed_at=transaction.now,
        merged_into=case,
        promises=[promise for promise in gone.promises if promise["kept"]],
    )
    let_engine_know(transaction, gone, leave_to_people)
    link = _tie(transaction, LinkKind.MERGED, stays.id, gone.id, by, before)
    did(transaction, stays, CaseEvent.MERGED, by, {"other": other})
    return link


def split(transaction: Transaction, *, case: str, by: Present, subject: str, lines: Sequence[int] = ()) -> str:
    """Something in a case is a matter of its own: a new case, with those of its lines that are about it.

    Returns its number. Raises NoCase, Merged, CaseOver, Unusable, NotFound.
    """
    row = lock_open_case(transaction, case)
    subject = checked_subject(subject)
    moved = _lines_of(transaction, row, lines)
    new = write_down(
        transaction,
        by=by,
        contact=row.contact_id,
        conversation=row.conversation_id,
        subject=subject,
        kind=CaseKind(row.kind),
        facts={field: row.facts[field] for field in ("reach",) if field in row.facts},
        priority=row.priority,
        owner=row.owner or by.name,
    )
    about_it = [*moved, new.line]
    transaction.connection.execute(update(Interaction).where(Interaction.id.in_(about_it)).values(case_id=new.id))
    _tie(transaction, LinkKind.SPLIT, row.id, new.id, by, {"lines": moved})
    change(transaction, row)
    did(transaction, row, CaseEvent.SPLIT, by, {"other": new.number})
    return new.number


def undo(transaction: Transaction, *, link: int, by: Present) -> str:
    """Cases are as they were before they were merged or split. Returns the number of the case that stays.

    Raises Undone, NotFound, Merged.
    """
    connection = transaction.connection
    made = connection.execute(select(*CaseLink.__table__.columns).where(CaseLink.id == link)).one_or_none()
    if made is None:
        raise NotFound(f"there is no link {link} of cases")
    numbers = {
        row.id: row.number
        for row in connection.execute(select(Case.id, Case.number).where(Case.id.in_([made.case_id, made.other_id])))
    }
    row, other = lock_case(transaction, numbers[made.case_id]), lock_case(transaction, numbers[made.other_id])
    undone = connection.execute(
        update(CaseLink)
        .where(CaseLink.id == link, CaseLink.undone_at.is_(None))
        .values(undone_at=transaction.now, undone_by=by.name)
    )
    if undone.rowcount == 0:
        raise Undone("it was undone before")
    if made.kind is LinkKind.MERGED:
        _unmerge(transaction, row, other, made.moved)
        did(transaction, row, CaseEvent.UNMERGED, by, {"other": other.number})
    else:
        _unsplit(transaction, row, other, made.moved)
        did(transaction, row, CaseEvent.UNSPLIT, by, {"other": other.number})
    return row.number


def suggest(transaction: Transaction, *, conversation: int) -> list[Suggestion]:
    """Open cases that a Conversation may be about, and is not attached to; the likeliest first. Raises NotFound."""
    connection = transaction.connection
    talk = connection.execute(
        select(Conversation.contact_id, Conversation.memory).where(Conversation.id == conversation)
    ).one_or_none()
    if talk is None or not sees(transaction, Kind.CONVERSATION, conversation):
        raise NotFound(f"there is no conversation {conversation}")
    open_ones = _open_cases(transaction, talk.contact_id)
    said = set(
        connection.scalars(select(CaseConversation.case_id).where(CaseConversation.conversation_id == conversation))
    )
    words = connection.scalars(
        select(Interaction.text)
        .where(
            Interaction.contact_id == talk.contact_id,
            Interaction.conversation_id == conversation,
            Interaction.direction == Direction.IN,
        )
        .order_by(Interaction.id.desc())
        .limit(50)
    ).all()
    text = "\n".join(words).upper()
    found = [
        suggestion
        for case in open_ones
        if case.id not in said and conversation not in conversations_of(transaction, [case.id])
        if (suggestion := _suggestion(case, text, len(open_ones), transaction.now)) is not None
    ]
    return sorted(found, key=lambda one: _SIGNS.index(one.why))


def alike(transaction: Transaction, *, case: str) -> list[Suggestion]:
    """Open cases of the same customer that may be the same matter: the same order, or lately the same category."""
    connection = transaction.connection
    row = connection.execute(
        select(*Case.__table__.columns).where(Case.number == case, *open_cases(transaction))
    ).one_or_none()
    if row is None:
        raise NoCase(f"there is no case {case}")
    if row.status not in OPEN:
        return []
    order, category = row.facts.get("order"), row.category or row.facts.get("kind")
    found: list[Suggestion] = []
    for other in _open_cases(transaction, row.contact_id):
        if other.id == row.id:
            continue
        its_order, its_category = other.facts.get("order"), other.category or other.facts.get("kind")
        if order and its_order == order:
            found.append(Suggestion(number=other.number, subject=other.subject, why="same_order", fact=str(order)))
        elif category and its_category == category and not (order and its_order) and _is_near(row, other):
            found.append(
                Suggestion(number=other.number, subject=other.subject, why="same_category", fact=str(category))
            )
    return found


_SIGNS: Final = ("named", "same_order", "only_one")


def _suggestion(case: Row[*tuple[Any, ...]], text: str, count: int, now: datetime) -> Suggestion | None:
    order = case.facts.get("order")
    if case.number in text:
        return Suggestion(number=case.number, subject=case.subject, why="named", fact=case.number)
    if isinstance(order, str) and order and order.upper() in text:
        return Suggestion(number=case.number, subject=case.subject, why="same_order", fact=order)
    if count == 1 and now - case.updated_at < RECENT:
        return Suggestion(number=case.number, subject=case.subject, why="only_one")
    return None


def _open_cases(transaction: Transaction, contact: int) -> Sequence[Row[*tuple[Any, ...]]]:
    return transaction.connection.execute(
        select(Case.id, Case.number, Case.subject, Case.facts, Case.category, Case.opened_at, Case.updated_at)
        .where(Case.contact_id == contact, Case.status.in_(OPEN), Case.merged_into.is_(None), *open_cases(transaction))
        .order_by(Case.id.desc())
        .limit(20)
    ).all()


def _is_near(row: Row[*tuple[Any, ...]], other: Row[*tuple[Any, ...]]) -> bool:
    return abs(row.opened_at - other.opened_at) < RECENT


def _tie(transaction: Transaction, kind: LinkKind, case: int, other: int, by: Present, moved: Mapping[str, Any]) -> int:
    """What makes it possible to undo it. Returns the number of the link."""
    row = {"kind": kind, "case_id": case, "other_id": other, "moved": moved, "by": by.name, "at": transaction.now}
    return transaction.connection.execute(insert(CaseLink).returning(CaseLink.id), row).scalar_one()


def _move_follow_ups(transaction: Transaction, row: Row[*tuple[Any, ...]], of: str, to: str) -> list[int]:
    """What is planned about one case is about another one now; which those are."""
    moved = transaction.connection.scalars(
        update(FollowUp)
        .where(
            FollowUp.contact_id == row.contact_id,
            FollowUp.case_number == of,
            FollowUp.state == FollowUpState.PLANNED,
            # One question how it was is enough.
            FollowUp.key != f"survey:{of}",
        )
        .values(case_number=to)
        .returning(FollowUp.id)
    ).all()
    return sorted(moved)


def _lines_of(transaction: Transaction, row: Row[*tuple[Any, ...]], lines: Sequence[int]) -> list[int]:
    """Lines of the Contact's timeline that are the case's, or nobody's yet. Raises NotFound."""
    wanted = sorted(set(lines))
    found = transaction.connection.scalars(
        select(Interaction.id).where(
            Interaction.id.in_(wanted), Interaction.contact_id == row.contact_id, Interaction.case_id == row.id
        )
    ).all()
    if len(found) != len(wanted):
        raise NotFound("some of these lines are not the case's")
    return wanted


def _unmerge(
    transaction: Transaction, row: Row[*tuple[Any, ...]], other: Row[*tuple[Any, ...]], moved: dict[str, Any]
) -> None:
    if other.merged_into != row.number:
        raise Undone("it was taken out before")
    back = set(moved["promises"])
    going = [promise for promise in row.promises if promise["id"] in back]
    change(transaction, row, promises=[promise for promise in row.promises if promise["id"] not in back])
    closed = moved["closed_at"]
    change(
        transaction,
        other,
        merged_into=None,
        status=moved["status"],
        closed_at=datetime.fromisoformat(closed) if closed else None,
        promises=[*other.promises, *going],
    )
    transaction.connection.execute(
        update(FollowUp).where(FollowUp.id.in_(moved["follow_ups"])).values(case_number=other.number)
    )


def _unsplit(
    transaction: Transaction, row: Row[*tuple[Any, ...]], other: Row[*tuple[Any, ...]], moved: dict[str, Any]
) -> None:
    """Its lines and its open promises go back, and it is closed: what was done on it since stays on record there."""
    going = [promise for promise in other.promises if not promise["kept"]]
    _move_follow_ups(transaction, other, other.number, row.number)
    transaction.connection.execute(
        update(Interaction)
        .where(Interaction.id.in_(moved["lines"]), Interaction.case_id == other.id)
        .values(case_id=row.id)
    )
    change(transaction, row, promises=[*row.promises, *going])
    change(
        transaction,
        other,
        status=CaseStatus.CLOSED.value,
        closed_at=transaction.now,
        merged_into=row.number,
        promises=[promise for promise in other.promises if promise["kept"]],
    )
