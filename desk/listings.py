"""Listings: everything there is of a kind, in pieces, for whoever goes through all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, func, select

from bot.turn import CaseKind, CaseStatus
from desk.cases import AT_A_GLANCE
from desk.paging import Page, after, page_of
from desk.refusals import NotFound
from desk.sight import open_cases, open_lines, open_talks
from desk.timeline import Line, lines
from storage.cases import Case
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.interactions import Direction, Interaction, InteractionKind
from storage.staff import Staff


@dataclass(frozen=True, kw_only=True, slots=True)
class ConversationEntry:
    """A Conversation in a list."""

    conversation: int
    contact: int
    name: str | None
    language: str | None
    tier: str
    address: str
    channel: str
    state: ConversationState
    owner: Owner
    agent: str | None
    epoch: int
    priority: int
    """1 urgent … 4 low."""
    reason: str | None
    """Why it was handed over."""
    summary: str | None
    opened_at: datetime
    last_at: datetime
    closed_at: datetime | None
    handed_off_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactEntry:
    """A Contact in a list."""

    contact: int
    external_id: str | None
    """The business's own number of them."""
    name: str | None
    language: str | None
    time_zone: str | None
    tier: str
    created_at: datetime
    blocked_at: datetime | None
    addresses: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseEntry:
    """A case in a list, with whose it is."""

    number: str
    """What people call it: `C-1042`."""
    contact: int
    conversation: int | None
    """Where it began."""
    kind: str
    status: str
    step: str | None
    subject: str
    priority: int
    """1 urgent … 4 low."""
    owner: str | None
    facts: dict[str, Any]
    founded: bool | None
    proposal: dict[str, Any]
    promises: list[Any]
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StaffEntry:
    """Somebody who works here."""

    staff: int
    name: str
    roles: list[str]
    language: str


