"""A recorded conversation run again: the same with the same playbook, and with another one only what it changes."""

from __future__ import annotations

import shutil
from pathlib import Path

import aiohttp
import orjson
import pytest
from sqlalchemy import text

from bot.playbook import Playbook, load
from gateway.playbooks import files
from gateway.replaying import Replayed, replay
from storage.commits import Transaction
from tests.acceptance.tea_house import PLAYBOOK, TeaHouse, Visitor, open_tea_house, playbook

LINES = ("Hello", "How long does delivery take?", "My teapot arrived broken", "SL20260012", "thanks")


@pytest.fixture
async def talked(tmp_path: Path, trained_models: Path):
    async with open_tea_house(tmp_path, trained_models) as house, aiohttp.ClientSession() as http:
        visitor = await Visitor(house, http).visit()
        for line in LINES:
            await visitor.ask(line)
        yield house


async def run_again(house: TeaHouse, with_playbook: Playbook, conversation: int = 1) -> list[Replayed]:
    return await house.gateway.database.read(lambda connection: replay(connection, conversation, with_playbook))


async def test_today_s_engine_with_the_same_playbook_says_the_same(talked: TeaHouse) -> None:
    turns = await run_again(talked, playbook())
    assert [turn.occasion for turn in turns] == list(LINES)
    assert [turn for turn in turns if turn.differs] == []
    assert {(turn.playbook_changed, turn.unreadable) for turn in turns} == {(False, None)}


async def test_another_wording_differs_where_it_is_said_and_nowhere_else(talked: TeaHouse, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PLAYBOOK, tmp_path / "playbook"))
    for path in (folder / "knowledge" / "en" / "shipping.md",):
        path.write_text(path.read_text("utf-8").replace("1–3 days", "two weeks"), "utf-8")
    turns = await run_again(talked, load(files(folder)))
    assert [turn.occasion for turn in turns if turn.differs] == ["How long does delivery take?"]
    assert {turn.playbook_changed for turn in turns} == {True}
    (changed,) = (turn for turn in turns if turn.differs)
    assert "two weeks" in str(changed.now)
    assert "two weeks" not in str(changed.then)


async def test_a_turn_of_another_version_is_said_to_be_unreadable_and_the_others_run(talked: TeaHouse) -> None:
    await talked.gateway.commits.run(
        lambda transaction: transaction.connection.execute(
            text("UPDATE turns SET facts = :facts WHERE interaction_id = (SELECT min(interaction_id) FROM turns)"),
            {"facts": b'{"from": "another age"}'},
        )
    )
    first, *others = await run_again(talked, playbook())
    assert first.unreadable
    assert not first.differs
    assert {turn.unreadable for turn in others} == {None}


async def test_a_conversation_that_is_not_there_has_no_turns(talked: TeaHouse) -> None:
    assert await run_again(talked, playbook(), conversation=4711) == []


async def test_what_effects_can_say_since_then_is_no_difference(talked: TeaHouse) -> None:
    def forget_attachments(transaction: Transaction) -> None:
        for row in transaction.connection.execute(text("SELECT interaction_id, effects FROM turns")).all():
            effects = orjson.loads(row.effects)
            for say in (effect["Say"] for effect in effects if "Say" in effect):
                del say["attachments"], say["custom"]
            transaction.connection.execute(
                text("UPDATE turns SET effects = :effects WHERE interaction_id = :interaction"),
                {"effects": orjson.dumps(effects), "interaction": row.interaction_id},
            )

    await talked.gateway.commits.run(forget_attachments)
    assert [turn for turn in await run_again(talked, playbook()) if turn.differs] == []
