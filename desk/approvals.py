"""Approvals: who wants to grant more than they may asks; a supervisor decides, and nobody for themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, insert, select, update

from bot.playbook import Playbook
from desk.agents import usable
from desk.alerts import raise_alert
from desk.case_news import CaseEvent
from desk.locked_case import change, did, lock_case, lock_open_case
from desk.logins import Present
from desk.proposals import LONGEST, BeyondAuthority, NoAmount, grant_of, refuse_beyond
from desk.refusals import NotFound, Refused
from desk.rights import Right
from storage.alerts import AlertKind
from storage.cases import Case
from storage.commits import Transaction
from storage.compensations import Approval, ApprovalState
from storage.contacts import Contact


class OwnRequest(Refused):
    """Nobody grants what they asked for themselves."""


class Decided(Refused):
    """Somebody has decided it already, or it is not wanted any more."""


class NotNeeded(Refused):
    """It is within what this person may grant: nobody need be asked."""


class MayNotDecide(Refused):
    """Only a supervisor decides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """An approval that is waited for."""

    id: int
    case: str
    subject: str
    customer: str | None
    tier: str
    kind: str
    amount: Decimal | None
    currency: str | None
    words: str
    asked_by: str
    asked_at: datetime


def ask(
    transaction: Transaction,
    *,
    case: str,
    by: Present,
    playbook: Playbook,
    kind: str,
    words: str,
    amount: str | None = None,
) -> int:
    """Ask whether it may be granted; all supervisors are told. Returns its number.

    Raises NotNeeded, NoCase, Merged, CaseOver, Unusable.
    """
    row, grant, words = lock_open_case(transaction, case), grant_of(playbook, kind, amount), usable(words)[:LONGEST]
    try:
        refuse_beyond(transaction, row, by, playbook, grant)
    except BeyondAuthority:
        pass
    else:
        raise NotNeeded("this is within what you may grant")
    made = {
        "case_id": row.id,
        "kind": grant.kind.value,
        "amount": grant.amount,
        "currency": grant.currency if grant.amount is not None else None,
        "words": words,
        "state": ApprovalState.WAITING,
        "asked_by": by.name,
        "asked_by_id": by.staff,
        "asked_at": transaction.now,
    }
    approval = transaction.connection.execute(insert(Approval).returning(Approval.id), made).scalar_one()
    facts = {"kind": grant.kind.value, "amount": str(grant.amount or ""), "currency": grant.currency}
    change(transaction, row)
    did(transaction, row, CaseEvent.ASKED, by, {"approval": approval, "words": words, **facts})
    raise_alert(
        transaction,
        kind=AlertKind.APPROVAL_ASKED,
        subject=f"case:{row.number}",
        right=Right.DIRECT,
        who=by.name,
        facts={"case": row.number},
        key=f"approval:{approval}",
    )
    return approval


def grant(
    transaction: Transaction,
    *,
    approval: int,
    by: Present,
    playbook: Playbook,
    reason: str = "",
    amount: str | None = None,
) -> str:
    """Yes, or with `amount`, yes to less. Returns the case's number.

    Raises OwnRequest, MayNotDecide, Decided, NotFound, Unusable.
    """
    asked, row = _lock(transaction, approval, by)
    granted = asked.amount
    if amount and granted is not None:
        wanted = grant_of(playbook, asked.kind, amount).amount
        if wanted is None or wanted > granted:
            raise NoAmount("it can be granted as asked, or less of it")
        granted = wanted
    _decide(transaction, asked, row, by, ApprovalState.GRANTED, reason.strip()[:LONGEST], granted)
    return row.number


def refuse(transaction: Transaction, *, approval: int, by: Present, reason: str) -> str:
    """No, and why. Returns the case's number. Raises OwnRequest, MayNotDecide, Decided, NotFound, Unusable."""
    asked, row = _lock(transaction, approval, by)
    _decide(transaction, asked, row, by, ApprovalState.REFUSED, usable(reason)[:LONGEST], asked.amount)
    return row.number


