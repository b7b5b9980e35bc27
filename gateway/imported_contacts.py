"""Imported contacts: rows of the business's own file become Contacts, proven Addresses and Consents, once.

A row that says what is known already changes nothing, however often it comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from gateway.imported import Problem, Stored, living
from storage import address_news, ids, lanes, privacy
from storage.commits import Transaction
from storage.consents import Consent, Purpose
from storage.contacts import Address, Contact
from storage.interactions import Direction, Interaction


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedConsent:
    """A yes or no to marketing on the row's mail address."""

    granted: bool
    source: str
    words: str
    at: datetime | None
    """None: a no that nobody dated. It takes a yes back, and is recorded only then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactRow:
    """One row, checked as far as it can be without the database."""

    line: int
    external_id: str
    name: str | None = None
    language: str | None = None
    time_zone: str | None = None
    """What is None is left as it is known."""
    mail: str | None = None
    """`mailto:…`"""
    phone: str | None = None
    """`tel:+…`"""
    consent: ImportedConsent | None = None


@dataclass(slots=True)
class _Known:
    """What the database knows about a piece's rows when it begins."""

    contacts: Mapping[str, Any]
    """By external id."""
    owners: dict[str, int]
    """Whose an address is, by URI; grows while rows are worked on."""
    addresses: Mapping[str, Any]
    heard: set[int]
    """Contacts that have written to us."""
    words: dict[str, tuple[bool, datetime]]
    """The latest word on marketing by URI; grows likewise."""
    said: set[tuple[str, str, datetime]]
    """(uri, source, time) of consents that are recorded."""


@dataclass(slots=True)
class _Page:
    """What the piece adds, so that each table is written once."""

    contacts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    changes: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    addresses: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    proofs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    consents: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def store(transaction: Transaction, *, rows: list[ContactRow], source: str) -> Stored:
    """Store a piece of a file. `source`: what a consent without one of its own is said to come from."""
    started = perf_counter()
    connection, stored = transaction.connection, Stored()
    known, page = _look_up(connection, rows), _Page()
    rows = _without_erased(connection, rows, known, stored)
    fresh = iter(ids.take(connection, Contact, sum(row.external_id not in known.contacts for row in rows)))
    created: dict[str, int] = {}
    for row in rows:
        contact = known.contacts.get(row.external_id)
        if contact is None and row.external_id not in created:
            created[row.external_id] = identity = next(fresh)
            page.contacts.append(_contact(identity, row, transaction.now))
            stored.created += 1
            _reach(row, identity, known, page, stored, transaction.now)
            _consent(row, identity, known, page, source, transaction.now)
            continue
        identity = created[row.external_id] if contact is None else living(connection, contact)
        changed = contact is not None and _correct(row, contact, known, page)
        changed |= _reach(row, identity, known, page, stored, transaction.now)
        changed |= _consent(row, identity, known, page, source, transaction.now)
        if changed:
            stored.updated += 1
        else:
            stored.unchanged += 1
    _write(connection, page, transaction.now)
    stored.seconds = perf_counter() - started
    return stored


def _without_erased(
    connection: Connection, rows: Sequence[ContactRow], known: _Known, stored: Stored
) -> list[ContactRow]:
    """Whom we were told to forget does not come back by a file. Whoever has come back of their own accord is known."""
    words = {f"customer:{row.external_id}" for row in rows if row.external_id not in known.contacts}
    words |= {uri for row in rows for uri in (row.mail, row.phone) if uri is not None and uri not in known.owners}
    erased = privacy.buried(connection, words)
    if not erased:
        return list(rows)
    wanted: list[ContactRow] = []
    for row in rows:
        if erased.keys() & {f"customer:{row.external_id}", row.mail, row.phone}:
            stored.problems.append(Problem(line=row.line, reason="this person was erased; the row was left out"))
        else:
            wanted.append(row)
    return wanted


def _look_up(connection: Connection, rows: Sequence[ContactRow]) -> _Known:
    found = connection.execute(_contacts, {"external_ids": [row.external_id for row in rows]}).all()
    contacts = {row.external_id: row for row in found}
    uris = [uri for row in rows for uri in (row.mail, row.phone) if uri is not None]
    addresses = {row.uri: row for row in connection.execute(_addresses, {"uris": uris})} if uris else {}
    speaking = [
        contacts[row.external_id].id
        for row in rows
        if row.external_id in contacts and row.language not in (None, contacts[row.external_id].language)
    ]
    words = address_news.expected(
        connection, {row.mail for row in rows if row.mail is not None and row.mail not in addresses}
    )
    said: set[tuple[str, str, datetime]] = set()
    asked = [addresses[row.mail].id for row in rows if row.consent is not None and row.mail in addresses]
    if asked:
        for consent in connection.execute(_consents, {"addresses": asked}):
            words[consent.uri] = (consent.granted, consent.at)
            said.add((consent.uri, consent.source, consent.at))
    return _Known(
        contacts=contacts,
        owners={uri: address.contact_id for uri, address in addresses.items()},
        addresses=addresses,
        heard=set(connection.scalars(_heard, {"contacts": speaking})) if speaking else set(),
        words=words,
        said=said,
    )


