"""One's own data: asked for in the chat, looked at by a person, fetched by the customer, and forgotten when told to."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO

import orjson
import pytest
from sqlalchemy import update

from storage.audit import AuditEntry
from storage.cases import Case
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.interactions import Interaction
from storage.privacy import PrivacyRequest
from tests.web.console.people import Console, Person


async def asks(console: Console, text: str, *, proven: bool = True, sender: str = "ann") -> None:
    """A customer asks for it in the chat."""
    console.house.hears.intent = "greet"
    await console.house.write("hello", sender=sender)
    if proven:
        await console.house.do(prove)
    console.house.clock.advance(10)
    console.house.hears.intent = "privacy_request"
    await console.house.write(text, sender=sender)
    await console.house.later(1)
    if console.house.sent[-1].endswith("Just reply with the number."):
        # What happens is explained first, with "yes, do this for me" below it.
        console.house.hears.intent = "affirm"
        await console.house.write("2", sender=sender)
        await console.house.later(1)


def prove(transaction: Transaction) -> None:
    transaction.connection.execute(update(Address).values(proven_at=transaction.now))


async def finish(console: Console) -> None:
    """The clock's tick."""
    from desk import own_data

    await console.house.later(1)
    await console.house.do(own_data.finish_erasures)
    await console.house.later(1)


async def archive_of(person: Person, path: str) -> tuple[dict[str, bytes], str]:
    sent = {"Origin": person.origin}
    response = await person.client.post(path, data={"csrf": person.csrf}, headers=sent, allow_redirects=False)
    assert response.status == 200
    content = await response.read()
    packed = zipfile.ZipFile(BytesIO(content))
    assert packed.testzip() is None
    return {name: packed.read(name) for name in packed.namelist()}, response.headers["Content-Disposition"]


async def test_a_wish_in_the_chat_is_a_case_and_stands_in_the_register(console: Console) -> None:
    await asks(console, "please delete all my data", proven=False)
    (request,) = console.house.rows(PrivacyRequest)
    assert (str(request["kind"]), str(request["state"]), request["proven"]) == ("erasure", "asked", False)
    (case,) = console.house.rows(Case)
    assert request["case_number"] == case["number"]
    assert case["number"] in console.house.sent[-1]
    assert "number of one of your orders" in console.house.sent[-1], "proof is asked for where there is none"
    sue = await console.staff("Sue", "supervisor", language="zh-Hans")
    assert "身份尚未核实" in (await sue.get("/console/privacy")).words


async def test_a_question_about_privacy_is_not_in_the_register(console: Console) -> None:
    await asks(console, "how did you get my number")
    assert console.house.rows(PrivacyRequest) == []


async def test_who_asks_twice_asked_once(console: Console) -> None:
    await asks(console, "delete my data")
    ben = await console.staff("Ben", "agent")
    await ben.post("/console/contacts/1/privacy", {"kind": "erasure"})
    await ben.post("/console/contacts/1/privacy", {"kind": "export"})
    assert [str(row["kind"]) for row in console.house.rows(PrivacyRequest)] == ["erasure", "export"]


async def test_a_customer_fetches_a_copy_that_holds_all_of_theirs_and_nothing_of_others(console: Console) -> None:
    await console.house.write("bob's own secret", sender="bob")
    await asks(console, "send me a copy of my personal data <script>alert(1)</script>")
    sue = await console.staff("Sue", "supervisor")
    assert (await sue.post("/console/privacy/1/copy")).status == 303
    await console.house.later(1)
    link = re.search(r"/my-data/\S+", console.house.sent[-1])
    assert link is not None
    ann = console.somebody()
    door = await ann.get(link.group())
    assert door.status == 200
    assert "Fetch the copy" in door.words
    files, disposition = await archive_of(ann, link.group())
    assert disposition.startswith("attachment")
    document = orjson.loads(files["data.json"])
    assert any("send me a copy" in line["text"] for line in document["interactions"])
    assert [address["uri"] for address in document["addresses"]] == ["letters:ann"]
    everything = b"".join(files.values())
    assert b"bob" not in everything
    html = files["index.html"].decode()
    assert "send me a copy" in html
    assert "<script>alert" not in html
    assert any(name.startswith("as-received/") for name in files)
    actions = [row["action"] for row in console.house.rows(AuditEntry)]
    assert {"contact.copy_sent", "contact.copy_fetched"} <= set(actions)


