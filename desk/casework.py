"""Casework: what people do with a case. Open one, correct its facts, judge it, give it to somebody, resolve it, open it
again. What stood there before is kept, and the assistant knows of it at its next Turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row, insert, select, update

from bot.causes import category_of
from bot.complaints.facts import ASKED_OF_ALL
from bot.memory import Complaint
from bot.playbook import Playbook
from bot.policy import OfferKind
from bot.turn import CaseKind, CaseStatus, Step
from desk.agents import usable
from desk.alerts import raise_alert
from desk.case_news import CaseEvent
from desk.cases import plan_survey
from desk.deeds import noted
from desk.locked_case import (
    OPEN,
    CaseOver,
    Merged,
    change,
    did,
    leave_to_people,
    let_engine_know,
    lock_case,
    lock_open_case,
    place_to_write,
    remember,
)
from desk.logins import Present
from desk.refusals import NotFound, Unusable
from desk.sight import Kind, sees
from storage import lanes
from storage.alerts import AlertKind
from storage.cases import FIRST, Case
from storage.commits import Transaction
from storage.compensations import Approval, ApprovalState
from storage.contacts import Contact
from storage.conversations import Conversation
from storage.deadlines import Deadline
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import Direction, InteractionKind, record
from storage.linking import current
from storage.staff import Staff

LONGEST_SUBJECT: Final = 200
LONGEST_FACT: Final = 1000
FACTS: Final = (*(field for field in ASKED_OF_ALL if field != "proof"), "amount")
"""Facts that people may write; the others follow from what the assistant looked up."""
WISHES: Final = tuple(kind.value for kind in OfferKind)
PRIORITIES: Final = (1, 2, 3, 4)


def open_case(
    transaction: Transaction,
    *,
    by: Present,
    contact: int,
    subject: str,
    kind: CaseKind = CaseKind.COMPLAINT,
    priority: int = 3,
    conversation: int | None = None,
    facts: Mapping[str, str] | None = None,
) -> str:
    """Open a case by hand; whoever does has it. Returns its number. Raises Unusable, NotFound."""
    subject = checked_subject(subject)
    connection = transaction.connection
    contact = current(connection, contact)
    if connection.scalar(select(Contact.id).where(Contact.id == contact)) is None:
        raise NotFound(f"there is no contact {contact}")
    lanes.lock(connection, [contact])
    if conversation is not None:
        _of_contact(transaction, conversation, contact)
    opened = write_down(
        transaction,
        by=by,
        contact=contact,
        conversation=conversation,
        subject=subject,
        kind=CaseKind(kind),
        facts={field: _fact(field, words) for field, words in (facts or {}).items() if words.strip()},
        priority=_priority(priority),
        owner=by.name,
    )
    did(transaction, lock_case(transaction, opened.number), CaseEvent.OPENED, by, {"kind": CaseKind(kind).value})
    return opened.number


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenDown:
    """A case that is new."""

    id: int
    number: str
    line: int
    """Of the Contact's timeline, which says that it was opened."""


def write_down(
    transaction: Transaction,
    *,
    by: Present,
    contact: int,
    conversation: int | None,
    subject: str,
    kind: CaseKind,
    facts: Mapping[str, Any],
    priority: int,
    owner: str,
) -> WrittenDown:
    """A new case, as it was checked, with its line in the timeline."""
    connection, now = transaction.connection, transaction.now
    line = record(
        connection,
        contact=contact,
        conversation=conversation,
        channel="desk",
        direction=Direction.INTERNAL,
        kind=InteractionKind.NOTE,
        author=f"agent:{by.name}",
        text=subject,
        now=now,
    )
    # Numbers of cases are those of Interactions, so that the assistant's and ours never meet.
    number = f"C-{FIRST + line}"
    values: dict[str, Any] = {
        "number": number,
        "contact_id": contact,
        "conversation_id": conversation,
        "kind": kind.value,
        "status": CaseStatus.OPEN.value,
        "step": Step.RECORD.value if kind is CaseKind.COMPLAINT else None,
        "subject": subject,
        "facts": facts,
        "proposal": {},
        "promises": [],
        "priority": priority,
        "owner": owner,
        "survey_asked": False,
        "opened_at": now,
        "updated_at": now,
        "opened_by": by.name,
    }
    made = connection.execute(insert(Case).returning(Case.id), values).scalar_one()
    return WrittenDown(id=made, number=number, line=line)


def change_facts(
    transaction: Transaction, *, case: str, by: Present, facts: Mapping[str, str], subject: str | None = None
) -> tuple[str, ...]:
    """Correct what was recorded; what is empty is taken out. Returns the names of what was changed.

    Raises NoCase, Merged, Unusable.
    """
    row = _lock_unmerged(transaction, case)
    after: dict[str, Any] = dict(row.facts)
    changes: dict[str, tuple[Any, Any]] = {}
    for field, words in facts.items():
        told = _fact(field, words) if words.strip() else None
        if told != after.get(field):
            changes[f"facts.{field}"] = (after.get(field), told)
            after[field] = told
    values: dict[str, Any] = {"facts": after}
    if subject is not None and (subject := checked_subject(subject)) != row.subject:
        changes["subject"] = (row.subject, subject)
        values["subject"] = subject
    if not changes:
        return ()
    remember(transaction, row, by, changes)
    change(transaction, row, **values)

    def take_over(complaint: Complaint) -> None:
        complaint.facts |= {field: after[field] for field in facts if field in after}

    let_engine_know(transaction, row, take_over)
    did(transaction, row, CaseEvent.CHANGED, by, {"fields": sorted(changes)})
    return tuple(changes)


