"""For programs: verbs whose arguments a page puts together, in a shape that stands in one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from bot.playbook import Playbook
from bot.turn import CaseKind
from desk import approvals as asking
from desk import case_list, casework, lists, own_data, people, teams
from desk import history as histories
from desk import knowledge as known
from desk import search as searching
from desk import staff as colleagues
from desk.case_list import Filter
from desk.lists import Filters, Piece
from desk.logins import Present
from desk.search import FoundCase, FoundContact, FoundLine, Seeker
from storage import search as index
from storage.commits import Transaction
from storage.knowledge_entries import EntryState
from storage.privacy import PrivacyKind

Named = Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")]
MOST = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What was found, the latest first."""

    contacts: Sequence[FoundContact]
    cases: Sequence[FoundCase]
    lines: Sequence[FoundLine]
    next_contacts: int | None
    """With `only`, the `before` of the page after; null: these were all."""
    next_cases: int | None
    next_lines: int | None
    behind: float
    """How much of the conversations is not yet in the index, from 0 to 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted:
    """A line of the audit log."""

    id: int
    at: datetime
    staff: int | None
    who: str
    action: str
    subject: str | None
    details: Mapping[str, Any]
    client: str | None


def search(
    transaction: Transaction,
    *,
    by: Present,
    playbook: Playbook,
    query: str,
    only: index.Kind | None = None,
    before: int | None = None,
    limit: int = 20,
) -> Found:
    """What has every word of a query: contacts, cases, and lines of conversations. Spam only where it is asked for.
    Raises NoDate, NoState."""
    found = searching.search(
        transaction,
        query=query[:500],
        by=Seeker(name=by.name, rights=by.rights),
        zone=playbook.hours.time_zone,
        only=only,
        before=before if only is not None else None,
        most=limit,
    )
    return Found(
        contacts=found.contacts.rows,
        cases=found.cases.rows,
        lines=found.lines.rows,
        next_contacts=found.contacts.next,
        next_cases=found.cases.next,
        next_lines=found.lines.next,
        behind=found.behind,
    )


def inbox(
    transaction: Transaction,
    *,
    by: Present,
    view: lists.View,
    channel: str | None = None,
    language: str | None = None,
    tier: str | None = None,
    agent: str | None = None,
    team: str | None = None,
    kind: str | None = None,
    cursor: str | None = None,
    limit: int = MOST,
) -> Piece:
    """A view of the inbox, in the order in which people should be answered. Raises Unusable for a strange cursor."""
    filters = Filters(channel=channel, language=language, tier=tier, agent=agent, team=team, kind=kind)
    return lists.piece(transaction, view=view, by=by.name, staff=by.staff, filters=filters, after=cursor, limit=limit)


def cases(
    transaction: Transaction,
    *,
    by: Present,
    playbook: Playbook,
    view: case_list.View,
    kind: str = "",
    category: str = "",
    owner: str = "",
    tier: str = "",
    priority: int | None = None,
    cursor: str = "",
    limit: int = MOST,
) -> case_list.Page:
    """A view of the cases: open ones by deadline, the nearest first. Raises Unusable for a strange cursor."""
    only = Filter(kind=kind, category=category, owner=owner, tier=tier, priority=priority)
    soon = timedelta(hours=playbook.policy.cases.soon_hours)
    return case_list.listed(transaction, view=view, by=by.name, soon=soon, only=only, after=cursor, most=limit)


def open_case(
    transaction: Transaction,
    *,
    by: Present,
    contact: str,
    subject: Named,
    kind: CaseKind = CaseKind.COMPLAINT,
    priority: Annotated[int, Field(ge=1, le=5)] = 3,
    conversation: int | None = None,
    facts: Mapping[str, str] | None = None,
) -> str:
    """A case by hand; its number. Raises Unusable, NotFound."""
    return casework.open_case(
        transaction,
        by=by,
        contact=people.find(transaction.connection, contact),
        subject=subject,
        kind=kind,
        priority=priority,
        conversation=conversation,
        facts=facts,
    )


def history(transaction: Transaction, *, contact: str, cursor: str | None = None, limit: int = MOST) -> histories.Page:
    """Everything that happened with a contact, over all channels, the latest first. Raises NotFound, Unusable."""
    found = people.find(transaction.connection, contact)
    return histories.history(transaction, contact=found, before=cursor, limit=limit)


def set_skills(
    transaction: Transaction,
    *,
    by: Present,
    colleague: int,
    languages: Sequence[str],
    topics: Sequence[str],
    capacity: int | None = None,
) -> None:
    """What a colleague can take: languages, topics, and how many conversations at once. Raises Unusable, NotFound."""
    teams.set_skills(transaction, by=by, staff=colleague, languages=languages, topics=topics, capacity=capacity)


def ask_for_own_data(transaction: Transaction, *, by: Present, contact: str, kind: PrivacyKind) -> int:
    """A customer asked for a copy of their data, or to be forgotten: somebody of the house decides. Raises NotFound,
    Unusable."""
    return own_data.write_down(transaction, contact=contact, kind=kind, by=by.name, staff=by.staff)


def audit_log(transaction: Transaction, *, before: int | None = None, limit: int = MOST) -> list[Noted]:
    """Who saw, changed and took out what, the latest first; `before`: a line's number."""
    return [
        Noted(
            id=row.id,
            at=row.at,
            staff=row.staff_id,
            who=row.who,
            action=row.action,
            subject=row.subject,
            details=row.details,
            client=row.client,
        )
        for row in colleagues.audit_log(transaction, before=before, limit=limit)
    ]


def approvals(transaction: Transaction, *, limit: int = MOST) -> list[asking.Asked]:
    """What waits for a supervisor's word, the oldest first."""
    return asking.waiting(transaction, most=limit)


def knowledge(
    transaction: Transaction, *, state: EntryState, before: int | None = None, limit: int = MOST
) -> list[known.Version]:
    """Entries in a state, the latest first; `before`: an entry's number."""
    return known.listing(transaction, state=state, before=before, limit=limit)


def versions(transaction: Transaction, *, entry: int) -> list[known.Version]:
    """All versions of an entry. Raises NotFound."""
    return known.versions(transaction, name=known.look(transaction, entry=entry).name)
