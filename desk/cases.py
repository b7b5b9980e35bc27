"""Cases at the desk: what an agent sees of them, and how one is resolved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from bot.turn import CaseStatus, FollowUpKind
from desk.refusals import NotFound
from desk.sight import open_cases
from storage.cases import Case
from storage.commits import Transaction
from storage.follow_ups import FollowUp, FollowUpState
from storage.many import named


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseSummary:
    """A case at a glance."""

    number: str
    kind: str
    status: str
    step: str | None
    subject: str
    priority: int
    owner: str | None
    facts: dict[str, Any]
    founded: bool | None
    proposal: dict[str, Any]
    promises: list[Any]
    opened_at: datetime
    closed_at: datetime | None


def cases_of(transaction: Transaction, contact: int) -> list[CaseSummary]:
    """A Contact's cases, open ones first, then the latest."""
    hidden = open_cases(transaction)
    if not hidden:
        return [CaseSummary(**row._asdict()) for row in _of_contact.ask(transaction.connection, {"contact": contact})]
    rows = transaction.connection.execute(_summaries.where(*hidden), {"contact": contact})
    return [CaseSummary(**row) for row in rows.mappings()]


AT_A_GLANCE = (
    Case.number,
    Case.kind,
    Case.status,
    Case.step,
    Case.subject,
    Case.priority,
    Case.owner,
    Case.facts,
    Case.founded,
    Case.proposal,
    Case.promises,
    Case.opened_at,
    Case.closed_at,
)
"""Columns of a CaseSummary, in its order."""
_summaries = (
    select(*AT_A_GLANCE)
    .where(Case.contact_id == bindparam("contact"))
    .order_by(Case.closed_at.is_not(None), Case.id.desc())
)
_of_contact = named(_summaries)
"""Where nothing is hidden from whoever looks; worked out once."""


_cases = select(Case.id, Case.number, Case.conversation_id).order_by(Case.id.desc())


def current_case(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> int | None:
    """The case that this Conversation is about: one that began here, else the Contact's latest."""
    of_contact = _cases.where(Case.contact_id == row.contact_id, Case.closed_at.is_(None))
    found = transaction.connection.execute(of_contact).all()
    here = [case.id for case in found if case.conversation_id == row.id]
    return next(iter([*here, *(case.id for case in found)]), None)


def resolve_case(transaction: Transaction, row: Row[*tuple[Any, ...]], number: str, survey_hours: float | None) -> None:
    """Its promises count as kept; with `survey_hours`, the customer is asked then how it was. Raises NotFound."""
    connection, now = transaction.connection, transaction.now
    resolved = connection.execute(
        update(Case)
        .where(Case.number == number, Case.contact_id == row.contact_id, Case.merged_into.is_(None))
        .values(status=CaseStatus.RESOLVED, updated_at=now, timed=False)
        .returning(Case.survey_asked, Case.promises)
    ).one_or_none()
    if resolved is None:
        raise NotFound(f"this contact has no case {number}")
    kept = [{**promise, "kept": True} for promise in resolved.promises]
    connection.execute(update(Case).where(Case.number == number).values(promises=kept))
    if survey_hours is not None and not resolved.survey_asked:
        due = now + timedelta(hours=survey_hours)
        plan_survey(transaction, contact=row.contact_id, conversation=row.id, number=number, due=due)


def plan_survey(transaction: Transaction, *, contact: int, conversation: int, number: str, due: datetime) -> None:
    """Once: where the engine has planned it already, that stands."""
    key = f"survey:{number}"
    planned = transaction.connection.scalar(
        select(FollowUp.id).where(
            FollowUp.contact_id == contact, FollowUp.key == key, FollowUp.state == FollowUpState.PLANNED
        )
    )
    if planned is not None:
        return
    transaction.connection.execute(
        insert(FollowUp),
        {
            "contact_id": contact,
            "conversation_id": conversation,
            "case_number": number,
            "kind": FollowUpKind.SURVEY,
            "key": key,
            "reason": "satisfaction after the case",
            "details": {},
            "due_at": due,
            "state": FollowUpState.PLANNED,
            "planned_at": transaction.now,
        },
    )
