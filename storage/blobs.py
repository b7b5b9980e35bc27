"""Blobs: rows that say what the content-addressed files on disk are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Entity


class BlobRecord(Entity):
    """Content that is on disk under its hash; the file is written before this row commits."""

    __tablename__ = "blobs"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]
    content_type: Mapped[str]
    kept_at: Mapped[datetime]
