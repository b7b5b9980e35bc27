"""Retention: what is older than the business keeps it is taken away, once a day, in short pieces with exact books.

Each piece and its count are one commit, so that what the log says at the end is what was done, also where the house
was killed in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, String, bindparam, cast, delete, func, insert, or_, select, update

from desk.erasure import digests_in, doubt_blobs
from desk.holdings import EVENTS_KEPT
from storage import audit
from storage.audit import AuditEntry
from storage.blobs import BlobRecord
from storage.cases import Case
from storage.commits import Transaction
from storage.conversations import Conversation
from storage.deliveries import Delivery, DeliveryNews
from storage.drafts import Draft
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import Interaction, InteractionKind, RefusedInput, TurnRecord
from storage.message_parts import MessagePart
from storage.openid import OpenIdAnswer
from storage.privacy import BlobDoubt, RetentionMark, RetentionSweep
from storage.reviews import Review
from storage.staff import Attempts, Link, Session

PIECE: Final = 300
"""Rows in one go: some 20 ms of a slow disk's machine."""
LOOKED_AT: Final = 2000
"""Interactions that one step of the walk for attachments looks at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Periods:
    """How long what is kept, in days; None: until somebody asks to be forgotten."""

    raw: float | None = None
    """Payloads as providers brought them."""
    texts: float | None = None
    """Words of messages, of ended conversations and closed cases."""
    attachments: float | None = None
    audit: float | None = None
    """The log of who did what."""
    sessions: float | None = 30
    """Logins that have ended, and failed ones."""


Step = Callable[[Connection, datetime, datetime], tuple[int, bool]]
"""One piece, of what is older than the first time, at the second; (rows, is there more?)."""


def sweep(transaction: Transaction, periods: Periods) -> bool:
    """One piece of today's sweep. False: it is done, or another process has it."""
    connection, now = transaction.connection, transaction.now
    row = _today(connection, now)
    if row is None or row.ended_at is not None:
        return False
    rows, ended = dict(row.swept.get("rows", {})), list(row.swept.get("ended", []))
    step = next((name for name in STEPS if name not in ended), None)
    if step is None:
        _end(connection, row.day, rows, now)
        return False
    days, act = getattr(periods, STEPS[step][0]), STEPS[step][1]
    count, more = (0, False) if days is None else act(connection, now - timedelta(days=days), now)
    if count:
        rows[step] = rows.get(step, 0) + count
    if not more:
        ended.append(step)
    connection.execute(
        update(RetentionSweep).where(RetentionSweep.day == row.day).values(swept={"rows": rows, "ended": ended})
    )
    return True


def settle_doubts(transaction: Transaction) -> Sequence[str] | None:
    """One step of the walk that finds attachments which nobody has any more. Returns those whose rows are gone now, for
    their files to be deleted after the commit; None: there is nothing to walk for."""
    connection = transaction.connection
    walking = connection.execute(select(BlobDoubt.sha256, BlobDoubt.walking).with_for_update()).all()
    if not walking:
        return None
    if not any(row.walking for row in walking):
        connection.execute(update(BlobDoubt).values(walking=True))
        _mark(connection, "blobs", 0)
        return ()
    through = _through(connection, "blobs")
    last = connection.scalar(select(func.max(Interaction.id))) or 0
    content = select(Interaction.content).where(
        Interaction.id > through,
        Interaction.id <= through + LOOKED_AT,
        Interaction.content["attachments"].as_string().is_not(None),
    )
    had = {digest for (each,) in connection.execute(content) for digest in digests_in(each)}
    _believe(connection, had)
    _mark(connection, "blobs", through + LOOKED_AT)
    if through + LOOKED_AT < last:
        return ()
    for (attached,) in connection.execute(select(Draft.attachments)):
        _believe(connection, set(digests_in({"attachments": attached})))
    nobodys = list(connection.scalars(select(BlobDoubt.sha256).where(BlobDoubt.walking.is_(True))))
    connection.execute(delete(BlobRecord).where(BlobRecord.sha256.in_(nobodys)))
    connection.execute(delete(BlobDoubt).where(BlobDoubt.sha256.in_(nobodys)))
    return nobodys


def _believe(connection: Connection, digests: set[str]) -> None:
    """Somebody has these."""
    if digests:
        connection.execute(delete(BlobDoubt).where(BlobDoubt.sha256.in_(sorted(digests)), BlobDoubt.walking.is_(True)))


