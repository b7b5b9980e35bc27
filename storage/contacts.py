"""Contacts and their Addresses, and the Links that made two of them one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Document, Entity


class Contact(Entity):
    """A person we talk with."""

    __tablename__ = "contacts"
    __table_args__ = (Index("ix_contacts_name", "name"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    external_id: Mapped[str | None] = mapped_column(unique=True)
    """The business's own `contact_id`."""
    name: Mapped[str | None]
    language: Mapped[str | None]
    time_zone: Mapped[str | None]
    """IANA name."""
    tier: Mapped[str] = mapped_column(default="ordinary", server_default="ordinary")
    created_at: Mapped[datetime]
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("contacts.id"))
    """Another Contact that this one was found to be; its rows moved there, `links` says which."""
    blocked_at: Mapped[datetime | None]
    """Not answered any more."""
    erased_at: Mapped[datetime | None]
    """When they were forgotten: what is left counts, and tells nothing."""


class Address(Entity):
    """A way to reach a Contact: scheme and path."""

    __tablename__ = "addresses"
    __table_args__ = (Index("ix_addresses_contact_id", "contact_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    uri: Mapped[str] = mapped_column(unique=True)
    """`telegram:4242`, `mailto:a@b.c`, `tel:+8613800000000`, `webchat:…`."""
    proven_at: Mapped[datetime | None]
    """When we learnt for sure that this address is this Contact's; None: they merely write from it."""
    closed_at: Mapped[datetime | None]
    """Since when nothing can be sent there."""
    closed_reason: Mapped[str | None]
    next_send_at: Mapped[datetime | None]
    """Not before: the channel's pace for one address, or the wait a provider asked for."""
    created_at: Mapped[datetime]


class Link(Entity):
    """Two Contacts found to be one person. Undoing it gives every moved row back."""

    __tablename__ = "links"
    __table_args__ = (
        Index("ix_links_contact_id", "contact_id"),
        Index("ix_links_merged_id", "merged_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    """Who stays."""
    merged_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    """Who was merged into `contact_id`."""
    evidence: Mapped[str]
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    moved: Mapped[dict[str, Any]] = mapped_column(Document)
    """Table -> ids of the rows that moved."""
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]
