"""The same person? Contacts who may be one with another, each with the reason: an agent looks, and decides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, select

from desk.people import find
from storage.cases import Case
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.orders import Order


class Evidence(StrEnum):
    """What speaks for it, the strongest first."""

    GAVE_ADDRESS = "gave_address"  # one of the two told us the other's phone number or mail address
    NAMED_ORDER = "named_order"  # one of the two spoke of an order that is the other's
    SAME_PATH = "same_path"  # the same number or account under two schemes
    SAME_NAME = "same_name"  # they are called the same, and nothing more


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """Somebody who may be the same person."""

    contact: int
    name: str | None
    evidence: Evidence
    detail: str
    """The address, order or name that they have in common."""


MOST: Final = 8
# Bounded by RFC 5321, 4.5.3.1: what customers write may be one word of a hundred thousand letters.
MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
PHONE = re.compile(r"\+?\d[\d ()-]{6,18}\d")
_TOO_COMMON: Final = 5
"""A name that more contacts than this have says nothing."""


def suggestions(transaction: Transaction, *, contact: str) -> list[Suggestion]:
    """Who may be the same person as this one; strongest evidence first, each Contact once. Raises NotFound."""
    connection = transaction.connection
    identity = find(connection, contact)
    found: dict[int, Suggestion] = {}
    for suggestion in _all(connection, identity):
        found.setdefault(suggestion.contact, suggestion)
    return list(found.values())[:MOST]


def _all(connection: Connection, contact: int) -> Iterator[Suggestion]:
    told = list(_facts(connection, contact))
    words = " \n ".join(told)
    yield from _with_address(connection, contact, {f"mailto:{mail.lower()}" for mail in MAIL.findall(words)})
    yield from _with_address(connection, contact, {uri for phone in PHONE.findall(words) for uri in _as_uris(phone)})
    yield from _with_order(connection, contact, told)
    yield from _same_path(connection, contact)
    yield from _same_name(connection, contact)


def _facts(connection: Connection, contact: int) -> Iterator[str]:
    """What somebody told us in their cases, as short texts."""
    for (facts,) in connection.execute(select(Case.facts).where(Case.contact_id == contact)):
        yield from (str(value)[:500] for value in facts.values() if isinstance(value, str | int))


def _as_uris(phone: str) -> set[str]:
    digits = re.sub(r"\D", "", phone)
    return {f"tel:+{digits}", f"tel:+86{digits}"} if not phone.startswith("+") else {f"tel:+{digits}"}


_living = Contact.merged_into.is_(None), Contact.erased_at.is_(None)


def _with_address(connection: Connection, contact: int, uris: set[str]) -> Iterator[Suggestion]:
    if uris:
        rows = connection.execute(
            select(Address.contact_id, Address.uri, Contact.name)
            .join(Contact, Contact.id == Address.contact_id)
            .where(Address.uri.in_(sorted(uris)[:100]), Address.contact_id != contact, *_living)
            .order_by(Address.contact_id)
            .limit(MOST)
        )
        for row in rows:
            yield _suggest(row, Evidence.GAVE_ADDRESS, row.uri)


def _with_order(connection: Connection, contact: int, told: list[str]) -> Iterator[Suggestion]:
    words = {word.upper() for text in told for word in re.findall(r"[A-Za-z]*\d[\w-]{3,30}", text)}
    if words:
        rows = connection.execute(
            select(Order.contact_id, Order.order_id, Contact.name)
            .join(Contact, Contact.id == Order.contact_id)
            .where(Order.order_id.in_(sorted(words)[:100]), Order.contact_id != contact, *_living)
            .limit(MOST)
        )
        for row in rows:
            yield _suggest(row, Evidence.NAMED_ORDER, row.order_id)


def _same_path(connection: Connection, contact: int) -> Iterator[Suggestion]:
    uris = list(connection.scalars(select(Address.uri).where(Address.contact_id == contact).limit(50)))
    schemes = ("tel", "whatsapp", "wechat", "telegram", "mailto")
    twins = {
        f"{scheme}:{path}"
        for uri in uris
        for path in [uri.partition(":")[2]]
        for scheme in schemes
        # A short number is an account here and another one there.
        if (path.startswith("+") or "@" in path) and not uri.startswith(f"{scheme}:")
    }
    if twins:
        rows = connection.execute(
            select(Address.contact_id, Address.uri, Contact.name)
            .join(Contact, Contact.id == Address.contact_id)
            .where(Address.uri.in_(sorted(twins)), Address.contact_id != contact, *_living)
            .limit(MOST)
        )
        for row in rows:
            yield _suggest(row, Evidence.SAME_PATH, row.uri)


def _same_name(connection: Connection, contact: int) -> Iterator[Suggestion]:
    name = connection.scalar(select(Contact.name).where(Contact.id == contact))
    if name is None or len(name.strip()) < 2:
        return
    rows = connection.execute(
        select(Contact.id.label("contact_id"), Contact.name)
        .where(Contact.name == name, Contact.id != contact, *_living)
        .order_by(Contact.id.desc())
        .limit(_TOO_COMMON + 1)
    ).all()
    if len(rows) <= _TOO_COMMON:
        for row in rows:
            yield _suggest(row, Evidence.SAME_NAME, row.name)


def _suggest(row: Any, evidence: Evidence, detail: str) -> Suggestion:
    return Suggestion(contact=row.contact_id, name=row.name, evidence=evidence, detail=detail)
