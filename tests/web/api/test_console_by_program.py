"""A working day by program: whatever the console's people do, through the same verbs and the same limits."""

from __future__ import annotations

import csv
import io
from urllib.parse import quote

from storage.audit import AuditEntry
from tests.web.api.programs import Interface


async def test_a_complaint_goes_its_way_from_the_first_word_to_the_promise(interface: Interface) -> None:
    crm = await interface.program(name="Crm")
    await interface.asks_for_a_person("the kettle leaks, a person please")
    number = (await crm.post("/cases", {"contact": "1", "subject": "The kettle leaks", "conversation": 1})).said
    assert (await crm.post(f"/cases/{number}/priority", {"priority": 1})).status == 200
    kept = await crm.post(f"/cases/{number}/promises", {"text": "A new lid", "due": "2026-03-04T09:00:00+08:00"})
    assert (await crm.post(f"/cases/{number}/promises/{kept.said}/kept")).status == 200
    told = (await crm.get(f"/cases/{number}/file")).said
    assert (told["priority"], told["promises"][0]["kept"]) == (1, True)
    listed = (await crm.get("/case-views/open")).said["cases"]
    assert [one["number"] for one in listed] == [number]
    assert (await crm.get("/cases/C-9999/file")).status == 404
    assert (await crm.post(f"/cases/{number}/priority", {"priority": 99})).status in (409, 422)


async def test_an_inbox_is_read_in_its_order_and_its_pieces(interface: Interface) -> None:
    crm = await interface.program(name="Crm")
    for sender in ("ann", "bob", "eve"):
        interface.house.hears.intent = "human_request"
        await interface.house.write("a person, please", sender=sender)
    await interface.house.later(1)
    first = (await crm.get("/inbox/unassigned?limit=2")).said
    rest = (await crm.get(f"/inbox/unassigned?limit=2&cursor={quote(first['next'])}")).said
    assert [one["conversation"] for one in first["items"] + rest["items"]] == [1, 2, 3]
    assert rest["next"] is None
    assert (await crm.get("/inbox/unassigned?cursor=nowhere")).status == 422
    await crm.post("/conversations/2/take")
    assert [one["conversation"] for one in (await crm.get("/inbox/mine")).said["items"]] == [2]
    saved = await crm.post("/views", {"name": "Keys", "query": {"view": "risk", "tier": "key"}})
    assert [one["name"] for one in (await crm.get("/views")).said] == ["Keys"]
    assert (await crm.ask("DELETE", f"/views/{saved.said}")).status == 200


async def test_only_who_directs_shares_a_view(interface: Interface) -> None:
    agent = await interface.program("converse")
    told = await agent.post("/views", {"name": "Ours", "query": {"view": "all"}, "shared": True})
    assert (told.status, told.said["scope"]) == (403, "direct")


async def test_search_finds_and_masks_as_the_console_does(interface: Interface) -> None:
    masked, whole = await interface.program("converse"), await interface.program("converse", "see_private")
    await interface.house.write("the blue kettle leaks", sender="ann@shop.example")
    for program, address in ((masked, "letters:an…@shop.example"), (whole, "letters:ann@shop.example")):
        found = (await program.get("/search?query=%231")).said
        assert [one["addresses"] for one in found["contacts"]] == [[address]], found
    assert (await masked.get("/search?query=before:never%20kettle")).status == 422


