"""Where a person stands with us: Contact, Address, Lane and Conversation, for many at once.

These are the queries of the hot path. What most people do not have (cases, other addresses) is only flagged here and
asked for where the flag is up. What they find are named tuples, not dataclasses: they are built for every message.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, exists, select

from storage.cases import Case
from storage.consents import Consent, Purpose
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.deliveries import Delivery
from storage.interactions import Direction, Interaction
from storage.lanes import Lane
from storage.many import Question, among


class Person(NamedTuple):
    """A Contact at one of its Addresses."""

    contact_id: int
    address_id: int
    uri: str
    proven_at: datetime | None = None
    closed_at: datetime | None = None
    name: str | None = None
    language: str | None = None
    time_zone: str | None = None
    tier: str = "ordinary"
    blocked_at: datetime | None = None
    consent: bool | None = None
    """The latest word on marketing at this address."""
    has_cases: bool = False
    has_other_addresses: bool = False
    returning: bool = False
    """Had Conversations before."""


class Talk(NamedTuple):
    """A Conversation as a Turn finds it."""

    id: int
    contact_id: int
    address_id: int
    channel: str
    thread: str
    state: ConversationState
    owner: Owner
    epoch: int
    memory: dict[str, Any]
    opened_at: datetime
    last_at: datetime


class Waiting(NamedTuple):
    """An inbound Interaction that no Turn has handled yet."""

    id: int
    contact_id: int
    conversation_id: int
    kind: Any
    text: str
    content: dict[str, Any]
    reply_to: str | None
    at: datetime


_other = Address.__table__.alias("other")
_past = Conversation.__table__.alias("past")

PERSON = (
    Address.contact_id,
    Address.id.label("address_id"),
    Address.uri,
    Address.proven_at,
    Address.closed_at,
    Contact.name,
    Contact.language,
    Contact.time_zone,
    Contact.tier,
    Contact.blocked_at,
    select(Consent.granted)
    .where(Consent.address_id == Address.id, Consent.purpose == Purpose.MARKETING)
    .order_by(Consent.id.desc())
    .limit(1)
    .scalar_subquery()
    .label("consent"),
    exists().where(Case.contact_id == Address.contact_id).label("has_cases"),
    exists().where(_other.c.contact_id == Address.contact_id, _other.c.id != Address.id).label("has_other_addresses"),
    exists()
    .where(_past.c.contact_id == Address.contact_id, _past.c.state != ConversationState.OPEN)
    .label("is_returning"),
)
_PERSON = len(PERSON)

TALK = (
    Conversation.id,
    Conversation.contact_id,
    Conversation.address_id,
    Conversation.channel,
    Conversation.thread,
    Conversation.state,
    Conversation.owner,
    Conversation.epoch,
    Conversation.memory,
    Conversation.opened_at,
    Conversation.last_at,
)


class Place(NamedTuple):
    """How far a Lane is, and until when somebody holds it."""

    fence: int
    lease_until: datetime | None
    newest: int
    handled: int


_by_uri = Question(
    select(*PERSON, Lane.fence, Lane.lease_until, Lane.newest, Lane.handled)
    .join(Contact, Contact.id == Address.contact_id)
    .join(Lane, Lane.contact_id == Address.contact_id)
    .where(among(Address.uri, "uris"))
    .order_by(Lane.contact_id)
    .with_for_update(of=[Lane, Address]),
    into=lambda row: (Person._make(row[:_PERSON]), Place._make(row[_PERSON:])),
)


def by_uri(connection: Connection, uris: Iterable[str]) -> dict[str, tuple[Person, Place]]:
    """Known addresses with their lanes, locked in the order of Contact ids.

    The address is locked, too: while two Contacts are being linked, it must not be read as the old one's.
    """
    return {who.uri: (who, lane) for who, lane in _by_uri.ask(connection, {"uris": sorted(set(uris))})}


def person(row: Row[*tuple[Any, ...]]) -> Person:
    """The Person in a row that begins with the PERSON columns."""
    return Person._make(row[:_PERSON])


_open = Question(
    select(*TALK).where(among(Conversation.contact_id, "contacts"), Conversation.state == ConversationState.OPEN),
    into=Talk._make,
)


def open_talks(connection: Connection, contacts: Iterable[int]) -> dict[tuple[int, str, str], Talk]:
    """Open Conversations of Contacts by (contact, channel, thread)."""
    talks = _open.ask(connection, {"contacts": sorted(set(contacts))})
    return {(found.contact_id, found.channel, found.thread): found for found in talks}


def talk(row: Sequence[Any]) -> Talk:
    """The Talk in a row of the TALK columns."""
    return Talk._make(row)


_by_conversation = (
    select(*PERSON, *TALK)
    .join(Address, Address.id == Conversation.address_id)
    .join(Contact, Contact.id == Conversation.contact_id)
    .where(Conversation.id.in_(bindparam("conversations", expanding=True)))
)


def by_conversation(connection: Connection, conversations: Iterable[int]) -> dict[int, tuple[Person, Talk]]:
    """Person and Talk by Conversation."""
    rows = connection.execute(_by_conversation, {"conversations": sorted(set(conversations))}).all()
    pairs = ((person(row), talk(row[_PERSON:])) for row in rows)
    return {found.id: (who, found) for who, found in pairs}


_waiting = (
    select(
        Interaction.id,
        Interaction.contact_id,
        Interaction.conversation_id,
        Interaction.kind,
        Interaction.text,
        Interaction.content,
        Interaction.reply_to,
        Interaction.at,
    )
    .join(Lane, Lane.contact_id == Interaction.contact_id)
    .where(
        Interaction.contact_id.in_(bindparam("contacts", expanding=True)),
        Interaction.id > Lane.handled,
        Interaction.direction == Direction.IN,
    )
    .order_by(Interaction.contact_id, Interaction.id)
)


def waiting_messages(connection: Connection, contacts: Iterable[int]) -> dict[int, list[Waiting]]:
    """Inbound Interactions that no Turn has handled yet, in the order received, by Contact."""
    waiting: dict[int, list[Waiting]] = {}
    for row in connection.execute(_waiting, {"contacts": sorted(set(contacts))}).all():
        waiting.setdefault(row.contact_id, []).append(Waiting._make(row))
    return waiting


_answered = (
    select(Interaction.contact_id, Delivery.external_id, Interaction.text)
    .join(Delivery, Delivery.interaction_id == Interaction.id)
    .where(
        Delivery.channel.in_(bindparam("channels", expanding=True)),
        Delivery.external_id.in_(bindparam("ours", expanding=True)),
        Delivery.contact_id.in_(bindparam("contacts", expanding=True)),
    )
)
_quoted = select(Interaction.contact_id, Interaction.message_id, Interaction.text).where(
    Interaction.contact_id.in_(bindparam("contacts", expanding=True)),
    Interaction.message_id.in_(bindparam("theirs", expanding=True)),
)


def answered_texts(
    connection: Connection, replies: Iterable[tuple[int, str]], channels: Iterable[str]
) -> dict[tuple[int, str], str]:
    """What the messages said that are answered, by (contact, the provider's id): ours, or the customer's own.

    `channels`: on which the answers came.
    """
    pairs = list(replies)
    if not pairs:
        return {}
    contacts = sorted({contact for contact, _ in pairs})
    wanted = sorted({message for _, message in pairs})
    quoted = connection.execute(_quoted, {"contacts": contacts, "theirs": wanted})
    answered = connection.execute(_answered, {"contacts": contacts, "ours": wanted, "channels": sorted(set(channels))})
    rows = [*quoted.all(), *answered.all()]
    return {(contact, message): words for contact, message, words in rows if message is not None}


_consents = (
    select(Consent.address_id, Consent.purpose, Consent.granted)
    .where(Consent.contact_id.in_(bindparam("contacts", expanding=True)))
    .order_by(Consent.id)
)


def consents(connection: Connection, contacts: Sequence[int]) -> dict[tuple[int, str], bool]:
    """The latest word by (address, purpose)."""
    rows = connection.execute(_consents, {"contacts": list(contacts)})
    return {(row.address_id, row.purpose): row.granted for row in rows}


_cases = (
    select(*Case.__table__.columns)
    .where(
        Case.contact_id.in_(bindparam("contacts", expanding=True)),
        (Case.closed_at.is_(None)) | (Case.closed_at > bindparam("since")),
    )
    .order_by(Case.id.desc())
)


def cases(connection: Connection, contacts: Sequence[int], since: datetime) -> dict[int, list[Row[*tuple[Any, ...]]]]:
    """Cases that are not closed, or were closed after `since`, latest first, by Contact."""
    found: dict[int, list[Row[*tuple[Any, ...]]]] = {}
    if contacts:
        for row in connection.execute(_cases, {"contacts": list(contacts), "since": since}).all():
            found.setdefault(row.contact_id, []).append(row)
    return found


_addresses = select(Address.contact_id, Address.uri).where(
    Address.contact_id.in_(bindparam("contacts", expanding=True))
)


def addresses(connection: Connection, contacts: Sequence[int]) -> dict[int, list[str]]:
    """All Addresses by Contact."""
    found: dict[int, list[str]] = {}
    if contacts:
        for row in connection.execute(_addresses, {"contacts": list(contacts)}).all():
            found.setdefault(row.contact_id, []).append(row.uri)
    return found
