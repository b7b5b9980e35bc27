"""Letters: alerts on their way out of the house, each sent once, with its state and the reason for it.

Nothing here asks whether a customer may be written to: these go to the staff alone, at addresses that they gave.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from desk.alerts import Told, told_in
from storage.alerts import DUE, AlertHabits, AlertLetter, LetterStatus, Way
from storage.commits import Transaction, server_time
from storage.staff import Staff

LEASE = timedelta(seconds=60)
"""Whoever has had a letter on the wire for so long has died."""
MOST_ATTEMPTS = 8
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=15)
WORTH_TELLING = timedelta(hours=24)
"""After it, a letter that could not be sent is no news any more."""
AT_A_TIME = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """One that is to be sent now."""

    id: int
    way: Way
    name: str
    language: str
    address: str
    """`mailto:…` or `telegram:…`."""
    attempt: int
    alerts: tuple[Told, ...]
    """What they have not read meanwhile, the oldest first."""


def claim(transaction: Transaction, *, holder: str, ways: Collection[Way]) -> list[Letter]:
    """What is due. A letter about what was read meanwhile, or to somebody who cannot be reached, is settled here.

    `ways`: those that the house has.
    """
    rows = transaction.connection.execute(
        select(
            AlertLetter.id,
            AlertLetter.way,
            AlertLetter.attempts,
            Staff.name,
            Staff.email,
            Staff.language,
            Staff.left_at,
            AlertHabits.telegram,
        )
        .join(Staff, Staff.id == AlertLetter.staff_id)
        .outerjoin(AlertHabits, AlertHabits.staff_id == AlertLetter.staff_id)
        .where(
            DUE,
            AlertLetter.status.in_([LetterStatus.GATHERING, LetterStatus.RETRYING]),
            AlertLetter.due_at <= transaction.now,
        )
        .order_by(AlertLetter.due_at)
        .limit(AT_A_TIME)
        .with_for_update(of=AlertLetter, skip_locked=True)
    ).all()
    letters: list[Letter] = []
    for row in rows:
        alerts = told_in(transaction, letter=row.id)
        why_not = _why_not(row, alerts, ways)
        if why_not is not None:
            status, reason = why_not
            _settle(transaction, row.id, status, reason)
            continue
        until = server_time(transaction) + LEASE
        _settle(transaction, row.id, LetterStatus.SENDING, None, holder=holder, due_at=until, attempts=row.attempts + 1)
        address = f"mailto:{row.email}" if row.way is Way.MAIL else row.telegram
        letters.append(
            Letter(
                id=row.id,
                way=row.way,
                name=row.name,
                language=row.language,
                address=address,
                attempt=row.attempts + 1,
                alerts=alerts,
            )
        )
    return letters


def sent(transaction: Transaction, *, letter: int) -> None:
    """The provider took it."""
    _settle(transaction, letter, LetterStatus.SENT, None)


def not_sent(
    transaction: Transaction,
    *,
    letter: Letter,
    reason: str,
    retry: bool,
    known: bool,
    retry_after: float | None = None,
) -> None:
    """It failed; `retry`: another try may help. `known`: nothing has left for sure."""
    made_at = transaction.connection.execute(
        select(AlertLetter.made_at).where(AlertLetter.id == letter.id)
    ).scalar_one()
    wait = min(FIRST_WAIT * 2 ** (letter.attempt - 1), LONGEST_WAIT)
    due = transaction.now + max(wait, timedelta(seconds=retry_after or 0))
    if not known:
        _settle(transaction, letter.id, LetterStatus.UNKNOWN, reason)
    elif retry and letter.attempt < MOST_ATTEMPTS and due < made_at + WORTH_TELLING:
        _settle(transaction, letter.id, LetterStatus.RETRYING, reason, due_at=due)
    else:
        _settle(transaction, letter.id, LetterStatus.FAILED, reason)


def sweep(transaction: Transaction) -> int:
    """Letters whose process died: nobody knows whether they left, and they are not sent again."""
    return transaction.connection.execute(
        update(AlertLetter)
        .where(DUE, AlertLetter.status == LetterStatus.SENDING, AlertLetter.due_at <= server_time(transaction))
        .values(status=LetterStatus.UNKNOWN, reason="stopped", holder=None, updated_at=transaction.now)
    ).rowcount


def _why_not(row: Any, alerts: Collection[Told], ways: Collection[Way]) -> tuple[LetterStatus, str] | None:
    """Words of the console's texts, `alerts.reason_…`."""
    if row.left_at is not None:
        return LetterStatus.SKIPPED, "left"
    if not alerts:
        return LetterStatus.SKIPPED, "read"
    if row.way is Way.TELEGRAM and row.telegram is None:
        return LetterStatus.SKIPPED, "unlinked"
    if row.way not in ways:
        return LetterStatus.FAILED, "no_channel"
    return None


def _settle(transaction: Transaction, letter: int, status: LetterStatus, reason: str | None, **more: Any) -> None:
    changes = {"status": status, "reason": reason, "holder": None, "updated_at": transaction.now, **more}
    transaction.connection.execute(update(AlertLetter).where(AlertLetter.id == letter).values(**changes))
