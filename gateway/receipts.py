"""Late news from providers: a receipt or a bounce moves a Delivery once; a word on an address is remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, bindparam, insert, literal_column, select, update

from channels.envelope import AddressUpdate, ConsentUpdate, DeliveryStatus, DeliveryUpdate
from storage import address_news
from storage.address_news import AddressWord, Word
from storage.commits import Transaction
from storage.deliveries import Delivery, DeliveryNews
from storage.many import Many

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

_find = select(Delivery.id, Delivery.channel, Delivery.external_id, Delivery.status).where(
    Delivery.channel == bindparam("of_channel"), Delivery.external_id.in_(bindparam("external_ids", expanding=True))
)

_move = Many(
    update(Delivery)
    .where(Delivery.id == bindparam("delivery"))
    .values(status=bindparam("new_status"), reason=bindparam("new_reason"), updated_at=bindparam("new_at"))
)


def store_delivery_updates(transaction: Transaction, updates: Sequence[DeliveryUpdate]) -> None:
    """Move the Deliveries that the news is about and keep each word with its raw payload."""
    _acknowledge(transaction, [news for news in updates if not news.raw])
    updates = [news for news in updates if news.raw]
    if not updates:
        return
    found = _deliveries(transaction, updates)
    moves: dict[int, dict[str, object]] = {}
    kept: list[dict[str, object]] = []
    for news in updates:
        delivery, status = found.get((news.channel, news.external_id), (None, None))
        if delivery is not None and status is not None and RANK[news.status] > RANK[status]:
            found[news.channel, news.external_id] = (delivery, news.status)
            moves[delivery] = {
                "delivery": delivery,
                "new_status": news.status,
                "new_reason": news.reason,
                "new_at": transaction.now,
            }
            transaction.count("sent", news.channel, news.status)
        kept.append(
            {
                "delivery_id": delivery,
                "channel": news.channel,
                "external_id": news.external_id,
                "status": news.status,
                "reason": news.reason,
                "at": news.at,
                "raw": news.raw,
            }
        )
    _move.execute(transaction.connection, list(moves.values()))
    transaction.connection.execute(insert(DeliveryNews), kept)


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
        transaction.counts["sent", channel, status] += moved


def _deliveries(
    transaction: Transaction, updates: Sequence[DeliveryUpdate]
) -> dict[tuple[str, str], tuple[int | None, str | None]]:
    by_channel: dict[str, set[str]] = {}
    for news in updates:
        by_channel.setdefault(news.channel, set()).add(news.external_id)
    return {
        (row.channel, row.external_id): (row.id, row.status)
        for channel, external_ids in by_channel.items()
        for row in transaction.connection.execute(
            _find, {"of_channel": channel, "external_ids": sorted(external_ids)}
        ).all()
    }


def catch_up(transaction: Transaction, delivery: int, channel: str, external_id: str) -> None:
    """A provider's receipt can be faster than our own record of the send."""
    early = transaction.connection.execute(
        select(DeliveryNews.id, DeliveryNews.status, DeliveryNews.reason)
        .where(
            DeliveryNews.delivery_id.is_(None), DeliveryNews.channel == channel, DeliveryNews.external_id == external_id
        )
        .order_by(DeliveryNews.id)
    ).all()
    if not early:
        return
    best = max(early, key=lambda news: RANK[news.status])
    transaction.connection.execute(
        update(DeliveryNews).where(DeliveryNews.id.in_([news.id for news in early])).values(delivery_id=delivery)
    )
    if RANK[best.status] > RANK[DeliveryStatus.SENT]:
        transaction.connection.execute(
            update(Delivery).where(Delivery.id == delivery).values(status=best.status, reason=best.reason)
        )


def store_address_words(transaction: Transaction, updates: Sequence[AddressUpdate | ConsentUpdate]) -> None:
    """Close and open addresses, record consents, as providers say; once, and also for whom we do not know yet."""
    if updates:
        words = [
            Word(
                channel=news.channel,
                external_id=news.external_id,
                uri=news.address,
                says=_said(news),
                source=news.reason if isinstance(news, AddressUpdate) else news.source,
                at=news.at,
                raw=news.raw,
            )
            for news in updates
        ]
        address_news.hear(transaction.connection, words, transaction.now)


def _said(news: AddressUpdate | ConsentUpdate) -> AddressWord:
    match news:
        case AddressUpdate():
            return AddressWord.REACHABLE if news.reachable else AddressWord.UNREACHABLE
        case ConsentUpdate():
            return AddressWord.GRANTED if news.granted else AddressWord.WITHDRAWN
