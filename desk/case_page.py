"""One case, laid open: its steps, facts, deadlines, promises, what was offered and given, and its timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Row, or_, select

from bot.causes import within
from bot.playbook import Playbook
from bot.turn import CaseStatus, Step
from desk.case_links import Suggestion, alike, conversations_of, suggest
from desk.casework import FACTS
from desk.locked_case import LONGEST_NUMBER, OPEN, NoCase
from desk.logins import Present
from desk.proposals import Allowed, allowed, family
from desk.refusals import NotFound
from desk.sight import open_cases, open_lines, open_talks
from storage.cases import Case, CaseChange, CaseLink
from storage.cause_actions import ActionState, CauseAction
from storage.commits import Transaction
from storage.compensations import Approval, Compensation
from storage.contacts import Contact
from storage.conversations import Conversation
from storage.deadlines import Deadline, DeadlineKind, Pause, PauseReason
from storage.interactions import Direction, Interaction, InteractionKind

STEPS: Final = (Step.LISTEN.value, Step.RECORD.value, Step.PROPOSE.value, Step.FOLLOW_UP.value)
LATEST: Final = 200
"""Lines of the timeline."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepOnPath:
    """One of the four steps."""

    name: str
    state: str
    """`done`, `now` or `to_come`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadlineFacts:
    kind: DeadlineKind
    round: int
    due_at: datetime | None
    met_at: datetime | None
    breached_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PromiseFacts:
    id: str
    text: str
    due: datetime
    kept: bool
    broken: bool
    by: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalFacts:
    id: int
    kind: str
    amount: Decimal | None
    currency: str | None
    words: str
    state: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    reason: str | None
    own: bool
    """Whoever looks asked for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CompensationFacts:
    id: int
    case: str
    kind: str
    amount: Decimal | None
    currency: str | None
    voucher: str | None
    order: str | None
    promised: str
    by: str
    at: datetime
    taken_back_by: str | None
    taken_back_why: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkedCase:
    link: int
    kind: str
    number: str
    subject: str
    stays: bool
    """The other one was merged into, or split from, the case that is looked at."""
    by: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseLine:
    """A line of the timeline: something said, noted, or done."""

    id: int
    at: datetime
    kind: str
    direction: str
    author: str
    channel: str
    text: str
    facts: Mapping[str, Any]
    conversation: int | None
    own: bool
    """It is written to the case itself, and can be split off."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeLine:
    at: datetime
    by: str
    field: str
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class TalkFacts:
    id: int
    channel: str
    state: str
    opened_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseFile:
    """All of it."""

    id: int
    number: str
    kind: str
    status: str
    is_open: bool
    step: str | None
    path: tuple[StepOnPath, ...]
    """Empty, where it is no complaint."""
    subject: str
    facts: Mapping[str, Any]
    founded: bool | None
    proposal: Mapping[str, Any]
    priority: int
    owner: str | None
    score: int | None
    survey_asked: bool
    category: str | None
    cause: str | None
    opened_at: datetime
    opened_by: str | None
    updated_at: datetime
    closed_at: datetime | None
    merged_into: str | None
    contact: int
    customer: str | None
    tier: str
    due_at: datetime | None
    stands_still: PauseReason | None
    deadlines: tuple[DeadlineFacts, ...]
    promises: tuple[PromiseFacts, ...]
    approvals: tuple[ApprovalFacts, ...]
    compensations: tuple[CompensationFacts, ...]
    allowed: Allowed
    links: tuple[LinkedCase, ...]
    talks: tuple[TalkFacts, ...]
    alike: tuple[Suggestion, ...]
    lines: tuple[CaseLine, ...]
    changes: tuple[ChangeLine, ...]
    actions: tuple[str, ...]
    """What is being done about its cause."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BesideCase:
    """A case of the customer, beside a Conversation."""

    number: str
    kind: str
    status: str
    is_open: bool
    subject: str
    step: str | None
    path: tuple[StepOnPath, ...]
    priority: int
    owner: str | None
    due_at: datetime | None
    promises: tuple[PromiseFacts, ...]
    approval_waits: bool
    attached: bool
    """It is about the Conversation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """What a Conversation shows of cases."""

    contact: int
    cases: tuple[BesideCase, ...]
    """Open ones first, then the latest."""
    suggestions: tuple[Suggestion, ...]


def show(transaction: Transaction, *, case: str, by: Present, playbook: Playbook) -> CaseFile:
    """All that there is about a case: its path, facts, deadlines, promises, proposals, and what was done. Raises
    NoCase."""
    connection = transaction.connection
    row = connection.execute(
        select(*Case.__table__.columns, Contact.name, Contact.tier)
        .join(Contact, Contact.id == Case.contact_id)
        .where(Case.number == case[:LONGEST_NUMBER], *open_cases(transaction))
    ).one_or_none()
    if row is None:
        raise NoCase(f"there is no case {case[:LONGEST_NUMBER]}")
    members = family(connection, row)
    talks = conversations_of(transaction, members)
    return CaseFile(
        id=row.id,
        number=row.number,
        kind=row.kind,
        status=row.status,
        is_open=row.status in OPEN,
        step=row.step,
        path=path_of(row),
        subject=row.subject,
        facts=row.facts,
        founded=row.founded,
        proposal=row.proposal,
        priority=row.priority,
        owner=row.owner,
        score=row.score,
        survey_asked=row.survey_asked,
        category=row.category,
        cause=row.cause,
        opened_at=row.opened_at,
        opened_by=row.opened_by,
        updated_at=row.updated_at,
        closed_at=row.closed_at,
        merged_into=row.merged_into,
        contact=row.contact_id,
        customer=row.name,
        tier=row.tier,
        due_at=row.due_at,
        stands_still=_stands_still(transaction, row.id),
        deadlines=_deadlines(transaction, row.id),
        promises=_promises(row.promises, transaction.now),
        approvals=_approvals(transaction, members, by),
        compensations=_compensations(transaction, members),
        allowed=allowed(connection, row, by, playbook),
        links=_links(transaction, row.id),
        talks=_talks(transaction, talks),
        alike=tuple(alike(transaction, case=row.number)),
        lines=_lines(transaction, row, members, talks),
        changes=_changes(transaction, members),
        actions=_actions(transaction, row.cause),
    )


def beside(transaction: Transaction, *, conversation: int) -> Beside:
    """The customer's cases, for who talks with them. Raises NotFound."""
    connection = transaction.connection
    contact = connection.scalar(select(Conversation.contact_id).where(Conversation.id == conversation))
    if contact is None:
        raise NotFound(f"there is no conversation {conversation}")
    rows = connection.execute(
        select(*Case.__table__.columns)
        .where(
            Case.contact_id == contact,
            Case.status != CaseStatus.SPAM.value,
            Case.merged_into.is_(None),
            *open_cases(transaction),
        )
        .order_by(Case.status.in_(OPEN).desc(), Case.id.desc())
        .limit(10)
    ).all()
    waiting = set(
        connection.scalars(
            select(Approval.case_id).where(Approval.case_id.in_([row.id for row in rows]), Approval.state == "waiting")
        )
    )
    return Beside(
        contact=contact,
        cases=tuple(
            BesideCase(
                number=row.number,
                kind=row.kind,
                status=row.status,
                is_open=row.status in OPEN,
                subject=row.subject,
                step=row.step,
                path=path_of(row),
                priority=row.priority,
                owner=row.owner,
                due_at=row.due_at,
                promises=tuple(one for one in _promises(row.promises, transaction.now) if not one.kept),
                approval_waits=row.id in waiting,
                attached=conversation in conversations_of(transaction, [row.id]),
            )
            for row in rows
        ),
        suggestions=tuple(suggest(transaction, conversation=conversation)),
    )


