"""A team that keeps its conversations to its members: to everybody else they are not there, wherever one looks."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from desk import casework, conversations, telling, webhooks
from desk.rights import Right
from desk.sight import SEE_ALL
from storage.cases import Case
from storage.conversations import Conversation
from storage.events import EventKind
from storage.interactions import Interaction
from tests.clock import FrozenClock
from tests.web.console.legal_floor import SECRET, Floor, open_floor
from tests.web.console.listening import looking
from tests.web.console.people import ADA


@pytest.fixture
async def floor(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Floor]:
    async with open_floor(migrated_url, tmp_path, clock, monkeypatch) as opened:
        yield opened


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


async def test_a_webhook_hears_of_it_only_where_that_was_chosen(floor: Floor) -> None:
    do = floor.console.house.do

    async def endpoint(*scopes: str) -> int:
        url, kinds = "https://shop.example/hook", [kind.value for kind in EventKind]
        made = await do(webhooks.add_endpoint, by=ADA, name="Shop", url=url, kinds=kinds, scopes=scopes)
        return made.endpoint

    weak, strong = await endpoint("converse", "see_private"), await endpoint("converse", "direct")
    await do(conversations.note, conversation=floor.secret, by="Liz", text=SECRET)
    await do(casework.open_case, by=ADA, contact=floor.contact, subject="x", conversation=floor.secret)
    await do(conversations.note, conversation=floor.other, by="Liz", text="for everybody")
    rounds = {told.endpoint: told for told in await do(telling.claim, process="here")}

    heard = [each.event.conversation_id for each in rounds[weak].events if each.event is not None]
    all_of_it = [each.event.conversation_id for each in rounds[strong].events if each.event is not None]
    assert heard == [floor.other]
    assert all_of_it == [*[floor.secret] * (len(all_of_it) - 1), floor.other]
    assert {"note.written", "case.opened"} <= {each.event.kind for each in rounds[strong].events if each.event}
    assert (await do(webhooks.endpoint, endpoint=weak)).waiting == 1
    first = next(each.event.id for each in rounds[strong].events if each.event is not None)
    with pytest.raises(webhooks.Gone):
        await do(webhooks.send_again, by=ADA, endpoint=weak, event=first)
    await do(webhooks.send_again, by=ADA, endpoint=strong, event=first)


async def test_a_program_does_not_have_others_told_of_what_it_does_not_see(floor: Floor) -> None:
    weak = await floor.program("converse", "connect")
    given = {"name": "Shop", "url": "https://shop.example/x", "kinds": ["case.opened"], "scopes": ["converse"]}
    assert (await weak.post("/webhooks", given)).status == 200
    assert (await weak.post("/webhooks", {**given, "scopes": ["direct"]})).said["kind"] == "NotGranted"


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
    assert frozenset({Right.DIRECT, Right.MANAGE_STAFF}) == SEE_ALL
