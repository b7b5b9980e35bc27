"""Knowledge from the desk: entries that a supervisor approved join the playbook's own, in every process."""

from __future__ import annotations

from datetime import datetime

import structlog

from desk.knowledge import entries_in_force
from gateway.playbooks import Playbooks
from storage import knowledge_entries
from storage.database import Database

log = structlog.get_logger(__name__)


class DeskKnowledge:
    """Follows what is in force in the database."""

    def __init__(self, database: Database, playbooks: Playbooks) -> None:
        self._database = database
        self._playbooks = playbooks
        self._stamp: tuple[int, datetime | None] = (0, None)

    async def look_again(self) -> None:
        """Take what was approved or taken back since the last look."""
        stamp = await self._database.read(knowledge_entries.stamp)
        if stamp == self._stamp:
            return
        entries = await self._database.read_aside(entries_in_force)
        await self._playbooks.join(entries)
        self._stamp = stamp
        log.info("desk_knowledge_in_force", entries=len(entries))
