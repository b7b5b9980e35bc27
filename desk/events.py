"""Events as programs are told them: what has happened, with what they need to know of it, as far as they may see it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from desk.listings import CaseEntry, ConversationEntry, cases_by_id, conversations_by_id
from desk.rights import Right
from desk.sight import open_lines, sight_of
from desk.timeline import Line, lines
from storage.commits import Transaction
from storage.consents import Consent
from storage.contacts import Address, Link
from storage.deliveries import Delivery
from storage.events import Event, EventKind
from storage.interactions import Interaction


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryEntry:
    """A message on its way."""

    delivery: int
    message: int
    channel: str
    purpose: str
    external_id: str | None
    """The provider's number of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentEntry:
    """A recorded word."""

    consent: int
    address: str
    purpose: str
    granted: bool
    source: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkEntry:
    """Two contacts that are one, or are two again."""

    link: int
    merged: int
    """Who was found to be the contact."""
    evidence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EventData:
    """What an event tells. What does not belong to its type is null."""

    event: int
    contact: int | None = None
    conversation: int | None = None
    change: dict[str, Any] | None = None
    """States before and after."""
    message: Line | None = None
    delivery: DeliveryEntry | None = None
    conversation_now: ConversationEntry | None = None
    """As it stands when the event is sent."""
    case_now: CaseEntry | None = None
    link: LinkEntry | None = None
    consent: ConsentEntry | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class EventBody:
    """The body of a webhook's request (Standard Webhooks 1.0)."""

    type: str
    timestamp: datetime
    """When it happened."""
    data: EventData


