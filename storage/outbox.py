"""The outbox: its one door in (`put`), what is due, what a claim changes, what an outcome changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, insert, literal_column, null, or_, select, update
from sqlalchemy.orm import aliased

from storage import threads
from storage.cases import Case
from storage.commits import Transaction
from storage.consents import Consent, Purpose
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.deliveries import Delivery, Pace
from storage.listed import listed
from storage.many import Many, Question, among

LEASE = timedelta(seconds=60)
"""Longer than any provider's time-out: a send that is silent for so long has lost its process."""

WAITING = ("queued", "retrying")
ACTIVE = (*WAITING, "sending")

PRIORITY: Mapping[str, int] = {
    Purpose.SERVICE: 0,
    Purpose.TRANSACTIONAL: 0,
    Purpose.SURVEY: 5,
    Purpose.MARKETING: 9,
}
"""By purpose: lower leaves first."""
AT_ONCE: tuple[str, ...] = (Purpose.SERVICE, Purpose.TRANSACTIONAL)
"""Purposes that no quiet hour defers."""
PATIENT = timedelta(days=3)
"""How long what may be deferred is worth sending; and any mail, which people expect to take its time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxFilled:
    """Deliveries of a channel wait to be sent."""

    channel: str


class Leaving(NamedTuple):
    """One message on its way out, as whoever writes it hands it over."""

    interaction: int
    conversation: int | None
    contact: int
    address: int
    channel: str
    purpose: str
    message: Mapping[str, Any]
    """`text`, and of an OutboundMessage what else there is; what its thread says is added."""
    thread: str = ""
    """The Conversation's."""
    through: int | None = None
    """The newest Interaction that its writer has seen; None: all there are."""
    epoch: int | None = None
    """The Conversation's epoch it is written under; None: any."""
    patience: timedelta = PATIENT
    """How long it is worth sending."""
    due_at: datetime | None = None
    """Not before; None: now."""
    status: str = "queued"
    """Otherwise: it has left already (`sent`), or never will (`skipped`)."""
    reason: str | None = None
    external_id: str | None = None
    """Where it has left already."""


def put(transaction: Transaction, leaving: Sequence[Leaving]) -> None:
    """Into the outbox; the senders of its channels are woken after the commit."""
    in_threads = {each.conversation: each.through for each in leaving if each.thread and each.conversation is not None}
    repeated = threads.answering(transaction.connection, in_threads) if in_threads else {}
    rows = [_row(each, repeated.get(each.conversation or 0), transaction.now) for each in leaving]
    _insert.execute(transaction.connection, rows)
    waiting = {each.channel: None for each in leaving if each.status == "queued"}
    transaction.news.extend(OutboxFilled(channel=channel) for channel in waiting)


