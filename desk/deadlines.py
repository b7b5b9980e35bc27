"""Deadlines: by when a case wants a first answer, the next word and a solution, counted in the hours in which we are
open, and standing still while it is the customer's move or the assistant's.

What an instant is due by is a pure function of hours, beginning and pauses (`due`). A tick looks at every case that
something has happened to (`look_again`), and another one notes what was missed (`note_breaches`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, exists, insert, or_, select, update

from bot.case_rules import Targets
from bot.hours import Hours
from bot.playbook import Playbook
from bot.skills.survey import BAD
from bot.turn import CaseStatus, Step
from channels.envelope import DeliveryStatus
from desk.alerts import raise_alert
from desk.case_news import CaseEvent, tell
from desk.promises import next_to_watch
from desk.rights import Right
from storage import lanes
from storage.alerts import AlertKind
from storage.cases import Case
from storage.commits import Transaction
from storage.contacts import Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.deadlines import Deadline, DeadlineKind, Pause, PauseReason
from storage.deliveries import Delivery
from storage.interactions import OFFLINE, Direction, Interaction

MOST: Final = 40
"""Cases that one run of a tick notes something about."""
MOST_LOOKED_AT: Final = 8
"""Cases whose deadlines one run brings up to date: each takes some milliseconds, and others wait to write."""
OPEN: Final = (CaseStatus.OPEN.value, CaseStatus.WAITING.value)
URGENT: Final = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A time in which the clocks stood still; without an end, they still do."""

    began_at: datetime
    ended_at: datetime | None


def due(hours: Hours, since: datetime, span: timedelta, pauses: Iterable[Span]) -> datetime | None:
    """The instant (UTC) by which we were open for `span` since `since`, pauses left out. None: the clock stands still,
    or we never open again."""
    counted_until, left = since, span
    for pause in sorted(pauses, key=lambda one: one.began_at):
        if pause.ended_at is not None and pause.ended_at <= counted_until:
            continue
        worked = hours.working_time(counted_until, pause.began_at)
        if worked >= left:
            break
        left -= worked
        if pause.ended_at is None:
            return None
        counted_until = pause.ended_at
    if not hours.open_at(counted_until) and hours.next_opening(counted_until) is None:
        return None
    return hours.add_working_time(counted_until, left)


def look_again(transaction: Transaction, playbook: Playbook) -> int:
    """Bring the deadlines of cases up to date that something has happened to; returns how many. For a tick."""
    found = transaction.connection.execute(_untimed).all()
    for row in found:
        settle(transaction, playbook, row.id)
    return len(found)


def settle(transaction: Transaction, playbook: Playbook, case: int) -> None:
    """A case's pauses, deadlines and promises as they follow from all that has happened."""
    connection = transaction.connection
    row = connection.execute(_case.where(Case.id == case)).one()
    ahead = timedelta(hours=playbook.policy.times.reminder_hours)
    changes: dict[str, Any] = {"timed": True, "promise_due_at": next_to_watch(row.promises, ahead)}
    if row.category is None and isinstance(row.facts.get("kind"), str):
        changes["category"] = row.facts["kind"]
    if row.status in OPEN:
        _turn_clocks(transaction, row)
        changes["due_at"] = _set_deadlines(transaction, playbook, row)
        _tell_of_bad_score(transaction, row)
    else:
        _stop(transaction, row)
        changes |= {"due_at": None, "promise_due_at": None}
    connection.execute(update(Case).where(Case.id == case).values(**changes))


def note_breaches(transaction: Transaction) -> list[str]:
    """Deadlines that have passed are noted once: the case and its conversations become urgent. For a tick.

    Returns the numbers of the cases.
    """
    connection, now = transaction.connection, transaction.now
    contacts = connection.scalars(_breached(now).with_only_columns(Case.contact_id)).all()
    if not contacts:
        return []
    lanes.lock(connection, contacts)
    rows = connection.execute(_breached(now).where(Case.contact_id.in_(contacts)).with_for_update(of=Deadline)).all()
    for row in rows:
        connection.execute(update(Deadline).where(Deadline.id == row.deadline).values(breached_at=row.due_at))
        facts = {"deadline": row.kind, "due": row.due_at.isoformat()}
        tell(transaction, row, CaseEvent.BREACHED, by="", facts=facts)
        raise_alert(
            transaction,
            kind=AlertKind.BREACH,
            subject=f"case:{row.number}",
            staff=row.owner,
            right=Right.DIRECT,
            facts={"case": row.number, **facts},
            key=f"breach:{row.number}:{row.kind}:{row.round}",
        )
    numbers = sorted({row.number for row in rows})
    connection.execute(update(Case).where(Case.number.in_(numbers)).values(priority=URGENT, updated_at=now))
    _make_urgent(connection, {row.contact_id for row in rows})
    return numbers


