"""Who saw what of customers is in the log: once for each of the staff, thing and hour, however often a page renews."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from channels.envelope import Attachment, AttachmentKind
from storage.audit import AuditEntry
from tests.clock import FrozenClock
from tests.web.api.programs import Interface
from tests.web.console.people import Console
from tests.web.console.talkers import open_talks, talk_with

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c636060606000000005000105f3b5d10000000049454e44ae426082"
)


@pytest.fixture
async def talks(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Console]:
    async with open_talks(migrated_url, tmp_path, clock, monkeypatch) as opened:
        yield opened


def looks(console: Console) -> list[tuple[str, str, str]]:
    return [
        (row["who"], row["action"], row["subject"])
        for row in console.house.rows(AuditEntry)
        if row["action"].endswith(".opened") and row["subject"] is not None
    ]


async def test_a_thread_that_renews_itself_is_one_look_an_hour_for_each_who_reads_it(talks: Console) -> None:
    ben, sue = await talks.staff("Ben", "agent"), await talks.staff("Sue", "supervisor")
    talk = await talk_with(talks, "webchat", "hello")
    place = f"/console/conversations/{talk}"
    for person in (ben, ben, sue):
        for piece in ("", "/lines", "/reply"):
            assert (await person.get(f"{place}{piece}", **({"HX-Request": "true"} if piece else {}))).status == 200
    opened = ("conversation.opened", f"conversation:{talk}")
    assert looks(talks) == [("Ben", *opened), ("Sue", *opened)]
    talks.house.clock.advance(3601)
    await ben.get(place)
    assert looks(talks)[2:] == [("Ben", *opened)]


async def test_a_customers_page_and_each_file_leave_a_line_with_from_where(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    blob = await talks.house.gateway.blobs.keep(PNG, content_type="image/png")
    files = [Attachment(kind=AttachmentKind.IMAGE, id=blob.sha256, name="a.png", content_type="image/png")]
    talk = await talk_with(talks, "webchat", "look", attachments=files)
    page = await ben.get(f"/console/conversations/{talk}")
    place = page.html.partition(f"/console/conversations/{talk}/files/")[2].partition('"')[0]
    for _ in range(2):
        assert (await ben.client.get(f"/console/conversations/{talk}/files/{place}")).status == 200
        await ben.get("/console/contacts/1")
        await ben.get("/console/contacts/1/lines")
    assert looks(talks) == [
        ("Ben", "conversation.opened", f"conversation:{talk}"),
        ("Ben", "file.opened", f"file:{talk}/{place}"),
        ("Ben", "contact.opened", "contact:1"),
    ]
    entries = [row for row in talks.house.rows(AuditEntry) if row["action"] == "file.opened"]
    assert entries[0]["client"] == "127.0.0.1"
    assert entries[0]["staff_id"] is not None


async def test_what_there_is_not_was_not_seen_and_doing_is_not_looking(talks: Console) -> None:
    ben, mia = await talks.staff("Ben", "agent"), await talks.staff("Mia", "marketer")
    talk = await talk_with(talks, "webchat", "hello")
    for path in ("/console/conversations/999", "/console/contacts/999", "/console/cases/C-999"):
        assert (await ben.get(path)).status == 404
    assert (await mia.get(f"/console/conversations/{talk}")).status == 403
    assert (await ben.post(f"/console/conversations/{talk}/take")).status == 303
    assert looks(talks) == []


async def test_a_program_that_asks_every_second_leaves_a_line_an_hour(talks: Console) -> None:
    await talks.staff("Ben", "agent")
    talk = await talk_with(talks, "webchat", "hello")
    program = await Interface(console=talks).program("converse", name="CRM")
    for _ in range(3):
        assert (await program.get(f"/conversations/{talk}")).status == 200
        assert (await program.get("/contacts/1")).status == 200
    assert (await program.get("/conversations/999")).status == 404
    assert looks(talks) == [
        ("CRM", "conversation.opened", f"conversation:{talk}"),
        ("CRM", "contact.opened", "contact:1"),
    ]
