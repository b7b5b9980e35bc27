"""Privacy: what people asked for of their own data, what became of it, and what stays of whom we were to forget."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, ForeignKey, Index, LargeBinary, delete, insert, select, text
from sqlalchemy.orm import Mapped, mapped_column

from storage import keys
from storage.consents import Consent, Purpose
from storage.contacts import Address
from storage.schema import Document, Entity, Words


class PrivacyKind(StrEnum):
    EXPORT = "export"  # a copy of everything that we know of somebody
    ERASURE = "erasure"  # forget them


class PrivacyState(StrEnum):
    ASKED = "asked"  # a person has to look at it
    TELLING = "telling"  # decided to erase; the last word to the customer is on its way
    DONE = "done"
    REFUSED = "refused"  # `reason` says why


UNDONE = text("state IN ('asked', 'telling')")


class PrivacyRequest(Entity):
    """One wish of one Contact about their own data: the register that the law wants to be kept."""

    __tablename__ = "privacy_requests"
    __table_args__ = (
        Index("ix_privacy_requests_undone", "asked_at", sqlite_where=UNDONE, postgresql_where=UNDONE),
        Index("ix_privacy_requests_contact_id", "contact_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    kind: Mapped[PrivacyKind] = mapped_column(Words(PrivacyKind))
    state: Mapped[PrivacyState] = mapped_column(Words(PrivacyState))
    asked_by: Mapped[str]
    """`customer`, or `agent:<name>` who wrote it down for them."""
    conversation_id: Mapped[int | None] = mapped_column(ForeignKey("conversations.id"))
    """Where they asked, and where they hear of it."""
    case_number: Mapped[str | None]
    proven: Mapped[bool]
    """They asked from an address that is proven to be theirs."""
    asked_at: Mapped[datetime]
    evidence: Mapped[str | None]
    """How somebody made sure who they are, where the address did not prove it."""
    handled_by: Mapped[str | None]
    handled_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    """Why it was refused."""
    delivery_id: Mapped[int | None] = mapped_column(ForeignKey("deliveries.id"))
    """The word that tells them; an erasure waits for it to leave."""
    token: Mapped[bytes | None] = mapped_column(LargeBinary)
    """SHA-256 of what the address holds under which they fetch their copy."""
    token_ends_at: Mapped[datetime | None]
    counts: Mapped[dict[str, Any]] = mapped_column(Document)
    """What an erasure changed: rows by table."""


class Tombstone(Entity):
    """An address or customer number that was erased: nobody can read which, but it is known when it comes back."""

    __tablename__ = "tombstones"

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """HMAC-SHA-256 with a key of the house."""
    erased_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    """When its owner said no to marketing: that goes on, should the address come back."""


class RetentionMark(Entity):
    """How far something that grows by its ids has been swept."""

    __tablename__ = "retention_marks"

    what: Mapped[str] = mapped_column(primary_key=True)
    through: Mapped[int]


class RetentionSweep(Entity):
    """One day's sweep, in pieces: begun, and ended when nothing was left to sweep."""

    __tablename__ = "retention_sweeps"

    day: Mapped[str] = mapped_column(primary_key=True)
    """`2026-11-22`, in UTC."""
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    swept: Mapped[dict[str, Any]] = mapped_column(Document)
    """What was taken away so far: rows by kind."""


class BlobDoubt(Entity):
    """A blob that may belong to nobody any more. A walk over all Interactions finds out: content is kept once, and
    others may have sent the same."""

    __tablename__ = "blob_doubts"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    walking: Mapped[bool]
    """The walk that is under way began after this doubt did, so that its end decides."""


class Buried(NamedTuple):
    """What is known of an erased address."""

    erased_at: datetime
    withdrawn_at: datetime | None


KEY: Final = "tombstones"
_key = select(keys.Key.value).where(keys.Key.name == KEY)


def bury(connection: Connection, words: Mapping[str, datetime | None], now: datetime) -> None:
    """Remember addresses (`mailto:…`) and customer numbers (`customer:…`), each with when its owner said no to
    marketing, so that none of them comes back by an import or a repeated webhook."""
    key = keys.find_or_make(connection, KEY)
    if not words:
        return
    rows = [
        {"hash": _hash(key, word), "erased_at": now, "withdrawn_at": withdrawn} for word, withdrawn in words.items()
    ]
    connection.execute(delete(Tombstone).where(Tombstone.hash.in_([row["hash"] for row in rows])))
    connection.execute(insert(Tombstone), rows)


def buried(connection: Connection, words: Collection[str]) -> dict[str, Buried]:
    """Which of these addresses and customer numbers were erased. Costs a glance in a house that never erased."""
    key = connection.scalar(_key) if words else None
    if key is None:
        return {}
    hashes = {_hash(key, word): word for word in words}
    rows = connection.execute(
        select(Tombstone.hash, Tombstone.erased_at, Tombstone.withdrawn_at).where(Tombstone.hash.in_(list(hashes)))
    )
    return {hashes[bytes(row.hash)]: Buried(row.erased_at, row.withdrawn_at) for row in rows}


def go_on_refusing(connection: Connection, uris: Collection[str]) -> dict[str, datetime]:
    """Addresses that came back: who had said no to marketing has still said no. Returns those, each with its time.

    Whoever makes an Address calls this, by way of `address_news.settle`, in the same transaction.
    """
    refusing = {uri: one.withdrawn_at for uri, one in buried(connection, uris).items() if one.withdrawn_at is not None}
    if not refusing:
        return {}
    made = connection.execute(
        select(Address.id, Address.uri, Address.contact_id).where(Address.uri.in_(sorted(refusing)))
    ).all()
    connection.execute(
        insert(Consent),
        [
            {
                "contact_id": row.contact_id,
                "address_id": row.id,
                "purpose": Purpose.MARKETING,
                "granted": False,
                "source": "erasure",
                "words": "",
                "at": refusing[row.uri],
            }
            for row in made
        ],
    )
    return {row.uri: refusing[row.uri] for row in made}


def _hash(key: bytes, word: str) -> bytes:
    return hmac.new(key, word.strip().casefold().encode("utf-8", "surrogatepass"), sha256).digest()