def set_cause(transaction: Transaction, *, case: str, by: Present, cause: str, playbook: Playbook) -> None:
    """What it comes from in the end; empty: not known. Also of a case that is over. Raises NoCase, Merged, Unusable."""
    row = _lock_unmerged(transaction, case)
    found = cause or None
    if found is not None and found not in playbook.causes:
        raise Unusable(f"there is no cause {cause[:60]!r}")
    if found == row.cause:
        return
    remember(transaction, row, by, {"cause": (row.cause, found)})
    change(transaction, row, cause=found, category=category_of(found) if found else row.facts.get("kind"))
    did(transaction, row, CaseEvent.CHANGED, by, {"fields": ["cause"]})


def set_priority(transaction: Transaction, *, case: str, by: Present, priority: int, playbook: Playbook) -> None:
    """What is more urgent wants its answers sooner, from the beginning on.

    Raises NoCase, Merged, CaseOver, Unusable.
    """
    row = lock_open_case(transaction, case)
    if _priority(priority) == row.priority:
        return
    targets = playbook.policy.cases.target(priority, row.tier)
    for kind in ("first_response", "next_update", "solution"):
        minutes = max(round(getattr(targets, kind) * 60), 1)
        running = (Deadline.case_id == row.id) & (Deadline.kind == kind)
        running &= Deadline.met_at.is_(None) & Deadline.breached_at.is_(None)
        transaction.connection.execute(update(Deadline).where(running).values(minutes=minutes))
    remember(transaction, row, by, {"priority": (row.priority, priority)})
    change(transaction, row, priority=priority)
    did(transaction, row, CaseEvent.CHANGED, by, {"fields": ["priority"], "priority": priority})


def assign(transaction: Transaction, *, case: str, by: Present, owner: str) -> None:
    """Whose it is; empty: nobody's. Raises NoCase, Merged, CaseOver, Unusable."""
    row = lock_open_case(transaction, case)
    given = owner.strip() or None
    if given is not None:
        works_here = select(Staff.id).where(Staff.name == given, Staff.left_at.is_(None))
        if transaction.connection.scalar(works_here) is None:
            raise Unusable(f"nobody here is called {given[:64]!r}")
    if given == row.owner:
        return
    remember(transaction, row, by, {"owner": (row.owner, given)})
    change(transaction, row, owner=given)
    did(transaction, row, CaseEvent.CHANGED, by, {"fields": ["owner"]})
    if given is not None:
        raise_alert(
            transaction, kind=AlertKind.ASSIGNED, subject=f"case:{case}", staff=given, who=by.name, facts={"case": case}
        )


def judge(transaction: Transaction, *, case: str, by: Present, founded: bool, reason: str = "") -> None:
    """A person's word on whether the complaint is right; the assistant offers nothing after it.

    Raises NoCase, Merged, CaseOver, Unusable: a complaint is not declined without a reason.
    """
    row = lock_open_case(transaction, case)
    reason = usable(reason)[:LONGEST_FACT] if reason.strip() or not founded else ""
    remember(transaction, row, by, {"founded": (row.founded, founded)})
    change(transaction, row, founded=founded, step=Step.PROPOSE.value if row.step in _EARLY else row.step)
    let_engine_know(transaction, row, leave_to_people)
    did(transaction, row, CaseEvent.JUDGED, by, {"founded": founded, "reason": reason})


_EARLY: Final = (Step.LISTEN.value, Step.RECORD.value)


def wait(transaction: Transaction, *, case: str, by: Present, waiting: bool) -> None:
    """It is the customer's move, and the clocks stand still; or ours again. Raises NoCase, Merged, CaseOver."""
    row = lock_open_case(transaction, case)
    status = CaseStatus.WAITING.value if waiting else CaseStatus.OPEN.value
    if status == row.status:
        return
    remember(transaction, row, by, {"status": (row.status, status)})
    change(transaction, row, status=status)
    did(transaction, row, CaseEvent.CHANGED, by, {"fields": ["status"]})


