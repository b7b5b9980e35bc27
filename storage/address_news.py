"""Address news: what providers say about an address as a whole, kept also for addresses that nobody has yet.

A list of bounces and complaints is often older than the list of customers: what it says takes effect the moment that
somebody turns out to have the address.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Index, LargeBinary, Row, bindparam, insert, select, text, tuple_, update
from sqlalchemy.orm import Mapped, mapped_column

from storage import privacy
from storage.consents import Consent, Purpose
from storage.contacts import Address
from storage.schema import Entity, Words


class AddressWord(StrEnum):
    """What is said."""

    GRANTED = "granted"  # marketing may come
    WITHDRAWN = "withdrawn"  # no more marketing
    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"


IDENTIFIED = text("external_id <> ''")
WAITING = text("settled_at IS NULL")

OVERTAKING = timedelta(minutes=5)
"""How long ago somebody may have got an address in another transaction that did not see the news, nor we theirs."""


class AddressNews(Entity):
    """One word about one address, with its raw payload."""

    __tablename__ = "address_news"
    __table_args__ = (
        Index(
            "uq_address_news_event",
            "channel",
            "external_id",
            "uri",
            "says",
            unique=True,
            sqlite_where=IDENTIFIED,
            postgresql_where=IDENTIFIED,
        ),
        Index("ix_address_news_uri", "uri", sqlite_where=WAITING, postgresql_where=WAITING),
        Index("ix_address_news_heard_at", "heard_at", sqlite_where=WAITING, postgresql_where=WAITING),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]
    external_id: Mapped[str]
    """The provider's event; with channel, address and word the key against repeats. Empty: it has none."""
    uri: Mapped[str]
    says: Mapped[AddressWord] = mapped_column(Words(AddressWord))
    source: Mapped[str]
    """Where a consent comes from, or why an address is closed."""
    at: Mapped[datetime]
    """When it happened, as the provider says."""
    raw: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    heard_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    """When it took effect; None: nobody has this address yet."""


class Word(NamedTuple):
    """One word, as a provider brings it."""

    channel: str
    external_id: str
    uri: str
    says: AddressWord
    source: str
    at: datetime
    raw: bytes

    @property
    def event(self) -> tuple[str, str, str, str]:
        return self.channel, self.external_id, self.uri, str(self.says)


class Settled(NamedTuple):
    """What the news made of an address."""

    consent: bool | None
    """The latest word on marketing; None: there was none."""
    closed: bool


def hear(connection: Connection, words: Sequence[Word], now: datetime) -> int:
    """Keep each word once, and let it take effect where somebody has the address; returns how many were new."""
    known = _known(connection, words)
    erased = privacy.buried(connection, {word.uri for word in words})
    fresh: dict[object, Word] = {}
    for word in words:
        key: object = word.event if word.external_id else word
        if word.uri in erased and word.at <= erased[word.uri].erased_at:
            continue  # what was said of whom we were told to forget
        if not (word.external_id and word.event in known):
            fresh.setdefault(key, word)
    if fresh:
        connection.execute(insert(AddressNews), [{**word._asdict(), "heard_at": now} for word in fresh.values()])
        _settle_waiting(connection, {word.uri for word in fresh.values()}, now)
    return len(fresh)


def _known(connection: Connection, words: Sequence[Word]) -> set[tuple[str, str, str, str]]:
    """A repeated webhook must not take back what was said since."""
    events = [word.event for word in words if word.external_id]
    if not events:
        return set()
    columns = AddressNews.channel, AddressNews.external_id, AddressNews.uri, AddressNews.says
    asked = sorted({(channel, external_id) for channel, external_id, _, _ in events})
    rows = connection.execute(
        select(*columns).where(
            # As the index has it, not as a parameter: only then the planner knows that it may use it.
            IDENTIFIED,
            tuple_(AddressNews.channel, AddressNews.external_id).in_(asked),
        )
    )
    return {(row.channel, row.external_id, row.uri, str(row.says)) for row in rows}


_waiting = (
    select(
        AddressNews.id,
        AddressNews.uri,
        AddressNews.says,
        AddressNews.source,
        AddressNews.channel,
        AddressNews.at,
        Address.id.label("address"),
        Address.contact_id,
    )
    .join(Address, Address.uri == AddressNews.uri)
    .where(AddressNews.settled_at.is_(None), AddressNews.uri.in_(bindparam("uris", expanding=True)))
    .order_by(AddressNews.id)
)


