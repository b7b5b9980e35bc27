"""Claiming a Lane: taking the Turn that waits in it, with all that the engine may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy import Row

from storage import lanes, standing
from storage.commits import Transaction, server_time
from storage.standing import Person, Talk, Waiting

RECENT_CASES = timedelta(days=90)
"""How long a closed case is still remembered in conversation."""


class Due(Protocol):
    """A Follow-up whose time has come, with the Conversation it is said in."""

    @property
    def id(self) -> int: ...
    @property
    def conversation_id(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def case_number(self) -> str | None: ...
    @property
    def details(self) -> Mapping[str, Any]: ...


class LockedLane(Protocol):
    """A Lane that this transaction has locked."""

    @property
    def fence(self) -> int: ...
    @property
    def newest(self) -> int: ...
    @property
    def handled(self) -> int: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One Turn to run, and the right to apply it."""

    contact: int
    fence: int
    through: int
    """Highest Interaction that this Turn handles."""
    person: Person
    talk: Talk
    messages: Sequence[Waiting]
    """Waiting messages of one Conversation, in the order received; empty when a Follow-up is due."""
    due: Due | None
    cases: Sequence[Row[*tuple[Any, ...]]]
    addresses: Sequence[str]
    answered: Mapping[tuple[int, str], str]
    """What the messages said that these answer, by (contact, the provider's id)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnClaimed:
    """A Lane was claimed by this process, and this Turn is to be run now."""

    claim: Claim


def take(transaction: Transaction, locked: Mapping[int, LockedLane], process: str) -> list[Claim]:
    """Claim lanes that this transaction has locked and found free, where messages wait in them."""
    if not locked:
        return []
    waiting = standing.waiting_messages(transaction.connection, locked)
    turns = {contact: one_conversation(messages) for contact, messages in waiting.items()}
    hold(transaction, {contact: locked[contact] for contact in turns}, process)
    _rest(transaction, {contact: lane for contact, lane in locked.items() if contact not in turns})
    facts = standing.by_conversation(transaction.connection, (first[0].conversation_id for first in turns.values()))
    return complete(
        transaction,
        [
            (locked[contact].fence + 1, *facts[messages[0].conversation_id], messages, None)
            for contact, messages in turns.items()
        ],
    )


def take_due(
    transaction: Transaction, locked: Mapping[int, LockedLane], due: Mapping[int, Due], process: str
) -> list[Claim]:
    """Claim lanes, locked and free, for one due Follow-up each."""
    hold(transaction, locked, process)
    facts = standing.by_conversation(transaction.connection, (due[contact].conversation_id for contact in locked))
    return complete(
        transaction,
        [(lane.fence + 1, *facts[due[contact].conversation_id], [], due[contact]) for contact, lane in locked.items()],
    )


def hold(transaction: Transaction, locked: Mapping[int, LockedLane], process: str) -> None:
    """Take the lease of free lanes, each with a new fence."""
    lease = server_time(transaction) + lanes.LEASE
    lanes.save(
        transaction.connection,
        [
            {
                "lane": contact,
                "new_fence": lane.fence + 1,
                "new_holder": process,
                "new_lease": lease,
                "new_newest": lane.newest,
                "new_handled": lane.handled,
            }
            for contact, lane in locked.items()
        ],
    )


def one_conversation(messages: Sequence[Waiting]) -> list[Waiting]:
    """The first waiting messages that belong together; what comes after waits for the next Turn, in order."""
    first = messages[0].conversation_id
    together: list[Waiting] = []
    for message in messages:
        if message.conversation_id != first:
            break
        together.append(message)
    return together


def complete(
    transaction: Transaction, turns: Sequence[tuple[int, Person, Talk, Sequence[Waiting], Due | None]]
) -> list[Claim]:
    """Add what the engine may see beside the messages: cases and other addresses, where there are any; the Claims are
    told as news."""
    connection = transaction.connection
    with_cases = [person.contact_id for _, person, _, _, _ in turns if person.has_cases]
    with_others = [person.contact_id for _, person, _, _, _ in turns if person.has_other_addresses]
    cases = standing.cases(connection, with_cases, transaction.now - RECENT_CASES)
    addresses = standing.addresses(connection, with_others)
    answered = standing.answered_texts(
        connection,
        (
            (person.contact_id, message.reply_to)
            for _, person, _, messages, _ in turns
            for message in messages
            if message.reply_to is not None
        ),
        {talk.channel for _, _, talk, _, _ in turns},
    )
    made = [
        Claim(
            contact=person.contact_id,
            fence=fence,
            through=messages[-1].id if messages else 0,
            person=person,
            talk=talk,
            messages=messages,
            due=due,
            cases=cases.get(person.contact_id, ()),
            addresses=addresses.get(person.contact_id, (person.uri,)),
            answered=answered,
        )
        for fence, person, talk, messages, due in turns
    ]
    transaction.news.extend(TurnClaimed(claim=claim) for claim in made)
    return made


def _rest(transaction: Transaction, locked: Mapping[int, LockedLane]) -> None:
    """Nothing waits in these lanes after all."""
    lanes.save(
        transaction.connection,
        [
            {
                "lane": contact,
                "new_fence": lane.fence,
                "new_holder": None,
                "new_lease": None,
                "new_newest": lane.newest,
                "new_handled": lane.newest,
            }
            for contact, lane in locked.items()
        ],
    )
