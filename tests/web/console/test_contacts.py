"""The customer beside the conversation: history, profile, consent, offline contacts, and who is the same person."""

from __future__ import annotations

import re

from sqlalchemy import update

from storage.audit import AuditEntry
from storage.commits import Transaction
from storage.consents import Consent
from storage.contacts import Address, Contact
from storage.interactions import Interaction
from tests.web.console.people import Console

NASTY = """<script>alert(1)</script><img src=x onerror=alert(2)>"' {{ 7*7 }}"""


async def test_all_that_ever_happened_stands_in_one_history_page_by_page(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    for number in range(45):
        await console.house.write(f"message number {number}.")
        console.house.clock.advance(60)
    await ben.post("/console/contacts/1/record", {"kind": "call", "text": "asked for an invoice"})
    await ben.post("/console/contacts/1/note", {"text": "likes tea"})
    first = await ben.get("/console/contacts/1")
    assert first.status == 200
    assert "asked for an invoice" in first.words
    assert "likes tea" in first.words
    assert "message number 44." in first.words
    assert "message number 3." not in first.words
    seen, page = first.words, first
    for _ in range(10):
        more = re.search(r'hx-get="([^"]+/lines\?before=[^"]+)"', page.html)
        if more is None:
            break
        page = await ben.get(more.group(1).replace("&amp;", "&"))
        seen += page.words
    assert all(seen.count(f"message number {number}.") == 1 for number in range(45)), "each once, whatever the page"


async def test_the_history_is_filtered_by_kind(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await console.house.write("a message")
    await ben.post("/console/contacts/1/note", {"text": "a note"})
    notes = await ben.get("/console/contacts/1/lines?kind=notes")
    assert "a note" in notes.words
    assert "a message" not in notes.words
    assert (await ben.get("/console/contacts/1/lines?before=nonsense")).status == 404


async def test_a_number_is_masked_until_somebody_who_may_asks_and_the_log_says_so(console: Console) -> None:
    await console.house.write("hello")
    await console.house.do(call_them_by_phone)
    ben, sue = await console.staff("Ben", "agent"), await console.staff("Sue", "supervisor")
    for person in (ben, sue):
        for path in ("/console/contacts/1", "/console/contacts/1/side"):
            page = await person.get(path)
            assert "+8613812345678" not in page.html
            assert "tel:+86138…78" in page.words
    assert (await ben.post("/console/contacts/1/private")).status == 403
    shown = await sue.post("/console/contacts/1/private")
    assert "+8613812345678" in shown.html
    (entry,) = [row for row in console.house.rows(AuditEntry) if row["action"] == "contact.seen"]
    assert (entry["who"], entry["subject"]) == ("Sue", "contact:1")


def call_them_by_phone(transaction: Transaction) -> None:
    transaction.connection.execute(update(Address).where(Address.id == 1).values(uri="tel:+8613812345678"))


async def test_the_profile_is_corrected_and_the_log_names_fields_alone(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await console.house.write("hello")
    fields = {"name": "Ann Li", "language": "zh-Hans", "time_zone": "Asia/Tokyo", "tier": "key", "external_id": "K1"}
    assert (await ben.post("/console/contacts/1/profile", fields)).status == 303
    (contact,) = console.house.rows(Contact)
    assert {name: contact[name] for name in fields} == fields
    (entry,) = [row for row in console.house.rows(AuditEntry) if row["action"] == "contact.changed"]
    assert entry["details"] == {"fields": sorted(fields)}
    for wrong in ({"time_zone": "Mars/Base"}, {"tier": "gold"}, {"language": "fr"}):
        assert (await ben.post("/console/contacts/1/profile", wrong)).status == 422
    assert console.house.rows(Contact) == [contact]


async def test_a_no_is_written_down_at_once_and_a_yes_only_with_its_source(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await console.house.write("hello")
    said = {"address": "1", "granted": "no", "words": "please no more"}
    assert (await ben.post("/console/contacts/1/consent", said)).status == 303
    yes = {"address": "1", "granted": "yes", "words": "yes gladly"}
    assert (await ben.post("/console/contacts/1/consent", yes)).status == 422
    console.house.clock.advance(60)
    assert (await ben.post("/console/contacts/1/consent", yes | {"source": "signed form no. 12"})).status == 303
    assert [(row["granted"], row["source"]) for row in console.house.rows(Consent)] == [
        (False, "agent:Ben"),
        (True, "agent:Ben, signed form no. 12"),
    ]
    assert (await ben.post("/console/contacts/1/consent", said | {"address": "999"})).status == 404


async def test_two_are_looked_at_side_by_side_before_they_are_made_one(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await console.house.write("hello from ann")
    await console.house.write("hello from her other account", sender="ann2")
    await console.house.do(lambda transaction: name_all(transaction, "Ann Li"))
    assert "same name: Ann Li" in (await ben.get("/console/contacts/1/same")).words
    both = await ben.get("/console/contacts/1/link?other=2")
    assert "hello from ann" in both.words
    assert "hello from her other account" in both.words
    made = await ben.post("/console/contacts/1/link", {"other": "2", "evidence": "same passport"})
    assert (made.status, made.where) == (303, "/console/contacts/1")
    assert (await ben.get("/console/contacts/2")).where == "/console/contacts/1"
    assert "same passport" in (await ben.get("/console/contacts/1")).words
    assert (await ben.post("/console/contacts/1/unlink", {"link": "99"})).status == 404
    assert (await ben.post("/console/contacts/1/unlink", {"link": "1"})).status == 303
    assert {row["contact_id"] for row in console.house.rows(Interaction)} == {1, 2}
    assert (await ben.get("/console/contacts/1/link?other=nobody")).status == 404


def name_all(transaction: Transaction, name: str) -> None:
    transaction.connection.execute(update(Contact).values(name=name))


async def test_whatever_a_customer_is_called_or_writes_stays_text(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    await console.house.write(NASTY)
    await console.house.write(NASTY, sender="bob")
    await console.house.do(lambda transaction: name_all(transaction, NASTY))
    paths = ("contacts/1", "contacts/1/side", "contacts/1/same", "contacts/1/link?other=2", "spam", "contacts/1/lines")
    for path in paths:
        page = await ben.get(f"/console/{path}")
        assert page.status == 200, path
        assert "<script>alert" not in page.html, path
        assert "<img src=x" not in page.html, path


async def test_somebody_else_s_console_speaks_chinese(console: Console) -> None:
    mei = await console.staff("Mei", "supervisor", language="zh-Hans")
    await console.house.write("你好")
    page = await mei.get("/console/contacts/1")
    assert "联系方式" in page.words
    assert "历史记录" in page.html
    assert (await mei.get("/console/contacts/77")).status == 404