def path_of(row: Row[*tuple[Any, ...]]) -> tuple[StepOnPath, ...]:
    """The four steps of a complaint, and how far it has come."""
    if row.step not in STEPS:
        return ()
    at = STEPS.index(row.step)
    over = row.status not in OPEN
    return tuple(
        StepOnPath(name=name, state="done" if over or place < at else "now" if place == at else "to_come")
        for place, name in enumerate(STEPS)
    )


def writable_facts(facts: Mapping[str, Any]) -> dict[str, str]:
    """Those that people correct, in the order asked; empty where nobody knows."""
    return {field: "" if facts.get(field) is None else str(facts[field]) for field in FACTS}


def _stands_still(transaction: Transaction, case: int) -> PauseReason | None:
    return transaction.connection.scalar(select(Pause.reason).where(Pause.case_id == case, Pause.ended_at.is_(None)))


def _deadlines(transaction: Transaction, case: int) -> tuple[DeadlineFacts, ...]:
    """The latest round of each kind, and every one that was missed."""
    rows = transaction.connection.execute(
        select(Deadline.kind, Deadline.round, Deadline.due_at, Deadline.met_at, Deadline.breached_at)
        .where(Deadline.case_id == case)
        .order_by(Deadline.id)
    )
    found = [DeadlineFacts(**row) for row in rows.mappings()]
    latest = {one.kind: one.round for one in sorted(found, key=lambda one: one.round)}
    return tuple(one for one in found if one.round == latest[one.kind] or one.breached_at is not None)


def _promises(promises: Sequence[Mapping[str, Any]], now: datetime) -> tuple[PromiseFacts, ...]:
    found: list[PromiseFacts] = []
    for promise in promises:
        due = datetime.fromisoformat(promise["due"])
        found.append(
            PromiseFacts(
                id=promise["id"],
                text=promise["text"],
                due=due,
                kept=promise["kept"],
                broken=not promise["kept"] and due <= now,
                by=promise.get("by"),
            )
        )
    return tuple(found)


