"""History: all that ever happened with a Contact, over all channels, page by page, the latest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from desk.refusals import Unusable
from desk.sight import open_cases, open_lines, open_talks
from storage.cases import Case
from storage.commits import Transaction
from storage.consents import Consent
from storage.contacts import Address
from storage.conversations import Conversation
from storage.deliveries import Delivery
from storage.follow_ups import FollowUp
from storage.interactions import OFFLINE, Interaction, InteractionKind
from storage.orders import Order


class Kind(StrEnum):
    """What an event is, as somebody filters by it."""

    MESSAGES = "messages"  # what was written, in both directions
    NOTES = "notes"  # for colleagues
    OFFLINE = "offline"  # calls, visits, meetings, faxes, fairs, recorded by hand
    ORDERS = "orders"
    CASES = "cases"  # a case was opened
    CONSENTS = "consents"  # a yes or no to marketing
    FOLLOW_UPS = "follow_ups"  # what was done because its time had come
    HOUSE = "house"  # the house's own news: owner changed, case opened


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One line of the history."""

    kind: Kind
    id: int
    """Of its row, in the table of its kind."""
    at: datetime
    what: str
    """More exactly: an Interaction's kind, an order's status, a case's kind, a follow-up's kind."""
    text: str
    author: str = ""
    direction: str = ""
    channel: str = ""
    conversation: int | None = None
    status: str | None = None
    """Where a Delivery, a case or a follow-up stands."""
    reason: str | None = None
    attachments: tuple[Mapping[str, Any], ...] = ()
    facts: Mapping[str, Any] | None = None
    """What else is known of it; of the house's own news, by which it is put into words."""
    erased: bool = False
    """Its words were taken away: by an erasure, or by retention."""

    @property
    def content(self) -> Mapping[str, Any]:
        return self.facts or {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A stretch of the history."""

    events: Sequence[Event]
    """Latest first."""
    earlier: str | None
    """Where the next page begins; None: this is the last one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """Where events of some kinds come from."""

    kinds: frozenset[Kind]
    at: Any
    id: Any
    query: Callable[[int], Select[*tuple[Any, ...]]]
    read: Callable[[Any], Event]


def history(
    transaction: Transaction,
    *,
    contact: int,
    kinds: frozenset[Kind] = frozenset(Kind),
    before: str | None = None,
    limit: int = 40,
) -> Page:
    """A page of somebody's history. `before`: `Page.earlier` of the page before. Raises Unusable."""
    place = None if before is None else _place(before)
    found: list[tuple[tuple[datetime, int, int], Event]] = []
    for rank, source in enumerate(_SOURCES):
        if not source.kinds & kinds:
            continue
        statement = source.query(contact).where(*_open(transaction, source.kinds))
        if source.kinds == _OF_INTERACTIONS and source.kinds - kinds:
            statement = statement.where(_of_kinds(kinds))
        if place is not None:
            statement = statement.where(_earlier(source, rank, place))
        rows = transaction.connection.execute(
            statement.order_by(source.at.desc(), source.id.desc()).limit(limit + 1)
        ).all()
        found += [((event.at, -rank, event.id), event) for event in map(source.read, rows)]
    found.sort(key=lambda one: one[0], reverse=True)
    shown = found[:limit]
    earlier = None
    if len(found) > limit:
        (at, rank, identity), _ = shown[-1]
        earlier = f"{at.isoformat()}~{-rank}~{identity}"
    return Page(events=[event for _, event in shown], earlier=earlier)


def _open(transaction: Transaction, kinds: frozenset[Kind]) -> list[ColumnElement[bool]]:
    if kinds == _OF_INTERACTIONS:
        return open_lines(transaction)
    if Kind.CASES in kinds:
        return open_cases(transaction)
    return open_lines(transaction, FollowUp.conversation_id) if Kind.FOLLOW_UPS in kinds else []


def _place(before: str) -> tuple[datetime, int, int]:
    try:
        at, rank, identity = before.split("~")
        instant = datetime.fromisoformat(at)
        if instant.tzinfo is None:
            raise ValueError("no time zone")
        return instant, int(rank[:2]), int(identity[:18])
    except ValueError as error:
        raise Unusable("there is no such place in the history") from error


def _earlier(source: _Source, rank: int, place: tuple[datetime, int, int]) -> ColumnElement[bool]:
    at, its_rank, identity = place
    if rank > its_rank:
        return source.at <= at
    if rank < its_rank:
        return source.at < at
    return or_(source.at < at, and_(source.at == at, source.id < identity))


_KIND_OF: Mapping[str, Kind] = {
    InteractionKind.NOTE: Kind.NOTES,
    InteractionKind.SYSTEM: Kind.HOUSE,
    **dict.fromkeys(OFFLINE, Kind.OFFLINE),
}
_OF_INTERACTIONS = frozenset({Kind.MESSAGES, Kind.NOTES, Kind.OFFLINE, Kind.HOUSE})


def _of_kinds(kinds: frozenset[Kind]) -> ColumnElement[bool]:
    wanted = [kind for kind in InteractionKind if _KIND_OF.get(kind, Kind.MESSAGES) in kinds]
    return Interaction.kind.in_(wanted)


def _interactions(contact: int) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Interaction.id,
            Interaction.at,
            Interaction.kind,
            Interaction.text,
            Interaction.author,
            Interaction.direction,
            Interaction.channel,
            Interaction.conversation_id,
            Interaction.content,
            Delivery.status,
            Delivery.reason,
        )
        .outerjoin(Delivery, Delivery.interaction_id == Interaction.id)
        .where(Interaction.contact_id == contact)
    )


