"""The books, read from the database: what every proof looks at when the noise is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sqlalchemy import Connection, func, select, text

from storage.contacts import Address
from storage.deliveries import Delivery
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import Direction, Interaction, TurnRecord

VISIBLE = frozenset({"sent", "delivered", "read"})
ENDED = VISIBLE | {"failed", "skipped", "unknown"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One Interaction with its Delivery."""

    id: int
    conversation: int
    channel: str
    uri: str
    inbound: bool
    text: str
    external_id: str | None
    delivery: int | None
    status: str | None
    attempts: int | None
    external: str | None
    """The provider's id of what we sent."""

    @property
    def key(self) -> str:
        """The idempotency key of its Delivery."""
        return f"d{self.delivery}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Books:
    """Everything that was said, and what became of it."""

    lines: Sequence[Line]
    answered: Mapping[int, str | None]
    """Turns by their last inbound Interaction, with their failure."""
    says: Mapping[int, int]
    """How many things each Turn said."""

    @property
    def inbound(self) -> list[Line]:
        return [line for line in self.lines if line.inbound]

    @property
    def outbound(self) -> list[Line]:
        return [line for line in self.lines if not line.inbound]

    def conversations(self) -> Mapping[int, list[Line]]:
        by_id: dict[int, list[Line]] = {}
        for line in self.lines:
            by_id.setdefault(line.conversation, []).append(line)
        return by_id


def read(connection: Connection) -> Books:
    """All of it, in the order stored."""
    rows = connection.execute(
        select(
            Interaction.id,
            Interaction.conversation_id,
            Interaction.channel,
            Address.uri,
            Interaction.direction,
            Interaction.text,
            Interaction.external_id,
            Delivery.id.label("delivery"),
            Delivery.status,
            Delivery.attempts,
            Delivery.external_id.label("external"),
        )
        .join(Address, Address.id == Interaction.address_id)
        .outerjoin(Delivery, Delivery.interaction_id == Interaction.id)
        .order_by(Interaction.id)
    )
    lines = [
        Line(
            id=row.id,
            conversation=row.conversation_id,
            channel=row.channel,
            uri=row.uri,
            inbound=row.direction is Direction.IN,
            text=row.text,
            external_id=row.external_id,
            delivery=row.delivery,
            status=row.status,
            attempts=row.attempts,
            external=row.external,
        )
        for row in rows
    ]
    turns = connection.execute(select(TurnRecord.interaction_id, TurnRecord.failure, TurnRecord.effects)).all()
    return Books(
        lines=lines,
        answered={row.interaction_id: row.failure for row in turns},
        says={row.interaction_id: row.effects.count(b'{"Say":') for row in turns},
    )


def unfinished(connection: Connection) -> Mapping[str, int]:
    """What still waits: nothing, once a house has come to rest."""
    row = connection.execute(_UNFINISHED).one()
    return {name: count for name, count in zip(row._fields, row, strict=True) if count}


_UNFINISHED = text(
    """
    SELECT (SELECT count(*) FROM lanes WHERE newest > handled) AS lanes,
           (SELECT count(*) FROM lanes WHERE holder IS NOT NULL) AS held_lanes,
           (SELECT count(*) FROM deliveries WHERE status IN ('queued', 'retrying', 'sending')) AS deliveries,
           (SELECT count(*) FROM follow_ups WHERE state = 'planned') AS follow_ups
    """
)


def next_due(connection: Connection, now: datetime) -> datetime | None:
    """When the next thing comes that something waits for."""
    waits = (
        select(func.min(Delivery.due_at)).where(Delivery.status.in_(["queued", "retrying"]), Delivery.due_at > now),
        select(func.min(FollowUp.due_at)).where(FollowUp.state == FollowUpState.PLANNED, FollowUp.due_at > now),
        select(func.min(Address.next_send_at)).where(Address.next_send_at > now),
    )
    dues = (connection.execute(query).scalar() for query in waits)
    return min((due for due in dues if due is not None), default=None)


def mistakes(books: Books, acknowledged: Mapping[tuple[str, str], str]) -> list[str]:
    """What is wrong with the books. `acknowledged`: address by (channel, external id) of what was said to be stored."""
    found: list[str] = []
    recorded = Counter((line.channel, line.external_id) for line in books.inbound)
    found += [f"{key} is recorded {times} times" for key, times in recorded.items() if times != 1]
    found += [f"{key} was acknowledged and is not recorded" for key in acknowledged if key not in recorded]
    lines = Counter(line.id for line in books.lines)
    found += [f"interaction {line} has {times} deliveries" for line, times in lines.items() if times != 1]
    found += [
        f"interaction {line.id} has no delivery" for line in books.outbound if line.delivery is None and line.text
    ]
    found += [f"delivery {line.delivery} ended as {line.status}" for line in books.outbound if line.status not in ENDED]
    return found


def unhandled(books: Books) -> list[str]:
    """Whether each message was part of exactly one Turn, and each Turn said what it said once, before the next one.

    For whatever engine: a Turn handles all that came in since the Turn before it.
    """
    found: list[str] = []
    for conversation, lines in books.conversations().items():
        asked = [line.id for line in lines if line.inbound]
        turns = [identity for identity in asked if identity in books.answered]
        if asked and (not turns or turns[-1] != asked[-1]):
            found.append(f"conversation {conversation} has no turn for {asked[-1]}")
        said = [line.id for line in lines if not line.inbound]
        if len(said) != sum(books.says[turn] for turn in turns):
            found.append(
                f"conversation {conversation} heard {len(said)} and {[books.says[turn] for turn in turns]} were said"
            )
        for earlier, later in pairwise(turns):
            spoken = sum(1 for identity in said if earlier < identity)
            if spoken < sum(books.says[turn] for turn in turns if turn >= earlier):
                found.append(f"conversation {conversation} heard of {earlier} before it was asked, or of {later} twice")
    return found


def unanswered(books: Books) -> list[str]:
    """Whether each message is answered by name exactly once, in the order stored (engine: `house.respond`)."""
    found: list[str] = []
    for conversation, lines in books.conversations().items():
        asked = [line.text.split()[0] for line in lines if line.inbound]
        told = [name for line in lines if line.text.startswith("re ") for name in line.text.split()[1:]]
        failed = sum(1 for line in lines if books.answered.get(line.id) is not None)
        silent = {
            line.text.split()[0]
            for line in lines
            if line.inbound and not any(line.text.split()[0] == name for name in told)
        }
        expected = [name for name in asked if name not in silent]
        if told != expected:
            found.append(f"conversation {conversation} heard {told} and should have heard {expected}")
        if silent and not failed and not _handed_over(lines):
            found.append(f"conversation {conversation} never heard of {sorted(silent)}")
    return found


def _handed_over(lines: Sequence[Line]) -> bool:
    return any(line.inbound and {"person", "broken", "poison"} & set(line.text.split()) for line in lines)