def settle(connection: Connection, uris: Collection[str], now: datetime) -> Mapping[str, Settled]:
    """Whoever makes an Address calls this in the same transaction: what was said about it before takes effect now."""
    refused = privacy.go_on_refusing(connection, uris)
    settled = _settle_waiting(connection, uris, now)
    for uri in refused:
        before = settled.get(uri, Settled(consent=None, closed=False))
        settled[uri] = before if before.consent is not None else before._replace(consent=False)
    return settled


def settle_missed(connection: Connection, now: datetime) -> int:
    """Two transactions, one that made an address and one that heard of it, may not have seen each other."""
    recent = (
        select(AddressNews.uri)
        .join(Address, Address.uri == AddressNews.uri)
        .where(AddressNews.settled_at.is_(None), AddressNews.heard_at > now - OVERTAKING)
    )
    return len(_settle_waiting(connection, set(connection.scalars(recent)), now))


def expected(connection: Connection, uris: Collection[str]) -> dict[str, tuple[bool, datetime]]:
    """The latest word on marketing, with its time, about addresses that nobody has yet."""
    if not uris:
        return {}
    rows = connection.execute(
        select(AddressNews.uri, AddressNews.says, AddressNews.at)
        .where(AddressNews.settled_at.is_(None), AddressNews.uri.in_(sorted(uris)))
        .order_by(AddressNews.id)
    )
    latest: dict[str, tuple[bool, datetime]] = {}
    for row in rows:
        granted = _consent_of(row.says)
        if granted is not None and _counts(granted, row.at, latest.get(row.uri)):
            latest[row.uri] = (granted, row.at)
    return latest


def _consent_of(says: AddressWord) -> bool | None:
    match says:
        case AddressWord.GRANTED:
            return True
        case AddressWord.WITHDRAWN:
            return False
        case AddressWord.REACHABLE | AddressWord.UNREACHABLE:
            return None


def _counts(granted: bool, at: datetime, latest: tuple[bool, datetime] | None) -> bool:
    """A yes counts only where it is later than the last no. A no always does: the clocks of two houses differ."""
    return not granted or latest is None or latest[0] or at > latest[1]


_latest = (
    select(Consent.granted, Consent.at)
    .where(Consent.address_id == bindparam("address"), Consent.purpose == Purpose.MARKETING)
    .order_by(Consent.id.desc())
    .limit(1)
)


def _settle_waiting(connection: Connection, uris: Collection[str], now: datetime) -> dict[str, Settled]:
    rows = connection.execute(_waiting, {"uris": sorted(uris)}).all() if uris else ()
    return _settle(connection, rows, now)


def _settle(connection: Connection, rows: Sequence[Row[*tuple[Any, ...]]], now: datetime) -> dict[str, Settled]:
    settled: dict[str, Settled] = {}
    for row in rows:
        before = settled.get(row.uri, Settled(consent=None, closed=False))
        granted = _consent_of(row.says)
        if granted is None:
            closed = row.says is AddressWord.UNREACHABLE
            _reach(connection, row, closed)
            settled[row.uri] = before._replace(closed=closed)
        elif _record(connection, row, granted):
            settled[row.uri] = before._replace(consent=granted)
        else:
            settled.setdefault(row.uri, before)
    if rows:
        connection.execute(
            update(AddressNews).where(AddressNews.id.in_([row.id for row in rows])).values(settled_at=now)
        )
    return settled


def _reach(connection: Connection, row: Row[*tuple[Any, ...]], closed: bool) -> None:
    connection.execute(
        update(Address)
        .where(Address.id == row.address)
        .values(closed_at=row.at if closed else None, closed_reason=row.source if closed else None)
    )


def _record(connection: Connection, row: Row[*tuple[Any, ...]], granted: bool) -> bool:
    """A Consent of its own, so that everybody who asks for the latest word finds it."""
    latest = connection.execute(_latest, {"address": row.address}).one_or_none()
    if not _counts(granted, row.at, None if latest is None else (latest.granted, latest.at)):
        return False
    connection.execute(
        insert(Consent),
        {
            "contact_id": row.contact_id,
            "address_id": row.address,
            "purpose": Purpose.MARKETING,
            "granted": granted,
            "source": row.source,
            "words": f"{row.says} at {row.channel}, by {row.source}",
            "at": row.at,
        },
    )
    return True
