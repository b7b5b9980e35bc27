"""Link codes: given out on one address and shown on another, they prove that both are one person's."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection, ForeignKey, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from storage import linking
from storage.contacts import Address
from storage.schema import Entity

LIFE = timedelta(hours=24)


class LinkCode(Entity):
    """A code given out on one address that proves, when shown on another, that both are one person's."""

    __tablename__ = "link_codes"

    code_hash: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of the code: the database alone does not let anyone link."""
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    address_id: Mapped[int] = mapped_column(ForeignKey("addresses.id"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    shown_on: Mapped[int | None] = mapped_column(ForeignKey("addresses.id"))
    """Where it was shown."""
    linked_at: Mapped[datetime | None]
    """When the two became one."""


def new() -> str:
    """What nobody guesses within a day, in letters that every deep link takes."""
    return secrets.token_urlsafe(18)


def give(connection: Connection, uri: str, code: str, now: datetime) -> datetime | None:
    """Keep a code for whoever is at this address, instead of one that was not used; returns how long it counts.

    None: nobody is known there.
    """
    known = connection.execute(select(Address.id, Address.contact_id).where(Address.uri == uri)).one_or_none()
    if known is None:
        return None
    connection.execute(delete(LinkCode).where(LinkCode.address_id == known.id, LinkCode.used_at.is_(None)))
    expires_at = now + LIFE
    connection.execute(
        insert(LinkCode),
        {
            "code_hash": _hash(code),
            "contact_id": known.contact_id,
            "address_id": known.id,
            "expires_at": expires_at,
        },
    )
    return expires_at


def show(connection: Connection, code: str, *, address: int, now: datetime) -> bool:
    """A code was shown on `address`. It counts once; the two Contacts are linked when both lanes rest."""
    shown = connection.execute(
        update(LinkCode)
        .where(LinkCode.code_hash == _hash(code), LinkCode.used_at.is_(None), LinkCode.expires_at > now)
        .values(used_at=now, shown_on=address)
    )
    return shown.rowcount > 0


def prove(connection: Connection, *, giver: int, shower: int, now: datetime) -> None:
    """A channel vouches that two addresses are one person's: as good as a code that was given on one of them and
    shown on the other, and kept once."""
    proof = _hash(f"proof:{giver}:{shower}")
    if connection.execute(select(LinkCode.code_hash).where(LinkCode.code_hash == proof)).scalar() is None:
        contact = connection.execute(select(Address.contact_id).where(Address.id == giver)).scalar_one()
        connection.execute(
            insert(LinkCode),
            {
                "code_hash": proof,
                "contact_id": contact,
                "address_id": giver,
                "expires_at": now,
                "used_at": now,
                "shown_on": shower,
            },
        )


def link_shown(connection: Connection, now: datetime) -> int:
    """Link whom shown codes prove to be one person; those whose lanes are at work wait for the next call."""
    linked = 0
    rows = connection.execute(
        select(LinkCode.code_hash, LinkCode.address_id, LinkCode.shown_on)
        .where(LinkCode.shown_on.is_not(None), LinkCode.linked_at.is_(None))
        .limit(100)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        both = [row.address_id, row.shown_on]
        giver, shower = (
            connection.execute(select(Address.contact_id).where(Address.id == of)).scalar_one() for of in both
        )
        if giver != shower:
            evidence = f"a code given on address {row.address_id} was shown on address {row.shown_on}"
            try:
                linking.link(
                    connection,
                    stays=min(giver, shower),
                    merged=max(giver, shower),
                    evidence=evidence,
                    by="customer",
                    now=now,
                )
            except linking.LaneBusy:
                continue
            linked += 1
        connection.execute(
            update(Address).where(Address.id.in_(both), Address.proven_at.is_(None)).values(proven_at=now)
        )
        connection.execute(update(LinkCode).where(LinkCode.code_hash == row.code_hash).values(linked_at=now))
    return linked


def _hash(code: str) -> str:
    return sha256(code.encode()).hexdigest()
