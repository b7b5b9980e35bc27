"""A program does an agent's work: sees who waits, takes over, answers, and is told when something came in meanwhile."""

from __future__ import annotations

from storage.audit import AuditEntry
from storage.conversations import Conversation, Owner
from storage.interactions import Interaction
from tests.web.api.programs import Interface


async def test_a_program_takes_over_answers_and_hands_back(interface: Interface) -> None:
    crm = await interface.program("converse", name="CRM")
    await interface.asks_for_a_person()
    listed = await crm.get("/conversations?owner=queue")
    assert [one["conversation"] for one in listed.said["items"]] == [1]
    taken = await crm.post("/conversations/1/take")
    assert (taken.status, taken.said["agent"]) == (200, "CRM")
    replied = await crm.post("/conversations/1/reply", {"text": "Good day."})
    assert replied.status == 200
    await interface.house.later(1)
    assert interface.house.sent[-1] == "Good day."
    handed = await crm.post("/conversations/1/handback", {"text": "told them"})
    assert handed.status == 200
    assert interface.house.rows(Conversation)[0]["owner"] is Owner.BOT
    assert "agent:CRM" in {row["author"] for row in interface.house.rows(Interaction)}


async def test_what_a_program_changes_stands_in_the_audit_log(interface: Interface) -> None:
    crm = await interface.program("converse", name="CRM")
    await interface.asks_for_a_person()
    await crm.post("/conversations/1/take")
    line = interface.house.rows(AuditEntry)[-1]
    assert (line["who"], line["action"], line["subject"]) == ("CRM", "api.takeConversation", "conversation:1")
    assert line["details"] == {"token": 1}


async def test_an_answer_to_what_has_moved_on_is_refused_with_what_is_new(interface: Interface) -> None:
    crm = await interface.program("converse")
    await interface.asks_for_a_person()
    await crm.post("/conversations/1/take")
    read = await crm.get("/conversations/1")
    await interface.house.write("forget it, it has come")
    for given, headers in (({"seen": read.said["seen"]}, {}), ({}, {"If_Match": read.headers["ETag"]})):
        refused = await crm.post("/conversations/1/reply", {"text": "We look into it.", **given}, **headers)
        assert (refused.status, refused.said["kind"]) == (409, "Stale")
        assert [one["text"] for one in refused.said["unseen"]] == ["forget it, it has come"]
    assert refused.headers["Content-Type"] == "application/problem+json"


async def test_what_was_read_before_something_happened_changes_nothing(interface: Interface) -> None:
    crm = await interface.program("converse")
    await interface.asks_for_a_person()
    tag = (await crm.get("/conversations/1")).headers["ETag"]
    await interface.house.write("one more thing")
    refused = await crm.post("/conversations/1/resolve", If_Match=tag)
    assert (refused.status, refused.said["kind"]) == (412, "Moved")
    fresh = (await crm.get("/conversations/1")).headers["ETag"]
    assert (await crm.get("/conversations/1", If_None_Match=fresh)).status == 304
    assert (await crm.post("/conversations/1/resolve", If_Match=fresh)).status == 200


async def test_the_same_request_with_the_same_key_is_done_once(interface: Interface) -> None:
    crm = await interface.program("converse")
    await interface.asks_for_a_person()
    first = await crm.post("/conversations/1/note", {"text": "calls back"}, Idempotency_Key="a-1")
    again = await crm.post("/conversations/1/note", {"text": "calls back"}, Idempotency_Key="a-1")
    assert (first.status, first.said) == (again.status, again.said)
    assert again.headers["Idempotent-Replayed"] == "true"
    notes = [row for row in interface.house.rows(Interaction) if row["text"] == "calls back"]
    assert len(notes) == 1
    other = await crm.post("/conversations/1/note", {"text": "calls again"}, Idempotency_Key="a-1")
    assert (other.status, other.said["kind"]) == (422, "KeyReused")
    somebody = await interface.program("converse")
    assert (await somebody.post("/conversations/1/note", {"text": "x"}, Idempotency_Key="a-1")).status == 200


async def test_a_refused_request_may_be_tried_again_with_its_key(interface: Interface) -> None:
    crm = await interface.program("converse")
    await interface.asks_for_a_person()
    refused = await crm.post("/conversations/1/reply", {"text": "Hello"}, Idempotency_Key="b")
    assert (refused.status, refused.said["kind"]) == (409, "NotYours")
    await crm.post("/conversations/1/take")
    assert (await crm.post("/conversations/1/reply", {"text": "Hello"}, Idempotency_Key="b")).status == 200


async def test_a_colleagues_conversation_takes_a_scope_of_its_own(interface: Interface) -> None:
    one, two = await interface.program("converse", name="One"), await interface.program("converse", name="Two")
    three = await interface.program("converse", "direct", name="Three")
    await interface.asks_for_a_person()
    await one.post("/conversations/1/take")
    assert (await two.post("/conversations/1/take")).said["kind"] == "NotYours"
    refused = await two.post("/conversations/1/take", {"from_colleague": True})
    assert (refused.status, refused.said["scope"]) == (403, "direct")
    assert (await three.post("/conversations/1/take", {"from_colleague": True})).status == 200


async def test_pages_of_a_list_hold_everything_once(interface: Interface) -> None:
    crm = await interface.program("converse")
    for name in ("ann", "bob", "cyd", "dan", "eve"):
        await interface.house.write("hello", sender=name)
    seen: list[int] = []
    path = "/conversations?limit=2"
    cursor: str | None = ""
    while cursor is not None:
        page = (await crm.get(path + (f"&cursor={cursor}" if cursor else ""))).said
        seen += [one["conversation"] for one in page["items"]]
        cursor = page["next"]
    assert seen == [5, 4, 3, 2, 1]
    assert (await crm.get("/conversations?cursor=nonsense")).said["kind"] == "WrongCursor"
    assert len((await crm.get("/messages?conversation=1")).said["items"]) >= 1
