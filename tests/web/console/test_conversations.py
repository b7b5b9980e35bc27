"""An agent's work: see who waits, take over, answer, and be told when something came in meanwhile."""

from __future__ import annotations

from storage.conversations import Conversation, Owner
from storage.interactions import Interaction
from tests.web.console.people import Console

NASTY = """<script>alert(1)</script><img src=x onerror=alert(2)>"' {{ 7191*7 }}"""


async def asks_for_a_person(console: Console, text: str = "a person, please") -> None:
    console.house.hears.intent = "human_request"
    await console.house.write(text)
    await console.house.later(1)


async def test_who_waits_is_in_the_inbox_and_counted(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    assert "Nobody is waiting." in (await ben.get("/console/inbox")).words
    await asks_for_a_person(console)
    page = await ben.get("/console/inbox?view=unassigned")
    assert "Unassigned 1" in page.words
    assert "/console/conversations/1" in page.html
    piece = await ben.get("/console/inbox?view=mine", **{"HX-Request": "true"})
    assert "<html" not in piece.html
    assert "Mine 0" in piece.words


async def test_an_agent_takes_over_answers_and_hands_back(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await asks_for_a_person(console)
    assert (await ben.post("/console/conversations/1/take")).status == 303
    seen = max(row["id"] for row in console.house.rows(Interaction))
    answered = await ben.post("/console/conversations/1/reply", {"text": "Good day, Ben here.", "seen": str(seen)})
    assert answered.status == 303
    assert "Good day, Ben here." not in console.house.sent, "its writer may think better of it for five seconds"
    await console.house.later(5)
    assert console.house.sent[-1] == "Good day, Ben here."
    assert (await ben.post("/console/conversations/1/note", {"text": "calls back at 5"})).status == 303
    page = await ben.get("/console/conversations/1")
    assert "calls back at 5" in page.words
    assert (await ben.post("/console/conversations/1/handback")).status == 303
    assert console.house.rows(Conversation)[0]["owner"] is Owner.BOT


async def test_an_answer_written_before_the_last_message_is_not_sent_and_not_lost(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await asks_for_a_person(console)
    await ben.post("/console/conversations/1/take")
    seen = max(row["id"] for row in console.house.rows(Interaction))
    await console.house.write("forget it, it has come")
    refused = await ben.post("/console/conversations/1/reply", {"text": "We look into it.", "seen": str(seen)})
    assert refused.status == 409
    assert "Something came in since you began to write" in refused.words
    assert "We look into it." in refused.html
    assert refused.words.count("forget it, it has come") == 2, "in the thread, and as what is new"
    await console.house.later(1)
    assert "We look into it." not in console.house.sent


async def test_a_colleagues_conversation_is_not_taken_from_them(console: Console) -> None:
    ben, eve = await console.staff("Ben", "agent"), await console.staff("Eve", "agent", language="zh-Hans")
    await asks_for_a_person(console)
    await ben.post("/console/conversations/1/take")
    refused = await eve.post("/console/conversations/1/take", {"from_colleague": "1"})
    assert refused.status == 409
    assert "这个会话由其他同事负责" in refused.words
    sue = await console.staff("Sue", "supervisor")
    assert (await sue.post("/console/conversations/1/take", {"from_colleague": "1"})).status == 303
    assert console.house.rows(Conversation)[0]["agent"] == "Sue"


async def test_whatever_a_customer_writes_stays_text(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await asks_for_a_person(console, NASTY)
    for path in ("/console/inbox", "/console/conversations/1", "/console/conversations/1/lines"):
        html = (await ben.get(path)).html
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "50337" not in html


async def test_a_conversation_that_is_not_there_is_said_so(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    for number in ("999", "9" * 40):
        assert (await ben.get(f"/console/conversations/{number}")).status == 404
        assert (await ben.post(f"/console/conversations/{number}/take")).status == 404
