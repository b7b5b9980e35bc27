"""People: what an agent knows of a Contact, writes down about one, and does when two turn out to be the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, insert, or_, select

from gateway.desk import agent_name, usable
from gateway.inbox import CaseSummary, Line, cases_of, lines
from gateway.refusals import Impossible, NotFound, Unusable
from storage import ids, link_codes, linking
from storage.cases import Case
from storage.commits import Transaction
from storage.consents import Consent
from storage.contacts import Address, Contact, Link
from storage.follow_ups import FollowUp
from storage.interactions import OFFLINE, Direction, Interaction, InteractionKind
from storage.orders import Order

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far ahead of ours the clock of somebody who writes down what has just happened may be."""
LATEST_ORDERS = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressFacts:
    """A way to reach a Contact."""

    uri: str
    proven_at: datetime | None
    closed_at: datetime | None
    closed_reason: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentFacts:
    """One recorded word."""

    address: str
    purpose: str
    granted: bool
    source: str
    words: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderLine:
    """One line of an order."""

    order_id: str
    at: datetime
    amount: Decimal
    currency: str
    status: str
    product: str
    quantity: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowUpFacts:
    """A dated intention."""

    kind: str
    reason: str
    due_at: datetime
    state: str
    case_number: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkFacts:
    """Another Contact that was found to be the same person."""

    id: int
    contact: int
    merged: int
    evidence: str
    made_by: str
    made_at: datetime
    undone_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """All we know of a person."""

    id: int
    external_id: str | None
    name: str | None
    language: str | None
    time_zone: str | None
    tier: str
    created_at: datetime
    blocked_at: datetime | None
    addresses: list[AddressFacts]
    consents: list[ConsentFacts]
    """Every word, latest first."""
    orders: list[OrderLine]
    cases: list[CaseSummary]
    follow_ups: list[FollowUpFacts]
    links: list[LinkFacts]
    timeline: list[Line]
    """Over all channels, oldest first."""


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


def contact(transaction: Transaction, *, contact: str, limit: int = 200) -> Profile:
    """Everything about a person, named by our number, by `customer:<the business's number>` or by an address.

    A Contact that was merged shows the one it is part of. Raises NotFound.
    """
    connection = transaction.connection
    identity = find(connection, contact)
    row = connection.execute(select(*Contact.__table__.columns).where(Contact.id == identity)).one()
    return Profile(
        id=identity,
        external_id=row.external_id,
        name=row.name,
        language=row.language,
        time_zone=row.time_zone,
        tier=row.tier,
        created_at=row.created_at,
        blocked_at=row.blocked_at,
        addresses=_addresses(connection, identity),
        consents=_consents(connection, identity),
        orders=_orders(connection, identity),
        cases=cases_of(transaction, identity),
        follow_ups=_follow_ups(connection, identity),
        links=_links(connection, identity),
        timeline=lines(transaction, Interaction.contact_id == identity, limit),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeGiven:
    """A code that makes whoever shows it on another channel this Contact."""

    contact: int
    code: str
    expires_at: datetime


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
    interaction = ids.take(transaction.connection, Interaction, 1)[0]
    transaction.connection.execute(
        insert(Interaction),
        {
            "id": interaction,
            "contact_id": identity,
            "conversation_id": None,
            "address_id": None,
            "case_id": None if case is None else _case(transaction.connection, identity, case),
            "channel": "offline",
            "direction": Direction.INTERNAL,  # it has happened: nothing answers it, and nothing is sent
            "kind": kind,
            "author": f"agent:{by}",
            "text": text,
            "content": {},
            "at": at,
            "stored_at": transaction.now,
        },
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


def _addresses(connection: Connection, contact: int) -> list[AddressFacts]:
    rows = connection.execute(
        select(Address.uri, Address.proven_at, Address.closed_at, Address.closed_reason)
        .where(Address.contact_id == contact)
        .order_by(Address.id)
    )
    return [
        AddressFacts(uri=row.uri, proven_at=row.proven_at, closed_at=row.closed_at, closed_reason=row.closed_reason)
        for row in rows
    ]


def _consents(connection: Connection, contact: int) -> list[ConsentFacts]:
    rows = connection.execute(
        select(Address.uri, Consent.purpose, Consent.granted, Consent.source, Consent.words, Consent.at)
        .join(Address, Address.id == Consent.address_id)
        .where(Consent.contact_id == contact)
        .order_by(Consent.id.desc())
    )
    return [
        ConsentFacts(
            address=row.uri, purpose=row.purpose, granted=row.granted, source=row.source, words=row.words, at=row.at
        )
        for row in rows
    ]


def _orders(connection: Connection, contact: int) -> list[OrderLine]:
    rows = connection.execute(
        select(*Order.__table__.columns)
        .where(Order.contact_id == contact)
        .order_by(Order.at.desc(), Order.id.desc())
        .limit(LATEST_ORDERS)
    )
    return [
        OrderLine(
            order_id=row.order_id,
            at=row.at,
            amount=row.amount,
            currency=row.currency,
            status=row.status,
            product=row.product,
            quantity=row.quantity,
        )
        for row in rows
    ]


def _follow_ups(connection: Connection, contact: int) -> list[FollowUpFacts]:
    rows = connection.execute(
        select(FollowUp.kind, FollowUp.reason, FollowUp.due_at, FollowUp.state, FollowUp.case_number)
        .where(FollowUp.contact_id == contact)
        .order_by(FollowUp.due_at)
    )
    return [
        FollowUpFacts(
            kind=row.kind, reason=row.reason, due_at=row.due_at, state=str(row.state), case_number=row.case_number
        )
        for row in rows
    ]


def _links(connection: Connection, contact: int) -> list[LinkFacts]:
    rows = connection.execute(
        select(*Link.__table__.columns)
        .where(or_(Link.contact_id == contact, Link.merged_id == contact))
        .order_by(Link.id)
    )
    return [
        LinkFacts(
            id=row.id,
            contact=row.contact_id,
            merged=row.merged_id,
            evidence=row.evidence,
            made_by=row.made_by,
            made_at=row.made_at,
            undone_at=row.undone_at,
        )
        for row in rows
    ]


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
