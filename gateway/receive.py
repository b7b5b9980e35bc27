"""Receive: what an adapter hands in is stored in a shared commit, and only then may the adapter acknowledge.

Read `Reception.store` top to bottom: find or create the Contact, drop repeats, open the Conversation, record the
Interaction, claim the Lane.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
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
from channels.protocol import Accepted, HistoryEntry
from gateway import claims, named_cases, parts
from gateway.envelopes import KINDS, inbound_content
from gateway.guests import Guest, find_or_welcome
from gateway.named_cases import Named
from gateway.news import LanesWaiting, MediaWanted, Streamed
from gateway.receipts import store_address_words, store_delivery_updates
from gateway.talks import find, find_or_open
from storage import channel_states, ids, lanes, media
from storage.commits import Transaction
from storage.interactions import Direction, Interaction, InteractionKind, RefusedInput, insert_many
from storage.many import Many, Question, among
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
        windows: Mapping[str, timedelta] = MappingProxyType({}),
        patience: timedelta = timedelta(minutes=10),
    ) -> None:
        """`works`: this process runs Turns, so it claims what it receives; `streams`: channels with readers;
        `media`: channels whose attachments have to be fetched; `windows`: of channels that `Threads`; `patience`: how
        long to wait for the parts of a long text."""
        self._process = process
        self._works = works
        self._idle = idle
        self._streams = streams
        self._media = media
        self._windows = windows
        self._patience = patience

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

    def give_up_parts(self, transaction: Transaction) -> int:
        """Deliver long texts whose missing parts have not come in time; returns how many."""
        wholes = parts.give_up(transaction, self._patience)
        if wholes:
            self._store_wholes(transaction, wholes, [])
        return len(wholes)

    def _store_messages(self, transaction: Transaction, messages: Sequence[InboundMessage]) -> dict[int, Accepted]:
        pieces = [message for message in messages if parts.is_part(message)]
        if not pieces:
            return self._store_whole(transaction, messages)
        gathered = parts.gather(transaction, pieces)
        apart = {id(piece) for piece in pieces}
        accepted = self._store_wholes(
            transaction, gathered.wholes, [message for message in messages if id(message) not in apart]
        )
        for piece in pieces:
            if id(piece) in gathered.repeats:
                interaction = gathered.repeats[id(piece)]
                accepted[id(piece)] = Accepted(interaction_id=interaction, duplicate=True)
                transaction.count("duplicates", piece.channel)
            elif id(piece) in gathered.completed:
                accepted[id(piece)] = accepted[id(gathered.completed[id(piece)].message)]
        return accepted

    def _store_wholes(
        self, transaction: Transaction, wholes: Sequence[parts.Whole], messages: Sequence[InboundMessage]
    ) -> dict[int, Accepted]:
        accepted = self._store_whole(transaction, [*(whole.message for whole in wholes), *messages])
        stored = ((whole, accepted[id(whole.message)].interaction_id) for whole in wholes)
        parts.note_joined(transaction, ((whole, identity) for whole, identity in stored if identity is not None))
        return accepted

    def _store_whole(self, transaction: Transaction, messages: Sequence[InboundMessage]) -> dict[int, Accepted]:
        accepted, fresh = _once(transaction, messages)
        if fresh:
            guests = find_or_welcome(transaction, fresh)
            written = [message for message in fresh if message.automatic is None]
            talks = find_or_open(transaction, written, guests, idle_after=self._idle, windows=self._windows)
            places: dict[int, int | None] = {identity: talk.id for identity, talk in talks.items()}
            if len(written) < len(fresh):
                unwritten = [message for message in fresh if message.automatic is not None]
                places |= find(transaction, unwritten, guests, windows=self._windows)
            stored = self._record(transaction, fresh, guests, places)
            accepted.update({identity: Accepted(interaction_id=row["id"]) for identity, row in stored.items()})
            self._queue_in_lanes(transaction, guests, talks, [stored[id(message)] for message in written])
        return _with_repeats(messages, accepted)

    def _record(
        self,
        transaction: Transaction,
        messages: Sequence[InboundMessage],
        guests: Mapping[str, Guest],
        places: Mapping[int, int | None],
    ) -> dict[int, dict[str, Any]]:
        """`places`: the Conversation of each message."""
        fresh = ids.take(transaction.connection, Interaction, len(messages))
        named = named_cases.find(transaction, messages, guests)
        rows: dict[int, dict[str, Any]] = {}
        for identity, message in zip(fresh, messages, strict=True):
            person = guests[message.address].person
            rows[id(message)] = {
                "id": identity,
                "contact_id": person.contact_id,
                "conversation_id": places[id(message)],
                "address_id": person.address_id,
                "case_id": next((case.id for case in named.get(id(message), ()) if case.ours), None),
                "channel": message.channel,
                # What no person wrote has happened, as a visit has: nothing answers it.
                "direction": Direction.IN if message.automatic is None else Direction.INTERNAL,
                "kind": KINDS[message.event] if message.automatic is None else InteractionKind.AUTOMATIC,
                "author": "customer",
                "text": message.text,
                "content": self._content(message, named.get(id(message), ())),
                "external_id": message.external_id,
                "message_id": message.message_id,
                "fingerprint": message.fingerprint,
                "reply_to": message.edits or message.reply_to or next(iter(message.references), None),
                "at": message.sent_at,
                "stored_at": transaction.now,
                "raw": message.raw,
            }
            transaction.count("received", message.channel, message.event)
            if message.channel in self._streams:
                entry = HistoryEntry.received(identity, message)
                transaction.news.append(Streamed(channel=message.channel, uri=message.address, entry=entry))
        insert_many(transaction.connection, list(rows.values()))
        self._want_media(transaction, rows.values())
        return rows

    def _content(self, message: InboundMessage, named: Sequence[Named]) -> dict[str, Any]:
        content = inbound_content(message)
        if named:
            content["cases"] = {case.number: case.ours for case in named}
        if message.channel in self._windows:
            content.setdefault("subject", "")  # also where there is none: it tells what is in a thread
        return content

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
        talks: Mapping[int, Talk],
        stored: Iterable[Mapping[str, Any]],
    ) -> None:
        """Move each lane's watermark; where the lane is free and nothing waited in it before, its Turn starts now."""
        fresh: dict[int, list[Mapping[str, Any]]] = {}
        for row in stored:
            fresh.setdefault(row["contact_id"], []).append(row)
        lanes_of = {guest.person.contact_id: guest for guest in guests.values() if guest.person.contact_id in fresh}
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
        talks: Mapping[int, Talk],
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