def _approvals(transaction: Transaction, cases: Sequence[int], by: Present) -> tuple[ApprovalFacts, ...]:
    rows = transaction.connection.execute(
        select(
            Approval.id,
            Approval.kind,
            Approval.amount,
            Approval.currency,
            Approval.words,
            Approval.state,
            Approval.asked_by,
            Approval.asked_by_id,
            Approval.asked_at,
            Approval.decided_by,
            Approval.reason,
        )
        .where(Approval.case_id.in_(cases))
        .order_by(Approval.id.desc())
    ).all()
    return tuple(
        ApprovalFacts(
            id=row.id,
            kind=row.kind,
            amount=row.amount,
            currency=row.currency,
            words=row.words,
            state=row.state,
            asked_by=row.asked_by,
            asked_at=row.asked_at,
            decided_by=row.decided_by,
            reason=row.reason,
            own=row.asked_by_id == by.staff,
        )
        for row in rows
    )


def _compensations(transaction: Transaction, cases: Sequence[int]) -> tuple[CompensationFacts, ...]:
    rows = transaction.connection.execute(
        select(
            Compensation.id,
            Case.number.label("case"),
            Compensation.kind,
            Compensation.amount,
            Compensation.currency,
            Compensation.voucher,
            Compensation.order_id.label("order"),
            Compensation.promised,
            Compensation.by,
            Compensation.at,
            Compensation.taken_back_by,
            Compensation.taken_back_why,
        )
        .join(Case, Case.id == Compensation.case_id)
        .where(Compensation.case_id.in_(cases))
        .order_by(Compensation.id)
    )
    return tuple(CompensationFacts(**row) for row in rows.mappings())


def _links(transaction: Transaction, case: int) -> tuple[LinkedCase, ...]:
    rows = transaction.connection.execute(
        select(
            CaseLink.id,
            CaseLink.kind,
            CaseLink.case_id,
            CaseLink.other_id,
            CaseLink.by,
            CaseLink.at,
            Case.number,
            Case.subject,
        )
        .join(Case, or_(Case.id == CaseLink.case_id, Case.id == CaseLink.other_id))
        .where(or_(CaseLink.case_id == case, CaseLink.other_id == case), CaseLink.undone_at.is_(None), Case.id != case)
        .order_by(CaseLink.id)
    ).all()
    return tuple(
        LinkedCase(
            link=row.id,
            kind=row.kind,
            number=row.number,
            subject=row.subject,
            stays=row.case_id == case,
            by=row.by,
            at=row.at,
        )
        for row in rows
    )


def _talks(transaction: Transaction, talks: Sequence[int]) -> tuple[TalkFacts, ...]:
    rows = transaction.connection.execute(
        select(Conversation.id, Conversation.channel, Conversation.state, Conversation.opened_at)
        .where(Conversation.id.in_(talks), *open_talks(transaction))
        .order_by(Conversation.id)
    )
    return tuple(TalkFacts(**row) for row in rows.mappings())


def _lines(
    transaction: Transaction, row: Row[*tuple[Any, ...]], members: Sequence[int], talks: Sequence[int]
) -> tuple[CaseLine, ...]:
    """What was said in its conversations since it was opened, and what was written to the case itself; oldest first."""
    said = (
        Interaction.conversation_id.in_(talks)
        & (Interaction.stored_at >= row.opened_at)
        & Interaction.direction.in_([Direction.IN, Direction.OUT])
        & Interaction.kind.not_in([InteractionKind.AUTOMATIC])
    )
    rows = transaction.connection.execute(
        select(
            Interaction.id,
            Interaction.at,
            Interaction.kind,
            Interaction.direction,
            Interaction.author,
            Interaction.channel,
            Interaction.text,
            Interaction.content,
            Interaction.conversation_id,
            Interaction.case_id,
        )
        .where(
            Interaction.contact_id == row.contact_id,
            or_(Interaction.case_id.in_(members), said),
            *open_lines(transaction),
        )
        .order_by(Interaction.id.desc())
        .limit(LATEST)
    ).all()
    return tuple(
        CaseLine(
            id=line.id,
            at=line.at,
            kind=line.kind,
            direction=line.direction,
            author=line.author,
            channel=line.channel,
            text=line.text,
            facts=line.content,
            conversation=line.conversation_id,
            own=line.case_id == row.id and line.kind is not InteractionKind.SYSTEM,
        )
        for line in reversed(rows)
    )


def _changes(transaction: Transaction, cases: Sequence[int]) -> tuple[ChangeLine, ...]:
    rows = transaction.connection.execute(
        select(CaseChange.at, CaseChange.by, CaseChange.field, CaseChange.before, CaseChange.after)
        .where(CaseChange.case_id.in_(cases))
        .order_by(CaseChange.id.desc())
        .limit(100)
    )
    return tuple(ChangeLine(**row) for row in rows.mappings())


def _actions(transaction: Transaction, cause: str | None) -> tuple[str, ...]:
    if cause is None:
        return ()
    rows = transaction.connection.execute(
        select(CauseAction.cause, CauseAction.action).where(CauseAction.state != ActionState.DROPPED)
    )
    return tuple(row.action for row in rows if within(cause, row.cause))