def _row(leaving: Leaving, thread: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    patience = leaving.patience if thread is None else max(leaving.patience, PATIENT)
    message = dict(leaving.message) if thread is None else {**thread, **leaving.message}
    if leaving.purpose == Purpose.MARKETING:
        message["marketing"] = True
    due = leaving.due_at or now
    return {
        "interaction_id": leaving.interaction,
        "conversation_id": leaving.conversation,
        "contact_id": leaving.contact,
        "address_id": leaving.address,
        "channel": leaving.channel,
        "purpose": leaving.purpose,
        "priority": PRIORITY[leaving.purpose],
        "message": message,
        "status": leaving.status,
        "reason": leaving.reason,
        "epoch": leaving.epoch,
        "due_at": due,
        "deadline": due + patience,
        "attempts": 0,
        "external_id": leaving.external_id,
        "queued_at": now,
        "sent_at": now if leaving.status == "sent" else None,
        "updated_at": now,
    }


_insert = Many(
    insert(Delivery),
    [
        "interaction_id",
        "conversation_id",
        "contact_id",
        "address_id",
        "channel",
        "purpose",
        "priority",
        "message",
        "status",
        "reason",
        "epoch",
        "due_at",
        "deadline",
        "attempts",
        "external_id",
        "queued_at",
        "sent_at",
        "updated_at",
    ],
)

_earlier = aliased(Delivery)


class Due(NamedTuple):
    """A Delivery that may leave now, with what decides whether it does."""

    id: int
    interaction_id: int
    contact_id: int
    address_id: int
    conversation_id: int | None
    purpose: str
    message: Mapping[str, Any]
    epoch: int | None
    deadline: datetime
    attempts: int
    parts: Sequence[str] | None
    status: str
    uri: str
    closed_at: datetime | None
    time_zone: str | None
    blocked_at: datetime | None
    epoch_now: int | None
    thread: str | None


_due = Question(
    select(
        Delivery.id,
        Delivery.interaction_id,
        Delivery.contact_id,
        Delivery.address_id,
        Delivery.conversation_id,
        Delivery.purpose,
        Delivery.message,
        Delivery.epoch,
        Delivery.deadline,
        Delivery.attempts,
        Delivery.parts,
        Delivery.status,
        Address.uri,
        Address.closed_at,
        Contact.time_zone,
        Contact.blocked_at,
        Conversation.epoch.label("epoch_now"),
        Conversation.thread,
    )
    .join(Address, Address.id == Delivery.address_id)
    .join(Contact, Contact.id == Delivery.contact_id)
    .outerjoin(Conversation, Conversation.id == Delivery.conversation_id)
    .where(
        Delivery.channel == bindparam("of_channel"),
        Delivery.status.in_(WAITING),
        Delivery.priority == bindparam("urgency"),
        Delivery.due_at <= bindparam("now"),
        or_(Address.next_send_at.is_(None), Address.next_send_at <= bindparam("now")),
        # A conversation is said in order: what is earlier, and no less urgent, goes first or holds the rest.
        ~select(_earlier.id)
        .where(
            _earlier.conversation_id == Delivery.conversation_id,
            _earlier.id < Delivery.id,
            _earlier.priority <= Delivery.priority,
            _earlier.status.in_(ACTIVE),
        )
        .exists(),
    )
    .order_by(Delivery.due_at, Delivery.id)
    .limit(bindparam("most"))
    .with_for_update(of=Delivery, skip_locked=True),
    Due._make,
)


def due(connection: Connection, channel: str, now: datetime, most: int) -> Sequence[Due]:
    """Deliveries of a channel that may leave now, replies before bulk, locked."""
    found: list[Due] = []
    # One priority after the other: each is read in the order of its index, and no further than is wanted.
    for urgency in sorted(set(PRIORITY.values())):
        if len(found) < most:
            asked = {"of_channel": channel, "urgency": urgency, "now": now, "most": most - len(found)}
            found.extend(_due.ask(connection, asked))
    return found


_claim = Many(
    update(Delivery)
    .where(
        among(Delivery.id, "deliveries"),
        Delivery.status.in_(WAITING),
        or_(
            Delivery.epoch.is_(None),
            # Whoever takes over grows the epoch: what the bot wrote before it does not leave after it.
            Delivery.epoch
            == select(Conversation.epoch).where(Conversation.id == Delivery.conversation_id).scalar_subquery(),
        ),
        or_(
            Delivery.purpose != Purpose.MARKETING,
            # A no that another process commits after our look is obeyed all the same.
            select(Consent.granted)
            .where(Consent.address_id == Delivery.address_id, Consent.purpose == Purpose.MARKETING)
            .order_by(Consent.id.desc())
            .limit(1)
            .scalar_subquery(),
        ),
    )
    .values(
        status="sending",
        reason=null(),
        attempts=Delivery.attempts + literal_column("1"),
        holder=bindparam("by"),
        lease_until=bindparam("until"),
        updated_at=bindparam("at"),
    )
)


def claim(
    connection: Connection, deliveries: Sequence[int], *, by: str, until: datetime, at: datetime
) -> Collection[int]:
    """Take deliveries for sending that wait and are locked; returns those that were still ours to take."""
    wanted = [{"deliveries": deliveries, "by": by, "until": until, "at": at}] if deliveries else []
    if _claim.execute(connection, wanted) == len(deliveries):
        return frozenset(deliveries)
    taken = select(Delivery.id).where(Delivery.id.in_(deliveries), Delivery.status == "sending", Delivery.holder == by)
    return frozenset(connection.scalars(taken))


_outcome = listed(
    "outcomes",
    {
        "delivery": Delivery.id,
        "attempt": Delivery.attempts,
        "their_id": Delivery.external_id,
        "left_parts": Delivery.parts,
        "their_units": Delivery.units,
        "their_cost": Delivery.cost,
        "their_currency": Delivery.currency,
    },
)
_FATE = ("to_status", "why", "next_due", "left_at", "at")
"""What is mostly the same for all that is settled at once."""

_settle = Many(
    update(Delivery)
    .where(
        Delivery.id == _outcome["delivery"],
        # A late answer still moves what was given up as unknown meanwhile.
        Delivery.status.in_((*ACTIVE, "unknown")),
        # What is told about an earlier try says nothing about the one on the wire now.
        Delivery.attempts == _outcome["attempt"],
    )
    .values(
        status=bindparam("to_status"),
        reason=bindparam("why"),
        due_at=bindparam("next_due"),
        sent_at=bindparam("left_at"),
        external_id=_outcome["their_id"],
        parts=_outcome["left_parts"],
        units=_outcome["their_units"],
        cost=_outcome["their_cost"],
        currency=_outcome["their_currency"],
        holder=null(),
        lease_until=null(),
        updated_at=bindparam("at"),
    )
)


def settle(connection: Connection, outcomes: Sequence[Mapping[str, Any]]) -> None:
    """Write what became of Deliveries, where they have not come to their end meanwhile.

    Keys: delivery, attempt, to_status, why, next_due, left_at, their_id, left_parts, their_units, their_cost,
    their_currency, at.
    """
    by_fate: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    fate_of = itemgetter(*_FATE)
    for outcome in outcomes:
        by_fate.setdefault(fate_of(outcome), []).append(outcome)
    _settle.execute(
        connection,
        [{**dict(zip(_FATE, fate, strict=True)), "outcomes": alike} for fate, alike in by_fate.items()],
    )


_hold = Many(update(Address).where(among(Address.id, "addresses")).values(next_send_at=bindparam("until")))


def hold_addresses(connection: Connection, holds: Iterable[tuple[int, datetime]]) -> None:
    """Nothing more to each of these addresses before its instant."""
    by_instant: dict[datetime, list[int]] = {}
    for address, until in holds:
        by_instant.setdefault(until, []).append(address)
    _hold.execute(connection, [{"addresses": each, "until": until} for until, each in by_instant.items()])


def close_address(connection: Connection, address: int, at: datetime, reason: str) -> None:
    """Nothing more to this address until the person writes again."""
    connection.execute(update(Address).where(Address.id == address).values(closed_at=at, closed_reason=reason))


_pace = Question(select(Pace.next_at).where(Pace.channel == bindparam("of_channel")).with_for_update(), itemgetter(0))
_set_pace = Many(update(Pace).where(Pace.channel == bindparam("of_channel")).values(next_at=bindparam("until")))


def pace(connection: Connection, channel: str, now: datetime) -> datetime:
    """When the channel's next message may leave; the row is locked until the transaction ends."""
    found: list[datetime] = _pace.ask(connection, {"of_channel": channel})
    if not found:
        connection.execute(insert(Pace), {"channel": channel, "next_at": now})
        return now
    return found[0]


def set_pace(connection: Connection, channel: str, next_at: datetime) -> None:
    """Spend the channel's rate up to `next_at`."""
    _set_pace.execute(connection, [{"of_channel": channel, "until": next_at}])


def release(connection: Connection, now: datetime) -> None:
    """The wall clock was set back to `now`: what was to wait by the old one may be tried at once.

    A provider that had asked to wait will ask again; rates are kept from here on.
    """
    connection.execute(update(Pace).where(Pace.next_at > now).values(next_at=now))
    connection.execute(update(Address).where(Address.next_send_at > now).values(next_send_at=None))
    connection.execute(
        update(Delivery)
        .where(Delivery.status.in_(WAITING), Delivery.due_at > now, Delivery.updated_at > now)
        .values(due_at=now)
    )


def in_conversation_with_people(connection: Connection, contacts: Sequence[int]) -> set[int]:
    """Contacts of whom the queue or an agent owns an open Conversation."""
    return set(
        connection.scalars(
            select(Conversation.contact_id).where(
                Conversation.contact_id.in_(contacts),
                Conversation.state == ConversationState.OPEN,
                Conversation.owner != Owner.BOT,
            )
        )
    )


def with_open_complaint(connection: Connection, contacts: Sequence[int]) -> set[int]:
    """Contacts with a complaint that is not closed."""
    return set(
        connection.scalars(
            select(Case.contact_id).where(
                Case.contact_id.in_(contacts), Case.kind == "complaint", Case.closed_at.is_(None)
            )
        )
    )


def lost(connection: Connection, now: datetime | None) -> Sequence[Row[*tuple[Any, ...]]]:
    """Sends whose process went silent; `now` None: every send on the wire, where nobody else can be alive."""
    # Both conditions: the index of what is on its way holds the waiting too.
    on_the_wire = Delivery.status.in_(ACTIVE), Delivery.status == "sending"
    statement = select(Delivery.id, Delivery.channel, Delivery.conversation_id, Delivery.due_at).where(*on_the_wire)
    if now is not None:
        statement = statement.where(Delivery.lease_until < now)
    return connection.execute(statement.limit(1000).with_for_update(skip_locked=True)).all()


def books(connection: Connection) -> dict[tuple[str, str], int]:
    """Deliveries by (channel, status)."""
    rows = connection.execute(
        select(Delivery.channel, Delivery.status, func.count()).group_by(Delivery.channel, Delivery.status)
    )
    return {(channel, status): count for channel, status, count in rows}
