"""Proposals and compensations: what is offered to a customer, and what they got, each within what its giver may grant,
or with an approval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import isinf
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from bot.authority import Authority
from bot.playbook import Playbook
from bot.policy import OfferKind
from bot.turn import CaseStatus, Step
from desk.agents import usable
from desk.case_news import CaseEvent
from desk.locked_case import change, did, leave_to_people, let_engine_know, lock_case, lock_open_case
from desk.logins import Present
from desk.refusals import NotFound, Refused, Unusable
from storage.cases import Case
from storage.commits import Transaction
from storage.compensations import Approval, ApprovalState, Compensation
from storage.staff import Role

MONEY: Final = frozenset({OfferKind.REFUND, OfferKind.VOUCHER})
LONGEST: Final = 1000
MOST: Final = Decimal(10) ** 10
"""More is a slip of the keyboard."""


class BeyondAuthority(Refused):
    """It is more than this person may grant on their own; a supervisor can be asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What is to be granted: `amount` where it is about money, else None."""

    kind: OfferKind
    amount: Decimal | None
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowed:
    """How far somebody may go for a case, all that was granted for it before included."""

    refund: Decimal | None
    """None: without limit."""
    voucher: Decimal | None
    replacement: bool
    currency: str


def grant_of(playbook: Playbook, kind: str, amount: str | Decimal | None) -> Grant:
    """What a form or a call names. Raises Unusable."""
    if kind not in list(OfferKind):
        raise Unusable(f"{kind[:30]!r} is nothing that can be granted")
    offer, currency = OfferKind(kind), playbook.policy.currency
    if offer not in MONEY:
        return Grant(kind=offer, amount=None, currency=currency)
    try:
        value = Decimal(str(amount).strip().replace(",", ""))
    except InvalidOperation as error:
        raise NoAmount("an amount is missing, or is no number") from error
    if not value.is_finite() or not 0 < value < MOST or value != value.quantize(Decimal("0.01")):
        raise NoAmount("an amount is above zero, and has at most two decimals")
    return Grant(kind=offer, amount=value, currency=currency)


class NoAmount(Unusable):
    """An amount is missing, or cannot be paid."""


def allowed(connection: Connection, row: Row[*tuple[Any, ...]], by: Present, playbook: Playbook) -> Allowed:
    """By role and tier, and by what was approved for this case."""
    authorities = [
        playbook.policy.may_grant(role, row.tier) for role in (Role.AGENT, Role.SUPERVISOR) if role in by.roles
    ] or [Authority(apology=False)]
    approved = connection.execute(
        select(Approval.kind, Approval.amount).where(
            Approval.case_id.in_(family(connection, row)), Approval.state == ApprovalState.GRANTED
        )
    ).all()
    return Allowed(
        refund=_limit((one.refund for one in authorities), approved, OfferKind.REFUND),
        voucher=_limit((one.voucher for one in authorities), approved, OfferKind.VOUCHER),
        replacement=any(one.replacement for one in authorities)
        or any(one.kind == OfferKind.REPLACEMENT for one in approved),
        currency=playbook.policy.currency,
    )


def _limit(own: Iterable[float], approved: Iterable[Row[*tuple[Any, ...]]], kind: OfferKind) -> Decimal | None:
    limits = list(own)
    if any(isinf(limit) for limit in limits):
        return None
    granted = (one.amount for one in approved if one.kind == kind and one.amount is not None)
    return max([*(Decimal(str(limit)) for limit in limits), *granted], default=Decimal(0))


def refuse_beyond(
    transaction: Transaction, row: Row[*tuple[Any, ...]], by: Present, playbook: Playbook, grant: Grant
) -> None:
    """All that was given for a case counts: a refund in three pieces is one refund. Raises BeyondAuthority."""
    limits = allowed(transaction.connection, row, by, playbook)
    match grant.kind:
        case OfferKind.REFUND | OfferKind.VOUCHER:
            limit = limits.refund if grant.kind is OfferKind.REFUND else limits.voucher
            if grant.amount is None or limit is None:
                return
            total = grant.amount + given(transaction.connection, row, grant.kind)
            if total > limit:
                raise BeyondAuthority(f"{total:f} {grant.currency} in all is more than {limit:f} {grant.currency}")
        case OfferKind.REPLACEMENT:
            if not limits.replacement:
                raise BeyondAuthority("a replacement is more than you may grant for this customer")
        case OfferKind.APOLOGY:
            pass


def given(connection: Connection, row: Row[*tuple[Any, ...]], kind: OfferKind) -> Decimal:
    """What was given for a case, and for those merged into it."""
    amounts = connection.scalars(
        select(Compensation.amount).where(
            Compensation.case_id.in_(family(connection, row)),
            Compensation.kind == kind.value,
            Compensation.taken_back_at.is_(None),
        )
    )
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


def family(connection: Connection, row: Row[*tuple[Any, ...]]) -> list[int]:
    """A case and all that were merged into it."""
    found, numbers = [row.id], [row.number]
    while numbers:
        merged = connection.execute(
            select(Case.id, Case.number).where(
                Case.contact_id == row.contact_id, Case.merged_into.in_(numbers), Case.id.not_in(found)
            )
        ).all()
        found += [one.id for one in merged]
        numbers = [one.number for one in merged]
    return found


def propose(
    transaction: Transaction,
    *,
    case: str,
    by: Present,
    playbook: Playbook,
    kind: str,
    amount: str | None = None,
    words: str = "",
) -> None:
    """This is what the customer is offered; it is their move now. Telling them is up to whoever proposes it.

    Raises BeyondAuthority, NoCase, Merged, CaseOver, Unusable.
    """
    row, grant = lock_open_case(transaction, case), grant_of(playbook, kind, amount)
    refuse_beyond(transaction, row, by, playbook, grant)
    words = usable(words)[:LONGEST] if words.strip() else ""
    proposal = {"kind": grant.kind.value, "amount": _money(grant), "state": "offered", "by": by.name, "words": words}
    step = Step.PROPOSE.value if row.step is not None else None
    change(transaction, row, proposal=proposal, step=step, status=CaseStatus.WAITING.value)
    let_engine_know(transaction, row, leave_to_people)
    did(
        transaction,
        row,
        CaseEvent.PROPOSED,
        by,
        {"kind": grant.kind.value, "amount": str(grant.amount or ""), "currency": grant.currency, "words": words},
    )


def take_answer(transaction: Transaction, *, case: str, by: Present, accepted: bool) -> None:
    """What the customer said to the proposal. Raises Unusable without one; NoCase, Merged, CaseOver."""
    row = lock_open_case(transaction, case)
    if row.proposal.get("state") != "offered":
        raise Unusable(f"nothing is proposed on case {case}")
    state = "accepted" if accepted else "declined"
    step = (Step.FOLLOW_UP if accepted else Step.PROPOSE).value if row.step is not None else None
    change(transaction, row, proposal={**row.proposal, "state": state}, step=step, status=CaseStatus.OPEN.value)
    let_engine_know(transaction, row, leave_to_people)
    did(transaction, row, CaseEvent.ANSWERED, by, {"kind": row.proposal.get("kind", ""), "accepted": accepted})


def compensate(
    transaction: Transaction,
    *,
    case: str,
    by: Present,
    playbook: Playbook,
    kind: str,
    promised: str,
    amount: str | None = None,
    voucher: str = "",
    order: str = "",
) -> int:
    """The customer got it; returns its number. Also for a case that is resolved.

    Raises BeyondAuthority, NoCase, Unusable.
    """
    row, grant = lock_case(transaction, case), grant_of(playbook, kind, amount)
    refuse_beyond(transaction, row, by, playbook, grant)
    connection = transaction.connection
    made = {
        "case_id": row.id,
        "kind": grant.kind.value,
        "amount": grant.amount,
        "currency": grant.currency if grant.amount is not None else None,
        "voucher": _short(voucher),
        "order_id": _short(order),
        "promised": usable(promised)[:LONGEST],
        "approval_id": _approval_for(connection, row, grant),
        "by": by.name,
        "by_id": by.staff,
        "at": transaction.now,
    }
    number = connection.execute(insert(Compensation).returning(Compensation.id), made).scalar_one()
    if row.founded is None:
        change(transaction, row, founded=True)
    else:
        change(transaction, row)
    let_engine_know(transaction, row, leave_to_people)
    facts = {"kind": grant.kind.value, "amount": str(grant.amount or ""), "currency": grant.currency}
    did(transaction, row, CaseEvent.COMPENSATED, by, {"words": made["promised"], **facts})
    return number


def take_back(transaction: Transaction, *, case: str, compensation: int, by: Present, why: str) -> None:
    """It was recorded by mistake, or never reached them; it stays on record. Raises NotFound, NoCase, Unusable."""
    row, why = lock_case(transaction, case), usable(why)[:LONGEST]
    connection = transaction.connection
    taken = connection.execute(
        update(Compensation)
        .where(
            Compensation.id == compensation,
            Compensation.case_id.in_(family(connection, row)),
            Compensation.taken_back_at.is_(None),
        )
        .values(taken_back_at=transaction.now, taken_back_by=by.name, taken_back_why=why)
        .returning(Compensation.kind, Compensation.amount, Compensation.currency)
    ).one_or_none()
    if taken is None:
        raise NotFound(f"case {case} has no compensation {compensation}")
    change(transaction, row)
    facts = {"kind": taken.kind, "amount": str(taken.amount or ""), "currency": taken.currency or ""}
    did(transaction, row, CaseEvent.TAKEN_BACK, by, {"words": why, **facts})


def _approval_for(connection: Connection, row: Row[*tuple[Any, ...]], grant: Grant) -> int | None:
    return connection.scalar(
        select(Approval.id)
        .where(
            Approval.case_id.in_(family(connection, row)),
            Approval.state == ApprovalState.GRANTED,
            Approval.kind == grant.kind.value,
        )
        .order_by(Approval.id.desc())
        .limit(1)
    )


def _money(grant: Grant) -> str:
    return "" if grant.amount is None else f"{grant.amount:.2f} {grant.currency}"


def _short(words: str) -> str | None:
    words = words.strip()
    if len(words) > 64 or not words.isprintable():
        raise Unusable("a voucher or order number has at most 64 printable characters")
    return words or None
