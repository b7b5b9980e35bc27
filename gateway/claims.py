"""Claiming a Lane: taking the Turn that waits in it, with all that the engine may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from storage import lanes, standing
from storage.commits import Transaction, server_time

RECENT_CASES = timedelta(days=90)
"""How long a closed case is still remembered in conversation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One Turn to run, and the right to apply it."""

    contact: int
    fence: int
    through: int
    """Highest Interaction that this Turn handles."""
    facts: Row[Any]
    """Contact, Address and Conversation (`storage.standing.by_conversation`)."""
    messages: Sequence[Row[Any]]
    """Waiting messages of one Conversation, in the order received; empty when a Follow-up is due."""
    due: Row[Any] | None
    cases: Sequence[Row[Any]]
    addresses: Sequence[str]
    consent: bool | None
    """The latest word on marketing at this address."""
    returning: bool


def take(transaction: Transaction, locked: dict[int, Any], process: str) -> list[Claim]:
    """Claim lanes that this transaction has locked and found free, where messages wait in them."""
    if not locked:
        return []
    waiting = standing.waiting_messages(transaction.connection, list(locked))
    turns = {contact: _one_conversation(messages) for contact, messages in waiting.items()}
    lease = server_time(transaction) + lanes.LEASE
    lanes.save(
        transaction.connection,
        [
            {
                "lane": contact,
                "new_fence": lane.fence + 1,
                "new_holder": process if contact in turns else None,
                "new_lease": lease if contact in turns else None,
                "new_newest": lane.newest,
                "new_handled": lane.handled if contact in turns else lane.newest,
            }
            for contact, lane in locked.items()
        ],
    )
    return _load(transaction, [(contact, locked[contact].fence + 1, messages, None) for contact, messages in turns.items()])


def take_due(transaction: Transaction, locked: dict[int, Any], due: dict[int, Row[Any]], process: str) -> list[Claim]:
    """Claim lanes, locked and free, for one due Follow-up each (`due`: by Contact, with its `conversation_id`)."""
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
    return _load(transaction, [(contact, lane.fence + 1, [], due[contact]) for contact, lane in locked.items()])


def _one_conversation(messages: list[Row[Any]]) -> list[Row[Any]]:
    """The first waiting messages that belong together; what comes after waits for the next Turn, in order."""
    first = messages[0].conversation_id
    together: list[Row[Any]] = []
    for message in messages:
        if message.conversation_id != first:
            break
        together.append(message)
    return together


def _load(transaction: Transaction, turns: list[tuple[int, int, list[Row[Any]], Row[Any] | None]]) -> list[Claim]:
    if not turns:
        return []
    connection = transaction.connection
    contacts = [contact for contact, _, _, _ in turns]
    conversations = [messages[0].conversation_id if due is None else due.conversation_id for _, _, messages, due in turns]
    facts = standing.by_conversation(connection, conversations)
    consents = standing.consents(connection, contacts)
    cases = standing.cases(connection, contacts, transaction.now - RECENT_CASES)
    addresses = standing.addresses(connection, contacts)
    returning = standing.returning(connection, contacts)
    return [
        Claim(
            contact=contact,
            fence=fence,
            through=messages[-1].id if messages else 0,
            facts=facts[conversation],
            messages=messages,
            due=due,
            cases=cases.get(contact, ()),
            addresses=addresses.get(contact, ()),
            consent=consents.get((facts[conversation].address_id, "marketing")),
            returning=contact in returning,
        )
        for (contact, fence, messages, due), conversation in zip(turns, conversations, strict=True)
    ]
