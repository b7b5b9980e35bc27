"""Alerts: telling the staff what they have to know, in the console at once, and away from it as each of them wants.

Whoever does something that somebody else must know of calls `raise_alert` in the same transaction. What is told away
from the console says what it is about and who did it, never what a customer wrote or is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from desk.alert_hours import OwnHours, hours_of
from desk.logins import Present
from desk.refusals import NotFound, Unusable
from desk.rights import Right, rights_of
from storage.alerts import KEYED, Alert, AlertChoice, AlertHabits, AlertKind, AlertLetter, LetterStatus, ToldIn, Way
from storage.commits import Transaction
from storage.staff import Staff
from storage.touched import for_staff, touch
from storage.upsert import upsert

GATHERING = timedelta(seconds=60)
"""How long a letter waits for more of the same: ten mentions in a minute are one mail."""
AT_ONCE = timedelta(seconds=10)
URGENT = frozenset({AlertKind.BREACH, AlertKind.CHANNEL_DOWN})
"""What must not wait long for company."""
KEPT = timedelta(days=90)
"""How long what was read is kept."""

USUAL: Mapping[AlertKind, tuple[Way, ...]] = {
    AlertKind.ASSIGNED: (Way.DESKTOP,),
    AlertKind.MENTIONED: (Way.DESKTOP, Way.MAIL),
    AlertKind.RETURNED: (Way.DESKTOP,),
    AlertKind.DUE_SOON: (Way.DESKTOP,),
    AlertKind.BREACH: (Way.DESKTOP, Way.MAIL),
    AlertKind.APPROVAL_ASKED: (Way.DESKTOP, Way.MAIL),
    AlertKind.APPROVAL_DECIDED: (Way.DESKTOP,),
    AlertKind.BAD_SCORE: (Way.DESKTOP, Way.MAIL),
    AlertKind.PRIVACY_ASKED: (Way.DESKTOP, Way.MAIL),
    AlertKind.KNOWLEDGE_ASKED: (Way.DESKTOP,),
    AlertKind.KNOWLEDGE_DECIDED: (Way.DESKTOP,),
    AlertKind.CHANNEL_DOWN: (Way.DESKTOP, Way.MAIL),
    AlertKind.WEBHOOK_DOWN: (Way.DESKTOP, Way.MAIL),
}
"""How each kind is told to whoever has not chosen."""
LETTERS = (Way.MAIL, Way.TELEGRAM)
"""Ways that leave the house."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """An alert, as its reader sees it."""

    id: int
    kind: AlertKind
    subject: str
    who: str | None
    facts: Mapping[str, Any]
    raised_at: datetime
    read_at: datetime | None
    letters: tuple[tuple[Way, LetterStatus, str | None], ...] = ()
    """What became of telling it away from the console, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bell:
    """What the bar of every page shows."""

    unread: int
    latest: tuple[Told, ...]
    """Unread ones, the newest first."""


def raise_alert(
    transaction: Transaction,
    *,
    kind: AlertKind,
    subject: str,
    staff: int | str | Sequence[int | str] | None = None,
    right: Right | None = None,
    who: str | None = None,
    facts: Mapping[str, Any] | None = None,
    key: str | None = None,
) -> int:
    """Tell the staff something; returns how many were told. Whoever did it is not told, nor who has left.

    `subject`: where to look, `conversation:7`, `case:C-1042`, `channel:support`. `staff`: by number or name, one or
    several; `right`: everybody who has it (both together: all of them). `who`: the colleague who did it. `facts`: small
    and harmless, for the words; nothing that a customer wrote or is called. `key`: the same fact once a person, however
    often it is raised (`breach:C-1042:solution:2026-03-02`).
    """
    named = [] if staff is None else [staff] if isinstance(staff, int | str) else list(staff)
    told: list[int] = []
    for row in _people(transaction, named, right):
        if row.name != who and (alert := _insert(transaction, row.id, kind, subject, who, facts, key)) is not None:
            told.append(row.id)
            _write_letters(transaction, row, alert, kind)
    touch(transaction.connection, [for_staff(one) for one in told])
    return len(told)