_repeats = Question(
    select(Interaction.external_id, Interaction.id).where(
        Interaction.channel == bindparam("of_channel"), among(Interaction.external_id, "keys")
    ),
    into=tuple,
)


_copies = select(Interaction.fingerprint, Interaction.id).where(
    Interaction.channel == bindparam("of_channel"), Interaction.fingerprint.in_(bindparam("keys", expanding=True))
)


def _once(
    transaction: Transaction, messages: Sequence[InboundMessage]
) -> tuple[dict[int, Accepted], list[InboundMessage]]:
    """What is known already, and of the rest the first of each."""
    accepted = _known_repeats(transaction, messages)
    _known_copies(transaction, [message for message in messages if id(message) not in accepted], accepted)
    return accepted, _first_of_each(messages, accepted)


def _known_copies(transaction: Transaction, messages: Sequence[InboundMessage], accepted: dict[int, Accepted]) -> None:
    """The same message again under another name: a mailbox was rebuilt."""
    by_channel: dict[str, dict[str, list[InboundMessage]]] = {}
    for message in messages:
        if message.fingerprint is not None:
            by_channel.setdefault(message.channel, {}).setdefault(message.fingerprint, []).append(message)
    for channel, copies in by_channel.items():
        rows = transaction.connection.execute(_copies, {"of_channel": channel, "keys": sorted(copies)})
        for row in rows:
            for message in copies[str(row.fingerprint)]:
                accepted[id(message)] = Accepted(interaction_id=row.id, duplicate=True)
                transaction.count("duplicates", channel)


def _known_repeats(transaction: Transaction, messages: Sequence[InboundMessage]) -> dict[int, Accepted]:
    by_channel: dict[str, list[InboundMessage]] = {}
    for message in messages:
        by_channel.setdefault(message.channel, []).append(message)
    repeats: dict[int, Accepted] = {}
    for channel, of_channel in by_channel.items():
        keys = [message.external_id for message in of_channel]
        rows = _repeats.ask(transaction.connection, {"of_channel": channel, "keys": keys})
        found: dict[str, int] = dict(rows)
        for message in of_channel:
            if message.external_id in found:
                repeats[id(message)] = Accepted(interaction_id=found[message.external_id], duplicate=True)
                transaction.count("duplicates", channel)
    return repeats


def _first_of_each(messages: Sequence[InboundMessage], known: Mapping[int, Accepted]) -> list[InboundMessage]:
    """A provider may repeat itself within one batch, too."""
    seen: set[tuple[str, str, str]] = set()
    first: list[InboundMessage] = []
    for message in messages:
        if id(message) not in known and seen.isdisjoint(keys := _keys(message)):
            seen.update(keys)
            first.append(message)
    return first


def _keys(message: InboundMessage) -> list[tuple[str, str, str]]:
    """By what another arrival is known to be this message."""
    keys = [(message.channel, "event", message.external_id)]
    if message.fingerprint is not None:
        keys.append((message.channel, "fingerprint", message.fingerprint))
    return keys


def _with_repeats(messages: Sequence[InboundMessage], accepted: dict[int, Accepted]) -> dict[int, Accepted]:
    """Those that repeat another one of the same batch are answered with its place."""
    first = {key: accepted[id(message)] for message in messages if id(message) in accepted for key in _keys(message)}
    for message in messages:
        if id(message) not in accepted:
            same = next(first[key] for key in _keys(message) if key in first)
            accepted[id(message)] = Accepted(interaction_id=same.interaction_id, duplicate=True)
    return accepted


def _store_refusals(transaction: Transaction, refusals: Sequence[Refusal]) -> None:
    if not refusals:
        return
    transaction.connection.execute(
        insert(RefusedInput),
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
