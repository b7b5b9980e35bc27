"""Search: contacts, cases and conversations by what is known of them and what was said in them.

Who may not see phone numbers and mail addresses finds a contact by a whole one, which the customer has told them, and
by no part of one: else they could be guessed digit by digit. What is found is shown masked to everybody, so that
looking for somebody is no look into their data.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, or_, select

from bot.turn import CaseStatus
from desk.rights import Right
from desk.search_people import FoundContact, find_contacts, shown
from desk.search_query import Asked, State, understood
from desk.sight import open_cases, open_lines
from nlu.chinese import simplified
from storage import search_upkeep
from storage.cases import Case
from storage.commits import Transaction
from storage.contacts import Contact
from storage.conversations import Conversation, ConversationState
from storage.deliveries import Pace
from storage.interactions import Direction, Interaction, InteractionKind
from storage.search import Clause, Kind, fact, find, in_months
from storage.staff import Staff

FIRST_DAY = date(1990, 1, 1)
"""Before which nobody was written to by any of our channels."""
PAGE = 20
FEW = 5
"""Of contacts and cases, beside conversations."""
LOOK_AT = (100, 400, 1500)
"""Lines with all the words that are looked at, one helping after the other, until a page is full. Whoever asks for a
very common word and a very rare condition is told how far we came, and may go on from there."""
MOST_OF_ONE = 1000
"""Latest lines of a Contact or Case that are looked through where only its own are asked for."""
SIDE = 60
"""Characters before the first word that was asked for in what is shown of a line."""
SHOWN = 240

__all__ = ["FoundCase", "FoundContact", "FoundLine", "Part", "Results", "Seeker", "find_contacts", "search"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seeker:
    """Who looks for something."""

    name: str
    rights: Collection[Right]


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundCase:
    number: str
    kind: str
    status: str
    subject: str
    contact: int
    name: str | None
    opened_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundLine:
    """The latest line of a Conversation with all that was asked for; of what has no Conversation, each line."""

    id: int
    conversation: int | None
    contact: int
    name: str | None
    channel: str
    direction: Direction
    kind: InteractionKind
    author: str
    at: datetime
    text: str
    """What stands around the first word that was asked for."""
    state: ConversationState | None
    more: int = 0
    """Further lines of the Conversation that we came by."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One kind of what was found, the latest first."""

    rows: Sequence[Any] = ()
    next: int | None = None
    """Where to go on (`before`); None: this was all."""
    until: datetime | None = None
    """We came back to this moment without filling the page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    asked: Asked
    contacts: Part = field(default_factory=Part)
    cases: Part = field(default_factory=Part)
    lines: Part = field(default_factory=Part)
    behind: float = 0.0
    """How much of the conversations is not yet in the index, from 0 to 1: an old house is indexed bit by bit."""

    @property
    def empty(self) -> bool:
        return not (self.contacts.rows or self.cases.rows or self.lines.rows)


def search(
    transaction: Transaction,
    *,
    query: str,
    by: Seeker,
    zone: ZoneInfo,
    only: Kind | None = None,
    before: int | None = None,
    most: int = PAGE,
) -> Results:
    """What has every word of a query, the latest first; spam only where it is asked for.

    `only`: of one kind, from `before` on. Days are those of `zone`. Raises NoDate, NoState. A query without a word
    finds nothing.
    """
    asked = understood(query, zone)
    if not asked.wanted:
        return Results(asked=asked)
    connection, results = transaction.connection, dict[str, Part]()
    if only in (None, Kind.CONTACT) and not asked.narrowed:
        few = FEW if only is None else most
        results["contacts"] = _contacts(transaction, asked, by, before, few)
    if only in (None, Kind.CASE) and not asked.of_lines_alone:
        results["cases"] = _cases(transaction, asked, before, FEW if only is None else most)
    if only in (None, Kind.INTERACTION):
        results["lines"] = _lines(transaction, asked, by, before, most)
    return Results(asked=asked, behind=search_upkeep.behind(connection), **results)


def channels(transaction: Transaction) -> list[str]:
    """By name, those that something was ever sent on."""
    return sorted(transaction.connection.scalars(select(Pace.channel)))


def _contacts(transaction: Transaction, asked: Asked, by: Seeker, before: int | None, most: int) -> Part:
    typed, without = " ".join(typed for typed, _ in asked.wanted), asked.unwanted
    private = Right.SEE_PRIVATE in by.rights
    rows = find_contacts(transaction, typed, most=most + 1, private=private, before=before, without=without)
    # Who was found by a whole number or address stands on top; pages go on behind those found by words.
    by_words = [row.id for row in rows[:most] if not row.exactly]
    return Part(rows=rows[:most], next=by_words[-1] if len(rows) > most and by_words else None)


def _cases(transaction: Transaction, asked: Asked, before: int | None, most: int) -> Part:
    conditions = [_of_state(asked.state, Case.status, (CaseStatus.RESOLVED, CaseStatus.CLOSED), CaseStatus.SPAM)]
    conditions += open_cases(transaction)
    conditions += _between(asked, Case.opened_at)

    def read(hits: Sequence[int]) -> list[Any]:
        return list(
            transaction.connection.execute(_case.where(Case.id.in_(hits), *conditions).order_by(Case.id.desc())).all(),
        )

    found, last = _sift(transaction.connection, Kind.CASE, _clauses(asked), read, before, None, most)
    rows = [
        FoundCase(
            number=row.number,
            kind=row.kind,
            status=row.status,
            subject=_around(row.subject, asked),
            contact=row.contact_id,
            name=row.name,
            opened_at=row.opened_at,
        )
        for row in found[:most]
    ]
    return _part(rows, [row.id for row in found], last, most)


def _lines(transaction: Transaction, asked: Asked, by: Seeker, before: int | None, most: int) -> Part:
    connection = transaction.connection
    clauses, among = _clauses(asked), _among(connection, asked, before)
    if asked.channel:
        clauses.append(Clause(terms=(fact("c", asked.channel, simplified()),)))
    if asked.author and (author := _author(transaction, asked.author, by)) is not None:
        clauses.append(Clause(terms=(fact("f", author, simplified()),)))
    elif asked.author:
        among = _of_contacts(transaction, asked.author, before, among)
    if asked.after or asked.before:
        clauses.append(_in_months(asked, transaction.now))
    over = (ConversationState.RESOLVED, ConversationState.IDLE)
    conditions = [_of_state(asked.state, Conversation.state, over, ConversationState.SPAM)]
    conditions += open_lines(transaction)
    conditions += _between(asked, Interaction.at)
    seen: dict[int, int] = {}

    def read(hits: Sequence[int]) -> list[Any]:
        rows = connection.execute(_line.where(Interaction.id.in_(hits), *conditions).order_by(Interaction.id.desc()))
        fresh = [row for row in rows if _first_of_its_conversation(row, seen)]
        return _not_shown_before(connection, fresh, clauses, conditions, before)

    found, last = _sift(connection, Kind.INTERACTION, clauses, read, before, among, most)
    rows = [_found_line(row, asked, seen) for row in found[:most]]
    part = _part(rows, [row.id for row in found], last, most)
    if last is None or len(found) >= most:
        return part
    until = connection.scalar(select(Interaction.at).where(Interaction.id == last))
    return Part(rows=rows, next=last, until=until)


def _sift(
    connection: Connection,
    kind: Kind,
    clauses: Sequence[Clause],
    read: Callable[[Sequence[int]], list[Any]],
    before: int | None,
    among: Sequence[int] | None,
    most: int,
) -> tuple[list[Any], int | None]:
    """Rows that `read` keeps of what the index finds, until there is one more than a page holds; and how far we came,
    where there may be more."""
    found: list[Any] = []
    for helping in LOOK_AT:
        hits = find(connection, kind, clauses, most=helping, before=before, among=among)
        found += read(hits) if hits else []
        if len(hits) < helping:
            return found, None
        before = hits[-1]
        if len(found) > most:
            break
    return found, before


def _part(rows: list[Any], ids: Sequence[int], last: int | None, most: int) -> Part:
    if len(ids) > most:
        return Part(rows=rows, next=ids[most - 1])
    return Part(rows=rows, next=last)


def _clauses(asked: Asked) -> list[Clause]:
    return [
        *(Clause(terms=(each,)) for _, each in asked.wanted),
        *(Clause(terms=(each,), without=True) for each in asked.unwanted),
    ]


def _of_state(state: State | None, column: Any, over: Sequence[str], spam: str) -> ColumnElement[bool]:
    match state:
        case None:
            return or_(column.is_(None), column != spam)
        case State.OPEN:
            return column.not_in([*over, spam])
        case State.CLOSED:
            return column.in_(over)
        case State.SPAM:
            return column == spam


def _between(asked: Asked, column: Any) -> list[ColumnElement[bool]]:
    return [
        *([column >= asked.after] if asked.after else []),
        *([column < asked.before] if asked.before else []),
    ]


def _in_months(asked: Asked, now: datetime) -> Clause:
    """The index knows the month of each line, so that nobody looks through all that came later."""
    first = asked.after.astimezone(UTC).date() if asked.after else FIRST_DAY
    last = (now + timedelta(days=1)).date()
    if asked.before:
        last = min(asked.before.astimezone(UTC).date(), last)
    return in_months(max(first, FIRST_DAY), max(last, first, FIRST_DAY))


def _among(connection: Connection, asked: Asked, before: int | None) -> list[int] | None:
    """Lines of the case that is asked for: those that stand in it, and the Conversation in which it began."""
    if asked.case is None:
        return None
    case = connection.execute(
        select(Case.id, Case.contact_id, Case.conversation_id).where(Case.number == asked.case)
    ).one_or_none()
    if case is None:
        return []
    of_case = or_(Interaction.case_id == case.id, Interaction.conversation_id == case.conversation_id)
    return _latest(connection, [Interaction.contact_id == case.contact_id, of_case], before)


def _of_contacts(transaction: Transaction, name: str, before: int | None, among: Sequence[int] | None) -> list[int]:
    """What customers of this name wrote."""
    people = [found.id for found in find_contacts(transaction, name, most=PAGE, private=False)]
    conditions = [Interaction.contact_id.in_(people), Interaction.direction == Direction.IN]
    lines = _latest(transaction.connection, conditions, before) if people else []
    return lines if among is None else sorted(set(lines) & set(among))


def _latest(connection: Connection, conditions: Sequence[ColumnElement[bool]], before: int | None) -> list[int]:
    earlier = [Interaction.id < before] if before else []
    statement = select(Interaction.id).where(*conditions, *earlier).order_by(Interaction.id.desc()).limit(MOST_OF_ONE)
    return list(connection.scalars(statement))


ROLES_OF_AUTHORS = {
    "customer": "customer",
    "客户": "customer",
    "客戶": "customer",
    "assistant": "bot",
    "bot": "bot",
    "助手": "bot",
    "助理": "bot",
}
MYSELF = frozenset({"me", "我", "myself"})


def _author(transaction: Transaction, typed: str, by: Seeker) -> str | None:
    """As authors are marked in the index; None: nobody of the house is called so."""
    name = " ".join(typed.split())
    if name.lower() in MYSELF:
        return by.name
    if (role := ROLES_OF_AUTHORS.get(name.lower())) is not None:
        return role
    names = transaction.connection.scalars(select(Staff.name))
    return next((each for each in names if each.lower() == name.lower()), None)


def _first_of_its_conversation(row: Any, seen: dict[int, int]) -> bool:
    if row.conversation_id is None:
        return True
    seen[row.conversation_id] = seen.get(row.conversation_id, -1) + 1
    return seen[row.conversation_id] == 0


def _not_shown_before(
    connection: Connection,
    rows: list[Any],
    clauses: Sequence[Clause],
    conditions: Sequence[ColumnElement[bool]],
    before: int | None,
) -> list[Any]:
    """A Conversation stands on the page of its latest line, and on no later one."""
    if before is None or not rows:
        return rows
    talks = [row.conversation_id for row in rows if row.conversation_id is not None]
    contacts = {row.contact_id for row in rows}
    later = select(Interaction.id).where(
        Interaction.contact_id.in_(contacts), Interaction.conversation_id.in_(talks), Interaction.id >= before
    )
    hits = find(connection, Kind.INTERACTION, clauses, most=MOST_OF_ONE, among=list(connection.scalars(later)))
    shown_before = set(connection.scalars(_talk_of.where(Interaction.id.in_(hits), *conditions)))
    return [row for row in rows if row.conversation_id not in shown_before]


def _found_line(row: Any, asked: Asked, seen: dict[int, int]) -> FoundLine:
    return FoundLine(
        id=row.id,
        conversation=row.conversation_id,
        contact=row.contact_id,
        name=row.name,
        channel=row.channel,
        direction=row.direction,
        kind=row.kind,
        author=row.author,
        at=row.at,
        text=_around(row.text, asked),
        state=row.state,
        more=0 if row.conversation_id is None else seen[row.conversation_id],
    )


def _around(text: str, asked: Asked) -> str:
    return shown(text, [each for _, each in asked.wanted], side=SIDE, most=SHOWN)


_case = select(
    Case.id, Case.number, Case.kind, Case.status, Case.subject, Case.contact_id, Case.opened_at, Contact.name
).join(Contact, Contact.id == Case.contact_id)
_line = (
    select(
        Interaction.id,
        Interaction.conversation_id,
        Interaction.contact_id,
        Interaction.channel,
        Interaction.direction,
        Interaction.kind,
        Interaction.author,
        Interaction.at,
        Interaction.text,
        Conversation.state,
        Contact.name,
    )
    .join(Contact, Contact.id == Interaction.contact_id)
    .outerjoin(Conversation, Conversation.id == Interaction.conversation_id)
)
_talk_of = select(Interaction.conversation_id).outerjoin(Conversation, Conversation.id == Interaction.conversation_id)
