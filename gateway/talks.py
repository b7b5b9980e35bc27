"""Talks: the open Conversation that each message goes on with, or a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import insert, update

from channels.envelope import InboundMessage
from gateway.guests import Guest
from storage import ids, standing
from storage.commits import Transaction
from storage.conversations import Conversation, ConversationState, Owner
from storage.standing import Person, Talk

Key = tuple[int, str, str]
"""(contact, channel, thread): at most one Conversation is open for each."""


def find_or_open(
    transaction: Transaction, messages: Sequence[InboundMessage], guests: Mapping[str, Guest], *, idle_after: timedelta
) -> dict[Key, Talk]:
    """The Conversation of each message; those that were idle for too long are closed, and others opened instead."""
    talks = standing.open_talks(transaction.connection, (guest.person.contact_id for guest in guests.values()))
    idle = [
        key for key, talk in talks.items() if talk.owner is Owner.BOT and talk.last_at < transaction.now - idle_after
    ]
    if idle:
        transaction.connection.execute(
            update(Conversation)
            .where(Conversation.id.in_([talks.pop(key).id for key in idle]))
            .values(state=ConversationState.IDLE, closed_at=transaction.now)
        )
    wanted: dict[Key, Person] = {}
    for message in messages:
        person = guests[message.address].person
        key = (person.contact_id, message.channel, message.thread or "")
        if key not in talks:
            wanted.setdefault(key, person)
    if wanted:
        talks.update(open_conversations(transaction, wanted))
    return talks


def open_conversations(transaction: Transaction, wanted: Mapping[Key, Person]) -> dict[Key, Talk]:
    """Open Conversations for (contact, channel, thread), each at the address given."""
    fresh = ids.take(transaction.connection, Conversation, len(wanted))
    opened = {
        key: Talk(
            id=identity,
            contact_id=person.contact_id,
            address_id=person.address_id,
            channel=key[1],
            thread=key[2],
            state=ConversationState.OPEN,
            owner=Owner.BOT,
            epoch=0,
            memory={},
            opened_at=transaction.now,
            last_at=transaction.now,
        )
        for identity, (key, person) in zip(fresh, wanted.items(), strict=True)
    }
    transaction.connection.execute(
        _insert_conversations, [{**talk._asdict(), "priority": 3} for talk in opened.values()]
    )
    return opened


_insert_conversations = insert(Conversation)
