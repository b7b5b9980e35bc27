"""Receive: what an adapter hands in is stored in a shared commit, and only then may the adapter acknowledge.

Read `Reception.store` top to bottom: find or create the Contact, drop repeats, open the Conversation, record the
Interaction, claim the Lane.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from channels.envelope import (
    AddressUpdate,
    Arrival,
    AttachmentKind,
    ConsentUpdate,
    DeliveryUpdate,
    InboundMessage,
    Refusal,
)
from channels.protocol import Accepted
from gateway import claims, streams
from gateway.envelopes import KINDS, inbound_content
from gateway.guests import Guest, find_or_welcome
from gateway.news import LanesWaiting, MediaWanted, Streamed
from gateway.receipts import store_address_words, store_delivery_updates
from gateway.talks import Key, find_or_open
from storage import channel_states, ids, lanes, media
from storage.commits import Transaction
from storage.interactions import Direction, Interaction, Refused, insert_many
from storage.many import Many
from storage.standing import Person, Talk, Waiting

WITHOUT_CONTENT = (AttachmentKind.LOCATION, AttachmentKind.CONTACT)
"""Kinds of attachments that are whole as they came."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What one adapter hands in together."""

    channel: str
    arrivals: Sequence[Arrival]
    cursor: str | None = None


class Reception:
    """The transaction work that stores batches; one for each process."""

    def __init__(
        self,
        *,
        process: str,
        works: bool,
        idle: timedelta,
        streams: frozenset[str],
        media: frozenset[str] = frozenset(),
    ) -> None:
        """`works`: this process runs Turns, so it claims what it receives; `streams`: channels with readers;
        `media`: channels whose attachments have to be fetched."""
        self._process = process
        self._works = works
        self._idle = idle
        self._streams = streams
        self._media = media

    def store(self, transaction: Transaction, batches: Sequence[Batch]) -> list[list[Accepted]]:
        """Store many batches; every message becomes one Interaction, once."""
        arrivals = [arrival for batch in batches for arrival in batch.arrivals]
        messages = [arrival for arrival in arrivals if isinstance(arrival, InboundMessage)]
        positions = self._store_messages(transaction, messages) if messages else {}
        updates = [arrival for arrival in arrivals if isinstance(arrival, DeliveryUpdate)]
        if updates:
            store_delivery_updates(transaction, updates)
        words = [arrival for arrival in arrivals if isinstance(arrival, AddressUpdate | ConsentUpdate)]
        store_address_words(transaction, words)
        _store_refusals(transaction, [arrival for arrival in arrivals if isinstance(arrival, Refusal)])
        for batch in batches:
            if batch.cursor is not None:
                channel_states.move_cursor(transaction.connection, batch.channel, batch.cursor)
        return [[positions.get(id(arrival), NOTHING) for arrival in batch.arrivals] for batch in batches]

    def _store_messages(self, transaction: Transaction, messages: Sequence[InboundMessage]) -> dict[int, Accepted]:
        accepted = _known_repeats(transaction, messages)
        fresh = [message for message in _first_of_each(messages, accepted) if id(message) not in accepted]
        if fresh:
            guests = find_or_welcome(transaction, fresh)
            talks = find_or_open(transaction, fresh, guests, idle_after=self._idle)
            stored = self._record(transaction, fresh, guests, talks)
            accepted.update({identity: Accepted(interaction_id=row["id"]) for identity, row in stored.items()})
            self._queue_in_lanes(transaction, guests, talks, stored.values())
        by_key = {
            (message.channel, message.external_id): accepted[id(message)]
            for message in messages
            if id(message) in accepted
        }
        for message in messages:
            if id(message) not in accepted:
                first = by_key[message.channel, message.external_id]
                accepted[id(message)] = Accepted(interaction_id=first.interaction_id, duplicate=True)
        return accepted

    def _record(
        self,
        transaction: Transaction,
        messages: Sequence[InboundMessage],
        guests: Mapping[str, Guest],
        talks: Mapping[Key, Talk],
    ) -> dict[int, dict[str, Any]]:
        fresh = ids.take(transaction.connection, Interaction, len(messages))
        rows: dict[int, dict[str, Any]] = {}
        for identity, message in zip(fresh, messages, strict=True):
            person = guests[message.address].person
            rows[id(message)] = {
                "id": identity,
                "contact_id": person.contact_id,
                "conversation_id": talks[person.contact_id, message.channel, message.thread or ""].id,
                "address_id": person.address_id,
                "channel": message.channel,
                "direction": Direction.IN,
                "kind": KINDS[message.event],
                "author": "customer",
                "text": message.text,
                "content": inbound_content(message),
                "external_id": message.external_id,
                "message_id": message.message_id,
                "reply_to": message.edits or message.reply_to,
                "at": message.sent_at,
                "stored_at": transaction.now,
                "raw": message.raw,
            }
            transaction.count("received", message.channel, message.event)
            if message.channel in self._streams:
                entry = streams.received(identity, message)
                transaction.news.append(Streamed(channel=message.channel, uri=message.address, entry=entry))
        insert_many(transaction.connection, list(rows.values()))
        self._want_media(transaction, rows.values())
        return rows

    def _want_media(self, transaction: Transaction, rows: Iterable[Mapping[str, Any]]) -> None:
        wanted = [
            {"interaction_id": row["id"], "place": place, "channel": row["channel"], "due_at": transaction.now}
            for row in rows
            if row["channel"] in self._media
            for place, attachment in enumerate(row["content"].get("attachments", ()))
            if attachment["kind"] not in WITHOUT_CONTENT
        ]
        if wanted:
            media.want(transaction.connection, wanted)
            transaction.news.append(MediaWanted())

    def _queue_in_lanes(
        self,
        transaction: Transaction,
        guests: Mapping[str, Guest],
        talks: Mapping[Key, Talk],
        stored: Iterable[Mapping[str, Any]],
    ) -> None:
        """Move each lane's watermark; where the lane is free and nothing waited in it before, its Turn starts now."""
        fresh: dict[int, list[Mapping[str, Any]]] = {}
        for row in stored:
            fresh.setdefault(row["contact_id"], []).append(row)
        lanes_of = {guest.person.contact_id: guest for guest in guests.values()}
        starting: dict[int, Guest] = {}
        busy: list[dict[str, int]] = []
        for contact, guest in lanes_of.items():
            nothing_waited = guest.newest <= guest.handled
            guest.newest = fresh[contact][-1]["id"]
            if guest.free and self._works and nothing_waited:
                starting[contact] = guest
            else:
                busy.append({"lane": contact, "newest_now": guest.newest})
        _move_newest.execute(transaction.connection, busy)
        left_behind = {contact: guest for contact, guest in lanes_of.items() if contact not in starting and guest.free}
        if self._works:
            self._start(transaction, starting, guests, talks, fresh)
            claims.take(transaction, left_behind, self._process)
        else:
            transaction.news.append(LanesWaiting())

    def _start(
        self,
        transaction: Transaction,
        starting: Mapping[int, Guest],
        guests: Mapping[str, Guest],
        talks: Mapping[Key, Talk],
        fresh: Mapping[int, Sequence[Mapping[str, Any]]],
    ) -> None:
        claims.hold(transaction, starting, self._process)
        by_id = {talk.id: talk for talk in talks.values()}
        at = {guest.person.address_id: guest.person for guest in guests.values()}
        turns: list[tuple[int, Person, Talk, Sequence[Waiting], None]] = []
        for contact, guest in starting.items():
            messages = claims.one_conversation([_as_waiting(row) for row in fresh[contact]])
            talk = by_id[messages[0].conversation_id]
            turns.append((guest.fence + 1, at.get(talk.address_id, guest.person), talk, messages, None))
        claims.complete(transaction, turns)