async def test_figures_come_with_their_definition_and_as_a_table(interface: Interface) -> None:
    reader = await interface.program("read_reports")
    await interface.house.write("hello")
    told = (await reader.get("/reports?days=7")).said
    opened = next(one for one in told["figures"] if one["key"] == "conversations")
    assert set(opened["title"]) == {"zh-Hans", "zh-Hant", "en"}
    assert opened["means"]["en"]
    table = await reader.get("/reports.csv?days=7")
    assert table.headers["Content-Type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(table.said)))
    assert {"figure", "by", "value", "made_of"} <= set(lines[0])
    one = await reader.get("/reports/conversations")
    assert set(one.said["by"]) == {"channel", "team"}, "agents are told apart with the scope direct alone"
    assert (await reader.get("/reports?agent=Ada")).status == 403
    assert (await reader.get("/reports/nothing")).status == 404
    for wrong in ("days=0", "days=99999999", "first=0001-01-01", "first=2026-03-02&last=2020-01-01", "grain=hour"):
        assert (await reader.get(f"/reports?{wrong}")).status == 422, wrong


async def test_consents_cards_and_notes_are_written_down_under_the_programs_name(interface: Interface) -> None:
    crm = await interface.program("converse", name="Crm")
    await interface.house.write("hello")
    card = (await crm.get("/contacts/1/card")).said
    address = card["addresses"][0]["id"]
    yes = {"address": address, "granted": True, "words": "yes, please"}
    assert (await crm.post("/contacts/1/consents", yes)).status == 422, "a yes needs its source"
    assert (await crm.post("/contacts/1/consents", yes | {"source": "the fair in May"})).status == 200
    assert (await crm.ask("PATCH", "/contacts/1/card", {"changes": {"name": "Ann Li"}})).status == 200
    assert (await crm.get("/contacts/1/card")).said["name"] == "Ann Li"
    assert (await crm.post("/contacts/1/note", {"text": "rings in the evening"})).status == 200
    assert "rings in the evening" in str((await crm.get("/contacts/1/history")).said)
    lines = interface.house.rows(AuditEntry)
    assert {"api.recordConsent", "api.changeCard", "consent.granted"} <= {row["action"] for row in lines}
    assert {row["who"] for row in lines if row["action"].startswith("api.")} == {"Crm"}


async def test_knowledge_is_proposed_by_one_and_approved_by_who_directs(interface: Interface) -> None:
    writer, head = await interface.program("teach"), await interface.program("teach", "direct")
    texts = {"en": {"question": "Do you mend kettles?", "also": [], "answer": "Yes, for two years.", "short": ""}}
    entry = (await writer.post("/knowledge", {"texts": texts})).said
    assert (await writer.post(f"/knowledge/{entry}/approve")).status == 403
    assert (await head.post(f"/knowledge/{entry}/approve")).status == 200
    assert (await writer.get(f"/knowledge/{entry}")).said["state"] == "in_force"
    nul = {"en": {"question": "a\0b", "also": [], "answer": "x", "short": ""}}
    assert (await writer.post("/knowledge", {"texts": nul})).status == 422
    assert (await writer.get("/knowledge?state=in_force")).said[0]["texts"]["en"]["answer"] == "Yes, for two years."


async def test_a_key_makes_one_case_however_often_it_is_sent(interface: Interface) -> None:
    crm = await interface.program()
    await interface.house.write("hello")
    body = {"contact": "1", "subject": "The kettle leaks"}
    first = await crm.post("/cases", body, Idempotency_Key="k1")
    again = await crm.post("/cases", body, Idempotency_Key="k1")
    assert (again.said, again.headers["Idempotent-Replayed"]) == (first.said, "true")
    assert len((await crm.get("/case-views/open")).said["cases"]) == 1


async def test_teams_alerts_and_the_log_take_their_scopes(interface: Interface) -> None:
    admin = await interface.program("arrange", "connect", "read_audit")
    made = await admin.post("/teams", {"name": "Tea", "takes": {"languages": ["zh-Hans"]}, "members": []})
    assert made.status == 200, made.said
    assert [team["name"] for team in (await admin.get("/teams")).said] == ["Tea"]
    settings = (await admin.get("/alert-settings")).said
    quiet = {kind: [] for kind in settings}
    assert (await admin.ask("PUT", "/alert-settings", {"ways": quiet})).status == 200
    assert "api.changeAlertSettings" in {line["action"] for line in (await admin.get("/audit")).said}
