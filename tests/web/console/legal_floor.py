"""A shop with a legal team that keeps its conversations to itself, and people of all kinds around it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from desk import casework, teams
from storage.commits import Transaction
from storage.conversations import Conversation
from storage.interactions import Interaction
from storage.reviews import Review, ReviewState, Why
from tests.clock import FrozenClock
from tests.web.api.programs import Calling, Interface
from tests.web.console.people import ADA, Console, Person  # pyright: ignore[reportPrivateUsage]
from tests.web.console.talkers import open_talks, talk_with

SECRET = "confidential-matter"


@dataclass
class Floor:
    """A shop with a legal team of its own."""

    console: Console
    secret: int
    """The conversation that only the legal team sees."""
    other: int
    case: str
    line: int
    contact: int
    team: int
    ben: Person
    """An agent of no team."""
    liz: Person
    """Of the legal team."""
    sue: Person
    """A supervisor."""

    async def program(self, *scopes: str) -> Calling:
        return await Interface(console=self.console).program(*scopes, name="Program " + "-".join(scopes)[:40])


@asynccontextmanager
async def open_floor(
    url: str, folder: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Floor]:
    async with open_talks(url, folder, clock, monkeypatch) as console:
        ben, liz = await console.staff("Ben", "agent"), await console.staff("Liz", "agent")
        sue = await console.staff("Sue", "supervisor")
        other = await talk_with(console, "webchat", "hello there")
        secret = await talk_with(console, "sms", f"a {SECRET} of mine")
        liz_id = next(one.staff for one in await everybody(console) if one.name == "Liz")
        team = await console.house.do(teams.make, by=ADA, name="Legal", takes={}, members=[liz_id], members_only=True)
        await console.house.do(lambda transaction: give(transaction, secret, team))
        contact = next(row["contact_id"] for row in console.house.rows(Conversation) if row["id"] == secret)
        case = await console.house.do(
            casework.open_case,
            by=ADA,
            contact=contact,
            subject=f"{SECRET} case",
            conversation=secret,
        )
        lines = [row for row in console.house.rows(Interaction) if row["conversation_id"] == secret]
        line = next(row["id"] for row in lines if row["author"] == "customer")
        await console.house.do(lambda transaction: doubt(transaction, line))
        yield Floor(
            console=console,
            secret=secret,
            other=other,
            case=str(case),
            line=line,
            contact=contact,
            team=team,
            ben=ben,
            liz=liz,
            sue=sue,
        )


async def everybody(console: Console) -> list[teams.Colleague]:
    rules = console.house.gateway.playbooks.playbook().policy.routing
    return await console.house.do(teams.colleagues, rules=rules)


def give(transaction: Transaction, conversation: int, team: int) -> None:
    transaction.connection.execute(update(Conversation).where(Conversation.id == conversation).values(team_id=team))


def doubt(transaction: Transaction, line: int) -> None:
    transaction.connection.execute(
        insert(Review),
        {
            "interaction_id": line,
            "why": Why.FELL_THROUGH,
            "state": ReviewState.WAITING,
            "understood": {"intents": []},
            "queued_at": transaction.now,
        },
    )