def conversations(
    transaction: Transaction,
    *,
    state: ConversationState | None = None,
    owner: Owner | None = None,
    agent: str | None = None,
    channel: str | None = None,
    contact: int | None = None,
    language: str | None = None,
    tier: str | None = None,
    updated_since: datetime | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[ConversationEntry]:
    """Conversations, the youngest first. What is in the spam folder is left out unless it is asked for.

    Raises WrongCursor.
    """
    wanted: list[ColumnElement[bool]] = [
        Conversation.state == state if state is not None else Conversation.state != ConversationState.SPAM
    ]
    exact = {
        Conversation.owner: owner,
        Conversation.agent: agent,
        Conversation.channel: channel,
        Conversation.contact_id: contact,
        Contact.language: language,
        Contact.tier: tier,
    }
    wanted += [column == value for column, value in exact.items() if value is not None]
    wanted += open_talks(transaction)
    if updated_since is not None:
        wanted.append(Conversation.last_at >= updated_since)
    if (key := after(cursor)) is not None:
        wanted.append(Conversation.id < key)
    statement = _conversations.where(*wanted).order_by(Conversation.id.desc()).limit(limit + 1)
    rows = transaction.connection.execute(statement).mappings().all()
    return page_of(rows, limit, lambda row: ConversationEntry(**row), lambda row: row["conversation"])


def contacts(
    transaction: Transaction,
    *,
    tier: str | None = None,
    language: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[ContactEntry]:
    """Contacts, the youngest first; those that were found to be another one are left out. Raises WrongCursor."""
    wanted: list[ColumnElement[bool]] = [Contact.merged_into.is_(None)]
    exact = {Contact.tier: tier, Contact.language: language}
    wanted += [column == value for column, value in exact.items() if value is not None]
    if (key := after(cursor)) is not None:
        wanted.append(Contact.id < key)
    statement = _contacts.where(*wanted).order_by(Contact.id.desc()).limit(limit + 1)
    rows = transaction.connection.execute(statement).mappings().all()
    reached = _addresses(transaction, [row["contact"] for row in rows])

    def entry(row: RowMapping) -> ContactEntry:
        return ContactEntry(**row, addresses=reached.get(row["contact"], []))

    return page_of(rows, limit, entry, lambda row: row["contact"])


def cases(
    transaction: Transaction,
    *,
    status: CaseStatus | None = None,
    kind: CaseKind | None = None,
    owner: str | None = None,
    contact: int | None = None,
    updated_since: datetime | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[CaseEntry]:
    """Cases, the youngest first. Raises WrongCursor."""
    wanted = open_cases(transaction)
    exact = {Case.status: status, Case.kind: kind, Case.owner: owner, Case.contact_id: contact}
    wanted += [column == value for column, value in exact.items() if value is not None]
    if updated_since is not None:
        wanted.append(Case.updated_at >= updated_since)
    if (key := after(cursor)) is not None:
        wanted.append(Case.id < key)
    statement = _cases.where(*wanted).order_by(Case.id.desc()).limit(limit + 1)
    rows = transaction.connection.execute(statement).mappings().all()
    return page_of(rows, limit, _case_entry, lambda row: row["id"])


def case(transaction: Transaction, *, case: str) -> CaseEntry:
    """A case by its number, such as C-1042. Raises NotFound."""
    row = (
        transaction.connection.execute(_cases.where(Case.number == case, *open_cases(transaction)))
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise NotFound(f"there is no case {case}")
    return _case_entry(row)


def conversations_by_id(transaction: Transaction, identities: Sequence[int]) -> dict[int, ConversationEntry]:
    """Those that there are."""
    if not identities:
        return {}
    rows = transaction.connection.execute(_conversations.where(Conversation.id.in_(identities))).mappings()
    return {row["conversation"]: ConversationEntry(**row) for row in rows}


def cases_by_id(transaction: Transaction, identities: Sequence[int]) -> dict[int, CaseEntry]:
    """Those that there are."""
    if not identities:
        return {}
    rows = transaction.connection.execute(_cases.where(Case.id.in_(identities))).mappings()
    return {row["id"]: _case_entry(row) for row in rows}


def messages(
    transaction: Transaction,
    *,
    conversation: int | None = None,
    contact: int | None = None,
    channel: str | None = None,
    direction: Direction | None = None,
    kind: InteractionKind | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Line]:
    """What was exchanged and noted, the latest first: messages, notes, calls, the house's own news.

    Raises WrongCursor.
    """
    wanted = open_lines(transaction)
    exact = {
        Interaction.conversation_id: conversation,
        Interaction.contact_id: contact,
        Interaction.channel: channel,
        Interaction.direction: direction,
        Interaction.kind: kind,
    }
    wanted += [column == value for column, value in exact.items() if value is not None]
    if conversation is not None and contact is None:
        # The index is the contact's: without it every message of the house would be looked at.
        owner = select(Conversation.contact_id).where(Conversation.id == conversation).scalar_subquery()
        wanted.append(Interaction.contact_id == owner)
    if (key := after(cursor)) is not None:
        wanted.append(Interaction.id < key)
    latest = select(Interaction.id).where(*wanted).order_by(Interaction.id.desc()).limit(limit + 1)
    identities = transaction.connection.scalars(latest).all()
    found = {line.id: line for line in lines(transaction, Interaction.id.in_(identities), limit + 1)}
    return page_of(identities, limit, lambda identity: found[identity], lambda identity: identity)


def message(transaction: Transaction, *, message: int) -> Line:
    """One line of a thread. Raises NotFound."""
    found = lines(transaction, and_(Interaction.id == message, *open_lines(transaction)), 1)
    if not found:
        raise NotFound(f"there is no message {message}")
    return found[0]


def staff(transaction: Transaction, *, cursor: str | None = None, limit: int = 50) -> Page[StaffEntry]:
    """Who works here now. Raises WrongCursor."""
    statement = select(Staff.id.label("staff"), Staff.name, Staff.roles, Staff.language).where(Staff.left_at.is_(None))
    if (key := after(cursor)) is not None:
        statement = statement.where(Staff.id > key)
    rows = transaction.connection.execute(statement.order_by(Staff.id).limit(limit + 1)).mappings().all()
    return page_of(rows, limit, lambda row: StaffEntry(**row), lambda row: row["staff"])


def standing(transaction: Transaction, *, conversation: int) -> tuple[int, int]:
    """Epoch and newest Interaction of a Conversation: both together tell whether something has happened in it.

    Raises NotFound.
    """
    row = transaction.connection.execute(
        select(Conversation.epoch, func.max(Interaction.id))
        .outerjoin(
            Interaction,
            (Interaction.contact_id == Conversation.contact_id) & (Interaction.conversation_id == Conversation.id),
        )
        .where(Conversation.id == conversation)
        .group_by(Conversation.id, Conversation.epoch)
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no conversation {conversation}")
    return row[0], row[1] or 0


_conversations = (
    select(
        Conversation.id.label("conversation"),
        Conversation.contact_id.label("contact"),
        Contact.name,
        Contact.language,
        Contact.tier,
        Address.uri.label("address"),
        Conversation.channel,
        Conversation.state,
        Conversation.owner,
        Conversation.agent,
        Conversation.epoch,
        Conversation.priority,
        Conversation.handoff_reason.label("reason"),
        Conversation.handoff_summary.label("summary"),
        Conversation.opened_at,
        Conversation.last_at,
        Conversation.closed_at,
        Conversation.handed_off_at,
    )
    .join(Contact, Contact.id == Conversation.contact_id)
    .join(Address, Address.id == Conversation.address_id)
)
_contacts = select(
    Contact.id.label("contact"),
    Contact.external_id,
    Contact.name,
    Contact.language,
    Contact.time_zone,
    Contact.tier,
    Contact.created_at,
    Contact.blocked_at,
)
_cases = select(
    Case.id,
    *AT_A_GLANCE,
    Case.contact_id.label("contact"),
    Case.conversation_id.label("conversation"),
    Case.updated_at,
)


def _case_entry(row: RowMapping) -> CaseEntry:
    return CaseEntry(**{key: value for key, value in row.items() if key != "id"})


def _addresses(transaction: Transaction, identities: list[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = transaction.connection.execute(
        select(Address.contact_id, Address.uri).where(Address.contact_id.in_(identities)).order_by(Address.id)
    )
    for row in rows:
        found.setdefault(row.contact_id, []).append(row.uri)
    return found
