"""The demonstration: a small business with customers, orders and ten days of conversations, made by the real paths.

Contacts and orders go through the importer; the customers' words through the channels' port, the engine and the
outbox, under a clock that runs through those ten days, so that reminders and surveys happen when they would have.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from zoneinfo import ZoneInfo

import yaml
from sqlalchemy import func, insert, select, update

from gateway.cells import Customs
from gateway.gateway import Gateway
from gateway.importing import Kind, Request, import_file, prepare
from gateway.reach import reach
from gateway.settings import Settings
from gateway.stage import Clock, Stage
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.conversations import Conversation
from storage.migrations import migrate

BUSINESS = Path(__file__).parent / "demonstration" / "business.yml"
CONTACT_COLUMNS = (
    *("contact_id", "name", "language", "time_zone", "email", "phone"),
    *("marketing_email", "consent_source", "consent_at"),
)
ORDER_COLUMNS = ("order_id", "contact_id", "date", "amount", "currency", "status", "product", "quantity")


class AlreadyFilled(Exception):
    """The database has contacts already; a demonstration belongs into an empty one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filled:
    """What the demonstration made."""

    contacts: int
    conversations: int


async def fill(settings: Settings, *, now: datetime) -> Filled:
    """Fill an empty database. Raises AlreadyFilled; gateway.reach.NotReached where a gateway runs on it."""
    business = cast("dict[str, Any]", yaml.safe_load(BUSINESS.read_text("utf-8")))
    url = settings.database_url.render_as_string(hide_password=False)
    migrate(url)
    zone = ZoneInfo("Asia/Shanghai")
    today = now.astimezone(zone).date()
    await _import(settings, business, today, zone, now)
    clock = Clock(datetime.combine(today - timedelta(days=10), time(8), zone).astimezone(UTC))
    stages = {name: Stage(name) for name in ("webchat", "telegram")}
    gateway = Gateway(settings, clock=clock, channels=list(stages.values()))
    await gateway.start()
    try:
        await gateway.commits.run(lambda transaction: _give_addresses(transaction, business))
        for conversation in business["conversations"]:
            begins = _instant(today, conversation["days_ago"], conversation["at"], zone)
            await _pass_time(gateway, clock, min(begins, now))
            await _play(gateway, stages[conversation["channel"]], conversation, clock)
        await _pass_time(gateway, clock, now)
        made = await gateway.database.read(
            lambda connection: connection.execute(select(func.count(Conversation.id))).scalar_one()
        )
    finally:
        await gateway.stop()
    return Filled(contacts=len(business["contacts"]), conversations=made)


async def _import(settings: Settings, business: Mapping[str, Any], today: date, zone: ZoneInfo, now: datetime) -> None:
    customs = Customs(region="CN", zone=zone, now=now)
    with TemporaryDirectory(prefix="rapport-demo-") as folder:
        contacts, orders = Path(folder) / "contacts.csv", Path(folder) / "orders.csv"
        _write(contacts, CONTACT_COLUMNS, (_contact_row(contact, today) for contact in business["contacts"]))
        _write(orders, ORDER_COLUMNS, (_order_row(order, today) for order in business["orders"]))
        async with reach(settings) as house:
            await house.do(_refuse_a_filled_place)
            for kind, path in ((Kind.CONTACTS, contacts), (Kind.ORDERS, orders)):
                request = Request(kind=kind, path=path, customs=customs, renamed={}, constant={})
                await import_file(
                    house, request, prepare(request), on_bad=_never_bad, on_progress=lambda _position, _account: None
                )


def _refuse_a_filled_place(transaction: Transaction) -> None:
    if transaction.connection.execute(select(func.count(Contact.id))).scalar_one():
        raise AlreadyFilled(AlreadyFilled.__doc__)


def _never_bad(row: object) -> None:
    raise AssertionError(f"the demonstration's own data is wrong: {row}")


def _write(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _contact_row(contact: Mapping[str, Any], today: date) -> Mapping[str, Any]:
    return {
        "contact_id": contact["id"],
        "name": contact["name"],
        "language": contact["language"],
        "time_zone": contact["zone"],
        "email": contact["email"],
        "phone": contact["phone"],
        "marketing_email": "yes" if contact["marketing"] else "no",
        "consent_source": "sign-up form",
        "consent_at": (today - timedelta(days=200)).isoformat(),
    }


def _order_row(order: Mapping[str, Any], today: date) -> Mapping[str, Any]:
    return {
        "order_id": order["id"],
        "contact_id": order["contact"],
        "date": (today - timedelta(days=order["days_ago"])).isoformat(),
        "amount": order["amount"],
        "currency": "CNY",
        "status": order["status"],
        "product": order["product"],
        "quantity": order["quantity"],
    }


def _give_addresses(transaction: Transaction, business: Mapping[str, Any]) -> None:
    """Where the customers write from; the shop knows them there."""
    connection = transaction.connection
    for contact in business["contacts"]:
        identity = connection.execute(select(Contact.id).where(Contact.external_id == contact["id"])).scalar_one()
        connection.execute(update(Contact).where(Contact.id == identity).values(tier=contact["tier"]))
        connection.execute(
            insert(Address),
            [
                {
                    "contact_id": identity,
                    "uri": f"{channel}:demo-{contact['id']}",
                    "proven_at": transaction.now,
                    "created_at": transaction.now,
                }
                for channel in ("webchat", "telegram")
            ],
        )


def _instant(today: date, days_ago: int, at: str, zone: ZoneInfo) -> datetime:
    return datetime.combine(today - timedelta(days=days_ago), time.fromisoformat(at), zone).astimezone(UTC)


async def _pass_time(gateway: Gateway, clock: Clock, until: datetime) -> None:
    """Let the days go by in steps, so that what becomes due on the way happens on its day."""
    while clock.at < until:
        clock.at = min(clock.at + timedelta(hours=1), until)
        await gateway.tick()
        await gateway.settle()


async def _play(gateway: Gateway, stage: Stage, conversation: Mapping[str, Any], clock: Clock) -> None:
    address = f"{stage.name}:demo-{conversation['contact']}"
    for line in conversation["lines"]:
        await stage.write(address, line, clock.at)
        await gateway.settle()
        clock.move(timedelta(seconds=5))  # past the settle window of somebody who complains
        await gateway.tick()
        await gateway.settle()
        clock.move(timedelta(seconds=35))
