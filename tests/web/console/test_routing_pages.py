"""Routing in the console: the switch, the floor, the teams, and passing a conversation on."""

from __future__ import annotations

import re

from desk import presence, routing
from storage.conversations import Conversation, Owner
from storage.presence import Presence, State
from storage.teams import Skills, Team, TeamMember
from tests.web.console.people import Console, Person
from tests.web.console.test_conversations import NASTY, asks_for_a_person

HTMX = {"HX-Request": "true"}


async def is_available(person: Person) -> None:
    assert (await person.post("/console/presence", {"state": "available"}, HTMX)).status == 200


async def distribute(console: Console) -> None:
    playbook = console.house.gateway.playbooks.playbook()
    for _ in range(2):
        console.house.clock.advance(1)
        await console.house.do(presence.look_around, playbook)
        await console.house.do(routing.distribute, playbook)


async def test_the_switch_says_what_one_is_and_takes_what_one_says(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    first = await ben.post("/console/presence/beat", {"idle": "0"}, HTMX)
    assert "You are given nothing yet." in first.words
    assert "<html" not in first.html
    said = await ben.post("/console/presence", {"state": "available"}, HTMX)
    assert 'class="presence available"' in said.html
    assert console.house.rows(Presence)[0]["chosen"] is State.AVAILABLE
    assert (await ben.post("/console/presence", {"state": "asleep"}, HTMX)).status == 422
    plain = await ben.post("/console/presence", {"state": "away"})
    assert (plain.status, plain.where) == (303, "/console")


async def test_a_beat_answers_only_what_the_page_does_not_show(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await is_available(ben)
    still = await ben.post("/console/presence/beat", {"shown": "available said", "idle": "3"}, HTMX)
    assert (still.status, still.html) == (204, "")
    other = await ben.post("/console/presence/beat", {"shown": "away said", "idle": "3"}, HTMX)
    assert (other.status, "Available" in other.words) == (200, True)
    console.house.clock.advance(1200)
    idle = await ben.post("/console/presence/beat", {"shown": "available said", "idle": "1200"}, HTMX)
    assert "You have not touched the console for a while." in idle.words
    for nonsense in ("-1", "1e9", "٣", "x" * 100, ""):
        assert (await ben.post("/console/presence/beat", {"idle": nonsense}, HTMX)).status == 200


async def test_who_is_available_is_given_what_waits_and_the_thread_says_why(console: Console) -> None:
    ben = await console.staff("Ben", "agent", language="zh-Hans")
    await is_available(ben)
    await asks_for_a_person(console)
    await distribute(console)
    assert console.house.rows(Conversation)[0]["agent"] == "Ben"
    assert "已分配给 Ben：只有这位同事合适且有空" in (await ben.get("/console/conversations/1")).words


async def test_an_agent_passes_a_conversation_on_with_a_note(console: Console) -> None:
    ben, eve = await console.staff("Ben", "agent"), await console.staff("Eve", "agent")
    await asks_for_a_person(console)
    await ben.post("/console/conversations/1/take")
    form = await ben.get("/console/conversations/1/transfer", **HTMX)
    found = re.search(r'value="(person:\d+)">Eve', form.html)
    assert found is not None
    assert "Ben ·" not in form.words, "not to oneself"
    refused = await eve.post("/console/conversations/1/transfer", {"where": "queue"}, HTMX)
    assert (refused.status, "A colleague has this conversation" in refused.words) == (409, True)
    fields = {"where": found.group(1), "text": f"look: {NASTY}"}
    passed = await ben.post("/console/conversations/1/transfer", fields, HTMX)
    assert passed.headers["HX-Redirect"] == "/console/conversations/1"
    assert console.house.rows(Conversation)[0]["agent"] == "Eve"
    page = await eve.get("/console/conversations/1")
    assert "Ben transferred the conversation to Eve" in page.words
    assert "<script>alert" not in page.html


async def test_to_nobody_nothing_is_passed_on_and_the_note_is_not_lost(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await asks_for_a_person(console)
    for where in ("", "person:", "person:99", "team:1", "person:٣", "moon", "person:" + "9" * 50):
        refused = await ben.post("/console/conversations/1/transfer", {"where": where, "text": "my words"}, HTMX)
        assert (refused.status, "my words" in refused.html) == (409, True), where
    assert console.house.rows(Conversation)[0]["owner"] is Owner.QUEUE
    assert (await ben.get("/console/conversations/999/transfer")).status == 404
    assert (await ben.post("/console/conversations/999/transfer", {"where": "queue"})).status == 404


async def test_a_supervisor_sees_the_floor_and_reassigns_from_it(console: Console) -> None:
    ben, sue = await console.staff("Ben", "agent"), await console.staff("Sue", "supervisor")
    await is_available(ben)
    await asks_for_a_person(console, NASTY)
    floor = await sue.get("/console/board")
    assert "Waiting for a person 1" in floor.words
    assert "asked for a person" in floor.words
    assert "<script>alert" not in floor.html
    await distribute(console)
    piece = await sue.get("/console/board", **HTMX)
    assert "<html" not in piece.html
    assert "Nobody is waiting." in piece.words
    assert "Ben Available · just now 1/5" in piece.words
    assert re.search(r"goes back to the queue in 1[45] min", piece.words)
    form = await sue.get("/console/conversations/1/transfer?back=board", **HTMX)
    found = re.search(r'value="(person:\d+)">Sue', form.html)
    assert found is not None
    fields = {"where": found.group(1), "back": "board"}
    passed = await sue.post("/console/conversations/1/transfer", fields)
    assert (passed.status, passed.where) == (303, "/console/board")
    assert console.house.rows(Conversation)[0]["agent"] == "Sue"


async def test_the_floor_says_why_nobody_has_it_yet_and_when_the_business_opens(console: Console) -> None:
    sue, mei = await console.staff("Sue", "supervisor"), await console.staff("Mei", "agent")
    await asks_for_a_person(console)
    assert "nobody is available" in (await sue.get("/console/board")).words
    await is_available(mei)
    await sue.post("/console/teams/people/3", {"languages": "zh-Hans", "capacity": "2"})
    assert "nobody available speaks this language" in (await sue.get("/console/board")).words
    console.house.clock.advance(10 * 3600)
    assert (await sue.log_in("sue@shop.test")).status == 303
    assert "closed until 03-03 09:00" in (await sue.get("/console/board")).words


async def test_teams_are_made_changed_and_dissolved(console: Console) -> None:
    ada = await console.staff("Ada")
    await console.staff("Ben", "agent")
    page = await ada.get("/console/teams")
    assert "Who can do what" in page.words
    made = await ada.post("/console/teams", {"name": NASTY[:60], "topics": "returns", "members": "2"})
    assert (made.status, made.where) == (303, "/console/teams")
    page = await ada.get("/console/teams")
    assert "<script>alert" not in page.html
    assert [row["staff_id"] for row in console.house.rows(TeamMember)] == [2]
    await ada.post("/console/teams/1", {"name": "Returns", "channels": "letters"})
    team = console.house.rows(Team)[0]
    assert (team["name"], team["topics"], team["channels"]) == ("Returns", [], ["letters"])
    assert console.house.rows(TeamMember) == []
    twice = await ada.post("/console/teams", {"name": "Returns"})
    assert twice.status == 422
    assert (await ada.post("/console/teams/1/close")).status == 303
    assert (await ada.post("/console/teams/1/close")).status == 422


async def test_what_somebody_can_do_is_said_by_supervisors_and_nonsense_is_refused(console: Console) -> None:
    sue = await console.staff("Sue", "supervisor")
    await console.staff("Max", "marketer")
    assert (await sue.post("/console/teams/people/2", {"topics": "legal", "capacity": ""})).status == 303
    (row,) = console.house.rows(Skills)
    assert (row["topics"], row["languages"], row["capacity"]) == (["legal"], [], None)
    for path, fields in (
        ("2", {"capacity": "-1"}),
        ("2", {"capacity": "many"}),
        ("2", {"capacity": "1000000000000"}),
        ("2", {"topics": "weather"}),
        ("3", {"capacity": "1"}),
        ("999", {"capacity": "1"}),
    ):
        assert (await sue.post(f"/console/teams/people/{path}", fields)).status == 422, fields
    assert len(console.house.rows(Skills)) == 1
