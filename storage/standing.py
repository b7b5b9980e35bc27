"""Where a person stands with us: one wide row of Contact, Address, Lane and open Conversation, for many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, select

from storage.cases import Case
from storage.consents import Consent
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState
from storage.interactions import Direction, Interaction
from storage.lanes import Lane

ADDRESS = (
    Address.id.label("address_id"),
    Address.uri,
    Address.contact_id,
    Address.proven_at,
    Address.closed_at,
    Contact.name,
    Contact.language,
    Contact.time_zone,
    Contact.tier,
    Contact.blocked_at,
    Contact.created_at,
)
LANE = (Lane.fence, Lane.holder, Lane.lease_until, Lane.newest, Lane.handled)
CONVERSATION = (
    Conversation.id.label("conversation_id"),
    Conversation.channel,
    Conversation.thread,
    Conversation.state,
    Conversation.owner,
    Conversation.epoch,
    Conversation.memory,
    Conversation.opened_at,
    Conversation.last_at,
)

_by_uri = (
    select(*ADDRESS, *LANE)
    .join(Contact, Contact.id == Address.contact_id)
    .join(Lane, Lane.contact_id == Address.contact_id)
    .where(Address.uri.in_(bindparam("uris", expanding=True)))
    .order_by(Lane.contact_id)
    .with_for_update(of=[Lane, Address])
)


def by_uri(connection: Connection, uris: Iterable[str]) -> dict[str, Row[Any]]:
    """The standing of addresses that are known, locked with their lanes in the order of Contact ids.

    The address is locked, too: while two Contacts are being linked, it must not be read as the old one's.
    """
    return {row.uri: row for row in connection.execute(_by_uri, {"uris": sorted(set(uris))})}


_open = select(*CONVERSATION, Conversation.contact_id, Conversation.address_id).where(
    Conversation.contact_id.in_(bindparam("contacts", expanding=True)), Conversation.state == ConversationState.OPEN
)


def open_conversations(connection: Connection, contacts: Sequence[int]) -> dict[tuple[int, str, str], Row[Any]]:
    """Open Conversations of Contacts by (contact, channel, thread)."""
    rows = connection.execute(_open, {"contacts": list(contacts)})
    return {(row.contact_id, row.channel, row.thread): row for row in rows}


_by_conversation = (
    select(*ADDRESS, *CONVERSATION)
    .join(Address, Address.id == Conversation.address_id)
    .join(Contact, Contact.id == Conversation.contact_id)
    .where(Conversation.id.in_(bindparam("conversations", expanding=True)))
)


def by_conversation(connection: Connection, conversations: Iterable[int]) -> dict[int, Row[Any]]:
    """Contact, Address and Conversation by Conversation id."""
    rows = connection.execute(_by_conversation, {"conversations": sorted(set(conversations))})
    return {row.conversation_id: row for row in rows}


MESSAGE = (
    Interaction.id,
    Interaction.contact_id,
    Interaction.conversation_id,
    Interaction.kind,
    Interaction.text,
    Interaction.content,
    Interaction.reply_to,
    Interaction.at,
    Interaction.channel,
)

_waiting = (
    select(*MESSAGE)
    .join(Lane, Lane.contact_id == Interaction.contact_id)
    .where(
        Interaction.contact_id.in_(bindparam("contacts", expanding=True)),
        Interaction.id > Lane.handled,
        Interaction.direction == Direction.IN,
    )
    .order_by(Interaction.contact_id, Interaction.id)
)


def waiting_messages(connection: Connection, contacts: Sequence[int]) -> dict[int, list[Row[Any]]]:
    """Inbound Interactions that no Turn has handled yet, in the order received, by Contact."""
    waiting: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(_waiting, {"contacts": list(contacts)}):
        waiting.setdefault(row.contact_id, []).append(row)
    return waiting


_consents = (
    select(Consent.address_id, Consent.contact_id, Consent.purpose, Consent.granted, Consent.at)
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


def cases(connection: Connection, contacts: Sequence[int], since: datetime) -> dict[int, list[Row[Any]]]:
    """Cases that are not closed, or were closed after `since`, latest first, by Contact."""
    found: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(_cases, {"contacts": list(contacts), "since": since}):
        found.setdefault(row.contact_id, []).append(row)
    return found


_addresses = select(Address.contact_id, Address.uri).where(Address.contact_id.in_(bindparam("contacts", expanding=True)))


def addresses(connection: Connection, contacts: Sequence[int]) -> dict[int, list[str]]:
    """All Addresses by Contact."""
    found: dict[int, list[str]] = {}
    for row in connection.execute(_addresses, {"contacts": list(contacts)}):
        found.setdefault(row.contact_id, []).append(row.uri)
    return found


_returning = (
    select(Conversation.contact_id, func.count())
    .where(
        and_(
            Conversation.contact_id.in_(bindparam("contacts", expanding=True)),
            Conversation.state != ConversationState.OPEN,
        )
    )
    .group_by(Conversation.contact_id)
)


def returning(connection: Connection, contacts: Sequence[int]) -> set[int]:
    """Contacts that had Conversations before."""
    return {row[0] for row in connection.execute(_returning, {"contacts": list(contacts)})}
