"""Channels that are down: what the books of the outbox and of the polling say, once a minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from channels.envelope import DeliveryStatus, SendErrorCode
from desk.alerts import raise_alert
from desk.rights import Right
from storage.alerts import AlertCheck, AlertKind
from storage.channel_states import ChannelState
from storage.commits import Transaction, server_time
from storage.deliveries import Delivery

LATEST = 300
"""Deliveries that are looked at."""
RECENT = timedelta(minutes=30)
IN_A_ROW = 3
"""So many tries that did not get through, and nothing that did since, are no bad luck."""
SILENT = timedelta(minutes=2)
"""How long nobody may have asked a mailbox or bot that somebody should be asking."""
OF_THE_CHANNEL = tuple(
    str(code)
    for code in (
        SendErrorCode.UNREACHABLE,
        SendErrorCode.PROVIDER_ERROR,
        SendErrorCode.NO_ANSWER,
        SendErrorCode.UNAUTHORIZED,
    )
)
"""Failures that say something about the channel, and nothing about one customer."""
GONE = (DeliveryStatus.SENT, DeliveryStatus.DELIVERED, DeliveryStatus.READ)


def look_at_channels(transaction: Transaction) -> int:
    """Tell supervisors and admins of each channel that has gone down, once; returns how many are down."""
    down = {**_not_asked(transaction), **_not_sending(transaction)}
    connection = transaction.connection
    known = {row.name: row for row in connection.execute(select(*AlertCheck.__table__.columns))}
    for name in known.keys() - down.keys():
        connection.execute(delete(AlertCheck).where(AlertCheck.name == name))
    for name, reason in down.items():
        if name not in known:
            row = {"name": name, "since": transaction.now, "reason": reason, "told_at": transaction.now}
            connection.execute(insert(AlertCheck), row)
            _tell(transaction, name, reason)
        elif known[name].reason != reason:
            connection.execute(update(AlertCheck).where(AlertCheck.name == name).values(reason=reason))
    return len(down)


def _tell(transaction: Transaction, name: str, reason: str) -> None:
    key = f"{name}:{transaction.now.isoformat(timespec='minutes')}"
    for right in (Right.DIRECT, Right.MANAGE_STAFF):
        raise_alert(
            transaction, kind=AlertKind.CHANNEL_DOWN, subject=name, right=right, facts={"reason": reason}, key=key
        )


def _not_asked(transaction: Transaction) -> dict[str, str]:
    until = server_time(transaction) - SILENT
    rows = transaction.connection.execute(
        select(ChannelState.channel).where(ChannelState.holder.is_not(None), ChannelState.lease_until < until)
    )
    return {f"channel:{row.channel}": "not_asked" for row in rows}


def _not_sending(transaction: Transaction) -> dict[str, str]:
    newest = select(func.max(Delivery.id)).scalar_subquery()
    latest = (
        select(Delivery.channel, Delivery.status, Delivery.reason, Delivery.updated_at, Delivery.attempts)
        .where(Delivery.id > newest - LATEST)
        .order_by(Delivery.id.desc())
        .limit(LATEST)
    )
    tried: dict[str, list[Any]] = {}
    for row in transaction.connection.execute(latest):
        if row.attempts and row.updated_at > transaction.now - RECENT:
            tried.setdefault(row.channel, []).append(row)
    return {f"channel:{channel}": reason for channel, rows in tried.items() if (reason := trouble(rows)) is not None}


def trouble(rows: Sequence[Any]) -> str | None:
    """The failure that a channel has had since something got through, as a word of SendErrorCode."""
    failed: list[str] = []
    tries = 0
    for row in sorted(rows, key=lambda row: row.updated_at, reverse=True):
        if row.status in GONE:
            break
        code = (row.reason or "").partition(":")[0]
        if code in OF_THE_CHANNEL:
            failed.append(code)
            tries += row.attempts
    surely = str(SendErrorCode.UNAUTHORIZED) in failed  # nothing will get through until somebody mends it
    return failed[0] if surely or tries >= IN_A_ROW else None
