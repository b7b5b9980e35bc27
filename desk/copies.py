"""Copies: everything about a Contact, for the person: what `desk.holdings` says is theirs, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import LargeBinary, select

from desk.erasure import digests_in, everyone_in
from desk.holdings import HOLDINGS, Whose
from desk.people import find
from desk.refusals import NotFound
from storage import audit
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.interactions import Interaction

AT_ONCE: Final = 20
"""Raw payloads read together; a mail may have many megabytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attached:
    """A file that they sent, or that we sent them."""

    interaction: int
    sha256: str
    name: str
    content_type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """All of it but the files."""

    contact: int
    language: str | None
    made_at: datetime
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    """Rows by table, in the order of their keys."""
    attached: Sequence[Attached]
    as_received: Sequence[int]
    """Interactions whose payload is kept as the provider brought it."""


def copy_of(transaction: Transaction, *, contact: str) -> Copy:
    """Raises NotFound, also of somebody who was erased."""
    connection = transaction.connection
    identity = find(connection, contact)
    row = connection.execute(select(Contact.language, Contact.erased_at).where(Contact.id == identity)).one()
    if row.erased_at is not None:
        raise NotFound("this contact was erased")
    contacts = everyone_in(connection, identity)
    uris = list(connection.scalars(select(Address.uri).where(Address.contact_id.in_(contacts))))
    whose = Whose(contacts=contacts, uris=uris, now=transaction.now)
    tables: dict[str, list[dict[str, Any]]] = {}
    for holding in HOLDINGS:
        if not holding.copied:
            continue
        table = holding.entity.__table__
        columns = [table.c[name] for name in holding.copied]
        assert not any(isinstance(column.type, LargeBinary) for column in columns)
        rows = connection.execute(
            select(*columns).where(holding.of(whose)).order_by(*holding.entity.__table__.primary_key)
        )
        tables[holding.entity.__tablename__] = [dict(zip(holding.copied, row, strict=True)) for row in rows]
    for line in tables["interactions"]:
        line["author"] = str(line["author"]).partition(":")[0]  # who of us it was is nobody's own data but theirs
    has_raw = select(Interaction.id).where(Interaction.contact_id.in_(contacts), Interaction.raw.is_not(None))
    return Copy(
        contact=identity,
        language=row.language,
        made_at=transaction.now,
        tables=tables,
        attached=list(_attached(tables["interactions"])),
        as_received=list(connection.scalars(has_raw.order_by(Interaction.id))),
    )


def as_received(transaction: Transaction, *, contact: int, interactions: Sequence[int]) -> list[tuple[int, bytes]]:
    """Payloads of a Contact's own Interactions, `AT_ONCE` at most together."""
    rows = transaction.connection.execute(
        select(Interaction.id, Interaction.raw)
        .where(Interaction.id.in_(interactions), Interaction.contact_id == contact, Interaction.raw.is_not(None))
        .order_by(Interaction.id)
    )
    return [(row.id, bytes(row.raw)) for row in rows]


def note_taken(transaction: Transaction, *, contact: int, by: str, staff: int | None, client: str | None) -> None:
    """One of us takes a copy out."""
    audit.note(
        transaction.connection,
        at=transaction.now,
        who=by,
        staff=staff,
        action="contact.exported",
        subject=f"contact:{contact}",
        client=client,
    )


def _attached(lines: Sequence[Mapping[str, Any]]) -> Iterable[Attached]:
    seen: set[str] = set()
    for line in lines:
        for attachment in line["content"].get("attachments") or ():
            for digest in digests_in({"attachments": [attachment]}):
                if digest not in seen:
                    seen.add(digest)
                    yield Attached(
                        interaction=line["id"],
                        sha256=digest,
                        name=str(attachment.get("name") or "")[-120:],
                        content_type=str(attachment.get("content_type") or ""),
                    )
