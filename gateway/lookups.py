"""Lookups: what a skill needs to know from the business's own system, fetched with a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import aiohttp
from sqlalchemy import Connection, select

from bot.effects import Lookup
from bot.turn import LookupKind, LookupResult, OrderFacts
from storage.contacts import Address, Contact
from storage.database import Database
from storage.orders import Order

LATEST = 5
"""How many of a Contact's orders are worth telling."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderEndpoint:
    """The business's own HTTP interface: `GET url?number=…` answers an order as JSON, or 404."""

    url: str
    token: str | None
    timeout: float
    """Seconds."""


class Lookups:
    """Answers Lookup effects from imported orders, then from the business's endpoint."""

    def __init__(self, database: Database, endpoint: OrderEndpoint | None) -> None:
        self._database = database
        self._endpoint = endpoint
        self._http: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def answer(self, lookups: Sequence[Lookup], contact: int) -> tuple[LookupResult, ...]:
        """One result a Lookup; a failure is a result with its reason."""
        return tuple(await asyncio.gather(*(self._answer(lookup, contact) for lookup in lookups)))

    async def _answer(self, lookup: Lookup, contact: int) -> LookupResult:
        kept = await self._database.read(lambda connection: _imported(connection, lookup, contact))
        if kept or lookup.kind is LookupKind.ORDERS or self._endpoint is None:
            return LookupResult(kind=lookup.kind, key=lookup.key, orders=kept)
        return await self._fetch(self._endpoint, lookup)

    async def _fetch(self, endpoint: OrderEndpoint, lookup: Lookup) -> LookupResult:
        headers = {"Authorization": f"Bearer {endpoint.token}"} if endpoint.token else {}
        try:
            self._http = self._http or aiohttp.ClientSession()
            async with self._http.get(
                endpoint.url,
                params={"number": lookup.key},
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=endpoint.timeout),
                allow_redirects=False,
            ) as response:
                if response.status == 404:
                    return LookupResult(kind=lookup.kind, key=lookup.key)
                if response.status != 200:
                    return _failed(lookup, f"the order system answered {response.status}")
                return _fetched(lookup, await response.json())
        except TimeoutError:
            return _failed(lookup, f"the order system gave no answer in {endpoint.timeout:g} s")
        except (aiohttp.ClientError, ValueError) as error:
            return _failed(lookup, f"the order system cannot be used: {type(error).__name__}")


def _failed(lookup: Lookup, reason: str) -> LookupResult:
    return LookupResult(kind=lookup.kind, key=lookup.key, failure=reason)


def _imported(connection: Connection, lookup: Lookup, contact: int) -> tuple[OrderFacts, ...]:
    if lookup.kind is LookupKind.ORDER:
        wanted = Order.order_id == lookup.key
    else:
        latest = (
            select(Order.order_id)
            .where(Order.contact_id == contact)
            .group_by(Order.order_id)
            .order_by(Order.order_id.desc())
            .limit(LATEST)
        )
        wanted = Order.order_id.in_(latest)
    rows = connection.execute(select(*Order.__table__.columns).where(wanted).order_by(Order.at.desc(), Order.id)).all()
    orders: dict[str, list[Any]] = {}
    for row in rows:
        orders.setdefault(row.order_id, []).append(row)
    return tuple(_order(connection, lines, contact) for lines in orders.values())


def _order(connection: Connection, lines: Sequence[Any], contact: int) -> OrderFacts:
    first = lines[0]
    amount = sum((line.amount for line in lines), Decimal(0))
    phone, mail = _reach(connection, first.contact_id)
    return OrderFacts(
        number=first.order_id,
        date=first.at,
        status=first.status,
        amount=f"{amount:.2f} {first.currency}",
        items=tuple((line.product, line.quantity) for line in lines if line.product),
        mine=first.contact_id is not None and first.contact_id == contact,
        phone_ending=phone,
        mail=mail,
    )


def _reach(connection: Connection, contact: int | None) -> tuple[str | None, str | None]:
    """The buyer's phone ending and mail address: what a stranger must name before we speak of the order."""
    if contact is None:
        return None, None
    uris = connection.scalars(
        select(Address.uri).join(Contact, Contact.id == Address.contact_id).where(Contact.id == contact)
    ).all()
    phone = next((uri.removeprefix("tel:")[-4:] for uri in uris if uri.startswith("tel:")), None)
    mail = next((uri.removeprefix("mailto:") for uri in uris if uri.startswith("mailto:")), None)
    return phone, mail


def _fetched(lookup: Lookup, answer: object) -> LookupResult:
    """The endpoint's JSON: number, date, status, amount, currency, items [product, quantity], tracking, phone, mail."""
    if not isinstance(answer, Mapping):
        return _failed(lookup, "the order system answered something that is not an order")
    fields = cast("Mapping[str, Any]", answer)
    try:
        date = datetime.fromisoformat(str(fields["date"]))
        order = OrderFacts(
            number=str(fields["number"]),
            date=date if date.tzinfo else date.replace(tzinfo=UTC),
            status=str(fields["status"]),
            amount=f"{Decimal(str(fields['amount'])):.2f} {fields['currency']}",
            items=tuple((str(item["product"]), int(item.get("quantity", 1))) for item in fields.get("items", ())),
            tracking=None if fields.get("tracking") is None else str(fields["tracking"]),
            phone_ending=str(fields["phone"])[-4:] if fields.get("phone") else None,
            mail=str(fields["mail"]) if fields.get("mail") else None,
        )
    except (KeyError, TypeError, ValueError, InvalidOperation, AttributeError) as error:
        return _failed(lookup, f"the order system's answer lacks or spoils a field: {type(error).__name__}")
    return LookupResult(kind=lookup.kind, key=lookup.key, orders=(order,))
