"""Looks: who saw what of customers. Once for each person, thing and hour: a page that renews itself is one look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import bindparam, select

from storage import audit
from storage.audit import AuditEntry
from storage.commits import Transaction
from storage.many import Question

ONE_LOOK: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """Something of a customer's, as the log names it."""

    action: str
    """`conversation.opened`."""
    subject: str
    """`conversation:7`."""


def noted(transaction: Transaction, *, look: Look, who: str) -> bool:
    """Whether the log has this look already."""
    asked = {"subject": look.subject, "action": look.action, "who": who, "since": transaction.now - ONE_LOOK}
    return bool(_noted.ask(transaction.connection, asked))


def note(
    transaction: Transaction, *, look: Look, who: str, staff: int | None = None, client: str | None = None
) -> None:
    """A line in the log, where there is none of this hour."""
    if noted(transaction, look=look, who=who):
        return
    audit.note(
        transaction.connection,
        at=transaction.now,
        who=who,
        staff=staff,
        action=look.action,
        subject=look.subject,
        client=client,
    )


_noted = Question(
    select(AuditEntry.id)
    .where(
        AuditEntry.subject == bindparam("subject"),
        AuditEntry.action == bindparam("action"),
        AuditEntry.who == bindparam("who"),
        AuditEntry.at > bindparam("since"),
    )
    .order_by(AuditEntry.id.desc())
    .limit(1),
    into=lambda row: int(row[0]),
)