def _today(connection: Connection, now: datetime) -> Any:
    """Today's sweep, locked; begun where nobody has. None: another process is at it."""
    day = f"{now:%Y-%m-%d}"
    known = select(RetentionSweep.day).where(RetentionSweep.day == day)
    if connection.scalar(known) is None:
        connection.execute(insert(RetentionSweep), {"day": day, "began_at": now, "swept": {}})
        for what in ("conversations", "cases", "follow_ups"):
            _mark(connection, what, 0)
    columns = select(RetentionSweep.day, RetentionSweep.ended_at, RetentionSweep.swept)
    return connection.execute(columns.where(RetentionSweep.day == day).with_for_update(skip_locked=True)).one_or_none()


def _end(connection: Connection, day: str, rows: Mapping[str, int], now: datetime) -> None:
    connection.execute(update(RetentionSweep).where(RetentionSweep.day == day).values(ended_at=now))
    if rows:
        audit.note(connection, at=now, who="retention", action="retention.swept", details={"day": day, "rows": rows})


def _through(connection: Connection, what: str) -> int:
    return connection.scalar(select(RetentionMark.through).where(RetentionMark.what == what)) or 0


def _mark(connection: Connection, what: str, through: int) -> None:
    moved = connection.execute(update(RetentionMark).where(RetentionMark.what == what).values(through=through))
    if not moved.rowcount:
        connection.execute(insert(RetentionMark), {"what": what, "through": through})


def _next(connection: Connection, what: str, entity: Any, at: Any, before: datetime) -> tuple[list[int], bool]:
    """The next rows of a table whose ids grow with time, that are older; and whether there are more behind them."""
    through = _through(connection, what)
    rows = connection.execute(
        select(entity.id, at.label("at")).where(entity.id > through).order_by(entity.id).limit(PIECE)
    ).all()
    old = [row.id for row in rows if row.at < before]
    if len(old) < len(rows):  # a row that is young ends it: what comes after is younger, but for a moment
        first_young = next(row.id for row in rows if row.at >= before)
        old = [identity for identity in old if identity < first_young]
    if old:
        _mark(connection, what, old[-1])
    return old, len(old) == PIECE


def _raw(connection: Connection, before: datetime, now: datetime) -> tuple[int, bool]:
    old, more = _next(connection, "raw", Interaction, Interaction.stored_at, before)
    swept = update(Interaction).where(Interaction.id.in_(old), Interaction.raw.is_not(None)).values(raw=None)
    return connection.execute(swept).rowcount if old else 0, more


def _raw_news(connection: Connection, before: datetime, now: datetime) -> tuple[int, bool]:
    old, more = _next(connection, "raw_news", DeliveryNews, DeliveryNews.at, before)
    swept = update(DeliveryNews).where(DeliveryNews.id.in_(old), DeliveryNews.raw != b"").values(raw=b"")
    return connection.execute(swept).rowcount if old else 0, more


def _raw_parts(connection: Connection, before: datetime, now: datetime) -> tuple[int, bool]:
    old, more = _next(connection, "raw_parts", MessagePart, MessagePart.stored_at, before)
    swept = update(MessagePart).where(MessagePart.id.in_(old), MessagePart.interaction_id.is_not(None))
    return connection.execute(swept.values(raw=b"", text="", message={})).rowcount if old else 0, more


def _refused(connection: Connection, before: datetime, now: datetime) -> tuple[int, bool]:
    return _delete_old(connection, RefusedInput, RefusedInput.at, before)


def _texts(connection: Connection, before: datetime, now: datetime) -> tuple[int, bool]:
    """Words, and what was made of them; how many were swept counts messages."""
    old, more = _next(connection, "texts", Interaction, Interaction.stored_at, before)
    if not old:
        return 0, more
    lines = connection.execute(
        select(Interaction.id, Interaction.kind, Interaction.content).where(Interaction.id.in_(old))
    ).all()
    table: Any = Interaction.__table__
    connection.execute(
        update(table)
        .where(table.c.id == bindparam("line"))
        .values(
            text="", message_id=None, reply_to=None, raw=None, content=bindparam("left", type_=table.c.content.type)
        ),
        [{"line": line.id, "left": _left(line.kind, line.content)} for line in lines],
    )
    connection.execute(
        update(TurnRecord).where(TurnRecord.interaction_id.in_(old)).values(facts=b"", effects=b"", failure=None)
    )
    connection.execute(update(Delivery).where(Delivery.interaction_id.in_(old)).values(message={"text": ""}))
    connection.execute(update(Review).where(Review.interaction_id.in_(old)).values(understood={}, example=None))
    return len(old), more


def _left(kind: InteractionKind, content: Mapping[str, Any]) -> dict[str, Any]:
    left: dict[str, Any] = {"erased": True}
    if kind is InteractionKind.SYSTEM:
        left |= {key: value for key, value in content.items() if key in EVENTS_KEPT}
    if content.get("attachments"):
        left["attachments"] = [
            {key: value for key, value in attachment.items() if key not in ("name", "data")}
            for attachment in content["attachments"]
        ]
    return left


