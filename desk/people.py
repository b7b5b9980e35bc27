"""People: what an agent knows of a Contact, writes down about one, and does when two turn out to be the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from desk.agents import agent_name, usable
from desk.profiles import Profile, profile
from desk.refusals import Impossible, NotFound, Unusable
from storage import interactions, link_codes, linking
from storage.cases import Case
from storage.commits import Transaction
from storage.contacts import Address, Contact, Link
from storage.interactions import OFFLINE, Direction, InteractionKind

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far ahead of ours the clock of somebody who writes down what has just happened may be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """An offline contact that was written down."""

    contact: int
    interaction: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Linked:
    """Two Contacts that are one now, or are two again."""

    link: int
    contact: int
    """Who stays."""
    merged: int
    moved: Mapping[str, int]
    """Rows by table."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeGiven:
    """A code that makes whoever shows it on another channel this Contact."""

    contact: int
    code: str
    expires_at: datetime


def contact(transaction: Transaction, *, contact: str, limit: int = 200) -> Profile:
    """Everything about a person, named by our number, by `customer:<the business's number>` or by an address.

    A Contact that was merged shows the one it is part of. Raises NotFound.
    """
    return profile(transaction, find(transaction.connection, contact), limit)


def record(
    transaction: Transaction,
    *,
    contact: str,
    kind: InteractionKind,
    text: str,
    by: str,
    at: datetime | None = None,
    case: str | None = None,
) -> Recorded:
    """Write down a call, visit, meeting, fax or fair (`at`: when it was; now where it is left out).

    Raises Unusable, NotFound.
    """
    by, text = agent_name(by), usable(text)
    if kind not in OFFLINE:
        raise Unusable(f"{kind} is no offline contact; it is one of {', '.join(OFFLINE)}")
    at = at or transaction.now
    if at > transaction.now + CLOCKS_DIFFER:
        raise Unusable(f"{at:%Y-%m-%d %H:%M} is yet to come; record what has happened")
    identity = find(transaction.connection, contact)
    interaction = interactions.record(
        transaction.connection,
        contact=identity,
        conversation=None,
        case=None if case is None else _case(transaction.connection, identity, case),
        channel="offline",
        direction=Direction.INTERNAL,  # it has happened: nothing answers it, and nothing is sent
        kind=kind,
        author=f"agent:{by}",
        text=text,
        at=at,
        now=transaction.now,
    )
    return Recorded(contact=identity, interaction=interaction)


def note(transaction: Transaction, *, contact: str, text: str, by: str) -> Recorded:
    """Write something about a person for colleagues alone, that belongs to no conversation.

    Raises Unusable, NotFound.
    """
    by, text = agent_name(by), usable(text)
    identity = find(transaction.connection, contact)
    interaction = interactions.record(
        transaction.connection,
        contact=identity,
        conversation=None,
        channel="desk",
        direction=Direction.INTERNAL,
        kind=InteractionKind.NOTE,
        author=f"agent:{by}",
        text=text,
        now=transaction.now,
    )
    return Recorded(contact=identity, interaction=interaction)


def link(transaction: Transaction, *, contact: str, other: str, evidence: str, by: str) -> Linked:
    """Everything of `other` moves to `contact`, row by row in the books. Raises Impossible, Unusable, NotFound."""
    by, evidence = agent_name(by), usable(evidence)
    connection = transaction.connection
    stays, merged = find(connection, contact), find(connection, other)
    if stays == merged:
        raise Impossible(f"both are contact {stays} already")
    try:
        made = linking.link(
            connection, stays=stays, merged=merged, evidence=evidence, by=f"agent:{by}", now=transaction.now
        )
    except linking.CannotLink as error:
        raise Impossible(str(error)) from error
    return _linked(connection, made)


def link_code(transaction: Transaction, *, contact: str) -> CodeGiven:
    """A code for a Contact, to be shown once within a day on another channel: whoever shows it is this person.

    Raises NotFound; Unusable where the Contact has no address.
    """
    identity = find(transaction.connection, contact)
    latest = select(Address.uri).where(Address.contact_id == identity).order_by(Address.id.desc()).limit(1)
    uri = transaction.connection.scalar(latest)
    code = link_codes.new()
    expires_at = None if uri is None else link_codes.give(transaction.connection, uri, code, transaction.now)
    if expires_at is None:
        raise Unusable(f"contact {identity} has no address that a code could be given to")
    return CodeGiven(contact=identity, code=code, expires_at=expires_at)


def unlink(transaction: Transaction, *, link: int, by: str) -> Linked:
    """Give every row that a link moved back. Raises Impossible."""
    by = agent_name(by)
    try:
        linking.unlink(transaction.connection, link, by=f"agent:{by}", now=transaction.now)
    except linking.CannotLink as error:
        raise Impossible(str(error)) from error
    return _linked(transaction.connection, link)


def find(connection: Connection, named: str) -> int:
    """A Contact by our number, by `customer:<the business's number>` or by an address; the one it is part of now.

    Raises NotFound.
    """
    named = named.strip()
    if named.isdecimal() and len(named) < 19:
        statement = select(Contact.id).where(Contact.id == int(named))
    elif named.startswith("customer:"):
        statement = select(Contact.id).where(Contact.external_id == named.removeprefix("customer:"))
    else:
        statement = select(Address.contact_id).where(Address.uri == named)
    found = connection.scalar(statement) if "\0" not in named else None
    if found is None:
        raise NotFound(f"there is no contact {named!r}; name one by number, customer:<number> or address")
    return linking.current(connection, found)


def _case(connection: Connection, contact: int, number: str) -> int:
    found = connection.scalar(select(Case.id).where(Case.number == number, Case.contact_id == contact))
    if found is None:
        raise NotFound(f"this contact has no case {number}")
    return found


def _linked(connection: Connection, link: int) -> Linked:
    row = connection.execute(select(Link.contact_id, Link.merged_id, Link.moved).where(Link.id == link)).one()
    return Linked(
        link=link,
        contact=row.contact_id,
        merged=row.merged_id,
        moved={table: len(rows) for table, rows in row.moved.items()},
    )
