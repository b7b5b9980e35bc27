"""A team that keeps its conversations to its members: to everybody else they are not there, wherever one looks."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from desk import casework, conversations, teams
from desk.rights import Right
from storage.cases import Case
from storage.commits import Transaction
from storage.conversations import Conversation
from storage.interactions import Interaction
from storage.reviews import Review, ReviewState, Why
from tests.clock import FrozenClock
from tests.web.api.programs import Calling, Interface
from tests.web.console.listening import looking
from tests.web.console.people import _ADA, Console, Person
from tests.web.console.talkers import channels, open_talks, talk_with

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


@pytest.fixture
async def floor(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Floor]:
    async with open_talks(migrated_url, tmp_path, clock, monkeypatch) as console:
        ben, liz = await console.staff("Ben", "agent"), await console.staff("Liz", "agent")
        sue = await console.staff("Sue", "supervisor")
        other = await talk_with(console, "webchat", "hello there")
        secret = await talk_with(console, "sms", f"a {SECRET} of mine")
        liz_id = next(one.staff for one in await everybody(console) if one.name == "Liz")
        team = await console.house.do(teams.make, by=_ADA, name="Legal", takes={}, members=[liz_id], members_only=True)
        await console.house.do(lambda transaction: give(transaction, secret, team))
        contact = next(row["contact_id"] for row in console.house.rows(Conversation) if row["id"] == secret)
        case = await console.house.do(
            casework.open_case,
            by=_ADA,
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


def lists(floor: Floor) -> list[str]:
    """Where conversations, their words and their cases are listed."""
    return [
        *(f"/console/inbox?view={view}" for view in ("unassigned", "all", "assistant", "closed", "risk")),
        f"/console/search?q={SECRET}",
        f"/console/contacts/{floor.contact}",
        f"/console/contacts/{floor.contact}/lines",
        f"/console/contacts/{floor.contact}/side",
        "/console/cases",
        "/console/cases?view=nobodys",
        "/console/learning",
        "/console/spam",
    ]


def direct(floor: Floor) -> list[str]:
    """What is asked for by its number."""
    talk = f"/console/conversations/{floor.secret}"
    pieces = ("", "/lines", "/reply", "/company", "/transfer", "/canned", "/colleagues", "/cases", "/files/1/0")
    return [
        *(talk + piece for piece in pieces),
        f"{talk}/letters/{floor.line}",
        f"/console/cases/{floor.case}",
        f"/console/cases/{floor.case}/now",
        f"/console/cases/{floor.case}/timeline",
        f"/console/learning/lines/{floor.line}",
    ]


async def test_to_an_agent_of_another_team_it_is_in_no_list(floor: Floor) -> None:
    await floor.console.house.gateway.settle()
    for path in lists(floor):
        seen = await floor.ben.get(path)
        assert seen.status == 200, path
        assert f"a {SECRET}" not in seen.words, path
        assert f"{SECRET} case" not in seen.words, path
        assert f'conversations/{floor.secret}"' not in seen.html, path
    shown = (await floor.sue.get("/console/inbox?view=all")).words, (await floor.liz.get("/console/inbox")).words
    assert all(f"a {SECRET}" in words for words in shown)


async def test_to_an_agent_of_another_team_it_answers_as_what_there_is_not(floor: Floor) -> None:
    for path in direct(floor):
        hidden = await floor.ben.get(path)
        missing = await floor.ben.get(
            path.replace(f"conversations/{floor.secret}", "conversations/99")
            .replace(floor.case, "C-99")
            .replace(f"lines/{floor.line}", "lines/99")
        )
        assert hidden.status == 404, path
        assert (hidden.status, hidden.words) == (missing.status, missing.words), path


async def test_members_supervisors_and_who_has_it_see_it(floor: Floor) -> None:
    for person in (floor.liz, floor.sue):
        assert SECRET in (await person.get(f"/console/conversations/{floor.secret}")).words
        assert (await person.get(f"/console/cases/{floor.case}")).status == 200
        assert SECRET in (await person.get(f"/console/contacts/{floor.contact}")).words
    assert (await floor.ben.get(f"/console/conversations/{floor.secret}")).status == 404
    await floor.console.house.do(conversations.take, conversation=floor.secret, by="Ben")
    assert SECRET in (await floor.ben.get(f"/console/conversations/{floor.secret}")).words
    assert SECRET in (await floor.ben.get("/console/inbox?view=mine")).words


async def test_nothing_is_done_with_it_either(floor: Floor) -> None:
    before = floor.console.house.rows(Conversation), len(floor.console.house.rows(Interaction))
    for verb in ("take", "note", "reply", "resolve", "handback", "spam", "transfer", "draft", "writing"):
        seen = await floor.ben.post(f"/console/conversations/{floor.secret}/{verb}", {"text": "x"})
        assert seen.status == 404, verb
    for verb in ("note", "owner", "close", "merge"):
        seen = await floor.ben.post(f"/console/cases/{floor.case}/{verb}", {"text": "x", "owner": "Ben", "words": "x"})
        assert seen.status == 404, verb
    opened = await floor.ben.post(
        "/console/cases", {"contact": str(floor.contact), "subject": "x", "conversation": str(floor.secret)}
    )
    assert opened.status != 303
    assert (floor.console.house.rows(Conversation), len(floor.console.house.rows(Interaction))) == before
    assert len(floor.console.house.rows(Case)) == 1


async def test_a_program_sees_it_only_with_the_right_to_direct(floor: Floor) -> None:
    weak, strong = await floor.program("converse"), await floor.program("converse", "direct")
    talk = f"/conversations/{floor.secret}"
    for path in (
        "/conversations",
        "/queue",
        "/messages",
        "/cases",
        f"/contacts/{floor.contact}",
        f"{talk}?timeline=true",
    ):
        assert SECRET not in str((await weak.get(path)).said), path
        assert SECRET in str((await strong.get(path)).said) or path == "/conversations", path
    for path in (talk, f"/messages/{floor.line}", f"/cases/{floor.case}"):
        assert ((await weak.get(path)).status, (await strong.get(path)).status) == (404, 200), path
    hidden, missing = await weak.post(f"{talk}/take", {}), await weak.post("/conversations/99/take", {})
    assert (hidden.status, str(hidden.said).replace(str(floor.secret), "99")) == (404, str(missing.said))
    assert (await strong.post(f"{talk}/take", {})).status == 200


async def test_a_page_that_listens_to_it_hears_nothing(floor: Floor) -> None:
    async with looking(floor.ben, f"conversation={floor.secret}") as page:
        await floor.console.house.do(conversations.note, conversation=floor.secret, by="Liz", text="x")
        assert not await page.hears("conversation", seconds=0.5)
    async with looking(floor.liz, f"conversation={floor.secret}") as page:
        await floor.console.house.do(conversations.note, conversation=floor.secret, by="Liz", text="y")
        assert await page.hears("conversation")


async def test_a_supervisor_opens_the_team_to_everybody_again(floor: Floor) -> None:
    page = await floor.sue.get("/console/teams")
    assert "seen by members only" in page.words
    assert (await floor.ben.get(f"/console/conversations/{floor.secret}")).status == 404
    assert (await floor.sue.post(f"/console/teams/{floor.team}", {"name": "Legal"})).status == 303
    assert (await floor.ben.get(f"/console/conversations/{floor.secret}")).status == 200


def test_who_directs_or_lets_people_in_sees_everything() -> None:
    from desk.sight import SEE_ALL

    assert frozenset({Right.DIRECT, Right.MANAGE_STAFF}) == SEE_ALL
    assert len(channels()) == 3
