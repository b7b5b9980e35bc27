"""Talks: the open Conversation that each message goes on with, or a new one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import bindparam, insert, update

from channels.envelope import InboundMessage
from gateway.guests import Guest
from storage import ids, standing, threads
from storage.commits import Transaction
from storage.conversations import Conversation, ConversationState, Owner
from storage.standing import Person, Talk
from storage.threads import MOST_REFERENCES, Reference, Thread
from storage.touched import touch

Key = tuple[int, str, str]
"""(contact, channel, thread): at most one Conversation is open for each."""


def find_or_open(
    transaction: Transaction,
    messages: Sequence[InboundMessage],
    guests: Mapping[str, Guest],
    *,
    idle_after: timedelta,
    windows: Mapping[str, timedelta],
) -> dict[int, Talk]:
    """The Conversation of each message, by the message's `id()`; those that were idle for too long are closed, and
    others opened instead. `windows`: channels with threads (`channels.protocol.Threads`)."""
    talks = standing.open_talks(
        transaction.connection, (guests[message.address].person.contact_id for message in messages)
    )
    _close_idle(transaction, talks, idle_after)
    named = _threads(transaction, messages, guests, windows)
    keys = {id(message): _key(message, guests, named[id(message)]) for message in messages}
    wanted: dict[Key, Person] = {}
    for message in messages:
        if keys[id(message)] not in talks:
            wanted.setdefault(keys[id(message)], guests[message.address].person)
    if wanted:
        talks.update(open_conversations(transaction, wanted))
    _answer_where_they_write(transaction, messages, guests, keys, talks)
    return {id(message): talks[keys[id(message)]] for message in messages}


def find(
    transaction: Transaction,
    messages: Sequence[InboundMessage],
    guests: Mapping[str, Guest],
    *,
    windows: Mapping[str, timedelta],
) -> dict[int, int | None]:
    """The Conversation that each message, which nobody wrote, belongs to, by the message's `id()`: open, closed, or
    None. It opens none."""
    connection = transaction.connection
    referred = {
        channel: _referred(transaction, of_channel, guests, windows[channel])
        for channel, of_channel in _by_channel(messages).items()
        if channel in windows
    }
    found: dict[int, int | None] = {}
    for message in messages:
        contact = guests[message.address].person.contact_id
        if message.thread is None and message.channel in referred:
            thread = _thread_of(message, contact, *referred[message.channel])
            found[id(message)] = None if thread is None else thread.conversation
        else:
            found[id(message)] = threads.latest(connection, contact, message.channel, message.thread or "")
    return found


def _close_idle(transaction: Transaction, talks: dict[Key, Talk], idle_after: timedelta) -> None:
    idle = [
        key for key, talk in talks.items() if talk.owner is Owner.BOT and talk.last_at < transaction.now - idle_after
    ]
    if idle:
        closing = [talks.pop(key).id for key in idle]
        touch(transaction.connection, closing)
        transaction.connection.execute(
            update(Conversation)
            .where(Conversation.id.in_(closing))
            .values(state=ConversationState.IDLE, closed_at=transaction.now)
        )


def _key(message: InboundMessage, guests: Mapping[str, Guest], thread: str) -> Key:
    return guests[message.address].person.contact_id, message.channel, thread


def _threads(
    transaction: Transaction,
    messages: Sequence[InboundMessage],
    guests: Mapping[str, Guest],
    windows: Mapping[str, timedelta],
) -> dict[int, str]:
    """The thread of each message: as the channel knows it; by what it answers; the sender's newest; one of its own."""
    named = {id(message): message.thread or "" for message in messages}
    for channel, of_channel in _by_channel(messages).items():
        if channel not in windows:
            continue
        known, newest = _referred(transaction, of_channel, guests, windows[channel])
        for message in of_channel:
            contact = guests[message.address].person.contact_id
            if message.thread is None:
                found = _thread_of(message, contact, known, newest)
                name = new_thread(message) if found is None else found.name
            else:
                name = message.thread
            named[id(message)] = name
            # Mails that come together may answer each other.
            newest[contact] = Thread(name, 0)
            if message.message_id is not None:
                known.setdefault((contact, message.message_id), newest[contact])
    return named


def new_thread(message: InboundMessage) -> str:
    """A thread is named by the message that began it, in few letters and digits: the name has to fit into the address
    that answers come back to (RFC 5321 leaves 64 octets before the `@`)."""
    identity = message.message_id or message.external_id
    return sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _by_channel(messages: Iterable[InboundMessage]) -> dict[str, list[InboundMessage]]:
    by_channel: dict[str, list[InboundMessage]] = {}
    for message in messages:
        by_channel.setdefault(message.channel, []).append(message)
    return by_channel


def _referred(
    transaction: Transaction, messages: Sequence[InboundMessage], guests: Mapping[str, Guest], window: timedelta
) -> tuple[dict[Reference, Thread], dict[int, Thread]]:
    """What these messages may go on with: threads by what they name, and by who sent them."""
    connection, channel = transaction.connection, messages[0].channel
    loose = [(guests[each.address].person.contact_id, each) for each in messages if each.thread is None]
    wanted = {(contact, reference) for contact, message in loose for reference in _references(message)}
    known = threads.by_reference(connection, channel, wanted)
    contacts = {contact for contact, _ in loose}
    return known, threads.newest(connection, channel, contacts, transaction.now - window)


def _references(message: InboundMessage) -> Sequence[str]:
    """The nearest first; a forger's thousands are not looked up."""
    named = message.references if message.reply_to is None else (message.reply_to, *message.references)
    return tuple(dict.fromkeys(named))[:MOST_REFERENCES]


def _thread_of(
    message: InboundMessage, contact: int, known: Mapping[Reference, Thread], newest: Mapping[int, Thread]
) -> Thread | None:
    referred = (known[contact, reference] for reference in _references(message) if (contact, reference) in known)
    return next(referred, newest.get(contact))


def _answer_where_they_write(
    transaction: Transaction,
    messages: Sequence[InboundMessage],
    guests: Mapping[str, Guest],
    keys: Mapping[int, Key],
    talks: dict[Key, Talk],
) -> None:
    """Who goes on from another address of theirs is answered there."""
    moved: dict[int, int] = {}
    for message in messages:
        key, address = keys[id(message)], guests[message.address].person.address_id
        if talks[key].address_id != address:
            talks[key] = talks[key]._replace(address_id=address)
            moved[talks[key].id] = address
    if moved:
        transaction.connection.execute(
            _move, [{"conversation": conversation, "address": address} for conversation, address in moved.items()]
        )


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
_move = update(Conversation).where(Conversation.id == bindparam("conversation")).values(address_id=bindparam("address"))
