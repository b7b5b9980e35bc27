"""Looking people up: by number, phone, mail, name, order or case, as somebody has it at hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from sqlalchemy import Connection, select

from desk.search_query import storable
from nlu.chinese import simplified
from storage import linking
from storage.cases import Case
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.orders import Order
from storage.search import Clause, Kind, find
from storage.search_upkeep import SHORTEST_PART
from storage.search_words import MARK, Term, spans, term

COUNTRY_CODE = 3
"""Digits that a whole phone number may lack, since at home nobody dials them."""
SHORTEST_PHONE = 7
"""Digits of a whole one."""
PHONE_SIGNS = frozenset("+-()./ ")
LOOKED_AT = 200
"""Contacts with the words that are looked at; whoever has more namesakes adds a word."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundContact:
    id: int
    name: str | None
    external_id: str | None
    tier: str
    language: str | None
    addresses: tuple[str, ...]
    """In full: who shows them to somebody without the right to see them masks them."""
    blocked: bool
    exactly: bool
    """By a whole number or address, not by words."""


def find_contacts(
    transaction: Transaction,
    query: str,
    most: int = 10,
    *,
    private: bool = False,
    before: int | None = None,
    without: Sequence[Term] = (),
) -> list[FoundContact]:
    """Who is meant by a name, the business's number, `#` and ours, a phone number, a mail address, an order or a case.

    Who was named by a whole number comes first, then the latest. `private`: parts of phone numbers and mail addresses
    find somebody, too. `before`: only contacts of lower numbers, found by words.
    """
    connection, query = transaction.connection, normalize("NFKC", storable(query)).strip()
    if not query:
        return []
    exactly = [] if before else _by_a_whole_number(connection, query)
    hits = [*exactly, *find(connection, Kind.CONTACT, _clauses(query, private, without), most=LOOKED_AT, before=before)]
    people: list[int] = []
    for hit in dict.fromkeys(hits):
        person = linking.current(connection, hit)
        if person not in people:
            people.append(person)
        if len(people) >= most:
            break
    return _read(connection, people, {linking.current(connection, one) for one in exactly})


def shown(text: str, terms: Iterable[Term], *, side: int, most: int) -> str:
    """What stands around the first of the terms in a text, in one line."""
    line = " ".join(text.split())
    first = next(iter(spans(line, terms, simplified())), (0, 0))[0] if len(line) > most else 0
    start = 0 if first <= side else first - side
    end = start + most
    return f"{'…' if start else ''}{line[start:end]}{'…' if end < len(line) else ''}"


def _by_a_whole_number(connection: Connection, query: str) -> list[int]:
    """By what is one person's alone."""
    found: list[int | None] = []
    if query.startswith("#") and query[1:].isdecimal() and len(query) < 19:
        found += connection.scalars(select(Contact.id).where(Contact.id == int(query[1:])))
    found += connection.scalars(select(Contact.id).where(Contact.external_id == query))
    uris = [query, f"mailto:{query.lower()}"] if "@" in query else [query]
    found += connection.scalars(select(Address.contact_id).where(Address.uri.in_(uris)))
    found += connection.scalars(select(Order.contact_id).where(Order.order_id == query.upper()).limit(1))
    found += connection.scalars(select(Case.contact_id).where(Case.number == query.upper()))
    return [*(one for one in found if one is not None), *_by_phone(connection, query)]


def _by_phone(connection: Connection, query: str) -> list[int]:
    """By a phone number as one writes it: with or without its country code, with whatever between its digits."""
    digits = _digits(query)
    if len(digits) < SHORTEST_PHONE:
        return []
    hits = find(connection, Kind.CONTACT, [Clause(terms=(Term(tokens=(f"{MARK}p{digits}",)),))], most=LOOKED_AT)
    numbers = select(Address.contact_id, Address.uri).where(Address.contact_id.in_(hits), Address.uri.like("tel:%"))
    whole: list[int] = []
    for contact, uri in connection.execute(numbers) if hits else ():
        number = "".join(each for each in uri if each.isdigit())
        if number.endswith(digits) and len(number) - len(digits) <= COUNTRY_CODE:
            whole.append(contact)
    return sorted(whole, reverse=True)


def _digits(query: str) -> str:
    """Of a phone number, without the zeros that stand for a country or a trunk line; of anything else, none."""
    if not all(each.isdecimal() or each in PHONE_SIGNS for each in query):
        return ""
    return "".join(each for each in query if each.isdecimal()).lstrip("0")


def _clauses(query: str, private: bool, without: Sequence[Term]) -> list[Clause]:
    """Every word, in a name or, for who may see them, in an address."""
    digits = _digits(query)
    if private and len(digits) >= SHORTEST_PART:
        words = term(query, simplified())
        part = Term(tokens=(f"{MARK}p{digits}",), begins=True)
        clauses = [Clause(terms=(part, *([words] if words else [])))]
    else:
        clauses = [Clause(terms=_either(each, private)) for word in query.split() if (each := term(word, simplified()))]
    return [*clauses, *(Clause(terms=(each,), without=True) for each in without)]


def _either(asked: Term, private: bool) -> tuple[Term, ...]:
    if not private or asked.tokens[0].startswith(MARK):
        return (asked,)
    return asked, Term(tokens=tuple(f"{MARK}p{token}" for token in asked.tokens), begins=asked.begins)


def _read(connection: Connection, people: Sequence[int], exactly: set[int]) -> list[FoundContact]:
    if not people:
        return []
    rows = {row.id: row for row in connection.execute(_contact.where(Contact.id.in_(people)))}
    addresses: dict[int, list[str]] = {}
    reached = select(Address.contact_id, Address.uri).where(Address.contact_id.in_(people)).order_by(Address.id)
    for contact, uri in connection.execute(reached):
        addresses.setdefault(contact, []).append(uri)
    return [
        FoundContact(
            id=person,
            name=rows[person].name,
            external_id=rows[person].external_id,
            tier=rows[person].tier,
            language=rows[person].language,
            addresses=tuple(addresses.get(person, ())),
            blocked=rows[person].blocked_at is not None,
            exactly=person in exactly,
        )
        for person in people
        if person in rows
    ]


_contact = select(Contact.id, Contact.name, Contact.external_id, Contact.tier, Contact.language, Contact.blocked_at)
