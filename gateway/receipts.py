"""Late news from providers: a receipt or a bounce moves a Delivery once; a word on an address is remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    String,
    bindparam,
    func,
    insert,
    literal_column,
    null,
    select,
    update,
)

from channels.envelope import AddressUpdate, ConsentUpdate, DeliveryStatus, DeliveryUpdate
from gateway.news import Acknowledged
from storage import address_news
from storage.address_news import AddressWord, Word
from storage.commits import Transaction
from storage.contacts import Address
from storage.deliveries import Delivery, DeliveryNews
from storage.interactions import Interaction
from storage.many import Many, Question
from storage.touched import touch

RANK: Mapping[str, int] = {
    DeliveryStatus.QUEUED: 0,
    DeliveryStatus.RETRYING: 0,
    DeliveryStatus.SENDING: 0,
    DeliveryStatus.UNKNOWN: 1,
    DeliveryStatus.SENT: 2,
    DeliveryStatus.DELIVERED: 3,
    DeliveryStatus.READ: 4,
    DeliveryStatus.FAILED: 5,
    DeliveryStatus.SKIPPED: 5,
}
"""News only ever moves a Delivery up: a repeated or late receipt changes nothing."""

FIRST_WAIT = timedelta(hours=1)
"""Before what came back is tried again; each further wait is four times as long. A full mailbox is not emptied at once,
and servers that greylist have heard of us by then."""
MOST_BOUNCES = 3
"""How often one Delivery may come back and be tried again."""


def _word(status: str) -> ColumnElement[str]:
    """A status of ours, written into the statement: it is the same in every row."""
    return literal_column(f"'{status}'")


_ACKNOWLEDGED = {
    status: Many(
        update(Delivery)
        .where(
            Delivery.channel == bindparam("of_channel"),
            Delivery.external_id == bindparam("of_external_id"),
            Delivery.status.in_([_word(lower) for lower in RANK if RANK[lower] < RANK[status]]),
        )
        .values(status=_word(status), reason=bindparam("new_reason"), updated_at=bindparam("new_at"))
    )
    for status in (DeliveryStatus.DELIVERED, DeliveryStatus.READ, DeliveryStatus.FAILED)
}

_move = Many(
    update(Delivery)
    .where(Delivery.id == bindparam("delivery"))
    .values(status=bindparam("new_status"), reason=bindparam("new_reason"), updated_at=bindparam("new_at"))
)
_return = Many(
    update(Delivery)
    .where(Delivery.id == bindparam("delivery"))
    .values(
        status=bindparam("new_status"),
        reason=bindparam("new_reason"),
        due_at=bindparam("new_due"),
        bounces=bindparam("new_bounces"),
        parts=null(),  # it has to leave again, as a whole
        updated_at=bindparam("new_at"),
    )
)
_price = Many(
    update(Delivery)
    .where(Delivery.id == bindparam("delivery"))
    .values(
        units=func.coalesce(bindparam("new_units", type_=BigInteger()), Delivery.units),
        cost=bindparam("new_cost"),
        currency=func.coalesce(bindparam("new_currency", type_=String()), Delivery.currency),
    )
)


@dataclass(slots=True)
class _Known:
    """A Delivery that news is about, while a transaction works on it."""

    id: int
    status: str
    bounces: int
    deadline: datetime


def store_delivery_updates(transaction: Transaction, updates: Sequence[DeliveryUpdate]) -> None:
    """Move the Deliveries that the news is about and keep each word with its raw payload."""
    _acknowledge(transaction, [news for news in updates if _is_bare(news)])
    updates = [news for news in updates if not _is_bare(news)]
    if not updates:
        return
    found = _deliveries(transaction, updates)
    moves: dict[int, dict[str, object]] = {}
    returns: dict[int, dict[str, object]] = {}
    kept: list[dict[str, object]] = []
    for news in updates:
        known = found.get(_about(news))
        if known is not None:
            if news.status is DeliveryStatus.RETRYING:
                if not _is_repeated(transaction, known, news, kept) and (row := _came_back(transaction, known, news)):
                    returns[known.id] = row
            elif _moves_up(known, news.status):
                known.status = news.status
                returns.pop(known.id, None)
                moves[known.id] = _moved(transaction, known, news)
        kept.append(_kept(news, known))
    _move.execute(transaction.connection, list(moves.values()))
    _return.execute(transaction.connection, list(returns.values()))
    _note_prices(transaction, [(known, news) for news in updates if (known := found.get(_about(news))) is not None])
    transaction.connection.execute(insert(DeliveryNews), kept)


def _is_bare(news: DeliveryUpdate) -> bool:
    return not news.raw and bool(news.external_id) and news.status in _ACKNOWLEDGED


About = tuple[str, str, str]
"""(channel, the provider's id, address where there is no id)"""


def _about(news: DeliveryUpdate) -> About:
    return news.channel, news.external_id, "" if news.external_id else news.address or ""


def _moves_up(known: _Known, status: DeliveryStatus) -> bool:
    # A late word on the first try must not stop the second.
    returned = known.status == DeliveryStatus.RETRYING and known.bounces > 0
    return RANK[status] > RANK[known.status] and not (returned and status is DeliveryStatus.SENT)


def _moved(transaction: Transaction, known: _Known, news: DeliveryUpdate) -> dict[str, object]:
    transaction.count("sent", news.channel, news.status)
    return {
        "delivery": known.id,
        "new_status": news.status,
        "new_reason": news.reason,
        "new_at": transaction.now,
    }


def _is_repeated(
    transaction: Transaction, known: _Known, news: DeliveryUpdate, kept: Sequence[Mapping[str, object]]
) -> bool:
    """A bounce that is told twice is one bounce."""
    if not news.raw:
        return False
    if any(row["delivery_id"] == known.id and row["raw"] == news.raw for row in kept):
        return True
    same = select(DeliveryNews.id).where(DeliveryNews.delivery_id == known.id, DeliveryNews.raw == news.raw).limit(1)
    return transaction.connection.scalar(same) is not None


def _came_back(transaction: Transaction, known: _Known, news: DeliveryUpdate) -> dict[str, object] | None:
    """It was taken and could not be handed over for a passing reason: it is tried again in hours, a few times."""
    if known.status not in (DeliveryStatus.SENT, DeliveryStatus.UNKNOWN):
        return None
    if not news.external_id:  # it may have been another message that came back: this one is not sent twice for it
        return None
    wait = FIRST_WAIT * 4**known.bounces
    spent = known.bounces >= MOST_BOUNCES or transaction.now + wait >= known.deadline
    status = DeliveryStatus.FAILED if spent else DeliveryStatus.RETRYING
    known.status, known.bounces = status, known.bounces + 1
    transaction.count("sent", news.channel, status)
    return {
        "delivery": known.id,
        "new_status": status,
        "new_reason": news.reason,
        "new_due": transaction.now + wait,
        "new_bounces": known.bounces,
        "new_at": transaction.now,
    }


def _kept(news: DeliveryUpdate, known: _Known | None) -> dict[str, object]:
    return {
        "delivery_id": None if known is None else known.id,
        "channel": news.channel,
        "external_id": news.external_id,
        "status": news.status,
        "reason": news.reason,
        "at": news.at,
        "raw": news.raw,
    }


def _note_prices(transaction: Transaction, told: Sequence[tuple[_Known, DeliveryUpdate]]) -> None:
    """Some providers know only later what a message has cost."""
    prices = {
        known.id: {
            "delivery": known.id,
            "new_units": news.units,
            "new_cost": news.cost,
            "new_currency": news.currency,
        }
        for known, news in told
        if news.cost is not None
    }
    _price.execute(transaction.connection, list(prices.values()))


def _acknowledge(transaction: Transaction, updates: Sequence[DeliveryUpdate]) -> None:
    """News without a payload, from a channel that is our own: nothing to keep, so nothing to look up first."""
    by_kind: dict[tuple[str, DeliveryStatus], list[dict[str, object]]] = {}
    for news in updates:
        by_kind.setdefault((news.channel, news.status), []).append(
            {
                "of_channel": news.channel,
                "of_external_id": news.external_id,
                "new_reason": news.reason,
                "new_at": transaction.now,
            }
        )
    for (channel, status), rows in by_kind.items():
        moved = _ACKNOWLEDGED[status].execute(transaction.connection, rows)
        keys = [str(row["of_external_id"]) for row in rows]
        transaction.news.append(Acknowledged(channel=channel, external_ids=keys))
        transaction.counts["sent", channel, status] += moved


_facts = Delivery.id, Delivery.status, Delivery.bounces, Delivery.deadline, Delivery.conversation_id
_find = select(*_facts, Delivery.external_id).where(
    Delivery.channel == bindparam("of_channel"), Delivery.external_id.in_(bindparam("external_ids", expanding=True))
)
_newest_at = (
    select(*_facts)
    .join(Interaction, Interaction.id == Delivery.interaction_id)
    .join(Address, (Address.contact_id == Interaction.contact_id) & (Address.id == Interaction.address_id))
    .where(
        Address.uri == bindparam("uri"),
        Delivery.channel == bindparam("of_channel"),
        Delivery.sent_at.is_not(None) | (Delivery.status == DeliveryStatus.UNKNOWN),
    )
    .order_by(Interaction.id.desc())
    .limit(1)
)


def _deliveries(transaction: Transaction, updates: Sequence[DeliveryUpdate]) -> dict[About, _Known]:
    by_channel: dict[str, set[str]] = {}
    found: dict[About, _Known] = {}
    same: dict[int, _Known] = {}

    def note(about: About, row: Any) -> None:
        known = _Known(id=row.id, status=row.status, bounces=row.bounces, deadline=row.deadline)
        touch(transaction.connection, (row.conversation_id,))
        found[about] = same.setdefault(known.id, known)

    for about in {_about(news) for news in updates}:
        channel, external_id, uri = about
        if external_id:
            by_channel.setdefault(channel, set()).add(external_id)
        elif uri:
            row = transaction.connection.execute(_newest_at, {"uri": uri, "of_channel": channel}).one_or_none()
            if row is not None:
                note(about, row)
    for channel, external_ids in by_channel.items():
        asked = {"of_channel": channel, "external_ids": sorted(external_ids)}
        for row in transaction.connection.execute(_find, asked).all():
            note((channel, row.external_id, ""), row)
    return found


_some_unmatched = Question(
    select(DeliveryNews.id)
    .where(DeliveryNews.delivery_id.is_(None), DeliveryNews.channel == bindparam("of_channel"))
    .limit(literal_column("1")),
    itemgetter(0),
)
"""Mostly there is none, and to ask for the very messages is ten times as dear."""
_early = (
    select(
        DeliveryNews.id,
        DeliveryNews.external_id,
        DeliveryNews.status,
        DeliveryNews.reason,
        DeliveryNews.at,
        DeliveryNews.raw,
    )
    .where(
        DeliveryNews.delivery_id.is_(None),
        DeliveryNews.channel == bindparam("of_channel"),
        DeliveryNews.external_id.in_(bindparam("external_ids", expanding=True)),
    )
    .order_by(DeliveryNews.id)
)


def catch_up(transaction: Transaction, channel: str, taken: Mapping[str, int]) -> None:
    """A provider's receipt can be faster than our own record of the send. `taken`: Deliveries by its ids for them."""
    if not taken or not _some_unmatched.ask(transaction.connection, {"of_channel": channel}):
        return
    by_delivery: dict[int, list[Row[*tuple[Any, ...]]]] = {}
    for news in transaction.connection.execute(_early, {"of_channel": channel, "external_ids": list(taken)}):
        by_delivery.setdefault(taken[news.external_id], []).append(news)
    for delivery, early in by_delivery.items():
        _apply_early(transaction, channel, delivery, early)


def _apply_early(transaction: Transaction, channel: str, delivery: int, early: Sequence[Row[*tuple[Any, ...]]]) -> None:
    connection = transaction.connection
    connection.execute(
        update(DeliveryNews).where(DeliveryNews.id.in_([news.id for news in early])).values(delivery_id=delivery)
    )
    row = connection.execute(select(*_facts).where(Delivery.id == delivery)).one()
    known = _Known(id=row.id, status=row.status, bounces=row.bounces, deadline=row.deadline)
    best = max(early, key=lambda news: RANK[news.status])
    news = DeliveryUpdate(
        channel=channel,
        external_id=best.external_id,
        status=DeliveryStatus(best.status),
        at=best.at,
        raw=best.raw,
        reason=best.reason,
    )
    if news.status is DeliveryStatus.RETRYING:
        if (changes := _came_back(transaction, known, news)) is not None:
            _return.execute(connection, [changes])
    elif RANK[news.status] > RANK[DeliveryStatus.SENT]:
        _move.execute(connection, [_moved(transaction, known, news)])


def store_address_words(transaction: Transaction, updates: Sequence[AddressUpdate | ConsentUpdate]) -> None:
    """Close and open addresses, record consents, as providers say; once, and also for whom we do not know yet."""
    if not updates:
        return
    recipients = _recipients(transaction, updates)
    words = [
        Word(
            channel=news.channel,
            external_id=news.external_id,
            uri=uri,
            says=_said(news),
            source=news.reason if isinstance(news, AddressUpdate) else news.source,
            at=news.at,
            raw=news.raw,
        )
        for news in updates
        if (uri := _meant(news, recipients)) is not None
    ]
    address_news.hear(transaction.connection, words, transaction.now)


_sent_to = (
    select(Delivery.external_id, Address.uri)
    .join(Address, Address.id == Delivery.address_id)
    .where(
        Delivery.channel == bindparam("of_channel"), Delivery.external_id.in_(bindparam("external_ids", expanding=True))
    )
)


def _recipients(
    transaction: Transaction, updates: Sequence[AddressUpdate | ConsentUpdate]
) -> Mapping[tuple[str, str], str]:
    """Whom the messages went to that words are about, by channel and the provider's id."""
    by_channel: dict[str, set[str]] = {}
    for news in updates:
        if news.sent_as:
            by_channel.setdefault(news.channel, set()).add(news.sent_as)
    return {
        (channel, row.external_id): row.uri
        for channel, ids in by_channel.items()
        for row in transaction.connection.execute(_sent_to, {"of_channel": channel, "external_ids": sorted(ids)})
    }


def _meant(news: AddressUpdate | ConsentUpdate, recipients: Mapping[tuple[str, str], str]) -> str | None:
    """The address that a word is about; None where it is about nobody's that it can speak for."""
    if not news.sent_as:
        return news.address
    recipient = recipients.get((news.channel, news.sent_as))
    match news:
        case AddressUpdate():
            return news.address if news.address == recipient else None
        case ConsentUpdate():
            return recipient or news.address


def _said(news: AddressUpdate | ConsentUpdate) -> AddressWord:
    match news:
        case AddressUpdate():
            return AddressWord.REACHABLE if news.reachable else AddressWord.UNREACHABLE
        case ConsentUpdate():
            return AddressWord.GRANTED if news.granted else AddressWord.WITHDRAWN
