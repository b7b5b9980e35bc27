"""Guests: who writes to us, and the Lane their messages wait in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import insert, update

from channels.envelope import InboundMessage
from gateway.proofs import believe, settle_strangers
from storage import address_news, ids, lanes, standing
from storage.commits import Transaction, server_time
from storage.contacts import Address, Contact
from storage.standing import Person


@dataclass(slots=True)
class Guest:
    """One address while a transaction works on it."""

    person: Person
    fence: int
    newest: int
    handled: int
    free: bool
    """Nobody holds the lane."""


def find_or_welcome(transaction: Transaction, messages: Sequence[InboundMessage]) -> dict[str, Guest]:
    """Everyone who writes, by address, their lanes locked; whoever is new gets a Contact, an Address and a Lane."""
    settle_strangers(transaction, messages)
    now = server_time(transaction)
    known = standing.by_uri(transaction.connection, (message.address for message in messages))
    guests = {
        uri: Guest(
            person=person,
            fence=lane.fence,
            newest=lane.newest,
            handled=lane.handled,
            free=lane.lease_until is None or lane.lease_until < now,
        )
        for uri, (person, lane) in known.items()
    }
    strangers = {message.address: message for message in reversed(messages) if message.address not in guests}
    guests.update(_welcome(transaction, list(strangers.values())))
    for uri in believe(transaction, messages, {uri: guest.person for uri, guest in guests.items()}):
        guests[uri].person = guests[uri].person._replace(proven_at=transaction.now)
    written = {message.address for message in messages if message.automatic is None}
    reopened = [
        guest.person.address_id
        for uri, guest in guests.items()
        if guest.person.closed_at is not None and uri in written
    ]
    if reopened:
        # Whoever writes to us can be written to again; a machine that answers for them proves nothing.
        transaction.connection.execute(
            update(Address).where(Address.id.in_(reopened)).values(closed_at=None, closed_reason=None)
        )
    return guests


def _welcome(transaction: Transaction, strangers: Sequence[InboundMessage]) -> dict[str, Guest]:
    """Make a Contact, an Address and a Lane for everyone who writes for the first time."""
    if not strangers:
        return {}
    connection, now = transaction.connection, transaction.now
    contacts = ids.take(connection, Contact, len(strangers))
    addresses = ids.take(connection, Address, len(strangers))
    connection.execute(
        insert(Contact),
        [
            {"id": contact, "name": message.name, "language": None, "tier": "ordinary", "created_at": now}
            for contact, message in zip(contacts, strangers, strict=True)
        ],
    )
    connection.execute(
        insert(Address),
        [
            {"id": address, "contact_id": contact, "uri": message.address, "created_at": now}
            for address, contact, message in zip(addresses, contacts, strangers, strict=True)
        ],
    )
    lanes.open_for(connection, contacts)
    said = address_news.settle(connection, [message.address for message in strangers], now)
    return {
        message.address: Guest(
            person=Person(
                contact_id=contact,
                address_id=address,
                uri=message.address,
                name=message.name,
                closed_at=now if message.address in said and said[message.address].closed else None,
                consent=said[message.address].consent if message.address in said else None,
            ),
            fence=0,
            newest=0,
            handled=0,
            free=True,
        )
        for contact, address, message in zip(contacts, addresses, strangers, strict=True)
    }
