"""What becomes of a mail that comes in: what is to be stored, and the files that must be kept before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from channels.envelope import Arrival
from channels.protocol import Port

RAW_IN_ROW: Final = 64 * 1024
"""Bytes of a raw mail that stand in its row; a larger one is kept as a blob, and its row has its beginning."""
KEPT_AT_ONCE: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a mail came from, and how that calls it."""

    external_id: str
    """`<mailbox>:<UIDVALIDITY>:<UID>`, or what a webhook's event is known by."""
    arrived: datetime
    size: int | None = None
    """Bytes, where only the beginning was fetched because it is too large."""
    headers: tuple[tuple[str, str], ...] = ()
    """What else a Refusal shall say about where it came from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """Content that must be on disk before the row that names it."""

    sha256: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One mail, as it is to be stored."""

    arrivals: tuple[Arrival, ...]
    files: tuple[File, ...] = ()
    refused: bool = False
    """Not taken as it is: the mail stays in its mailbox for a person."""


async def keep(port: Port, readings: Iterable[Reading]) -> None:
    """The files of these mails, each once. Raises StorageUnavailable."""
    files = list({file.sha256: file for reading in readings for file in reading.files}.values())
    for start in range(0, len(files), KEPT_AT_ONCE):
        few = files[start : start + KEPT_AT_ONCE]
        await asyncio.gather(*(port.keep(file.content, content_type=file.content_type) for file in few))