def _of_conversations(connection: Connection, before: datetime, now: datetime) -> tuple[int, bool]:
    ids, more = _walk(connection, "conversations", Conversation)
    swept = (
        update(Conversation)
        .where(
            Conversation.id.in_(ids),
            Conversation.closed_at < before,
            or_(Conversation.handoff_summary.is_not(None), cast(Conversation.memory, String) != "{}"),
        )
        .values(memory={}, handoff_summary=None)
    )
    return connection.execute(swept).rowcount if ids else 0, more


def _of_cases(connection: Connection, before: datetime, now: datetime) -> tuple[int, bool]:
    ids, more = _walk(connection, "cases", Case)
    swept = (
        update(Case)
        .where(Case.id.in_(ids), Case.closed_at < before, or_(Case.subject != "", cast(Case.facts, String) != "{}"))
        .values(subject="", facts={}, proposal={})
    )
    return connection.execute(swept).rowcount if ids else 0, more


def _of_follow_ups(connection: Connection, before: datetime, now: datetime) -> tuple[int, bool]:
    ids, more = _walk(connection, "follow_ups", FollowUp)
    swept = (
        update(FollowUp)
        .where(
            FollowUp.id.in_(ids),
            FollowUp.state != FollowUpState.PLANNED,
            FollowUp.done_at < before,
            or_(FollowUp.turn.is_not(None), FollowUp.reason != ""),
        )
        .values(turn=None, reason="", details={})
    )
    return connection.execute(swept).rowcount if ids else 0, more


def _walk(connection: Connection, what: str, entity: Any) -> tuple[list[int], bool]:
    """The next rows, of a table that is gone through from its beginning every day: its rows end in any order."""
    through = _through(connection, what)
    ids = list(connection.scalars(select(entity.id).where(entity.id > through).order_by(entity.id).limit(PIECE)))
    if ids:
        _mark(connection, what, ids[-1])
    return ids, len(ids) == PIECE


def _attachments(connection: Connection, before: datetime, now: datetime) -> tuple[int, bool]:
    """That there was one stays; what it is goes, and its content as soon as it is sure to be nobody else's."""
    old, more = _next(connection, "attachments", Interaction, Interaction.stored_at, before)
    if not old:
        return 0, more
    lines = connection.execute(
        select(Interaction.id, Interaction.content).where(
            Interaction.id.in_(old), Interaction.content["attachments"].as_string().is_not(None)
        )
    ).all()
    count = 0
    for line in lines:
        doubt_blobs(connection, list(digests_in(line.content)), now)
        gone = [{"kind": each.get("kind", "file"), "id": "", "erased": True} for each in line.content["attachments"]]
        count += len(gone)
        connection.execute(
            update(Interaction).where(Interaction.id == line.id).values(content={**line.content, "attachments": gone})
        )
    return count, more


def _log(connection: Connection, before: datetime, now: datetime) -> tuple[int, bool]:
    return _delete_old(connection, AuditEntry, AuditEntry.at, before)


def _sessions(connection: Connection, before: datetime, now: datetime) -> tuple[int, bool]:
    ended = connection.execute(delete(Session).where(Session.ends_at < before)).rowcount
    ended += connection.execute(delete(Link).where(Link.ends_at < before)).rowcount
    ended += connection.execute(delete(Attempts).where(Attempts.last_at < before)).rowcount
    ended += connection.execute(delete(OpenIdAnswer).where(OpenIdAnswer.at < before)).rowcount
    return ended, False


def _delete_old(connection: Connection, entity: Any, at: Any, before: datetime) -> tuple[int, bool]:
    old = list(connection.scalars(select(entity.id).where(at < before).order_by(entity.id).limit(PIECE)))
    if old:
        connection.execute(delete(entity).where(entity.id.in_(old)))
    return len(old), len(old) == PIECE


STEPS: Final[Mapping[str, tuple[str, Step]]] = {
    "raw": ("raw", _raw),
    "raw_news": ("raw", _raw_news),
    "raw_parts": ("raw", _raw_parts),
    "refused": ("raw", _refused),
    "texts": ("texts", _texts),
    "conversations": ("texts", _of_conversations),
    "cases": ("texts", _of_cases),
    "follow_ups": ("texts", _of_follow_ups),
    "attachments": ("attachments", _attachments),
    "audit": ("audit", _log),
    "sessions": ("sessions", _sessions),
}
"""What is swept, in order, and the period that it goes by."""