def notice_owners(transaction: Transaction) -> int:
    """Cases whose clocks stand still for the assistant, and whose conversation it has no more, are looked at again.
    For a tick: a hand-off happens in the middle of a Turn, which must not wait for this."""
    left = (
        select(Pause.case_id)
        .join(Case, Case.id == Pause.case_id)
        .outerjoin(Conversation, Conversation.id == Case.conversation_id)
        .where(
            Pause.ended_at.is_(None),
            Pause.reason == PauseReason.ASSISTANT,
            or_(Conversation.owner != Owner.BOT, Conversation.state != ConversationState.OPEN),
            Case.timed.is_(True),
        )
        .limit(MOST)
    )
    cases = transaction.connection.scalars(left).all()
    if cases:
        transaction.connection.execute(update(Case).where(Case.id.in_(cases)).values(timed=False))
    return len(cases)


def at_risk(transaction: Transaction, *, within: timedelta, most: int = 1000) -> Mapping[int, datetime]:
    """Contacts with an open case whose earliest deadline is missed, or will be `within` that time: to when it is or was
    due."""
    rows = transaction.connection.execute(
        select(Case.contact_id, Case.due_at)
        .where(Case.status.in_(OPEN), Case.due_at <= transaction.now + within)
        .order_by(Case.due_at)
        .limit(most)
    )
    found: dict[int, datetime] = {}
    for row in rows:
        found.setdefault(row.contact_id, row.due_at)
    return found


def _breached(now: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Deadline.id.label("deadline"),
            Deadline.kind,
            Deadline.round,
            Deadline.due_at,
            Case.id,
            Case.owner,
            Case.number,
            Case.contact_id,
            Case.conversation_id,
        )
        .join(Case, Case.id == Deadline.case_id)
        .where(
            Deadline.met_at.is_(None),
            Deadline.breached_at.is_(None),
            Deadline.due_at <= now,
            Case.timed.is_(True),  # else somebody may have answered in time, and it was not looked at yet
        )
        .order_by(Deadline.due_at)
        .limit(MOST)
    )


def _make_urgent(connection: Connection, contacts: Iterable[int]) -> None:
    connection.execute(
        update(Conversation)
        .where(
            Conversation.contact_id.in_(sorted(contacts)),
            Conversation.state == ConversationState.OPEN,
            Conversation.owner.in_([Owner.QUEUE, Owner.AGENT]),
        )
        .values(priority=URGENT)
    )


_untimed = (
    select(Case.id)
    .where(Case.timed.is_(False))
    .order_by(Case.id)
    .limit(MOST_LOOKED_AT)
    .with_for_update(skip_locked=True)
)
_case = (
    select(
        *Case.__table__.columns,
        Contact.tier,
        Conversation.owner.label("talks"),
        Conversation.state,
        Conversation.handed_off_at,
        Conversation.last_at,
    )
    .join(Contact, Contact.id == Case.contact_id)
    .outerjoin(Conversation, Conversation.id == Case.conversation_id)
)


