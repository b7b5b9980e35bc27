"""A look inside for operators: is it ready, and what waits how long?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.playbooks import Playbooks
from storage.conversations import Conversation, ConversationState, Owner
from storage.database import Database
from storage.deliveries import Delivery
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import Interaction
from storage.lanes import Lane
from storage.migrations import current, newest


async def ready(database: Database, playbooks: Playbooks) -> Mapping[str, Any]:
    """Whether this process can serve; and what an operator should know although it can."""
    try:
        async with asyncio.timeout(2):
            revision = await database.read(current)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        return {"ready": False, "database": f"not reachable: {type(error).__name__}"}
    if revision != newest():
        return {"ready": False, "database": f"at revision {revision}, and this version wants {newest()}"}
    notes = {} if playbooks.mistakes is None else {"playbook": f"{len(playbooks.mistakes.mistakes)} mistakes on disk"}
    return {"ready": True, "database": "ok", **notes}


def measure_queues(connection: Connection, now: datetime) -> Sequence[tuple[str, int, float]]:
    """(queue, depth, age of the oldest in seconds) for all that can wait."""
    lanes = connection.execute(
        select(func.count(), func.min(Interaction.stored_at))
        .select_from(Lane)
        .outerjoin(Interaction, Interaction.id == Lane.newest)
        .where(Lane.newest > Lane.handled)
    ).one()
    outbox = connection.execute(
        select(func.count(), func.min(Delivery.due_at)).where(Delivery.status.in_(["queued", "retrying"]))
    ).one()
    agents = connection.execute(
        select(func.count(), func.min(Conversation.handed_off_at)).where(
            Conversation.owner == Owner.QUEUE, Conversation.state == ConversationState.OPEN
        )
    ).one()
    due = connection.execute(
        select(func.count(), func.min(FollowUp.due_at)).where(
            FollowUp.state == FollowUpState.PLANNED, FollowUp.due_at <= now
        )
    ).one()
    rows = {"lanes": lanes, "outbox": outbox, "agents": agents, "follow_ups": due}
    return [
        (name, count, (now - oldest).total_seconds() if oldest is not None else 0.0)
        for name, (count, oldest) in rows.items()
    ]