def _interaction(row: Any) -> Event:
    return Event(
        kind=_KIND_OF.get(row.kind, Kind.MESSAGES),
        id=row.id,
        at=row.at,
        what=row.kind,
        text=row.text,
        author=row.author,
        direction=row.direction,
        channel=row.channel,
        conversation=row.conversation_id,
        status=row.status,
        reason=row.reason,
        attachments=tuple(row.content.get("attachments", ())),
        facts=row.content,
        erased=bool(row.content.get("erased")),
    )


def _orders(contact: int) -> Select[*tuple[Any, ...]]:
    columns = Order.id, Order.at, Order.order_id, Order.status, Order.product, Order.quantity
    return select(*columns, Order.amount, Order.currency).where(Order.contact_id == contact)


def _order(row: Any) -> Event:
    return Event(
        kind=Kind.ORDERS,
        id=row.id,
        at=row.at,
        what="order",
        text=row.order_id,
        status=row.status,
        facts={"product": row.product, "quantity": row.quantity, "amount": row.amount, "currency": row.currency},
    )


def _cases(contact: int) -> Select[*tuple[Any, ...]]:
    columns = Case.id, Case.opened_at, Case.number, Case.kind, Case.status, Case.subject, Case.conversation_id
    return select(*columns).where(Case.contact_id == contact)


def _case(row: Any) -> Event:
    return Event(
        kind=Kind.CASES,
        id=row.id,
        at=row.opened_at,
        what=row.kind,
        text=row.subject,
        status=row.status,
        conversation=row.conversation_id,
        facts={"number": row.number},
    )


def _consents(contact: int) -> Select[*tuple[Any, ...]]:
    return (
        select(Consent.id, Consent.at, Consent.purpose, Consent.granted, Consent.source, Consent.words, Address.uri)
        .join(Address, Address.id == Consent.address_id)
        .where(Consent.contact_id == contact)
    )


def _consent(row: Any) -> Event:
    return Event(
        kind=Kind.CONSENTS,
        id=row.id,
        at=row.at,
        what="granted" if row.granted else "withdrawn",
        text=row.words,
        facts={"purpose": row.purpose, "source": row.source, "address": row.uri},
    )


def _follow_ups(contact: int) -> Select[*tuple[Any, ...]]:
    columns = FollowUp.id, FollowUp.done_at, FollowUp.kind, FollowUp.reason, FollowUp.state, FollowUp.conversation_id
    return select(*columns).where(FollowUp.contact_id == contact, FollowUp.done_at.is_not(None))


def _follow_up(row: Any) -> Event:
    return Event(
        kind=Kind.FOLLOW_UPS,
        id=row.id,
        at=row.done_at,
        what=row.kind,
        text=row.reason,
        status=row.state,
        conversation=row.conversation_id,
    )


_SOURCES: Sequence[_Source] = (
    _Source(kinds=_OF_INTERACTIONS, at=Interaction.at, id=Interaction.id, query=_interactions, read=_interaction),
    _Source(kinds=frozenset({Kind.ORDERS}), at=Order.at, id=Order.id, query=_orders, read=_order),
    _Source(kinds=frozenset({Kind.CASES}), at=Case.opened_at, id=Case.id, query=_cases, read=_case),
    _Source(kinds=frozenset({Kind.CONSENTS}), at=Consent.at, id=Consent.id, query=_consents, read=_consent),
    _Source(
        kinds=frozenset({Kind.FOLLOW_UPS}), at=FollowUp.done_at, id=FollowUp.id, query=_follow_ups, read=_follow_up
    ),
)
"""In the order in which they stand when two things happened at once, the latest first."""


def conversations_of(transaction: Transaction, *, contact: int, limit: int = 20) -> list[Any]:
    """A Contact's Conversations, the latest first: id, channel, state, owner, agent, opened_at, last_at."""
    columns = (
        Conversation.id,
        Conversation.channel,
        Conversation.state,
        Conversation.owner,
        Conversation.agent,
        Conversation.opened_at,
        Conversation.last_at,
    )
    return list(
        transaction.connection.execute(
            select(*columns)
            .where(Conversation.contact_id == contact, *open_talks(transaction))
            .order_by(Conversation.last_at.desc(), Conversation.id.desc())
            .limit(limit)
        )
    )
