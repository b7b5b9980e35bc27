"""Media: attachments whose content still lies with the provider, until we have fetched it or know why we cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, Row, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.interactions import Interaction
from storage.schema import Entity, Words

ATTEMPTS = 5
LEASE = timedelta(seconds=90)
"""Until when a fetch that was claimed may be silent; also the base of the wait between tries."""


class MediaState(StrEnum):
    WANTED = "wanted"
    KEPT = "kept"
    FAILED = "failed"  # `reason` says why


WANTED = text("state = 'wanted'")


class Media(Entity):
    """One attachment of one Interaction."""

    __tablename__ = "media"
    __table_args__ = (
        Index("ix_media_due", "due_at", sqlite_where=WANTED, postgresql_where=WANTED),
        Index("ix_media_interaction_id", "interaction_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    interaction_id: Mapped[int] = mapped_column(ForeignKey("interactions.id"))
    place: Mapped[int]
    """Which of the Interaction's attachments, from 0."""
    channel: Mapped[str]
    state: Mapped[MediaState] = mapped_column(Words(MediaState), default=MediaState.WANTED)
    reason: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]


def want(connection: Connection, wanted: Sequence[Mapping[str, Any]]) -> None:
    """Remember what to fetch: interaction_id, place, channel, due_at."""
    if wanted:
        rows = [{"state": MediaState.WANTED, "attempts": 0, **row} for row in wanted]
        connection.execute(insert(Media), rows)


def claim(connection: Connection, now: datetime, most: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Take what is due; it comes back by itself when the process that took it dies."""
    rows = connection.execute(
        select(Media.id, Media.interaction_id, Media.place, Media.channel, Media.attempts, Interaction.content)
        .join(Interaction, Interaction.id == Media.interaction_id)
        .where(Media.state == MediaState.WANTED, Media.due_at <= now)
        .order_by(Media.due_at)
        .limit(most)
        .with_for_update(of=Media, skip_locked=True)
    ).all()
    for row in rows:
        connection.execute(
            update(Media)
            .where(Media.id == row.id)
            .values(attempts=row.attempts + 1, due_at=now + LEASE * (row.attempts + 1))
        )
    return rows


def kept(connection: Connection, media: int, *, sha256: str, size: int, content_type: str) -> None:
    """The content is a blob now: the Interaction's attachment names it by its hash."""
    row = connection.execute(select(Media.interaction_id, Media.place).where(Media.id == media)).one()
    content = connection.execute(select(Interaction.content).where(Interaction.id == row.interaction_id)).scalar_one()
    attachments = list(content["attachments"])
    attachments[row.place] = {
        **attachments[row.place],
        "id": sha256,
        "size": size,
        "content_type": attachments[row.place].get("content_type") or content_type,
    }
    connection.execute(
        update(Interaction)
        .where(Interaction.id == row.interaction_id)
        .values(content={**content, "attachments": attachments})
    )
    connection.execute(update(Media).where(Media.id == media).values(state=MediaState.KEPT, reason=None))


def failed(connection: Connection, media: int, reason: str, *, final: bool) -> None:
    """The provider did not give it; `final`: it never will, or we have asked often enough."""
    values: dict[str, Any] = {"reason": reason}
    if final:
        values["state"] = MediaState.FAILED
    connection.execute(update(Media).where(Media.id == media).values(**values))
