"""A rehearsal: a whole gateway on a database of its own, with a terminal where the customer would be.

What is said here goes the way that real messages go; only the channel is this process, and the clock may be ours, so
that a script does not wait for the settle window of somebody who is complaining.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from sqlalchemy import Connection, select

from channels.envelope import Event
from channels.protocol import HistoryEntry
from gateway.gateway import Gateway, utc_now
from gateway.settings import Settings
from gateway.stage import Clock, Stage
from storage.cases import Case
from storage.conversations import Conversation
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import TurnRecord
from storage.migrations import migrate

ADDRESS = "terminal:customer"


@dataclass(kw_only=True, slots=True)
class Said:
    """What one line of the customer led to."""

    text: str
    understanding: Any = None
    effects: list[Any] = field(default_factory=list[Any])
    replies: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    owner: str = "bot"
    cases: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def as_json(self) -> bytes:
        return orjson.dumps(self)


class Rehearsal:
    """One customer talking to the engine, line by line."""

    def __init__(self, gateway: Gateway, terminal: Stage, replies: list[HistoryEntry], clock: Clock | None) -> None:
        self._gateway = gateway
        self._terminal = terminal
        self._replies = replies
        self._clock = clock
        self._told = 0
        self._follow_ups_told: set[int] = set()

    async def say(self, text: str) -> Said:
        """Send one message and wait for all that it leads to; with a clock of ours, also past the settle window."""
        button = any(text == button.value for reply in self._replies for button in reply.buttons)
        self._replies.clear()
        now = self._clock() if self._clock else datetime.now(UTC)
        await self._terminal.write(ADDRESS, text, now, event=Event.CALLBACK if button else Event.MESSAGE)
        await self._gateway.settle()
        if self._clock is not None:
            await self._let_settle(self._clock)
        return await self._gateway.database.read(lambda connection: self._said(connection, text))

    async def _let_settle(self, clock: Clock) -> None:
        """Move the clock by what the engine waits for within a moment, and let it speak."""
        for _ in range(3):
            due = await self._gateway.database.read(_next_due)
            if due is None or due > clock() + timedelta(seconds=30):
                break
            clock.at = max(clock.at, due)
            await self._gateway.tick()
            await self._gateway.settle()
        clock.move(timedelta(seconds=5))

    def _said(self, connection: Connection, text: str) -> Said:
        said = Said(text=text)
        for row in connection.execute(
            select(TurnRecord.interaction_id, TurnRecord.facts, TurnRecord.effects)
            .where(TurnRecord.interaction_id > self._told)
            .order_by(TurnRecord.interaction_id)
        ):
            self._told = row.interaction_id
            messages = orjson.loads(row.facts)["messages"]
            said.understanding = messages[-1]["understanding"] if messages else None
            said.effects.extend(orjson.loads(row.effects))
        for identity, turn in connection.execute(
            select(FollowUp.id, FollowUp.turn).where(FollowUp.turn.is_not(None)).order_by(FollowUp.done_at, FollowUp.id)
        ):
            if identity not in self._follow_ups_told and turn is not None:
                self._follow_ups_told.add(identity)
                said.effects.extend(orjson.loads(turn)["effects"])
        said.replies = [_reply(entry) for entry in self._replies]
        owner = connection.execute(select(Conversation.owner).order_by(Conversation.id.desc()).limit(1)).scalar()
        said.owner = str(owner) if owner is not None else "bot"
        said.cases = [dict(row) for row in connection.execute(_cases).mappings()]
        return said


_cases = select(Case.number, Case.kind, Case.status, Case.step, Case.subject, Case.facts, Case.proposal).order_by(
    Case.id
)


def _reply(entry: HistoryEntry) -> dict[str, Any]:
    buttons = [{"label": button.label, "value": button.value} for button in entry.buttons]
    return {"text": entry.text, "buttons": buttons}


def _next_due(connection: Connection) -> datetime | None:
    return connection.execute(
        select(FollowUp.due_at).where(FollowUp.state == FollowUpState.PLANNED).order_by(FollowUp.due_at).limit(1)
    ).scalar()


@asynccontextmanager
async def rehearse(
    settings: Settings,
    *,
    clock: Clock | None = None,
    on_reply: Callable[[HistoryEntry], None] = lambda entry: None,
) -> AsyncGenerator[Rehearsal]:
    """A rehearsal with the business's own playbook and model; its database is gone afterwards."""
    with TemporaryDirectory(prefix="rapport-chat-") as folder:
        await asyncio.to_thread(_bring_models, settings.data_dir / "models", Path(folder) / "models")
        own = settings.model_copy(
            update={
                "data_dir": Path(folder),
                "database": type(settings.database)(),
                "server": settings.server.model_copy(update={"role": "all"}),
            }
        )
        migrate(own.database_url.render_as_string(hide_password=False))
        replies: list[HistoryEntry] = []

        def hear(entry: HistoryEntry) -> None:
            replies.append(entry)
            on_reply(entry)

        terminal = Stage("terminal", hear)
        gateway = Gateway(own, channels=[terminal], clock=clock or utc_now)
        await gateway.start()
        try:
            yield Rehearsal(gateway, terminal, replies, clock)
        finally:
            await gateway.stop()
            await asyncio.to_thread(_bring_models, Path(folder) / "models", settings.data_dir / "models")


def _bring_models(source: Path, target: Path) -> None:
    """A model is trained once, wherever it is needed first."""
    if source.is_dir():
        copytree(source, target, dirs_exist_ok=True)
