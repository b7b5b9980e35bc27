"""Casework in the console: an agent and a supervisor with a complaint, from the list to the customer's answer."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from storage.alerts import Alert
from storage.audit import AuditEntry
from storage.cases import Case, CaseChange
from storage.compensations import Approval, Compensation
from storage.contacts import Address, Contact
from storage.conversations import Conversation, Owner
from tests.web.console.people import Console, Person

NASTY = """<script>alert(1)</script><img src=x onerror=alert(2)>"' {{ 7*7 }}"""


async def complains(console: Console, text: str = "my order SL20260012 came broken") -> str:
    """A customer complains, and people have it; the number of the case."""
    console.house.hears.intent = "complaint_quality"
    await console.house.write(text)
    await console.house.later(5)
    await console.house.gateway.tick()
    await console.house.gateway.settle()
    console.house.hears.intent = "human_request"
    await console.house.write("a person, please")
    await console.house.later(5)
    await clocks(console)
    return str(console.house.rows(Case)[0]["number"])


async def clocks(console: Console) -> None:
    """The desk's ticks, once each."""
    from gateway import desk_ticks

    book = console.house.gateway.playbooks.playbook()
    for verb in desk_ticks.EVERY:
        await console.house.do(verb)
    for by_the_book in desk_ticks.BY_THE_BOOK:
        await console.house.do(by_the_book, book)


async def act(person: Person, number: str, verb: str, **fields: str) -> None:
    seen = await person.post(f"/console/cases/{number}/{verb}", fields)
    assert seen.status == 303, seen.words


