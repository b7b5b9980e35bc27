"""Mentions: a colleague called by name in a note, `@Mei`, is told, and it is on record until they have looked."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select, update

from desk.alerts import raise_alert
from desk.rights import Right, rights_of
from storage.alerts import AlertKind
from storage.commits import Transaction
from storage.many import named
from storage.mentions import Mention
from storage.staff import Staff

MOST = 20
"""People that one note calls; who means more of them means a team."""


def colleagues(transaction: Transaction, *, but: int | None = None) -> list[str]:
    """Names of those who can be called: they work here, and may read conversations."""
    rows = transaction.connection.execute(
        select(Staff.id, Staff.name, Staff.roles).where(Staff.left_at.is_(None)).order_by(Staff.name)
    )
    return [row.name for row in rows if row.id != but and Right.CONVERSE in rights_of(row.roles)]


def named_in(text: str, names: Sequence[str]) -> list[str]:
    """Whom a text calls. `@An Na` is An Na, not An; and `me@shop.example` calls nobody."""
    folded, found = text.casefold(), dict[str, None]()
    at = folded.find("@")
    by_length = sorted(names, key=len, reverse=True)
    while at >= 0:
        free = at == 0 or not (folded[at - 1].isascii() and folded[at - 1].isalnum())
        rest = folded[at + 1 :]
        name = next((each for each in by_length if rest.startswith(each.casefold()) and _ends(rest, each)), None)
        if free and name is not None:
            found[name] = None
        at = folded.find("@", at + 1)
    return list(found)


def record(transaction: Transaction, *, text: str, note: int, conversation: int, by: str) -> list[str]:
    """Tell everybody whom a note calls; returns their names."""
    if "@" not in text:
        return []
    named = [name for name in named_in(text, colleagues(transaction)) if name != by][:MOST]
    if not named:
        return []
    rows = transaction.connection.execute(select(Staff.id).where(Staff.name.in_(named))).scalars().all()
    transaction.connection.execute(
        insert(Mention),
        [
            {
                "interaction_id": note,
                "conversation_id": conversation,
                "staff_id": staff,
                "by": by,
                "at": transaction.now,
            }
            for staff in rows
        ],
    )
    raise_alert(
        transaction,
        kind=AlertKind.MENTIONED,
        subject=f"conversation:{conversation}",
        staff=list(rows),
        who=by,
        key=f"mention:{note}",
    )
    return named


def waits(transaction: Transaction, *, conversation: int, staff: int) -> bool:
    """Somebody was called there, and has not looked yet."""
    return bool(_unseen.ask(transaction.connection, {"staff": staff, "conversation": conversation}))


_unseen = named(
    select(Mention.id)
    .where(
        Mention.staff_id == bindparam("staff"),
        Mention.conversation_id == bindparam("conversation"),
        Mention.seen_at.is_(None),
    )
    .limit(1)
)


def look(transaction: Transaction, *, conversation: int, staff: int) -> int:
    """Somebody opens a conversation: what called them there is seen. Returns how many did."""
    return transaction.connection.execute(
        update(Mention)
        .where(Mention.staff_id == staff, Mention.conversation_id == conversation, Mention.seen_at.is_(None))
        .values(seen_at=transaction.now)
    ).rowcount


def _ends(rest: str, name: str) -> bool:
    """Behind a Latin name no letter goes on; Chinese needs no blank there."""
    following = rest[len(name) : len(name) + 1]
    return not (following.isascii() and following.isalnum() and name[-1].isascii())
