"""Consents: recorded yes and no, append-only; the latest word on an address counts, and withdrawal wins a tie."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Entity


class Purpose(StrEnum):
    """Why we write."""

    SERVICE = "service"
    TRANSACTIONAL = "transactional"
    SURVEY = "survey"
    MARKETING = "marketing"


class Consent(Entity):
    """One word for one Purpose on one Address."""

    __tablename__ = "consents"
    __table_args__ = (
        Index("ix_consents_address_id_purpose", "address_id", "purpose", "id"),
        Index("ix_consents_contact_id", "contact_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contacts.id"))
    address_id: Mapped[int] = mapped_column(ForeignKey("addresses.id"))
    purpose: Mapped[str]
    granted: Mapped[bool]
    source: Mapped[str]
    """`message:<interaction id>`, `import:<name>`, `agent:<name>`, `provider`."""
    words: Mapped[str]
    at: Mapped[datetime]
