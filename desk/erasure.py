"""Erasure: somebody is forgotten. What counted goes on counting; nothing tells any more who it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from campaigns.policy import Refusal
from desk.holdings import HOLDINGS, Fate, Holding, Whose
from desk.people import find
from desk.refusals import Unusable
from desk.withdrawal import withdraw
from storage import audit, lanes, privacy, search_upkeep
from storage.address_news import AddressNews, AddressWord
from storage.cases import Case
from storage.commits import Transaction
from storage.consents import Consent, Purpose
from storage.contacts import Address, Contact
from storage.conversations import Conversation
from storage.deliveries import Delivery
from storage.drafts import Draft
from storage.interactions import Interaction
from storage.privacy import BlobDoubt
from storage.reviews import Review
from storage.search import Kind
from storage.touched import touch


@dataclass(frozen=True, kw_only=True, slots=True)
class Erased:
    """Somebody who was forgotten."""

    contact: int
    contacts: Sequence[int]
    """Those that were merged into it, too."""
    counts: Mapping[str, int]
    """Rows by table."""
    taught: Sequence[str]
    """Places in the training files that hold an example of theirs, which a person has to look at."""


def erase(transaction: Transaction, *, contact: str, by: str, staff: int | None = None, why: str = "") -> Erased:
    """Forget somebody, whole or not at all, in one transaction. `why`: such as the request's number, for the log.

    A Turn that is being worked out for them is not applied; what waits to be sent is not sent. Content of attachments
    is deleted soon after, when it is sure that nobody else has sent the same. Raises NotFound, Unusable.
    """
    connection = transaction.connection
    identity = find(connection, contact)
    contacts = everyone_in(connection, identity)
    _stop_the_lanes(connection, contacts)
    if connection.scalar(select(Contact.erased_at).where(Contact.id == identity)) is not None:
        raise Unusable(f"contact {identity} was erased before")
    uris = list(connection.scalars(select(Address.uri).where(Address.contact_id.in_(contacts))))
    whose = Whose(contacts=contacts, uris=uris, now=transaction.now)
    taught = _taught(connection, contacts)
    withdraw(transaction, Delivery.contact_id.in_(contacts), Refusal.ADDRESS_CLOSED)
    _doubt_blobs(connection, contacts, transaction.now)
    privacy.bury(connection, _words(connection, whose), transaction.now)
    _touch(connection, contacts)
    _forget_in_search(connection, contacts)
    counts = {holding.entity.__tablename__: _apply(connection, holding, whose) for holding in HOLDINGS}
    counts = {table: count for table, count in counts.items() if count}
    audit.note(
        connection,
        at=transaction.now,
        who=by,
        staff=staff,
        action="contact.erased",
        subject=f"contact:{identity}",
        details={"rows": counts, "contacts": list(contacts), "taught": taught} | ({"why": why} if why else {}),
    )
    return Erased(contact=identity, contacts=contacts, counts=counts, taught=taught)


def everyone_in(connection: Connection, contact: int) -> list[int]:
    """A Contact and all that were merged into it, and into those."""
    found, waiting = [contact], [contact]
    while waiting:
        merged = connection.scalars(select(Contact.id).where(Contact.merged_into.in_(waiting))).all()
        waiting = [one for one in merged if one not in found]
        found += waiting
    return found


def _stop_the_lanes(connection: Connection, contacts: Sequence[int]) -> None:
    """Whoever works on an answer finds the lane fenced; what waits in it has been answered, for it is gone."""
    locked = lanes.lock(connection, contacts)
    lanes.save(
        connection,
        [
            {
                "lane": contact,
                "new_fence": lane.fence + 1,
                "new_holder": None,
                "new_lease": None,
                "new_newest": lane.newest,
                "new_handled": lane.newest,
            }
            for contact, lane in sorted(locked.items())
        ],
    )


def _words(connection: Connection, whose: Whose) -> dict[str, datetime | None]:
    """What is to be known when it comes back, each with when its owner said no to marketing."""
    words: dict[str, datetime | None] = dict.fromkeys(whose.uris)
    said = connection.execute(
        select(Address.uri, Consent.granted, Consent.at)
        .join(Address, Address.id == Consent.address_id)
        .where(Consent.contact_id.in_(whose.contacts), Consent.purpose == Purpose.MARKETING)
        .order_by(Consent.id)
    )
    for row in said:
        words[row.uri] = None if row.granted else row.at
    unsettled = connection.execute(
        select(AddressNews.uri, AddressNews.at).where(
            AddressNews.uri.in_(whose.uris), AddressNews.says == AddressWord.WITHDRAWN, AddressNews.settled_at.is_(None)
        )
    )
    words |= {row.uri: row.at for row in unsettled}
    numbers = connection.scalars(
        select(Contact.external_id).where(Contact.id.in_(whose.contacts), Contact.external_id.is_not(None))
    )
    # A "no" on any of their addresses is theirs, also where an import knows them by their number.
    latest_no = max((at for at in words.values() if at is not None), default=None)
    return words | {f"customer:{number}": latest_no for number in numbers}


def _doubt_blobs(connection: Connection, contacts: Sequence[int], now: datetime) -> None:
    doubt_blobs(connection, _digests(connection, contacts), now)


def doubt_blobs(connection: Connection, digests: Iterator[str] | Sequence[str], now: datetime) -> int:
    """Whether anybody has these still is found out by a walk over all that was sent (`desk.retention`)."""
    wanted = sorted(set(digests))
    known: set[str] = set()
    if wanted:
        known = set(connection.scalars(select(BlobDoubt.sha256).where(BlobDoubt.sha256.in_(wanted))))
    fresh = [{"sha256": digest, "since": now, "walking": False} for digest in wanted if digest not in known]
    if fresh:
        connection.execute(insert(BlobDoubt), fresh)
    if known:  # a walk that is under way may have passed what is wiped only now
        connection.execute(update(BlobDoubt).where(BlobDoubt.sha256.in_(sorted(known))).values(walking=False))
    return len(fresh)


def digests_in(content: Mapping[str, Any]) -> Iterator[str]:
    """Of the attachments of an Interaction: those that are kept by us."""
    for attachment in content.get("attachments") or ():
        digest = str(attachment.get("id", ""))
        if len(digest) == 64 and all(character in "0123456789abcdef" for character in digest):
            yield digest


def _digests(connection: Connection, contacts: Sequence[int]) -> Iterator[str]:
    rows = connection.execute(
        select(Interaction.content).where(
            Interaction.contact_id.in_(contacts), Interaction.content["attachments"].as_string().is_not(None)
        )
    )
    for (content,) in rows:
        yield from digests_in(content)
    drafts = select(Draft.attachments).join(Conversation, Conversation.id == Draft.conversation_id)
    for (attached,) in connection.execute(drafts.where(Conversation.contact_id.in_(contacts))):
        yield from digests_in({"attachments": attached})


def _taught(connection: Connection, contacts: Sequence[int]) -> list[str]:
    places = connection.scalars(
        select(Review.place)
        .join(Interaction, Interaction.id == Review.interaction_id)
        .where(Interaction.contact_id.in_(contacts), Review.place.is_not(None))
    )
    return sorted(place for place in places if place is not None)


def _touch(connection: Connection, contacts: Sequence[int]) -> None:
    touch(connection, connection.scalars(select(Conversation.id).where(Conversation.contact_id.in_(contacts))))


def _forget_in_search(connection: Connection, contacts: Sequence[int]) -> None:
    entries: Mapping[Kind, Sequence[int]] = {
        Kind.INTERACTION: connection.scalars(select(Interaction.id).where(Interaction.contact_id.in_(contacts))).all(),
        Kind.CASE: connection.scalars(select(Case.id).where(Case.contact_id.in_(contacts))).all(),
        Kind.CONTACT: contacts,
    }
    for kind, rows in entries.items():
        if rows:
            search_upkeep.forget(connection, kind, rows)


def _apply(connection: Connection, holding: Holding, whose: Whose) -> int:
    table: Any = holding.entity
    match holding.fate:
        case Fate.KEPT | Fate.NOT_THEIRS:
            return 0
        case Fate.GONE:
            return connection.execute(delete(table).where(holding.of(whose))).rowcount
        case Fate.BLANKED:
            if holding.rewrite is not None:
                _rewrite(connection, holding, whose)
            values = {name: value(whose) if callable(value) else value for name, value in holding.blank.items()}
            return connection.execute(update(table).where(holding.of(whose)).values(**values)).rowcount


def _rewrite(connection: Connection, holding: Holding, whose: Whose) -> None:
    table: Any = holding.entity
    assert holding.rewrite is not None
    columns = [getattr(table, name) for name in holding.rewritten]
    rows = connection.execute(select(table.id.label("row"), *columns).where(holding.of(whose))).mappings().all()
    changes = [{"row": row["row"], **holding.rewrite({name: row[name] for name in holding.rewritten})} for row in rows]
    if changes:
        names = [name for name in changes[0] if name != "row"]
        statement = update(table.__table__).where(table.__table__.c.id == bindparam("row"))
        values = {name: bindparam(f"new_{name}", type_=table.__table__.c[name].type) for name in names}
        connection.execute(
            statement.values(**values),
            [{"row": change["row"], **{f"new_{name}": change[name] for name in names}} for change in changes],
        )