async def test_a_complaint_is_in_the_list_with_its_path_and_its_deadlines(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    number = await complains(console)
    listed = await ben.get("/console/cases")
    assert 'href="/console/cases/new"' in listed.html
    assert number in listed.words
    page = await ben.get(f"/console/cases/{number}")
    assert page.status == 200
    assert "Listen Record Propose Follow up" in page.words
    assert 'aria-current="step"' in page.html
    assert re.search(r"First answer by a person (\d+ h )?\d+ min left", page.words), page.words
    assert "SL20260012" in page.html


async def test_an_agent_corrects_what_was_recorded_and_what_stood_there_is_kept(console: Console) -> None:
    ben = await console.staff("Ben", "agent", language="zh-Hans")
    number = await complains(console)
    await act(ben, number, "facts", subject="broken cup", order="SL20260099", product="盖碗")
    assert console.house.rows(Case)[0]["facts"]["order"] == "SL20260099"
    page = await ben.get(f"/console/cases/{number}")
    assert "订单号 空 → SL20260099" in page.words
    assert {row["field"] for row in console.house.rows(CaseChange)} >= {"facts.order", "subject"}


async def test_more_than_one_may_grant_is_asked_for_and_nobody_grants_their_own(console: Console) -> None:
    ben, sue = await console.staff("Ben", "agent"), await console.staff("Sue", "supervisor")
    number = await complains(console)
    offer = {"kind": "refund", "amount": "450", "words": "the whole order was broken"}
    refused = await ben.post(f"/console/cases/{number}/compensate", offer)
    assert refused.status == 409
    assert "more than you may grant" in refused.words
    assert 'value="450"' in refused.html, "what was written is not lost"
    await act(ben, number, "ask", **offer)
    assert (await ben.post("/console/approvals/1/grant")).status == 403
    assert number in (await sue.get("/console/cases?view=approval")).words
    assert (await sue.post("/console/approvals/1/refuse", {"reason": ""})).status == 409, "a no has a reason"
    granted = await sue.post("/console/approvals/1/grant", {"amount": "430", "reason": "but not the postage"})
    assert granted.status == 303
    assert (await ben.post(f"/console/cases/{number}/compensate", offer)).status == 409
    await act(ben, number, "compensate", kind="refund", amount="430.00", words="Refund to the card", order="SL20260012")
    (given,) = console.house.rows(Compensation)
    assert (str(given["amount"]), given["currency"], given["approval_id"]) == ("430", "CNY", 1)
    assert console.house.rows(Approval)[0]["decided_by"] == "Sue"
    actions = [row["action"] for row in console.house.rows(AuditEntry)]
    assert {"case.asked", "case.granted", "case.compensated"} <= set(actions)


async def test_what_was_promised_is_kept_or_calls_people(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    number = await complains(console)
    late = await ben.post(f"/console/cases/{number}/promise", {"text": "refund", "due": "2020-01-01T10:00"})
    assert late.status == 409
    assert "yet to come" in late.words
    await act(ben, number, "promise", text="refund by Friday", due="2026-03-06T18:00")
    page = await ben.get(f"/console/cases/{number}")
    assert "refund by Friday 03-06 18:00" in page.words, "in the business's time"
    console.house.clock.advance(timedelta(days=5))
    await clocks(console)
    await ben.log_in("ben@shop.test")
    assert "A promise is overdue" in (await ben.get(f"/console/cases/{number}/timeline")).words
    await act(ben, number, "kept", promise=f"{number}-1")
    assert console.house.rows(Case)[0]["promises"][0]["kept_by"] == "Ben"


async def test_a_missed_deadline_is_noted_once_and_makes_it_urgent(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    number = await complains(console)
    console.house.clock.advance(timedelta(days=4))
    await clocks(console)
    await clocks(console)
    assert console.house.rows(Case)[0]["priority"] == 1
    assert console.house.rows(Conversation)[0]["priority"] == 1
    await ben.log_in("ben@shop.test")
    words = (await ben.get(f"/console/cases/{number}/timeline")).words
    assert words.count("Overdue: First answer by a person") == 1
    assert number in (await ben.get("/console/cases?view=late")).words


async def test_the_panel_beside_a_conversation_shows_cases_and_attaches_them(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    number = await complains(console)
    panel = await ben.get("/console/conversations/1/cases")
    assert number in panel.words
    assert "Not about this case" in panel.words
    detached = await ben.post("/console/conversations/1/cases/detach", {"case": number}, {"HX-Request": "true"})
    assert "It is about this case" in detached.words
    assert (await ben.post("/console/conversations/1/cases/attach", {"case": "C-99"})).status == 404
    assert (await ben.get("/console/conversations/999/cases")).status == 404


async def test_a_case_is_opened_by_hand_merged_and_taken_apart(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    number = await complains(console)
    await act(ben, number, "facts", order="SL20260012")
    made = await ben.post(
        "/console/cases", {"contact": "1", "subject": "the same again", "kind": "complaint", "order": "SL20260012"}
    )
    assert made.status == 303
    other = made.where.rsplit("/", 1)[1]
    assert "The same matter?" in (await ben.get(f"/console/cases/{number}")).words
    await act(ben, number, "merge", other=other)
    assert f"merged into {number}" in (await ben.get(f"/console/cases/{other}")).words
    refused = await ben.post("/console/conversations/1/cases/attach", {"case": other}, {"HX-Request": "true"})
    assert refused.status == 409
    assert 'role="alert"' in refused.html
    assert "<header" not in refused.html, "it is said beside the conversation, in the place of the cases"
    assert (await ben.post(f"/console/cases/{other}/priority", {"priority": "1"})).status == 409
    assert (await ben.post("/console/case-links/1/undo")).status == 303
    assert console.house.rows(Case)[1]["merged_into"] is None


async def test_whose_case_it_is_may_be_typed_as_it_is_seen(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await complains(console)
    await console.house.do(
        lambda transaction: transaction.connection.execute(update(Contact).values(external_id="D-6"))
    )
    assert 'href="/console/cases/new?contact=1"' in (await ben.get("/console/contacts/1")).html
    address = next(row["uri"] for row in console.house.rows(Address))
    for typed in ("1", "D-6", "customer:D-6", f" {address} "):
        assert (await ben.post("/console/cases", {"contact": typed, "subject": "a cup"})).status == 303, typed
    for typed in ("nobody", "ann@x.example", "+86 138 0000 0000", ""):
        assert (await ben.post("/console/cases", {"contact": typed, "subject": "a cup"})).status == 422, typed


async def test_resolved_asked_about_and_opened_again(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    number = await complains(console)
    await ben.post("/console/conversations/1/take")
    await act(ben, number, "judge", founded="yes")
    await act(ben, number, "resolve", words="replaced", survey="1")
    row = console.house.rows(Case)[0]
    assert (row["status"], row["founded"], row["step"]) == ("resolved", True, "follow_up")
    assert (await ben.post(f"/console/cases/{number}/owner", {"owner": "Ben"})).status == 409
    await act(ben, number, "reopen", words="it broke again")
    assert console.house.rows(Case)[0]["status"] == "open"
    assert console.house.rows(Conversation)[0]["owner"] is Owner.AGENT


async def test_how_to_reach_somebody_is_masked_and_shown_to_supervisors_on_record(console: Console) -> None:
    ben, sue = await console.staff("Ben", "agent"), await console.staff("Sue", "supervisor")
    number = await complains(console)
    await act(ben, number, "facts", reach="+8613800138000; ann@shop.test")
    for person in (ben, sue):
        html = (await person.get(f"/console/cases/{number}")).html
        assert "13800138000" not in html
        assert "ann@" not in html
    assert (await ben.post(f"/console/cases/{number}/reach")).status == 403
    assert "+8613800138000" in (await sue.post(f"/console/cases/{number}/reach")).words
    assert "case.reach_seen" in {row["action"] for row in console.house.rows(AuditEntry)}
    await act(ben, number, "facts", subject="x", reach="")
    assert console.house.rows(Case)[0]["facts"]["reach"].startswith("+86"), "what is masked is not lost by saving"


async def test_whatever_a_customer_or_agent_writes_stays_text(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    number = await complains(console, f"{NASTY} came broken")
    await act(ben, number, "facts", subject=NASTY, what=NASTY, order=NASTY, reach=NASTY)
    await act(ben, number, "note", text=NASTY)
    await act(ben, number, "promise", text=NASTY, due="2026-03-06T18:00")
    await act(ben, number, "propose", kind="apology", words=NASTY)
    await act(ben, number, "compensate", kind="apology", words=NASTY, voucher="<u>1", order="<u>2")
    paths = ("", f"/{number}", f"/{number}/now", f"/{number}/timeline", "?view=mine")
    for path in (*(f"/console/cases{path}" for path in paths), "/console/conversations/1/cases"):
        html = (await ben.get(path)).html
        assert "<script>alert" not in html, path
        assert "<img src=x" not in html, path
        assert "<u>1" not in html, path


@pytest.mark.parametrize("query", ["after=x", "after=_9999999999999999999999", "view=over&after=%00", "category=%00"])
async def test_a_page_of_the_list_that_is_not_there_leads_to_the_first(console: Console, query: str) -> None:
    ben = await console.staff("Ben", "agent")
    assert (await ben.get(f"/console/cases?{query}")).status in (200, 303)


async def test_causes_get_an_owner_and_say_whether_it_helped(console: Console) -> None:
    sue, ben = await console.staff("Sue", "supervisor"), await console.staff("Ben", "agent")
    number = await complains(console)
    await act(ben, number, "cause", cause="quality.defect")
    assert "Quality › Faulty when it was made" in (await ben.get("/console/causes")).words
    planned = {"cause": "quality.defect", "action": "another kiln", "owner": "Ben", "due": "2026-04-01"}
    assert (await ben.post("/console/causes", planned)).status == 403
    assert (await sue.post("/console/causes", planned)).status == 303
    assert "another kiln" in (await ben.get(f"/console/cases/{number}")).words
    assert (await ben.post("/console/causes/actions/1/done", {"note": "fired"})).status == 303
    page = await sue.get("/console/causes")
    assert "Too few to tell." in page.words
    assert (await ben.post("/console/causes/actions/1/drop")).status == 404


async def test_a_bad_answer_to_how_it_was_opens_the_case_again_and_tells_people(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    number = await complains(console)
    await ben.post("/console/conversations/1/take")
    await act(ben, number, "owner", owner="Ben")
    await act(ben, number, "resolve", words="replaced", survey="1")
    await ben.post("/console/conversations/1/handback")
    console.house.clock.advance(timedelta(hours=25))
    await console.house.gateway.tick()
    await console.house.gateway.settle()
    console.house.hears.intent = ""
    await console.house.write("1")
    await clocks(console)
    row = console.house.rows(Case)[0]
    assert (row["status"], row["score"], row["priority"]) == ("open", 1, 1)
    assert "bad_score" in {alert["kind"] for alert in console.house.rows(Alert)}
    await ben.log_in("ben@shop.test")
    page = await ben.get(f"/console/cases/{number}")
    assert "Satisfaction 1 of 5" in page.words
    assert re.search(r"Solution \d+ (d|h)", page.words), "the clock goes on"