def _turn_clocks(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> None:
    """They stand still or run as the case stands now, since it stands so."""
    connection = transaction.connection
    reason = _stands_still(row)
    standing = connection.execute(
        select(Pause.id, Pause.reason).where(Pause.case_id == row.id, Pause.ended_at.is_(None))
    ).one_or_none()
    if standing is not None and standing.reason == reason:
        return
    since = row.opened_at if _is_new(connection, row.id) else _since(transaction, row)
    if standing is not None:
        connection.execute(update(Pause).where(Pause.id == standing.id).values(ended_at=since))
    if reason is not None:
        connection.execute(insert(Pause), {"case_id": row.id, "reason": reason, "began_at": since})


def _since(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> datetime:
    """When the last thing happened that a clock may depend on."""
    happened = (row.updated_at, row.handed_off_at, row.last_at)
    return min(max(at for at in happened if at is not None), transaction.now)


def _stands_still(row: Row[*tuple[Any, ...]]) -> PauseReason | None:
    if row.status == CaseStatus.WAITING.value:
        return PauseReason.CUSTOMER
    talked_through = row.step in (Step.LISTEN.value, Step.RECORD.value, Step.PROPOSE.value)
    theirs = row.talks is Owner.BOT and row.state is ConversationState.OPEN
    return PauseReason.ASSISTANT if talked_through and theirs and row.owner is None else None


def _is_new(connection: Connection, case: int) -> bool:
    known = select(Deadline.id).where(Deadline.case_id == case).limit(1)
    return connection.scalar(known) is None


def _set_deadlines(transaction: Transaction, playbook: Playbook, row: Row[*tuple[Any, ...]]) -> datetime | None:
    """Returns the earliest that is not met."""
    connection = transaction.connection
    targets = playbook.policy.cases.target(row.priority, row.tier)
    known = _known(connection, row.id)
    _reopen(transaction, row, known)
    pauses = [
        Span(began_at=one.began_at, ended_at=one.ended_at)
        for one in connection.execute(select(Pause.began_at, Pause.ended_at).where(Pause.case_id == row.id))
    ]
    unmet: list[datetime] = []
    for deadline in _wanted(row, known, _latest_word(connection, row), targets):
        deadline.due_at = _due(playbook.hours, row, deadline, pauses)
        if deadline.met_at is None and deadline.due_at is not None:
            unmet.append(deadline.due_at)
        _write(connection, row.id, deadline)
    return min(unmet, default=None)


def _due(hours: Hours, row: Row[*tuple[Any, ...]], deadline: _Running, pauses: Sequence[Span]) -> datetime | None:
    if deadline.breached_at is not None:
        return deadline.due_at  # it stays as it was missed
    by = due(hours, deadline.started_at, timedelta(minutes=deadline.minutes), pauses)
    promised = _next_promise(row.promises)
    if deadline.kind is DeadlineKind.NEXT_UPDATE and by is not None and promised is not None:
        return max(by, promised)  # they know by when they hear from us, and wait for that
    return by


@dataclass(kw_only=True, slots=True)
class _Running:
    """A deadline of the round that is on."""

    kind: DeadlineKind
    round: int
    started_at: datetime
    minutes: int
    id: int | None = None
    due_at: datetime | None = None
    met_at: datetime | None = None
    breached_at: datetime | None = None


def _known(connection: Connection, case: int) -> dict[DeadlineKind, Row[*tuple[Any, ...]]]:
    """The latest round of each kind."""
    rows = connection.execute(
        select(*Deadline.__table__.columns).where(Deadline.case_id == case).order_by(Deadline.round)
    )
    return {row.kind: row for row in rows}


def _reopen(
    transaction: Transaction, row: Row[*tuple[Any, ...]], known: dict[DeadlineKind, Row[*tuple[Any, ...]]]
) -> None:
    """A case that was resolved and is open again still wants its solution, in what was left of the time."""
    connection, solution = transaction.connection, known.get(DeadlineKind.SOLUTION)
    if solution is None or solution.met_at is None:
        return
    connection.execute(update(Deadline).where(Deadline.id == solution.id).values(met_at=None))
    over = {"case_id": row.id, "reason": PauseReason.OVER, "began_at": solution.met_at}
    connection.execute(insert(Pause), over | {"ended_at": max(_since(transaction, row), solution.met_at)})
    known[DeadlineKind.SOLUTION] = connection.execute(
        select(*Deadline.__table__.columns).where(Deadline.id == solution.id)
    ).one()


def _wanted(
    row: Row[*tuple[Any, ...]],
    known: Mapping[DeadlineKind, Row[*tuple[Any, ...]]],
    word: datetime | None,
    targets: Targets,
) -> list[_Running]:
    first = _running(known.get(DeadlineKind.FIRST_RESPONSE), DeadlineKind.FIRST_RESPONSE, row, targets.first_response)
    if first.met_at is None:
        first.met_at = word or _taken_up(row)
    wanted = [first, _running(known.get(DeadlineKind.SOLUTION), DeadlineKind.SOLUTION, row, targets.solution)]
    if first.met_at is not None:
        wanted.append(_update(row, known, word or first.met_at, targets))
    return wanted


def _taken_up(row: Row[*tuple[Any, ...]]) -> datetime | None:
    """Somebody who opened it by hand was there; and what the assistant has settled with them was answered, too."""
    if row.opened_by is not None:
        return row.opened_at
    return row.updated_at if row.step == Step.FOLLOW_UP.value and row.promises else None


def _update(
    row: Row[*tuple[Any, ...]], known: Mapping[DeadlineKind, Row[*tuple[Any, ...]]], word: datetime, targets: Targets
) -> _Running:
    """Each word to the customer begins the round anew; one that came too late ends it, and begins another one."""
    running = _running(known.get(DeadlineKind.NEXT_UPDATE), DeadlineKind.NEXT_UPDATE, row, targets.next_update)
    if running.id is None:
        running.started_at = word
    elif running.met_at is not None or (running.breached_at is not None and word > running.started_at):
        since = max(word, running.met_at or word)
        return _fresh(DeadlineKind.NEXT_UPDATE, running.round + 1, since, targets.next_update)
    elif word > running.started_at:
        running.started_at = word
    return running


def _running(
    known: Row[*tuple[Any, ...]] | None, kind: DeadlineKind, row: Row[*tuple[Any, ...]], hours: float
) -> _Running:
    if known is None:
        return _fresh(kind, 1, row.opened_at, hours)
    return _Running(
        kind=kind,
        round=known.round,
        started_at=known.started_at,
        minutes=known.minutes,
        id=known.id,
        due_at=known.due_at,
        met_at=known.met_at,
        breached_at=known.breached_at,
    )


def _fresh(kind: DeadlineKind, round_: int, since: datetime, hours: float) -> _Running:
    return _Running(kind=kind, round=round_, started_at=since, minutes=max(round(hours * 60), 1))


def _write(connection: Connection, case: int, deadline: _Running) -> None:
    if deadline.met_at is not None and deadline.due_at is not None and deadline.met_at > deadline.due_at:
        deadline.breached_at = deadline.breached_at or deadline.due_at  # met in the end, and too late
    values = {
        "started_at": deadline.started_at,
        "due_at": deadline.due_at,
        "met_at": deadline.met_at,
        "breached_at": deadline.breached_at,
    }
    if deadline.id is not None:
        connection.execute(update(Deadline).where(Deadline.id == deadline.id).values(**values))
        return
    before = (Deadline.case_id == case) & (Deadline.kind == deadline.kind) & Deadline.met_at.is_(None)
    connection.execute(update(Deadline).where(before).values(met_at=deadline.started_at))
    made = {"case_id": case, "kind": deadline.kind, "round": deadline.round, "minutes": deadline.minutes}
    connection.execute(insert(Deadline), made | values)


def _latest_word(connection: Connection, row: Row[*tuple[Any, ...]]) -> datetime | None:
    """When a person last wrote to the customer, or talked with them, since the case was opened."""
    return connection.scalar(
        select(Interaction.at)
        .where(
            Interaction.contact_id == row.contact_id,
            Interaction.stored_at >= row.opened_at,
            or_(
                (Interaction.direction == Direction.OUT) & Interaction.author.startswith("agent:"),
                Interaction.kind.in_(OFFLINE),
            ),
            # What never reached them told them nothing.
            ~exists().where(
                Delivery.interaction_id == Interaction.id,
                Delivery.status.in_([DeliveryStatus.SKIPPED.value, DeliveryStatus.FAILED.value]),
            ),
        )
        .order_by(Interaction.id.desc())
        .limit(1)
    )


def _tell_of_bad_score(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> None:
    """A customer who was asked how it was, and was not satisfied, has opened the case again."""
    if row.score is None or row.score > BAD:
        return
    raise_alert(
        transaction,
        kind=AlertKind.BAD_SCORE,
        subject=f"case:{row.number}",
        staff=row.owner,
        right=Right.DIRECT,
        facts={"case": row.number, "score": row.score},
        key=f"score:{row.number}:{row.score}",
    )


def _next_promise(promises: Sequence[Mapping[str, Any]]) -> datetime | None:
    waiting = (promise for promise in promises if not promise["kept"] and "broken_at" not in promise)
    return min((datetime.fromisoformat(promise["due"]) for promise in waiting), default=None)


def _stop(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> None:
    """It is resolved: what was to happen has happened, or is wanted no more."""
    connection, at = transaction.connection, min(row.updated_at, transaction.now)
    unmet = (Deadline.case_id == row.id) & Deadline.met_at.is_(None)
    late = unmet & Deadline.breached_at.is_(None) & (Deadline.due_at < at)
    connection.execute(update(Deadline).where(late).values(breached_at=Deadline.due_at))
    connection.execute(update(Deadline).where(unmet).values(met_at=at))
    connection.execute(update(Pause).where(Pause.case_id == row.id, Pause.ended_at.is_(None)).values(ended_at=at))
