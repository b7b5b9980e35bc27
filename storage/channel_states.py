"""Channel states: how far a polled channel was read, and which process polls it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema import Entity


class ChannelState(Entity):
    """What a polling channel must remember, and which process polls it."""

    __tablename__ = "channel_states"

    channel: Mapped[str] = mapped_column(primary_key=True)
    cursor: Mapped[str | None]
    holder: Mapped[str | None]
    lease_until: Mapped[datetime | None]


def cursor(connection: Connection, channel: str) -> str | None:
    """A channel's last committed cursor."""
    return connection.execute(select(ChannelState.cursor).where(ChannelState.channel == channel)).scalar()


def move_cursor(connection: Connection, channel: str, cursor: str) -> None:
    """What came up to `cursor` commits with this transaction."""
    moved = connection.execute(update(ChannelState).where(ChannelState.channel == channel).values(cursor=cursor))
    if moved.rowcount == 0:
        connection.execute(insert(ChannelState).values(channel=channel, cursor=cursor))


def hold(connection: Connection, channel: str, process: str, *, now: datetime, until: datetime) -> bool:
    """Take or renew the lease on a channel; False while another process has it."""
    known = connection.execute(select(ChannelState.channel).where(ChannelState.channel == channel)).scalar()
    if known is None:
        connection.execute(insert(ChannelState), {"channel": channel})
    held = connection.execute(
        update(ChannelState)
        .where(
            ChannelState.channel == channel,
            or_(
                ChannelState.holder.is_(None),
                ChannelState.holder == process,
                ChannelState.lease_until < now,
            ),
        )
        .values(holder=process, lease_until=until)
    )
    return held.rowcount > 0


def let_go(connection: Connection, channel: str, process: str) -> None:
    """Another process may have the lease at once."""
    connection.execute(
        update(ChannelState)
        .where(ChannelState.channel == channel, ChannelState.holder == process)
        .values(holder=None, lease_until=None)
    )


def forget_holders(connection: Connection) -> None:
    """Free every channel: for a start on SQLite, where no other process can be alive. A bot that was killed would
    else stay deaf until its lease runs out."""
    connection.execute(
        update(ChannelState).where(ChannelState.holder.is_not(None)).values(holder=None, lease_until=None)
    )
