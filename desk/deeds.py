"""Deeds: what somebody who works here, or a program, did, as the audit log has it."""

from __future__ import annotations

from typing import Any

from desk.logins import Present
from storage import audit
from storage.commits import Transaction


def noted(transaction: Transaction, by: Present, action: str, subject: str, /, **details: Any) -> None:
    """A line in the audit log. `subject`: `contact:12`, `conversation:7`; `details`: never what customers said."""
    audit.note(
        transaction.connection,
        at=transaction.now,
        who=by.name,
        staff=by.staff,
        action=action,
        subject=subject,
        details=details,
    )