def _contact(identity: int, row: ContactRow, now: datetime) -> dict[str, Any]:
    return {
        "id": identity,
        "external_id": row.external_id,
        "name": row.name,
        "language": row.language,
        "time_zone": row.time_zone,
        "tier": "ordinary",
        "created_at": now,
    }


def _correct(row: ContactRow, contact: Any, known: _Known, page: _Page) -> bool:
    """The file is right about its own customers, except for the language of those whom we have heard ourselves."""
    now = {
        "name": row.name or contact.name,
        "language": contact.language if contact.id in known.heard else row.language or contact.language,
        "time_zone": row.time_zone or contact.time_zone,
    }
    if now == {"name": contact.name, "language": contact.language, "time_zone": contact.time_zone}:
        return False
    page.changes.append({"contact": contact.id, **{f"new_{name}": value for name, value in now.items()}})
    return True


def _reach(row: ContactRow, contact: int, known: _Known, page: _Page, stored: Stored, now: datetime) -> bool:
    """The row's addresses become the Contact's; one that is somebody else's stays theirs, and the conflict is told."""
    changed = False
    for uri in (row.mail, row.phone):
        if uri is None:
            continue
        owner = known.owners.get(uri)
        if owner is None:
            known.owners[uri] = contact
            page.addresses.append({"contact_id": contact, "uri": uri, "proven_at": now, "created_at": now})
            changed = True
        elif owner != contact:
            reason = f"{uri} belongs to contact {owner} already; contact {contact} was kept without it"
            stored.problems.append(Problem(line=row.line, reason=reason))
        elif uri in known.addresses and known.addresses[uri].proven_at is None:
            page.proofs.append({"address": known.addresses[uri].id, "at": now})
            changed = True
    return changed


def _consent(row: ContactRow, contact: int, known: _Known, page: _Page, source: str, now: datetime) -> bool:
    """Only a later word than the last one counts: an old yes in a file never undoes a withdrawal."""
    said, uri = row.consent, row.mail
    if said is None or uri is None or known.owners.get(uri) != contact:
        return False
    origin = f"import:{said.source or source}"
    latest = known.words.get(uri)
    if said.at is None:
        if latest is None or not latest[0]:
            return False
        at = now
    else:
        at = said.at
        if (uri, origin, at) in known.said:
            return False
        if latest is not None and (at < latest[1] or (at == latest[1] and said.granted)):
            return False
    known.words[uri] = (said.granted, at)
    known.said.add((uri, origin, at))
    page.consents.append(
        {
            "contact_id": contact,
            "uri": uri,
            "purpose": Purpose.MARKETING,
            "granted": said.granted,
            "source": origin,
            "words": said.words,
            "at": at,
        }
    )
    return True


def _write(connection: Connection, page: _Page, now: datetime) -> None:
    if page.contacts:
        connection.execute(insert(Contact), page.contacts)
        lanes.open_for(connection, [row["id"] for row in page.contacts])
    if page.changes:
        connection.execute(_change, page.changes)
    if page.addresses:
        connection.execute(insert(Address), page.addresses)
        # Before the file's own words: of two the later row counts.
        address_news.settle(connection, {row["uri"] for row in page.addresses}, now)
    if page.proofs:
        connection.execute(_prove, page.proofs)
    if page.consents:
        uris = [row["uri"] for row in page.consents]
        known = {row.uri: row.id for row in connection.execute(_addresses, {"uris": uris})}
        for row in page.consents:
            row["address_id"] = known[row.pop("uri")]
        connection.execute(insert(Consent), page.consents)


_contacts = select(
    Contact.id, Contact.external_id, Contact.name, Contact.language, Contact.time_zone, Contact.merged_into
).where(Contact.external_id.in_(bindparam("external_ids", expanding=True)))

_addresses = select(Address.id, Address.uri, Address.contact_id, Address.proven_at).where(
    Address.uri.in_(bindparam("uris", expanding=True))
)

_heard = (
    select(Interaction.contact_id)
    .where(Interaction.contact_id.in_(bindparam("contacts", expanding=True)), Interaction.direction == Direction.IN)
    .distinct()
)

_consents = (
    select(Address.uri, Consent.granted, Consent.source, Consent.at)
    .join(Address, Address.id == Consent.address_id)
    .where(Consent.address_id.in_(bindparam("addresses", expanding=True)), Consent.purpose == Purpose.MARKETING)
    .order_by(Consent.id)
)

_change = (
    update(Contact)
    .where(Contact.id == bindparam("contact"))
    .values(name=bindparam("new_name"), language=bindparam("new_language"), time_zone=bindparam("new_time_zone"))
)

_prove = update(Address).where(Address.id == bindparam("address")).values(proven_at=bindparam("at"))