def bell(transaction: Transaction, *, staff: int, most: int = 5) -> Bell:
    """What somebody has not read."""
    unread = Alert.staff_id == staff, Alert.read_at.is_(None)
    count = transaction.connection.scalar(select(func.count()).select_from(Alert).where(*unread)) or 0
    if not count:
        return Bell(unread=0, latest=())
    rows = transaction.connection.execute(_alerts.where(*unread).order_by(Alert.id.desc()).limit(most))
    return Bell(unread=count, latest=tuple(_told(row) for row in rows.mappings()))


def alerts_of(transaction: Transaction, *, staff: int, before: int | None = None, limit: int = 50) -> list[Told]:
    """Somebody's alerts, the newest first, or those before one of them; with what became of their letters."""
    statement = _alerts.where(Alert.staff_id == staff).order_by(Alert.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(Alert.id < before)
    rows = transaction.connection.execute(statement).mappings().all()
    letters = _letters_of(transaction, [row["id"] for row in rows])
    return [_told(row, letters.get(row["id"], ())) for row in rows]


def read(transaction: Transaction, *, staff: int, alert: int) -> str:
    """They have seen it; returns its subject. Raises NotFound for somebody else's."""
    subject = transaction.connection.scalar(select(Alert.subject).where(Alert.id == alert, Alert.staff_id == staff))
    if subject is None:
        raise NotFound(f"there is no alert {alert}")
    # Whatever else is told of the same thing is seen with it.
    transaction.connection.execute(
        update(Alert)
        .where(Alert.staff_id == staff, Alert.subject == subject, Alert.read_at.is_(None))
        .values(read_at=transaction.now)
    )
    return subject


def read_all(transaction: Transaction, *, staff: int, through: int) -> int:
    """They have seen all up to one of them: what came while they read is not among them."""
    return transaction.connection.execute(
        update(Alert)
        .where(Alert.staff_id == staff, Alert.id <= through, Alert.read_at.is_(None))
        .values(read_at=transaction.now)
    ).rowcount


def told_in(transaction: Transaction, *, letter: int) -> tuple[Told, ...]:
    """What a letter tells of and its reader has not read yet, the oldest first."""
    rows = transaction.connection.execute(
        _alerts.join(ToldIn, ToldIn.alert_id == Alert.id)
        .where(ToldIn.letter_id == letter, Alert.read_at.is_(None))
        .order_by(Alert.id)
    )
    return tuple(_told(row) for row in rows.mappings())


def choices(transaction: Transaction, *, staff: int) -> dict[AlertKind, tuple[Way, ...]]:
    """How somebody is told of each kind."""
    rows = transaction.connection.execute(
        select(AlertChoice.kind, AlertChoice.ways).where(AlertChoice.staff_id == staff)
    )
    own = {row.kind: tuple(Way(way) for way in row.ways) for row in rows}
    return {kind: own.get(kind, usual) for kind, usual in USUAL.items()}


def choose(transaction: Transaction, *, present: Present, ways: Mapping[AlertKind, Sequence[str]]) -> None:
    """Their own: how they want to be told. Raises Unusable."""
    known = {way.value for way in Way}
    if any(way not in known for chosen in ways.values() for way in chosen):
        raise Unusable(f"ways are {', '.join(Way)}")
    connection = transaction.connection
    connection.execute(delete(AlertChoice).where(AlertChoice.staff_id == present.staff))
    connection.execute(
        insert(AlertChoice),
        [
            {"staff_id": present.staff, "kind": kind, "ways": [way.value for way in Way if way in ways.get(kind, ())]}
            for kind in AlertKind
        ],
    )


def forget_old(transaction: Transaction, *, most: int = 500) -> int:
    """What was read long ago goes, with its letters; in pieces."""
    connection, until = transaction.connection, transaction.now - KEPT
    old = connection.scalars(select(Alert.id).where(Alert.read_at < until).order_by(Alert.read_at).limit(most)).all()
    if not old:
        return 0
    letters = connection.scalars(select(ToldIn.letter_id).where(ToldIn.alert_id.in_(old)).distinct()).all()
    connection.execute(delete(ToldIn).where(ToldIn.alert_id.in_(old)))
    connection.execute(delete(Alert).where(Alert.id.in_(old)))
    still = select(ToldIn.letter_id).where(ToldIn.letter_id.in_(letters))
    connection.execute(delete(AlertLetter).where(AlertLetter.id.in_(letters), AlertLetter.id.not_in(still)))
    return len(old)


_alerts = select(Alert.id, Alert.kind, Alert.subject, Alert.who, Alert.facts, Alert.raised_at, Alert.read_at)


def _told(row: Any, letters: Sequence[tuple[Way, LetterStatus, str | None]] = ()) -> Told:
    return Told(**row, letters=tuple(letters))


def _letters_of(
    transaction: Transaction, alerts: Sequence[int]
) -> dict[int, list[tuple[Way, LetterStatus, str | None]]]:
    found: dict[int, list[tuple[Way, LetterStatus, str | None]]] = {}
    if alerts:
        rows = transaction.connection.execute(
            select(ToldIn.alert_id, AlertLetter.way, AlertLetter.status, AlertLetter.reason)
            .join(AlertLetter, AlertLetter.id == ToldIn.letter_id)
            .where(ToldIn.alert_id.in_(alerts))
            .order_by(AlertLetter.id)
        )
        for row in rows:
            found.setdefault(row.alert_id, []).append((row.way, row.status, row.reason))
    return found


def _people(transaction: Transaction, named: Sequence[int | str], right: Right | None) -> list[Any]:
    """In the order of their numbers, so that two transactions lock nothing crosswise."""
    statement = select(Staff.id, Staff.name, Staff.roles).where(Staff.left_at.is_(None)).order_by(Staff.id)
    numbers = [one for one in named if isinstance(one, int)]
    names = [one for one in named if isinstance(one, str)]
    if right is None:
        statement = statement.where(Staff.id.in_(numbers) | Staff.name.in_(names))
    if right is None and not named:
        return []
    rows = transaction.connection.execute(statement).all()
    return [
        row
        for row in rows
        if row.id in numbers or row.name in names or (right is not None and right in rights_of(row.roles))
    ]


def _insert(
    transaction: Transaction,
    staff: int,
    kind: AlertKind,
    subject: str,
    who: str | None,
    facts: Mapping[str, Any] | None,
    key: str | None,
) -> int | None:
    """None: they know it already."""
    statement = (
        upsert(transaction.connection, Alert)
        .on_conflict_do_nothing(index_elements=[Alert.staff_id, Alert.key], index_where=KEYED)
        .returning(Alert.id)
    )
    row = {
        "staff_id": staff,
        "kind": kind,
        "subject": subject,
        "who": who,
        "facts": dict(facts or {}),
        "key": key,
        "raised_at": transaction.now,
    }
    return transaction.connection.execute(statement, row).scalar_one_or_none()


def _write_letters(transaction: Transaction, person: Any, alert: int, kind: AlertKind) -> None:
    chosen = transaction.connection.scalar(
        select(AlertChoice.ways).where(AlertChoice.staff_id == person.id, AlertChoice.kind == kind)
    )
    ways = USUAL[kind] if chosen is None else [Way(way) for way in chosen]
    leaving = [way for way in LETTERS if way in ways]
    if not leaving:
        return
    habits = transaction.connection.execute(
        select(*AlertHabits.__table__.columns).where(AlertHabits.staff_id == person.id)
    ).one_or_none()
    hours: OwnHours | None = None if habits is None else hours_of(habits)
    due = transaction.now + (AT_ONCE if kind in URGENT else GATHERING)
    due = due if hours is None else hours.next(due)
    for way in leaving:
        if way is Way.TELEGRAM and (habits is None or habits.telegram is None):
            continue  # chosen before, and unlinked since
        letter = _gathering(transaction, person.id, way, due)
        transaction.connection.execute(insert(ToldIn), {"letter_id": letter, "alert_id": alert})


def _gathering(transaction: Transaction, staff: int, way: Way, due: datetime) -> int:
    """The letter that gathers; what is urgent makes it leave earlier."""
    connection = transaction.connection
    found = connection.execute(
        select(AlertLetter.id, AlertLetter.due_at)
        .where(AlertLetter.staff_id == staff, AlertLetter.way == way, AlertLetter.status == LetterStatus.GATHERING)
        .with_for_update()
    ).one_or_none()
    if found is not None:
        if due < found.due_at:
            connection.execute(update(AlertLetter).where(AlertLetter.id == found.id).values(due_at=due))
        return found.id
    row = {
        "staff_id": staff,
        "way": way,
        "status": LetterStatus.GATHERING,
        "attempts": 0,
        "due_at": due,
        "made_at": transaction.now,
        "updated_at": transaction.now,
    }
    return connection.execute(insert(AlertLetter).returning(AlertLetter.id), row).scalar_one()
