"""Cards: who a Contact is, at a glance: profile, addresses, consent, what is promised, what is planned, orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import Connection, select, update

from desk.agents import agent_name
from desk.cases import CaseSummary, cases_of
from desk.deeds import noted
from desk.logins import Present
from desk.people import find
from desk.profiles import ConsentFacts, LinkFacts, OrderLine, consents_of, links_of, orders_of
from desk.refusals import NotFound, Unusable
from desk.rights import Right
from desk.sight import open_lines
from storage import audit
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.follow_ups import FollowUp, FollowUpState
from storage.privacy import PrivacyRequest, PrivacyState

TIERS: Final = ("key", "ordinary", "small", "not_to_win_back")
LANGUAGES: Final = ("zh-Hans", "zh-Hant", "en")
LONGEST: Final = 200
"""Characters of a name or customer number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressCard:
    """A way to reach somebody."""

    id: int
    uri: str
    proven_at: datetime | None
    closed_at: datetime | None
    closed_reason: str | None
    consents: Sequence[ConsentFacts]
    """The word in force for each purpose, with when and how it came."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """What is going to happen."""

    id: int
    kind: str
    reason: str
    due_at: datetime
    case_number: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PromiseCard:
    """What they were promised and have not got yet."""

    case: str
    text: str
    due: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """All of it."""

    id: int
    external_id: str | None
    name: str | None
    language: str | None
    time_zone: str | None
    tier: str
    created_at: datetime
    blocked_at: datetime | None
    erased_at: datetime | None
    addresses: Sequence[AddressCard]
    orders: Sequence[OrderLine]
    cases: Sequence[CaseSummary]
    promises: Sequence[PromiseCard]
    planned: Sequence[Planned]
    links: Sequence[LinkFacts]
    asked: Sequence[Any]
    """What they asked for of their own data and have not got: id, kind, asked_at, state."""


def card(transaction: Transaction, *, contact: str) -> Card:
    """Who somebody is, named as in `people.find`. Raises NotFound."""
    connection = transaction.connection
    identity = find(connection, contact)
    row = connection.execute(select(*Contact.__table__.columns).where(Contact.id == identity)).one()
    cases = cases_of(transaction, identity)
    return Card(
        id=identity,
        external_id=row.external_id,
        name=row.name,
        language=row.language,
        time_zone=row.time_zone,
        tier=row.tier,
        created_at=row.created_at,
        blocked_at=row.blocked_at,
        erased_at=row.erased_at,
        addresses=_addresses(connection, identity),
        orders=orders_of(connection, identity),
        cases=cases,
        promises=_promises(cases),
        planned=_planned(transaction, identity),
        links=links_of(connection, identity),
        asked=_asked(connection, identity),
    )


def reveal(transaction: Transaction, *, contact: str, present: Present) -> Card:
    """The same, for somebody who looks at the addresses in full; that they did is in the log.

    Raises NotFound; Unusable where their role does not include it.
    """
    if Right.SEE_PRIVATE not in present.rights:
        raise Unusable("your role does not include private data")
    shown = card(transaction, contact=contact)
    noted(transaction, present, "contact.seen", f"contact:{shown.id}")
    return shown


def edit(
    transaction: Transaction, *, contact: str, by: str, changes: Mapping[str, str], staff: int | None = None
) -> int:
    """Correct what is known of somebody: `name`, `language`, `time_zone`, `tier`, `external_id`; empty: not known.

    The log says which fields were changed, not what stood in them. Raises Unusable, NotFound.
    """
    by = agent_name(by)
    connection = transaction.connection
    identity = find(connection, contact)
    unknown = set(changes) - set(_CHECKS)
    if unknown:
        raise Unusable(f"{', '.join(sorted(unknown))} cannot be changed")
    values = {name: _CHECKS[name](value.strip()) for name, value in changes.items()}
    before = connection.execute(
        select(*Contact.__table__.columns).where(Contact.id == identity).with_for_update()
    ).one()
    if before.erased_at is not None:
        raise Unusable("this contact was erased")
    changed = {name: value for name, value in values.items() if getattr(before, name) != value}
    if not changed:
        return identity
    if changed.get("external_id") and _taken(connection, str(changed["external_id"]), identity):
        raise Unusable("another contact has this customer number; if both are one person, link them")
    connection.execute(update(Contact).where(Contact.id == identity).values(**changed))
    audit.note(
        connection,
        at=transaction.now,
        who=by,
        staff=staff,
        action="contact.changed",
        subject=f"contact:{identity}",
        details={"fields": sorted(changed)},
    )
    return identity


def _name(value: str) -> str | None:
    if len(value) > LONGEST or not value.isprintable():
        raise Unusable(f"a name has at most {LONGEST} printable characters")
    return value or None


def _language(value: str) -> str | None:
    if value and value not in LANGUAGES:
        raise Unusable(f"{value!r} is none of {', '.join(LANGUAGES)}")
    return value or None


def _zone(value: str) -> str | None:
    if value and value not in available_timezones():
        raise Unusable(f"{value!r} is no time zone; one is called Asia/Shanghai")
    return ZoneInfo(value).key if value else None


def _tier(value: str) -> str:
    if value not in TIERS:
        raise Unusable(f"{value!r} is none of {', '.join(TIERS)}")
    return value


_CHECKS: Final = {"name": _name, "language": _language, "time_zone": _zone, "tier": _tier, "external_id": _name}


def _taken(connection: Connection, external_id: str, contact: int) -> bool:
    other = select(Contact.id).where(Contact.external_id == external_id, Contact.id != contact)
    return connection.scalar(other) is not None


def _addresses(connection: Connection, contact: int) -> list[AddressCard]:
    words: dict[str, dict[str, ConsentFacts]] = {}
    for consent in consents_of(connection, contact):  # the latest first
        words.setdefault(consent.address, {}).setdefault(consent.purpose, consent)
    rows = connection.execute(
        select(Address.id, Address.uri, Address.proven_at, Address.closed_at, Address.closed_reason)
        .where(Address.contact_id == contact)
        .order_by(Address.id)
    )
    return [AddressCard(**row, consents=tuple(words.get(row["uri"], {}).values())) for row in rows.mappings()]


def _promises(cases: Sequence[CaseSummary]) -> list[PromiseCard]:
    made = [
        PromiseCard(case=case.number, text=promise["text"], due=datetime.fromisoformat(promise["due"]))
        for case in cases
        for promise in case.promises
        if not promise["kept"]
    ]
    return sorted(made, key=lambda promise: promise.due)


def _planned(transaction: Transaction, contact: int) -> list[Planned]:
    rows = transaction.connection.execute(
        select(FollowUp.id, FollowUp.kind, FollowUp.reason, FollowUp.due_at, FollowUp.case_number)
        .where(
            FollowUp.contact_id == contact,
            FollowUp.state == FollowUpState.PLANNED,
            *open_lines(transaction, FollowUp.conversation_id),
        )
        .order_by(FollowUp.due_at)
    )
    return [Planned(**row) for row in rows.mappings()]


def _asked(connection: Connection, contact: int) -> list[Any]:
    rows = connection.execute(
        select(PrivacyRequest.id, PrivacyRequest.kind, PrivacyRequest.asked_at, PrivacyRequest.state)
        .where(
            PrivacyRequest.contact_id == contact,
            PrivacyRequest.state.in_([PrivacyState.ASKED, PrivacyState.TELLING]),
        )
        .order_by(PrivacyRequest.id)
    )
    return list(rows)


def address_of(connection: Connection, contact: int, address: int) -> Any:
    """An Address of this Contact. Raises NotFound."""
    row = connection.execute(
        select(*Address.__table__.columns).where(Address.id == address, Address.contact_id == contact)
    ).one_or_none()
    if row is None:
        raise NotFound("this contact has no such address")
    return row
