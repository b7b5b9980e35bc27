"""Learning in the console: one click corrects, many are decided at once, an answer becomes knowledge that is used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway import learning, training_folder
from storage.interactions import Interaction
from storage.knowledge_entries import EntryState, KnowledgeEntry
from storage.reviews import Review, ReviewState
from tests.web.console.people import Console

NASTY = "<script>alert(1)</script> my kettle purrs at night"


@pytest.fixture(autouse=True)
def own_training_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is taught here stays here."""
    import shutil

    folder = tmp_path / "training"
    shutil.copytree(training_folder.OURS, folder)
    monkeypatch.setattr(learning, "training_folder", lambda _settings: folder)
    return folder


async def asks(console: Console, text: str = "a person, please") -> int:
    console.house.hears.intent = "human_request"
    interaction = await console.house.write(text)
    await console.house.later(1)
    return interaction


async def test_a_line_is_corrected_and_accepted_as_an_example(console: Console, own_training_files: Path) -> None:
    ben = await console.staff("Ben", "agent")
    number = await asks(console, NASTY)
    page = await ben.get(f"/console/learning/lines/{number}")
    assert "wants a person 99 %" in page.words
    assert "<script>alert" not in page.html
    corrected = await ben.post(f"/console/learning/lines/{number}", {"intent": "complaint_quality"})
    assert "It waits for its review" in corrected.words
    listed = await ben.get("/console/learning")
    assert "Ben says: complains about the quality" in listed.words
    assert "<script>alert" not in listed.html
    fields = {
        "accept": str(number),
        f"intent-{number}": "complaint_quality",
        f"text-{number}": "my kettle purrs at night",
    }
    assert (await ben.post("/console/learning", fields)).status == 303
    (review,) = console.house.rows(Review)
    assert (review["state"], review["intent"]) == (ReviewState.ACCEPTED, "complaint_quality")
    taught = "".join(path.read_text("utf-8") for path in own_training_files.rglob("*reviewed*"))
    assert "my kettle purrs at night" in taught


async def test_many_are_discarded_at_once(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    numbers = [await asks(console), await asks(console, "somebody real")]
    for number in numbers:
        await ben.post(f"/console/learning/lines/{number}", {"intent": "greet"})
    form = {"all": "discard", "csrf": ben.csrf}
    data = [*form.items(), *(("chosen", str(number)) for number in numbers)]
    done = await ben.client.post("/console/learning", data=data, headers={"Origin": ben.origin}, allow_redirects=False)
    assert done.status == 303
    assert {row["state"] for row in console.house.rows(Review)} == {ReviewState.DISCARDED}


async def test_what_cannot_be_taught_stays_with_its_reason(console: Console) -> None:
    ben = await console.staff("Ben", "agent", language="zh-Hant")
    number = await asks(console)
    await ben.post(f"/console/learning/lines/{number}", {"intent": "greet"})
    refused = await ben.post("/console/learning", {"accept": str(number), f"intent-{number}": "no_such_intent"})
    assert refused.status == 409
    assert "未處理" in refused.words
    assert console.house.rows(Review)[0]["state"] is ReviewState.WAITING
    assert (await ben.get("/console/learning/lines/999")).status == 404


async def an_answer(console: Console) -> tuple[int, Mapping[str, str]]:
    ben = await console.staff("Ben", "agent")
    await asks(console, "do you engrave teapots?")
    await ben.post("/console/conversations/1/take")
    seen = max(row["id"] for row in console.house.rows(Interaction))
    await ben.post("/console/conversations/1/reply", {"text": "Yes, up to twelve letters.", "seen": str(seen)})
    await console.house.later(10)
    number = max(row["id"] for row in console.house.rows(Interaction) if row["author"] == "agent:Ben")
    page = await ben.get(f"/console/knowledge/new?from={number}")
    assert "do you engrave teapots?" in page.html
    assert "Yes, up to twelve letters." in page.html
    fields = {
        "interaction": str(number),
        "question-en": "Do you engrave teapots?",
        "answer-en": "Yes, up to twelve letters.",
    }
    proposed = await ben.post("/console/knowledge", fields)
    assert proposed.where == "/console/knowledge/1"
    assert (await ben.post("/console/knowledge/1/approve")).status == 403
    return number, fields


async def test_an_approved_answer_is_known_to_the_assistant_until_it_is_taken_back(console: Console) -> None:
    await an_answer(console)
    sue = await console.staff("Sue", "supervisor")
    gateway = console.house.gateway
    fingerprint = gateway.playbooks.playbook().fingerprint

    def known() -> list[str]:
        return [found.entry for found in gateway.playbooks.knowledge().search("Do you engrave teapots?", None)]

    assert "desk#1" not in known()
    assert (await sue.post("/console/knowledge/1/approve")).status == 303
    await gateway.desk_knowledge.look_again()
    assert known()[0] == "desk#1"
    assert gateway.playbooks.playbook().fingerprint != fingerprint
    entry = gateway.playbooks.playbook().entries["desk#1"]
    assert [one.answer for one in entry.values()] == ["Yes, up to twelve letters."]
    console.house.clock.advance(1)
    assert (await sue.post("/console/knowledge/1/withdraw", {"reason": "the engraver left"})).status == 303
    await gateway.desk_knowledge.look_again()
    assert "desk#1" not in known()
    assert gateway.playbooks.playbook().fingerprint == fingerprint


async def test_what_is_refused_says_why(console: Console) -> None:
    await an_answer(console)
    sue = await console.staff("Sue", "supervisor", language="zh-Hans")
    assert (await sue.post("/console/knowledge/1/refuse", {"reason": " "})).status == 409
    assert (await sue.post("/console/knowledge/1/refuse", {"reason": "只限生日"})).status == 303
    assert "只限生日" in (await sue.get("/console/knowledge/1")).words
    assert console.house.rows(KnowledgeEntry)[0]["state"] is EntryState.REFUSED
    assert (await sue.post("/console/knowledge/1/approve")).status == 409
    assert (await sue.get("/console/knowledge/99")).status == 404
