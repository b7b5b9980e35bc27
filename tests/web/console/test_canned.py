"""Canned replies: kept by those who may, said in the customer's language, and never with a hole in them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import update

from desk import canned
from desk.logins import Present
from desk.refusals import NotFound
from storage.canned import CannedReply
from storage.commits import Transaction
from storage.contacts import Contact
from tests.clock import FrozenClock
from tests.web.console.people import Console
from tests.web.console.talkers import open_talks, talk_with

HELLO = {"text_en": "Good day {name}, {agent} of {business} here.", "text_zh-Hans": "{name}您好，我是{agent}。"}


@pytest.fixture
async def talks(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Console]:
    async with open_talks(migrated_url, tmp_path, clock, monkeypatch) as opened:
        yield opened


def present(talks: Console, staff: int, name: str) -> Present:
    return Present(
        staff=staff,
        name=name,
        email="",
        roles=("agent",),
        language="en",
        session=b"",
        seen_at=talks.house.clock.now(),
    )


async def speaks(talks: Console, language: str) -> None:
    def learn(transaction: Transaction) -> None:
        transaction.connection.execute(update(Contact).values(language=language))

    await talks.house.do(learn)


async def test_a_wording_is_offered_in_the_customers_language_with_their_facts(talks: Console) -> None:
    sue, ben = await talks.staff("Sue", "supervisor"), await talks.staff("Ben", "agent")
    assert (await sue.post("/console/canned", {"shortcut": "/Hello", "shared": "1", **HELLO})).status == 303
    talk = await talk_with(talks, "webchat", "a person please", name="{agent} Ann", by="Ben")
    offered = await ben.get(f"/console/conversations/{talk}/canned?typed=hel")
    assert "name" in offered.words, "{agent} Ann is nobody's name"
    assert 'aria-disabled="true"' in offered.html
    second = await talk_with(talks, "webchat", "a person please", name="王小明", by="Ben", sender="wang")
    assert (
        "Good day 王小明, Ben of Shanlan Tea here."
        in (await ben.get(f"/console/conversations/{second}/canned?typed=hel")).words
    )
    await speaks(talks, "zh-Hant")
    words = (await ben.get(f"/console/conversations/{second}/canned?typed=")).words
    assert "王小明您好，我是Ben。" in words, "the other Chinese script is nearer than English"
    assert "Nothing fits" in (await ben.get(f"/console/conversations/{second}/canned?typed=xyz")).words


async def test_a_wording_with_something_unknown_is_refused_and_not_sent_with_a_hole(talks: Console) -> None:
    await talks.staff("Sue", "supervisor")
    talk = await talk_with(talks, "webchat", "a person please", by="Sue")
    sue = present(talks, 2, "Sue")
    reply = await talks.house.do(canned.keep, who=sue, shortcut="o", texts={"en": "Order {order}, case {case}"})
    playbook = talks.house.gateway.playbooks.playbook()
    with pytest.raises(canned.Missing) as refused:
        await talks.house.do(canned.fill, conversation=talk, canned=reply, who=sue, playbook=playbook)
    assert refused.value.places == ("order", "case")


async def test_what_is_everybodys_is_written_by_supervisors_and_ones_own_by_oneself(talks: Console) -> None:
    sue, ben = await talks.staff("Sue", "supervisor"), await talks.staff("Ben", "agent")
    await sue.post("/console/canned", {"shortcut": "bye", "shared": "1", "text_en": "Goodbye"})
    (shared,) = talks.house.rows(CannedReply)
    stolen = await ben.post("/console/canned", {"canned": str(shared["id"]), "shortcut": "bye", "text_en": "Get lost"})
    assert stolen.status == 404
    assert (await ben.post(f"/console/canned/{shared['id']}/forget")).status == 404
    assert (await ben.post("/console/canned", {"shortcut": "x", "shared": "1", "text_en": "X"})).status == 404
    assert (await ben.post("/console/canned", {"shortcut": "bye", "text_en": "See you"})).status == 303
    own = next(row for row in talks.house.rows(CannedReply) if row["owner_id"] is not None)
    assert "See you" in (await ben.get("/console/canned")).words
    assert "See you" not in (await sue.get("/console/canned")).words
    assert (await sue.post(f"/console/canned/{own['id']}/forget")).status == 404
    with pytest.raises(NotFound):
        await talks.house.do(canned.forget, who=present(talks, 2, "Sue"), canned=own["id"])
    assert (await ben.post(f"/console/canned/{own['id']}/forget")).status == 303
    assert [row["texts"] for row in talks.house.rows(CannedReply)] == [{"en": "Goodbye"}]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"shortcut": "two words", "text_en": "x"}, "A short name has"),
        ({"shortcut": "ok", "text_en": "   "}, "Something is missing"),
        ({"shortcut": "ok", "text_en": "Dear {nickname}"}, "A placeholder in braces"),
        ({"shortcut": "taken", "text_en": "again"}, "There is one with this short name"),
    ],
)
async def test_a_mistake_is_said_and_what_was_written_is_kept(
    talks: Console, fields: dict[str, str], said: str
) -> None:
    ben = await talks.staff("Ben", "agent")
    await ben.post("/console/canned", {"shortcut": "taken", "text_en": "first"})
    refused = await ben.post("/console/canned", fields)
    assert refused.status == 409
    assert said in refused.words
    assert fields["text_en"].strip() in refused.html
