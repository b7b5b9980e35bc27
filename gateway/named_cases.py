"""Named cases: "#C-1042" in a subject or a text, on whatever channel, belongs to that case, where it may.

A number is no secret: it stands in mails that are forwarded. A message goes to a case only from an Address that is
proven to be its Contact's, or from the one on which the case was opened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from unicodedata import normalize

from sqlalchemy import bindparam, select

from channels.envelope import InboundMessage
from gateway.guests import Guest
from storage.cases import Case
from storage.commits import Transaction
from storage.conversations import Conversation
from storage.standing import Person

_NUMBER = re.compile(r"(?<![\w-])#?C[-\u2010-\u2014\u2212](\d{4,15})(?![\w-])", re.IGNORECASE | re.ASCII)
MOST = 5
"""Cases that one message can name; a list of all numbers names none in particular."""


class Named(NamedTuple):
    """A case that a message names."""

    id: int
    number: str
    ours: bool
    """It is this writer's, as far as can be proven."""


def numbers(message: InboundMessage) -> list[str]:
    """Case numbers in its subject and words, as we write them."""
    words = f"{message.subject or ''}\n{message.text}"
    if "-" not in words and words.isascii():
        return []
    plain = words if words.isascii() else normalize("NFKC", words)
    return list(dict.fromkeys(f"C-{digits}" for digits in _NUMBER.findall(plain)))[:MOST]


_cases = (
    select(Case.id, Case.number, Case.contact_id, Case.merged_into, Conversation.address_id)
    .outerjoin(Conversation, Conversation.id == Case.conversation_id)
    .where(Case.number.in_(bindparam("numbers", expanding=True)))
)


def find(
    transaction: Transaction, messages: Sequence[InboundMessage], guests: Mapping[str, Guest]
) -> dict[int, list[Named]]:
    """The cases that exist of those that messages name, by the message's `id()`."""
    named = {id(message): found for message in messages if (found := numbers(message))}
    if not named:
        return {}
    asked = sorted({number for found in named.values() for number in found})
    cases = _with_what_they_became(transaction, asked)
    return {
        id(message): [
            Named(cases[number].id, cases[number].number, _is_theirs(cases[number], guests[message.address].person))
            for number in named[id(message)]
            if number in cases
        ]
        for message in messages
        if id(message) in named
    }


def _with_what_they_became(transaction: Transaction, asked: Sequence[str]) -> dict[str, Any]:
    """Cases by the number that they are asked for with: one that was merged is the one that it was merged into."""
    found: dict[str, Any] = {}
    wanted = dict(zip(asked, asked, strict=True))
    for _ in range(MOST):
        numbers = sorted(set(wanted.values()))
        rows = {row.number: row for row in transaction.connection.execute(_cases, {"numbers": numbers})}
        found |= {asked: rows[number] for asked, number in wanted.items() if number in rows}
        into = {asked: rows[number].merged_into for asked, number in wanted.items() if number in rows}
        wanted = {asked: number for asked, number in into.items() if number is not None}
        if not wanted:
            break
    return found


def _is_theirs(case: Any, person: Person) -> bool:
    """Its Contact's, and from where we know that it is them, or from where it was told."""
    known = person.proven_at is not None or case.address_id == person.address_id
    return case.contact_id == person.contact_id and known
