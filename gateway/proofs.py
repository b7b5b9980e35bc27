"""Proofs: a channel vouches that its writer is somebody, and we believe it: the same person, the same Contact.

Web chat carries what the business's own backend has signed (`InboundMessage.proven`). Somebody new at an address is
put where the proof points at once; two Contacts that a proof shows to be one are linked as soon as both lanes rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import insert, select, update

from channels.envelope import InboundMessage
from storage import address_news, link_codes
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.linking import current
from storage.standing import Person

CUSTOMER = "customer:"
"""Scheme of the business's own id for a person: the `contact_id` of an import."""


def settle_strangers(transaction: Transaction, messages: Sequence[InboundMessage]) -> None:
    """Give what is new of an address and its proof to the Contact that the proof names; two Contacts in one proof are
    to be linked."""
    vouched = {message.address: message.proven for message in messages if message.proven}
    if not vouched:
        return
    homes = _homes(transaction, {uri for proven in vouched.values() for uri in proven})
    known = _known(transaction, vouched)
    given: set[str] = set()
    for address, proven in vouched.items():
        named = [homes[uri] for uri in proven if uri in homes]
        if not named:
            continue
        home = named[0]
        fresh = [uri for uri in (address, *proven) if uri not in homes and uri not in known and uri not in given]
        _give(transaction, home[0], list(dict.fromkeys(fresh)))
        given.update(fresh)
        others = [*named[1:], *([known[address]] if address in known else [])]
        for contact, identity in others:
            if contact != home[0]:
                link_codes.prove(transaction.connection, giver=home[1], shower=identity, now=transaction.now)
    _believe_named(transaction, [identity for _, identity in homes.values()])


def _believe_named(transaction: Transaction, addresses: Sequence[int]) -> None:
    if addresses:
        transaction.connection.execute(
            update(Address)
            .where(Address.id.in_(sorted(addresses)), Address.proven_at.is_(None))
            .values(proven_at=transaction.now)
        )


def believe(transaction: Transaction, messages: Iterable[InboundMessage], people: Mapping[str, Person]) -> list[str]:
    """Note what is proven: the address here, and the others that the proof names; returns whom it told us about."""
    vouched = {message.address: message for message in messages if message.proven}
    new = [address for address in vouched if people[address].proven_at is None]
    for message in (vouched[address] for address in new):
        person = people[message.address]
        transaction.connection.execute(
            update(Address).where(Address.id == person.address_id).values(proven_at=transaction.now)
        )
        taken = _known(transaction, message.proven)
        fresh = [uri for uri in message.proven if uri not in taken]
        _give(transaction, person.contact_id, list(dict.fromkeys(fresh)))
    return new


def _give(transaction: Transaction, contact: int, uris: Sequence[str]) -> None:
    if uris:
        proven = {"contact_id": contact, "proven_at": transaction.now, "created_at": transaction.now}
        transaction.connection.execute(insert(Address), [{**proven, "uri": uri} for uri in uris])
        address_news.settle(transaction.connection, uris, transaction.now)


def _homes(transaction: Transaction, uris: set[str]) -> dict[str, tuple[int, int]]:
    """(Contact, Address) by proven uri, for those we know; a customer number is an address of its own."""
    found = _known(transaction, uris)
    numbers = {uri.removeprefix(CUSTOMER): uri for uri in uris if uri.startswith(CUSTOMER) and uri not in found}
    customers = select(Contact.id, Contact.external_id).where(Contact.external_id.in_(sorted(numbers)))
    for contact, external_id in transaction.connection.execute(customers).all() if numbers else ():
        home = current(transaction.connection, contact)
        uri = numbers[str(external_id)]
        address = transaction.connection.execute(
            insert(Address).returning(Address.id),
            {"contact_id": home, "uri": uri, "proven_at": transaction.now, "created_at": transaction.now},
        ).scalar_one()
        found[uri] = (home, address)
    return found


def _known(transaction: Transaction, uris: Iterable[str]) -> dict[str, tuple[int, int]]:
    rows = transaction.connection.execute(
        select(Address.uri, Address.contact_id, Address.id).where(Address.uri.in_(sorted(set(uris))))
    )
    return {row.uri: (row.contact_id, row.id) for row in rows}
