"""Consents at the desk: what somebody said about offers, written down by an agent who heard it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import insert, select

from desk.agents import agent_name, usable
from desk.cards import address_of
from desk.people import CLOCKS_DIFFER, find
from desk.refusals import Unusable
from storage import audit
from storage.commits import Transaction
from storage.consents import Consent, Purpose
from storage.contacts import Contact

LONGEST: Final = 1000
"""Characters of what somebody said."""


def record(
    transaction: Transaction,
    *,
    contact: str,
    address: int,
    granted: bool,
    words: str,
    by: str,
    source: str = "",
    at: datetime | None = None,
    purpose: Purpose = Purpose.MARKETING,
    staff: int | None = None,
) -> int:
    """A yes or no, with the words it was said in. A yes needs its source: a form, a call, a fair; where anybody can
    look it up. A no needs nothing but to be heard. Returns its id. Raises Unusable, NotFound."""
    by, words = agent_name(by), usable(words)[:LONGEST]
    source = " ".join(source.split())
    if granted and not source:
        raise Unusable("a yes to marketing counts only with its source: where and how it was given")
    at = at or transaction.now
    if at > transaction.now + CLOCKS_DIFFER:
        raise Unusable(f"{at:%Y-%m-%d %H:%M} is yet to come")
    connection = transaction.connection
    identity = find(connection, contact)
    if connection.scalar(select(Contact.erased_at).where(Contact.id == identity)) is not None:
        raise Unusable("this contact was erased")
    found = address_of(connection, identity, address)
    latest = connection.execute(
        select(Consent.granted, Consent.at)
        .where(Consent.address_id == address, Consent.purpose == purpose)
        .order_by(Consent.id.desc())
        .limit(1)
    ).one_or_none()
    if granted and latest is not None and not latest.granted and at <= latest.at:
        raise Unusable("they said no later than that; a no takes an earlier yes back")
    made = connection.execute(
        insert(Consent).returning(Consent.id),
        {
            "contact_id": identity,
            "address_id": found.id,
            "purpose": purpose,
            "granted": granted,
            "source": f"agent:{by}" + (f", {source[:LONGEST]}" if source else ""),
            "words": words,
            "at": at,
        },
    ).scalar_one()
    audit.note(
        connection,
        at=transaction.now,
        who=by,
        staff=staff,
        action="consent.granted" if granted else "consent.withdrawn",
        subject=f"contact:{identity}",
        details={"purpose": str(purpose), "address": address},
    )
    return made