WITH_MESSAGE = frozenset({EventKind.MESSAGE_RECEIVED, EventKind.NOTE_WRITTEN, EventKind.CONTACT_RECORDED})
WITH_DELIVERY = frozenset({EventKind.MESSAGE_SENT, EventKind.DELIVERY_CHANGED})
WITH_CONVERSATION = frozenset(
    {
        EventKind.CONVERSATION_OPENED,
        EventKind.CONVERSATION_HANDED_OFF,
        EventKind.CONVERSATION_OWNER_CHANGED,
        EventKind.CONVERSATION_CLOSED,
        EventKind.CONVERSATION_REOPENED,
    }
)
WITH_CASE = frozenset({EventKind.CASE_OPENED, EventKind.CASE_CHANGED, EventKind.CASE_BREACHED})
WITH_LINK = frozenset({EventKind.CONTACT_LINKED, EventKind.CONTACT_UNLINKED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Happened:
    """An event as it was written."""

    id: int
    position: int
    at: datetime
    kind: EventKind
    contact_id: int | None
    conversation_id: int | None
    subject: int | None
    facts: Mapping[str, Any]


def heard_by(transaction: Transaction, scopes: Collection[str]) -> Transaction:
    """The house as an endpoint hears it: like any program it is in no team, and what a team keeps to its members is
    told only to who may direct them."""
    rights = [Right(scope) for scope in scopes]
    return transaction.seen_by(sight_of(transaction, staff=None, name="", rights=rights))


def to_hear(transaction: Transaction, *, after: int, kinds: Collection[str]) -> list[ColumnElement[bool]]:
    """Conditions on Event: of these kinds, behind a position, and of nothing that is closed to whoever hears."""
    return [Event.position > after, Event.kind.in_(sorted(kinds)), *open_lines(transaction, Event.conversation_id)]


def happened(transaction: Transaction, *, after: int, kinds: Collection[str], limit: int) -> list[Happened]:
    """Events of these kinds behind a position, in order."""
    statement = _events.where(*to_hear(transaction, after=after, kinds=kinds)).order_by(Event.position)
    return [Happened(**row) for row in transaction.connection.execute(statement.limit(limit)).mappings()]


def happened_once(transaction: Transaction, event: int) -> Happened | None:
    """One that is still kept."""
    asked = _events.where(Event.id == event, *open_lines(transaction, Event.conversation_id))
    row = transaction.connection.execute(asked).mappings().one_or_none()
    return None if row is None else Happened(**row)


def told(transaction: Transaction, events: Sequence[Happened]) -> list[EventBody]:
    """Their bodies, with everything in them: whoever sends them takes out what the receiver may not see."""
    messages = _by_id(lines(transaction, Interaction.id.in_(_subjects(events, WITH_MESSAGE)), len(events)))
    deliveries = _deliveries(transaction, _subjects(events, WITH_DELIVERY))
    sent = {entry.message for entry in deliveries.values()}
    messages |= _by_id(lines(transaction, Interaction.id.in_(sent), len(sent))) if sent else {}
    conversations = conversations_by_id(transaction, _subjects(events, WITH_CONVERSATION))
    cases = cases_by_id(transaction, _subjects(events, WITH_CASE))
    links = _links(transaction, _subjects(events, WITH_LINK))
    consents = _consents(transaction, _subjects(events, {EventKind.CONSENT_CHANGED}))

    def body(event: Happened) -> EventBody:
        kind, subject = event.kind, event.subject or 0
        delivery = deliveries.get(subject) if kind in WITH_DELIVERY else None
        message = messages.get(subject) if kind in WITH_MESSAGE else None
        if kind is EventKind.MESSAGE_SENT and delivery is not None:
            message = messages.get(delivery.message)
        return EventBody(
            type=kind.value,
            timestamp=event.at,
            data=EventData(
                event=event.id,
                contact=event.contact_id,
                conversation=event.conversation_id,
                change=dict(event.facts) or None,
                message=message,
                delivery=delivery,
                conversation_now=conversations.get(subject) if kind in WITH_CONVERSATION else None,
                case_now=cases.get(subject) if kind in WITH_CASE else None,
                link=links.get(subject) if kind in WITH_LINK else None,
                consent=consents.get(subject) if kind is EventKind.CONSENT_CHANGED else None,
            ),
        )

    return [body(event) for event in events]


_events = select(
    Event.id,
    Event.position,
    Event.at,
    Event.kind,
    Event.contact_id,
    Event.conversation_id,
    Event.subject,
    Event.facts,
)


def _subjects(events: Sequence[Happened], kinds: Collection[EventKind]) -> list[int]:
    return [event.subject for event in events if event.kind in kinds and event.subject is not None]


def _by_id(entries: Sequence[Line]) -> dict[int, Line]:
    return {entry.id: entry for entry in entries}


def _deliveries(transaction: Transaction, identities: Sequence[int]) -> dict[int, DeliveryEntry]:
    if not identities:
        return {}
    rows = transaction.connection.execute(
        select(
            Delivery.id.label("delivery"),
            Delivery.interaction_id.label("message"),
            Delivery.channel,
            Delivery.purpose,
            Delivery.external_id,
        ).where(Delivery.id.in_(identities))
    )
    return {row["delivery"]: DeliveryEntry(**row) for row in rows.mappings()}


def _links(transaction: Transaction, identities: Sequence[int]) -> dict[int, LinkEntry]:
    if not identities:
        return {}
    rows = transaction.connection.execute(
        select(Link.id.label("link"), Link.merged_id.label("merged"), Link.evidence).where(Link.id.in_(identities))
    )
    return {row["link"]: LinkEntry(**row) for row in rows.mappings()}


def _consents(transaction: Transaction, identities: Sequence[int]) -> dict[int, ConsentEntry]:
    if not identities:
        return {}
    rows = transaction.connection.execute(
        select(
            Consent.id.label("consent"),
            Address.uri.label("address"),
            Consent.purpose,
            Consent.granted,
            Consent.source,
            Consent.at,
        )
        .join(Address, Address.id == Consent.address_id)
        .where(Consent.id.in_(identities))
    )
    return {row["consent"]: ConsentEntry(**row) for row in rows.mappings()}