def resolve(
    transaction: Transaction, *, case: str, by: Present, words: str = "", survey_hours: float | None = None
) -> None:
    """It is settled: promises count as kept, and with `survey_hours` the customer is asked then how it was.

    Raises NoCase, Merged, CaseOver; Unusable while an approval is waited for.
    """
    row = lock_open_case(transaction, case)
    waits = select(Approval.id).where(Approval.case_id == row.id, Approval.state == ApprovalState.WAITING)
    if transaction.connection.scalar(waits) is not None:
        raise ApprovalWaits(f"an approval for case {case} is still waited for")
    kept = [{**promise, "kept": True} for promise in row.promises]
    step = Step.FOLLOW_UP.value if row.step is not None else None
    remember(transaction, row, by, {"status": (row.status, CaseStatus.RESOLVED.value)})
    change(transaction, row, status=CaseStatus.RESOLVED.value, step=step, promises=kept, closed_at=None)
    let_engine_know(transaction, row, leave_to_people)
    place = place_to_write(transaction, row)
    if survey_hours is not None and not row.survey_asked and place is not None:
        plan_survey(
            transaction,
            contact=row.contact_id,
            conversation=place,
            number=case,
            due=transaction.now + timedelta(hours=survey_hours),
        )
    did(transaction, row, CaseEvent.RESOLVED, by, {"words": words.strip()[:LONGEST_FACT]})


def close(transaction: Transaction, *, case: str, by: Present, words: str = "") -> None:
    """Nothing more is to be done, and nobody is asked how it was. Raises NoCase, Merged, CaseOver."""
    row = _lock_unmerged(transaction, case)
    if row.status == CaseStatus.CLOSED.value:
        raise CaseOver(f"case {case} is closed")
    remember(transaction, row, by, {"status": (row.status, CaseStatus.CLOSED.value)})
    change(transaction, row, status=CaseStatus.CLOSED.value, closed_at=transaction.now)
    transaction.connection.execute(
        update(FollowUp)
        .where(
            FollowUp.contact_id == row.contact_id,
            FollowUp.case_number == case,
            FollowUp.state == FollowUpState.PLANNED,
        )
        .values(state=FollowUpState.CANCELLED, done_at=transaction.now, outcome="the case was closed")
    )
    transaction.connection.execute(
        update(Approval)
        .where(Approval.case_id == row.id, Approval.state == ApprovalState.WAITING)
        .values(state=ApprovalState.WITHDRAWN, decided_at=transaction.now)
    )
    let_engine_know(transaction, row, leave_to_people)
    did(transaction, row, CaseEvent.CLOSED, by, {"words": words.strip()[:LONGEST_FACT]})


def reopen(transaction: Transaction, *, case: str, by: Present, words: str) -> None:
    """It was not settled after all; whoever opens it again has it. Raises NoCase, Merged, Unusable."""
    row = _lock_unmerged(transaction, case)
    if row.status in OPEN:
        raise Unusable(f"case {case} is open")
    words = usable(words)[:LONGEST_FACT]
    remember(transaction, row, by, {"status": (row.status, CaseStatus.OPEN.value)})
    change(transaction, row, status=CaseStatus.OPEN.value, closed_at=None, owner=row.owner or by.name)
    did(transaction, row, CaseEvent.REOPENED, by, {"words": words})


def note(transaction: Transaction, *, case: str, by: Present, text: str) -> int:
    """Something for colleagues alone; its line. Raises NoCase, Unusable."""
    row, text = lock_case(transaction, case), usable(text)
    return record(
        transaction.connection,
        contact=row.contact_id,
        conversation=None,
        case=row.id,
        channel="desk",
        direction=Direction.INTERNAL,
        kind=InteractionKind.NOTE,
        author=f"agent:{by.name}",
        text=text,
        now=transaction.now,
    )


def reveal_reach(transaction: Transaction, *, case: str, by: Present) -> str:
    """How the customer wants to be reached, in full; the log keeps who looked. Raises NoCase."""
    row = lock_case(transaction, case)
    noted(transaction, by, "case.reach_seen", f"case:{row.number}")
    return str(row.facts.get("reach") or "")


class ApprovalWaits(Unusable):
    """Somebody was asked, and has not answered yet."""


def _lock_unmerged(transaction: Transaction, case: str) -> Row[*tuple[Any, ...]]:
    """Also one that is over. Raises Merged, NoCase."""
    row = lock_case(transaction, case)
    if row.merged_into is not None:
        raise Merged(f"case {case} was merged into {row.merged_into}")
    return row


def _of_contact(transaction: Transaction, conversation: int, contact: int) -> None:
    found = transaction.connection.scalar(select(Conversation.contact_id).where(Conversation.id == conversation))
    if found != contact or not sees(transaction, Kind.CONVERSATION, conversation):
        raise NotFound(f"this contact has no conversation {conversation}")


def checked_subject(words: str) -> str:
    words = " ".join(usable(words).split())
    if len(words) > LONGEST_SUBJECT:
        raise Unusable(f"a subject has at most {LONGEST_SUBJECT} characters")
    return words


def _fact(field: str, words: str) -> str:
    if field not in FACTS:
        raise Unusable(f"{field[:30]!r} is no fact that people write")
    words = usable(words)
    if len(words) > LONGEST_FACT:
        raise Unusable(f"a fact has at most {LONGEST_FACT} characters")
    return words


def _priority(priority: int) -> int:
    if priority not in PRIORITIES:
        raise Unusable("a priority is 1 (urgent) to 4 (low)")
    return priority
