"""Streams: what the readers of an address are shown, at its commit or when they ask for it later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, or_, select

from channels.envelope import Attachment, Button, DeliveryStatus
from channels.protocol import HistoryEntry
from gateway.envelopes import attachments_from_json, buttons_from_json
from storage.contacts import Address
from storage.deliveries import Delivery
from storage.interactions import Direction, Interaction


def sent(
    interaction: int,
    *,
    author: str,
    text: str,
    at: datetime,
    buttons: tuple[Button, ...] = (),
    attachments: tuple[Attachment, ...] = (),
    custom: Mapping[str, object] | None = None,
    markup: str | None = None,
) -> HistoryEntry:
    """A word of ours, as it leaves. `author`: as it stands in the Interaction, `bot` or `agent:<name>`."""
    who, _, name = author.partition(":")
    return HistoryEntry(
        id=interaction,
        inbound=False,
        author=who,
        author_name=name or None,
        text=text,
        at=at,
        external_id=None,
        status=DeliveryStatus.SENT,
        buttons=buttons,
        attachments=attachments,
        custom=custom,
        markup=markup,
    )


VISIBLE = (DeliveryStatus.SENT, DeliveryStatus.DELIVERED, DeliveryStatus.READ)
"""A stream shows what has left; what waits, was skipped or failed is the house's own affair."""

_every = (
    select(
        Interaction.channel,
        Address.uri,
        Interaction.id,
        Interaction.direction,
        Interaction.author,
        Interaction.text,
        Interaction.content,
        Interaction.at,
        Interaction.external_id,
        Delivery.status,
    )
    .join(Address, Address.id == Interaction.address_id)
    .outerjoin(Delivery, Delivery.interaction_id == Interaction.id)
    .where(
        Interaction.contact_id == Address.contact_id,
        Interaction.direction.in_([Direction.IN, Direction.OUT]),
        or_(Interaction.direction == Direction.IN, Delivery.status.in_(VISIBLE)),
    )
)
_stream = _every.where(Address.uri == bindparam("uri"))
_after = (
    _stream.where(or_(Interaction.id > bindparam("after"), Delivery.status == DeliveryStatus.SENT))
    .order_by(Interaction.id)
    .limit(bindparam("most"))
)
_before = _stream.where(Interaction.id < bindparam("before")).order_by(Interaction.id.desc()).limit(bindparam("most"))


def history(
    connection: Connection, address: str, *, after: int = 0, before: int | None = None, limit: int = 50
) -> list[HistoryEntry]:
    """An address's stream (`channels.protocol.Port.history`)."""
    if before is not None:
        rows = connection.execute(_before, {"uri": address, "before": before, "most": limit}).all()
        return [_stored(row) for row in reversed(rows)]
    rows = connection.execute(_after, {"uri": address, "after": after, "most": limit}).all()
    return [_stored(row) for row in rows]


def of_interactions(connection: Connection, interactions: Sequence[int]) -> dict[str, dict[str, list[HistoryEntry]]]:
    """Stream entries by channel and address, for Interactions that another process has committed."""
    statement = _every.where(Interaction.id.in_(list(interactions))).order_by(Interaction.id)
    found: dict[str, dict[str, list[HistoryEntry]]] = {}
    for row in connection.execute(statement):
        found.setdefault(row.channel, {}).setdefault(row.uri, []).append(_stored(row))
    return found


def sent_since(connection: Connection, uris: Sequence[str], since: datetime) -> dict[str, list[HistoryEntry]]:
    """Outbound entries of addresses that were written since an instant."""
    statement = _every.where(
        Address.uri.in_(list(uris)), Interaction.direction == Direction.OUT, Delivery.sent_at >= since
    ).order_by(Interaction.id)
    found: dict[str, list[HistoryEntry]] = {}
    for row in connection.execute(statement):
        found.setdefault(row.uri, []).append(_stored(row))
    return found


def _stored(row: Row[*tuple[Any, ...]]) -> HistoryEntry:
    """A stored Interaction as a stream shows it."""
    author, _, name = row.author.partition(":")
    return HistoryEntry(
        id=row.id,
        inbound=row.direction is Direction.IN,
        author=author,
        author_name=name or None,
        text=row.text,
        at=row.at,
        external_id=row.external_id,
        status=None if row.status is None else DeliveryStatus(row.status),
        buttons=buttons_from_json(row.content),
        attachments=attachments_from_json(row.content),
        custom=row.content.get("custom"),
        markup=row.content.get("markup"),
    )
