"""Promises: somebody of the staff promises something for a day, and says that it has been done. Colleagues are
reminded before the day, and told when it has passed; the customer hears the truth either way, from the assistant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, insert, select, update

from bot.playbook import Playbook
from bot.turn import FollowUpKind
from desk.agents import agent_name, usable
from desk.alerts import raise_alert
from desk.case_news import CaseEvent, tell
from desk.locked_case import change, did, leave_to_people, let_engine_know, lock_case, lock_open_case, place_to_write
from desk.logins import Present
from desk.refusals import NotFound, Unusable
from desk.rights import Right
from storage import lanes
from storage.alerts import AlertKind
from storage.cases import Case
from storage.commits import Transaction
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import Direction, InteractionKind, record

LONGEST: Final = 500
FARTHEST: Final = timedelta(days=366)
MOST: Final = 40
"""Cases that one run of a tick looks at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A case whose promises were kept."""

    case: str
    promises: list[str]
    """What was promised, as the customer was told; empty: all were kept before."""


class NoSuchDay(Unusable):
    """A promise is for a time that is yet to come, within a year."""


def make(transaction: Transaction, *, case: str, by: Present, playbook: Playbook, text: str, due: datetime) -> str:
    """The customer was promised something for a time (aware). Returns the promise's id.

    Raises NoSuchDay, NoCase, Merged, CaseOver, Unusable.
    """
    row, text = lock_open_case(transaction, case), usable(text)
    if len(text) > LONGEST:
        raise Unusable(f"a promise has at most {LONGEST} characters")
    if not transaction.now < due <= transaction.now + FARTHEST:
        raise NoSuchDay("a promise is for a time that is yet to come, within a year")
    identity = f"{case}-{_next(row.promises, case)}"
    made = {"id": identity, "text": text, "due": due.isoformat(), "kept": False}
    made |= {"by": by.name, "made_at": transaction.now.isoformat()}
    change(transaction, row, promises=[*row.promises, made])
    let_engine_know(transaction, row, leave_to_people)
    place = place_to_write(transaction, row)
    if place is not None:
        reminder = max(due - timedelta(hours=playbook.policy.times.reminder_hours), transaction.now)
        for kind, at in ((FollowUpKind.PROMISE_REMINDER, reminder), (FollowUpKind.CASE_UPDATE, due)):
            _plan(transaction, row, place, identity, kind, at, text)
    did(transaction, row, CaseEvent.PROMISED, by, {"words": text, "due": due.isoformat()})
    return identity


def keep_one(transaction: Transaction, *, case: str, promise: str, by: Present) -> None:
    """What was promised is done. Raises NoCase, NotFound."""
    row = lock_case(transaction, case)
    found = next((one for one in row.promises if one["id"] == promise), None)
    if found is None:
        raise NotFound(f"case {case} has no promise {promise[:40]!r}")
    if found["kept"]:
        return
    done = {"kept": True, "kept_at": transaction.now.isoformat(), "kept_by": by.name}
    change(transaction, row, promises=[one | done if one["id"] == promise else one for one in row.promises])
    did(transaction, row, CaseEvent.KEPT, by, {"words": found["text"]})


def keep(transaction: Transaction, *, case: str, by: str) -> Kept:
    """All that was promised on a case is done. At the promise's date the customer hears so, instead of an apology.

    Raises NotFound, Unusable.
    """
    by = agent_name(by)
    row = lock_case(transaction, case)
    open_ones = [promise for promise in row.promises if not promise["kept"]]
    if open_ones:
        done = {"kept": True, "kept_at": transaction.now.isoformat(), "kept_by": by}
        promises = [promise if promise["kept"] else promise | done for promise in row.promises]
        change(transaction, row, promises=promises)
        words = "; ".join(promise["text"] for promise in open_ones)
        record(
            transaction.connection,
            contact=row.contact_id,
            conversation=row.conversation_id,
            case=row.id,
            channel="desk",
            direction=Direction.INTERNAL,
            kind=InteractionKind.NOTE,
            author=f"agent:{by}",
            text=f"Kept: {words}",
            now=transaction.now,
        )
    return Kept(case=case, promises=[promise["text"] for promise in open_ones])


def watch(transaction: Transaction, playbook: Playbook) -> list[str]:
    """Colleagues are reminded of promises that are due soon, and told of those whose time has passed, each once.

    For a tick. Returns the numbers of the cases.
    """
    connection = transaction.connection
    ahead = timedelta(hours=playbook.policy.times.reminder_hours)
    due = _due(transaction.now)
    contacts = connection.scalars(due.with_only_columns(Case.contact_id)).all()
    if not contacts:
        return []
    lanes.lock(connection, contacts)
    rows = connection.execute(due.where(Case.contact_id.in_(contacts)).with_for_update()).all()
    return [row.number for row in rows if _look_at(transaction, row, ahead)]


def next_to_watch(promises: Sequence[Mapping[str, Any]], ahead: timedelta) -> datetime | None:
    """When something is to be said to colleagues about a promise that is not kept: a reminder, then an alert."""
    moments = [
        datetime.fromisoformat(promise["due"]) - (timedelta() if "reminded_at" in promise else ahead)
        for promise in promises
        if not promise["kept"] and "broken_at" not in promise
    ]
    return min(moments, default=None)


def _due(until: datetime) -> Any:
    return (
        select(Case.id, Case.number, Case.contact_id, Case.conversation_id, Case.owner, Case.promises)
        .where(Case.promise_due_at <= until)
        .order_by(Case.promise_due_at)
        .limit(MOST)
    )


def _look_at(transaction: Transaction, row: Row[*tuple[Any, ...]], ahead: timedelta) -> bool:
    now = transaction.now
    promises: list[dict[str, Any]] = []
    changed = False
    for promise in row.promises:
        due = datetime.fromisoformat(promise["due"])
        if not promise["kept"] and due <= now and "broken_at" not in promise:
            tell(transaction, row, CaseEvent.BROKEN, by="", facts={"words": promise["text"], "due": promise["due"]})
            _alert(transaction, row, AlertKind.BREACH, promise)
            promise, changed = promise | {"broken_at": now.isoformat()}, True
        elif not promise["kept"] and due <= now + ahead and "reminded_at" not in promise:
            _alert(transaction, row, AlertKind.DUE_SOON, promise)
            promise, changed = promise | {"reminded_at": now.isoformat()}, True
        promises.append(promise)
    transaction.connection.execute(
        update(Case).where(Case.id == row.id).values(promises=promises, promise_due_at=next_to_watch(promises, ahead))
    )
    return changed


def _plan(
    transaction: Transaction,
    row: Row[*tuple[Any, ...]],
    conversation: int,
    promise: str,
    kind: FollowUpKind,
    at: datetime,
    text: str,
) -> None:
    """As the assistant plans for its own promises: it reminds, and tells the customer how it stands."""
    transaction.connection.execute(
        insert(FollowUp),
        {
            "contact_id": row.contact_id,
            "conversation_id": conversation,
            "case_number": row.number,
            "kind": kind,
            "key": f"promise:{promise}:{kind.value}",
            "reason": text,
            "details": {"promise": promise},
            "due_at": at,
            "state": FollowUpState.PLANNED,
            "planned_at": transaction.now,
        },
    )


def _next(promises: Sequence[Mapping[str, Any]], case: str) -> int:
    """One more than the highest: some may have gone to another case."""
    numbers = [one["id"].removeprefix(f"{case}-") for one in promises]
    return max((int(number) for number in numbers if number.isdecimal()), default=len(promises)) + 1


def _alert(transaction: Transaction, row: Row[*tuple[Any, ...]], kind: AlertKind, promise: Mapping[str, Any]) -> None:
    raise_alert(
        transaction,
        kind=kind,
        subject=f"case:{row.number}",
        staff=[name for name in (row.owner, promise.get("by")) if name],
        right=Right.DIRECT if kind is AlertKind.BREACH or row.owner is None else None,
        facts={"case": row.number, "promise": True, "due": promise["due"]},
        key=f"promise:{promise['id']}:{kind}",
    )
