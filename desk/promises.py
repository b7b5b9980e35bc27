"""Promises: an agent says that what was promised has been done."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update

from desk.agents import agent_name
from desk.refusals import NotFound
from storage.cases import Case
from storage.commits import Transaction
from storage.interactions import Direction, InteractionKind, record


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A case whose promises were kept."""

    case: str
    promises: list[str]
    """What was promised, as the customer was told; empty: all were kept before."""


def keep(transaction: Transaction, *, case: str, by: str) -> Kept:
    """What was promised on a case is done. At the promise's date the customer hears so, instead of an apology.

    Raises NotFound, Unusable.
    """
    by = agent_name(by)
    connection = transaction.connection
    row = connection.execute(
        select(Case.id, Case.contact_id, Case.conversation_id, Case.promises)
        .where(Case.number == case)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no case {case}")
    open_ones = [promise for promise in row.promises if not promise["kept"]]
    if open_ones:
        connection.execute(
            update(Case)
            .where(Case.id == row.id)
            .values(promises=[{**promise, "kept": True} for promise in row.promises], updated_at=transaction.now)
        )
        words = "; ".join(promise["text"] for promise in open_ones)
        record(
            connection,
            contact=row.contact_id,
            conversation=row.conversation_id,
            case=row.id,
            channel="desk",
            direction=Direction.INTERNAL,
            kind=InteractionKind.NOTE,
            author=f"agent:{by}",
            text=f"Kept: {words}",
            now=transaction.now,
        )
    return Kept(case=case, promises=[promise["text"] for promise in open_ones])