def _as_waiting(row: Mapping[str, Any]) -> Waiting:
    return Waiting(
        id=row["id"],
        contact_id=row["contact_id"],
        conversation_id=row["conversation_id"],
        kind=row["kind"],
        text=row["text"],
        content=row["content"],
        reply_to=row["reply_to"],
        at=row["at"],
    )


NOTHING = Accepted(interaction_id=None)

_move_newest = Many(
    update(lanes.Lane).where(lanes.Lane.contact_id == bindparam("lane")).values(newest=bindparam("newest_now"))
)

_repeats = select(Interaction.external_id, Interaction.id).where(
    Interaction.channel == bindparam("of_channel"), Interaction.external_id.in_(bindparam("keys", expanding=True))
)


def _known_repeats(transaction: Transaction, messages: Sequence[InboundMessage]) -> dict[int, Accepted]:
    by_channel: dict[str, list[InboundMessage]] = {}
    for message in messages:
        by_channel.setdefault(message.channel, []).append(message)
    repeats: dict[int, Accepted] = {}
    for channel, of_channel in by_channel.items():
        keys = [message.external_id for message in of_channel]
        rows = transaction.connection.execute(_repeats, {"of_channel": channel, "keys": keys})
        found: dict[str | None, int] = {row.external_id: row.id for row in rows}
        for message in of_channel:
            if message.external_id in found:
                repeats[id(message)] = Accepted(interaction_id=found[message.external_id], duplicate=True)
                transaction.count("duplicates", channel)
    return repeats


def _first_of_each(messages: Sequence[InboundMessage], known: Mapping[int, Accepted]) -> list[InboundMessage]:
    """A provider may repeat itself within one batch, too."""
    seen: set[tuple[str, str]] = set()
    first: list[InboundMessage] = []
    for message in messages:
        key = (message.channel, message.external_id)
        if id(message) not in known and key not in seen:
            seen.add(key)
            first.append(message)
    return first


def _store_refusals(transaction: Transaction, refusals: Sequence[Refusal]) -> None:
    if not refusals:
        return
    transaction.connection.execute(
        insert(Refused),
        [
            {
                "channel": refusal.channel,
                "reason": refusal.reason,
                "size": refusal.size,
                "sha256": refusal.sha256,
                "headers": dict(refusal.headers),
                "at": refusal.at,
            }
            for refusal in refusals
        ],
    )
    for refusal in refusals:
        transaction.count("refused", refusal.channel, refusal.reason)
