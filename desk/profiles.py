"""Profiles: all that is known of a Contact, as an agent sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, and_, or_, select

from desk.cases import CaseSummary, cases_of
from desk.sight import open_lines
from desk.timeline import Line, lines
from storage.commits import Transaction
from storage.consents import Consent
from storage.contacts import Address, Contact, Link
from storage.follow_ups import FollowUp
from storage.interactions import Interaction
from storage.orders import Order

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


def profile(transaction: Transaction, contact: int, limit: int) -> Profile:
    """Everything about a person; of the timeline the latest `limit` lines."""
    connection = transaction.connection
    row = connection.execute(select(*Contact.__table__.columns).where(Contact.id == contact)).one()
    return Profile(
        id=contact,
        external_id=row.external_id,
        name=row.name,
        language=row.language,
        time_zone=row.time_zone,
        tier=row.tier,
        created_at=row.created_at,
        blocked_at=row.blocked_at,
        addresses=_addresses(connection, contact),
        consents=consents_of(connection, contact),
        orders=orders_of(connection, contact),
        cases=cases_of(transaction, contact),
        follow_ups=_follow_ups(transaction, contact),
        links=links_of(connection, contact),
        timeline=lines(transaction, and_(Interaction.contact_id == contact, *open_lines(transaction)), limit),
    )


def _addresses(connection: Connection, contact: int) -> list[AddressFacts]:
    rows = connection.execute(
        select(Address.uri, Address.proven_at, Address.closed_at, Address.closed_reason)
        .where(Address.contact_id == contact)
        .order_by(Address.id)
    )
    return [AddressFacts(**row) for row in rows.mappings()]


def consents_of(connection: Connection, contact: int) -> list[ConsentFacts]:
    rows = connection.execute(
        select(
            Address.uri.label("address"), Consent.purpose, Consent.granted, Consent.source, Consent.words, Consent.at
        )
        .join(Address, Address.id == Consent.address_id)
        .where(Consent.contact_id == contact)
        .order_by(Consent.id.desc())
    )
    return [ConsentFacts(**row) for row in rows.mappings()]


def orders_of(connection: Connection, contact: int) -> list[OrderLine]:
    rows = connection.execute(
        select(Order.order_id, Order.at, Order.amount, Order.currency, Order.status, Order.product, Order.quantity)
        .where(Order.contact_id == contact)
        .order_by(Order.at.desc(), Order.id.desc())
        .limit(LATEST_ORDERS)
    )
    return [OrderLine(**row) for row in rows.mappings()]


def _follow_ups(transaction: Transaction, contact: int) -> list[FollowUpFacts]:
    rows = transaction.connection.execute(
        select(FollowUp.kind, FollowUp.reason, FollowUp.due_at, FollowUp.state, FollowUp.case_number)
        .where(FollowUp.contact_id == contact, *open_lines(transaction, FollowUp.conversation_id))
        .order_by(FollowUp.due_at)
    )
    return [FollowUpFacts(**row) for row in rows.mappings()]


def links_of(connection: Connection, contact: int) -> list[LinkFacts]:
    rows = connection.execute(
        select(
            Link.id,
            Link.contact_id.label("contact"),
            Link.merged_id.label("merged"),
            Link.evidence,
            Link.made_by,
            Link.made_at,
            Link.undone_at,
        )
        .where(or_(Link.contact_id == contact, Link.merged_id == contact))
        .order_by(Link.id)
    )
    return [LinkFacts(**row) for row in rows.mappings()]