async def test_a_link_to_a_copy_ends_and_nobody_guesses_one(console: Console) -> None:
    await asks(console, "send me a copy of my personal data")
    sue = await console.staff("Sue", "supervisor")
    await sue.post("/console/privacy/1/copy")
    await console.house.later(1)
    link = re.search(r"/my-data/\S+", console.house.sent[-1])
    assert link is not None
    stranger = console.somebody()
    assert (await stranger.get("/my-data/guessed")).status == 404
    assert (await stranger.post("/my-data/guessed")).status == 404
    assert (await stranger.post(link.group(), headers={"Origin": "https://evil.test"})).status == 404
    console.house.clock.advance(8 * 24 * 3600)
    assert (await stranger.get(link.group())).status == 404
    assert (await stranger.post(link.group())).status == 404


async def test_an_erasure_is_told_first_and_then_done(console: Console) -> None:
    await asks(console, "delete all my data")
    ada = await console.staff("Ada")
    told = len(console.house.sent)
    assert (await ada.post("/console/privacy/1/erase")).status == 303
    await finish(console)
    assert len(console.house.sent) == told + 1
    assert "erases everything" in console.house.sent[-1]
    (request,) = console.house.rows(PrivacyRequest)
    assert (str(request["state"]), request["handled_by"]) == ("done", "Ada")
    assert request["counts"]["interactions"] >= 3
    assert {row["text"] for row in console.house.rows(Interaction)} == {""}
    assert [row["uri"] for row in console.house.rows(Address)] == ["erased:1"]
    assert console.house.rows(Contact)[0]["erased_at"] is not None
    ben = await console.staff("Ben", "agent")
    page = await ben.get("/console/contacts/1")
    assert "The words were erased." in page.words
    assert "Correct the profile" not in page.words
    assert (await ben.get("/console/conversations/1")).status == 200


async def test_who_has_not_proven_who_they_are_is_not_erased_on_a_stranger_s_word(console: Console) -> None:
    await asks(console, "delete all my data", proven=False)
    ada = await console.staff("Ada")
    refused = await ada.post("/console/privacy/1/erase")
    assert refused.status == 422
    assert "Say how you made sure" in refused.words
    assert (await ada.post("/console/privacy/1/erase", {"evidence": "named her last two orders"})).status == 303
    assert (await ada.post("/console/privacy/1/erase", {"evidence": "again"})).status == 422


async def test_a_refusal_has_its_reason_and_erases_nothing(console: Console) -> None:
    await asks(console, "delete all my data")
    ada = await console.staff("Ada")
    assert (await ada.post("/console/privacy/1/refuse", {"reason": " "})).status == 422
    assert (await ada.post("/console/privacy/1/refuse", {"reason": "an open invoice"})).status == 303
    await finish(console)
    assert console.house.rows(Contact)[0]["erased_at"] is None
    assert "an open invoice" in (await ada.get("/console/privacy")).words


async def test_one_of_us_takes_a_copy_out_and_the_log_says_who(console: Console) -> None:
    await console.house.write("hello")
    sue = await console.staff("Sue", "supervisor")
    files, _ = await archive_of(sue, "/console/contacts/1/export")
    assert {"index.html", "data.json"} <= set(files)
    (entry,) = [row for row in console.house.rows(AuditEntry) if row["action"] == "contact.exported"]
    assert (entry["who"], entry["subject"]) == ("Sue", "contact:1")
    assert (await sue.post("/console/contacts/77/export")).status == 404


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\x", "/abs", "", "发票.pdf", "a" * 300])
def test_no_name_of_a_file_leads_out_of_the_archive(name: str) -> None:
    from desk.copies import Attached
    from web.own_data import file_name

    made = file_name(Attached(interaction=1, sha256="ab" * 32, name=name, content_type=""))
    assert "/" not in made
    assert "\\" not in made
    assert made.startswith("1-abababab-")


def test_the_house_finishes_erasures_by_the_clock() -> None:
    from desk import own_data
    from gateway.desk_ticks import EVERY

    assert EVERY[own_data.finish_erasures] <= 5
