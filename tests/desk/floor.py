"""A floor: an office with customers who wait, and people who come and go. Monday noon, open until nine."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, select, update

from bot.playbook import Playbook, load
from desk import presence, routing, teams
from desk.logins import Present
from gateway.playbooks import files
from storage import lanes
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.interactions import Direction, Interaction, InteractionKind, TurnRecord, record
from storage.routing import Routing
from tests.clock import FrozenClock
from tests.desk.office import Office


@cache
def playbook() -> Playbook:
    return load(files(Path(__file__).parents[2] / "playbook"))


class Floor(Office):
    """Ada has let everybody in; who is `here` takes conversations."""

    def __init__(self, engine: Engine, clock: FrozenClock) -> None:
        super().__init__(engine, clock)
        self.ada = self.first_admin()
        self.people: list[Present] = []

    def here(self, name: str, *roles: str, **skills: Any) -> Present:
        """Somebody who is available."""
        somebody = self.colleague(self.ada, name, *(roles or ("agent",)))
        if skills:
            usual: dict[str, Any] = {"languages": [], "topics": [], "capacity": None}
            self.do(teams.set_skills, by=self.ada, staff=somebody.staff, **(usual | skills))
        self.say(somebody, "available")
        self.people.append(somebody)
        return somebody

    def say(self, somebody: Present, state: str) -> None:
        self.do(presence.choose, present=somebody, state=state, after=timedelta(minutes=15))

    def team(self, name: str, *members: Present, **takes: Any) -> int:
        return self.do(teams.make, by=self.ada, name=name, takes=takes, members=[one.staff for one in members])

    def waits(
        self,
        *,
        language: str = "en",
        tier: str = "ordinary",
        address: str = "webchat:",
        priority: int = 2,
        intent: str | None = None,
        reason: str = "requested",
        contact: int | None = None,
    ) -> int:
        """A customer is handed over to people; the Conversation."""
        with self.engine.begin() as connection:
            now, channel = self.clock(), address.partition(":")[0]
            if contact is None:
                row = {"language": language, "tier": tier, "created_at": now}
                contact = connection.execute(insert(Contact).returning(Contact.id), row).scalar_one()
                lanes.open_for(connection, [contact])
            at = {"contact_id": contact, "uri": f"{address}{contact}-{now.timestamp()}", "created_at": now}
            conversation = connection.execute(
                insert(Conversation).returning(Conversation.id),
                {
                    "contact_id": contact,
                    "address_id": connection.execute(insert(Address).returning(Address.id), at).scalar_one(),
                    "channel": channel,
                    "thread": "",
                    "state": ConversationState.OPEN,
                    "owner": Owner.QUEUE,
                    "epoch": 1,
                    "memory": {},
                    "opened_at": now,
                    "last_at": now,
                    "handed_off_at": now,
                    "handoff_reason": reason,
                    "priority": priority,
                },
            ).scalar_one()
        line = self.writes(conversation, "a person, please")
        if intent is not None:
            turn = {"interaction_id": line, "conversation_id": conversation, "at": now, "intent": intent}
            with self.engine.begin() as connection:
                empty = {"facts": b"{}", "effects": b"[]", "playbook": "", "engine": "given"}
                connection.execute(insert(TurnRecord), turn | empty)
        return conversation

    def writes(self, conversation: int, text: str) -> int:
        """The customer writes."""
        row = self.conversation(conversation)
        with self.engine.begin() as connection:
            connection.execute(update(Conversation).where(Conversation.id == conversation).values(last_at=self.clock()))
            return record(
                connection,
                contact=row.contact_id,
                conversation=conversation,
                channel=row.channel,
                direction=Direction.IN,
                kind=InteractionKind.MESSAGE,
                author="customer",
                text=text,
                now=self.clock(),
            )

    def run(self, seconds: float = 2) -> None:
        """Time passes; nobody's page falls silent over it, and what is to be done by the clock is done."""
        self.clock.advance(seconds)
        for somebody in self.people:
            self.do(presence.heard, present=somebody, idle=0, after=timedelta(minutes=15))
        self.tick()

    def tick(self) -> None:
        for verb in (presence.look_around, routing.distribute, routing.look_for_late, routing.distribute):
            self.do(verb, playbook=playbook())

    def conversation(self, conversation: int) -> Any:
        with self.engine.connect() as connection:
            columns = Conversation.__table__.columns
            return connection.execute(select(*columns).where(Conversation.id == conversation)).one()

    def routed(self, conversation: int) -> Any:
        with self.engine.connect() as connection:
            columns = Routing.__table__.columns
            return connection.execute(select(*columns).where(Routing.conversation_id == conversation)).one()

    def agent(self, conversation: int) -> str | None:
        return self.conversation(conversation).agent

    def told(self, conversation: int) -> list[dict[str, Any]]:
        """The house's own lines in a thread, as facts."""
        return [
            row.content
            for row in self.rows(Interaction)
            if row.conversation_id == conversation and row.kind == InteractionKind.SYSTEM
        ]