def withdraw(transaction: Transaction, *, approval: int, by: Present) -> str:
    """It is not wanted any more, says who asked. Returns the case's number. Raises Decided, NotFound."""
    asked, row = _lock_waiting(transaction, approval)
    if asked.asked_by_id != by.staff:
        raise NotFound(f"you asked for no approval {approval}")
    transaction.connection.execute(
        update(Approval)
        .where(Approval.id == approval)
        .values(state=ApprovalState.WITHDRAWN, decided_at=transaction.now, decided_by=by.name, decided_by_id=by.staff)
    )
    did(transaction, row, CaseEvent.WITHDRAWN, by, {"approval": approval, "kind": asked.kind})
    return row.number


def waiting(transaction: Transaction, *, most: int = 200) -> list[Asked]:
    """What supervisors are asked for, the oldest first."""
    # Outer joins, so that no planner begins with the contacts, of which there are many.
    rows = transaction.connection.execute(
        select(
            Approval.id,
            Case.number.label("case"),
            Case.subject,
            Contact.name.label("customer"),
            Contact.tier,
            Approval.kind,
            Approval.amount,
            Approval.currency,
            Approval.words,
            Approval.asked_by,
            Approval.asked_at,
        )
        .outerjoin(Case, Case.id == Approval.case_id)
        .outerjoin(Contact, Contact.id == Case.contact_id)
        .where(Approval.state == ApprovalState.WAITING)
        .order_by(Approval.asked_at, Approval.id)
        .limit(most)
    )
    return [Asked(**row) for row in rows.mappings()]


def _lock(transaction: Transaction, approval: int, by: Present) -> tuple[Row[*tuple[Any, ...]], Row[*tuple[Any, ...]]]:
    asked, row = _lock_waiting(transaction, approval)
    if Right.DIRECT not in by.rights:
        raise MayNotDecide("only a supervisor decides")
    if asked.asked_by_id == by.staff or asked.asked_by == by.name:
        raise OwnRequest("you asked for this yourself; a colleague decides")
    return asked, row


def _lock_waiting(transaction: Transaction, approval: int) -> tuple[Row[*tuple[Any, ...]], Row[*tuple[Any, ...]]]:
    """The approval and its case. Raises Decided, NotFound."""
    connection = transaction.connection
    number = connection.scalar(
        select(Case.number).join(Approval, Approval.case_id == Case.id).where(Approval.id == approval)
    )
    if number is None:
        raise NotFound(f"there is no approval {approval}")
    row = lock_case(transaction, number)
    asked = connection.execute(
        select(*Approval.__table__.columns).where(Approval.id == approval).with_for_update()
    ).one()
    if asked.state is not ApprovalState.WAITING:
        raise Decided(f"approval {approval} is {asked.state}")
    return asked, row


def _decide(
    transaction: Transaction,
    asked: Row[*tuple[Any, ...]],
    row: Row[*tuple[Any, ...]],
    by: Present,
    state: ApprovalState,
    reason: str,
    amount: Decimal | None,
) -> None:
    transaction.connection.execute(
        update(Approval)
        .where(Approval.id == asked.id)
        .values(
            state=state,
            amount=amount,
            decided_by=by.name,
            decided_by_id=by.staff,
            decided_at=transaction.now,
            reason=reason,
        )
    )
    event = CaseEvent.GRANTED if state is ApprovalState.GRANTED else CaseEvent.REFUSED
    facts = {"kind": asked.kind, "amount": str(amount or ""), "currency": asked.currency or ""}
    change(transaction, row)
    did(transaction, row, event, by, {"approval": asked.id, "words": reason, **facts})
    raise_alert(
        transaction,
        kind=AlertKind.APPROVAL_DECIDED,
        subject=f"case:{row.number}",
        staff=asked.asked_by,
        who=by.name,
        facts={"case": row.number, "granted": state is ApprovalState.GRANTED},
    )
