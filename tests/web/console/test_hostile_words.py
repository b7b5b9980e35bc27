"""Whatever a customer fills in is text to everybody who reads it, on every page, in every answer and in every file."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import AsyncGenerator
from dataclasses import fields
from pathlib import Path

import pytest

from channels.envelope import Attachment, InboundMessage
from storage.cases import Case
from storage.contacts import Contact
from storage.conversations import Conversation
from storage.interactions import Interaction
from storage.staff import Role
from tests.clock import FrozenClock
from tests.web.api.programs import Interface
from tests.web.console.hostile import ATTACHMENT, ELSEWHERE, ENVELOPE, harm_in, marks, visits
from tests.web.console.people import Console, open_console
from tests.web.console.talkers import CHAT, Channel, channels
from web.api.offered import CALLS
from web.console.routes import ROUTES

LETTER = {"default-src 'none'", "img-src data:", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'self'"}


@pytest.fixture
async def console(
    migrated_sqlite_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Console]:
    every = *channels(), Channel("telegram", "telegram", CHAT)
    async with open_console(migrated_sqlite_url, tmp_path, clock, monkeypatch, *every) as opened:
        yield opened


def test_every_field_of_what_comes_in_is_filled_or_says_why_not() -> None:
    assert {one.name for one in fields(InboundMessage)} == set(ENVELOPE)
    assert {one.name for one in fields(Attachment)} == set(ATTACHMENT)


def pages(console: Console) -> list[str]:
    """Every page and piece of one, for everything that there is."""
    rows = console.house.rows
    lines, talks = rows(Interaction), [row["id"] for row in rows(Conversation)]
    of = {
        "/console/conversations/{id}": [str(talk) for talk in talks],
        "/console/contacts/{id}": [str(row["id"]) for row in rows(Contact)],
        "/console/cases/{id}": [row["number"] for row in rows(Case)],
        "/console/learning/lines/{id}": [str(row["id"]) for row in lines if row["author"] == "customer"],
    }
    found: list[str] = []
    for route in ROUTES:
        pattern = re.sub(r"\{(\w+):[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", r"{\1}", route.path)
        if route.method != "GET" or "/files/" in pattern or pattern.endswith(".csv"):
            continue
        prefix = next((prefix for prefix in of if pattern.startswith(prefix)), None)
        numbers = of[prefix] if prefix else ["1"]
        paths = [pattern.replace("{id}", number).replace("{figure}", "conversations") for number in numbers]
        if "{line}" in pattern:
            talk = {str(row["id"]): str(row["conversation_id"]) for row in lines}
            paths = [
                pattern.replace("{id}", talk[str(row["id"])]).replace("{line}", str(row["id"]))
                for row in lines
                if row["author"] == "customer"
            ]
        found += [path.replace("{token}", "x") for path in paths]
    reflected = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E%3Czq%20onload=alert(1)%3E"
    found += [f"{path}?{name}={reflected}" for path in ("/console/search", "/console/cases") for name in ("q", "owner")]
    found += [f"/console/inbox?view=all&agent={reflected}", f"/console/login?next={reflected}"]
    found += [f"/console/search?q={mark}" for mark in marks.values()]
    return found


async def test_on_no_page_does_anything_of_it_run(console: Console) -> None:
    sue = await console.staff("Sue", *Role)
    await visits(console)
    harmful: list[str] = []
    read: list[str] = []
    for path in pages(console):
        if path == "/console/events":
            continue
        for headers in ({}, {"HX-Request": "true"}):
            seen = await sue.get(path, **headers)
            harmful += [f"{path}: {seen.status}"] if seen.status >= 500 else []
            policy = seen.headers.get("Content-Security-Policy", "")
            is_letter = "/letters/" in path and "sandbox" in policy
            if is_letter:
                # It stays as it came, behind a policy by which nothing of it runs, loads, sends or leads: see below.
                assert set(policy.split("; ")) >= LETTER, policy
                assert not {"allow-scripts", "allow-same-origin", "allow-forms"} & set(re.split(r"[ ;]", policy)), (
                    policy
                )
                read.append(seen.html)
                continue
            harmful += [f"{path}: {harm}" for harm in harm_in(seen.html)]
            if seen.status == 200:
                assert "unsafe-inline" not in policy, path
                assert policy.startswith("default-src 'none'"), path
            if "/search?" not in path:
                read.append(seen.html)
    assert sorted(set(harmful)) == []
    everywhere = "".join(read)
    seen_marks = {what for what, mark in marks.items() if mark in everywhere}
    # Had nothing of it been shown, nothing would be proven.
    assert {
        "telegram text",
        "first name",
        "caption",
        "file name",
        "from name",
        "subject",
        "mail text",
        "mail html",
        "mail file",
        "chat text",
        "chat name",
        "attachment name",
        "sms text",
        "call",
        "note",
        "consent",
        "customer number",
        "case subject",
        "order number",
        "product",
        "answer to a survey",
        *(what for what in marks if what.startswith("fact ")),
    } <= seen_marks


async def test_programs_are_told_it_as_json_and_files_leave_with_names_that_lead_nowhere(console: Console) -> None:
    sue = await console.staff("Sue", *Role)
    await visits(console)
    program = await Interface(console=console).program()
    numbers = {
        "conversation": [row["id"] for row in console.house.rows(Conversation)],
        "contact": [row["id"] for row in console.house.rows(Contact)],
        "case": [row["number"] for row in console.house.rows(Case)],
        "message": [row["id"] for row in console.house.rows(Interaction)][:40],
    }
    told, tables = list[str](), list[str]()
    for call in CALLS:
        if call.method != "GET":
            continue
        for number in numbers.get(call.in_path[0], ["1"]) if call.in_path else [""]:
            path = re.sub(r"\{\w+\}", str(number), call.template)
            answer = await program.get(path)
            media = answer.headers["Content-Type"]
            assert media.startswith(("application/json", "application/problem+json", "text/csv")), path
            assert answer.headers["X-Content-Type-Options"] == "nosniff", path
            told.append(str(answer.said))
            tables += [answer.said] if media.startswith("text/csv") else []
    assert marks["chat text"] in "".join(told)
    assert (await program.get(f"/contacts/<script>{ELSEWHERE}")).headers["Content-Type"].startswith("application/")
    contact = next(row["contact_id"] for row in console.house.rows(Interaction) if "zqchattextqz" in row["text"])
    answer = await sue.client.post(
        f"/console/contacts/{contact}/export", data={"csrf": sue.csrf}, headers={"Origin": sue.origin}
    )
    assert answer.status == 200
    packed = zipfile.ZipFile(io.BytesIO(await answer.read()))
    html = packed.read("index.html").decode()
    assert marks["chat text"] in html
    assert harm_in(html, scripts=False) == []
    assert all(".." not in name and not name.startswith("/") and "<" not in name for name in packed.namelist())
    for name in ("reports.csv", "reports/conversations.csv", "reports/complaint_causes.csv"):
        table = await sue.get(f"/console/{name}")
        tables += [table.html] if table.status == 200 else []
    assert len(tables) >= 2
    for table in tables:
        for row in csv.reader(io.StringIO(table)):
            assert not any(cell[:1] in ("=", "+", "@", "\t", "\r") for cell in row), row
