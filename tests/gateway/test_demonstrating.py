"""The demonstration business: filled once, by the real paths, and there to be looked at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from desk import inbox, people
from gateway.demonstrating import AlreadyFilled, fill
from gateway.reach import House, reach
from gateway.settings import Settings
from nlu.understanding import Language
from storage.contacts import Contact
from storage.database import synchronous_engine
from storage.interactions import TurnRecord
from tests.acceptance.tea_house import settings_of, wording

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

pytestmark = pytest.mark.slow


@pytest.fixture
async def filled(tmp_path: Path, trained_models: Path) -> Settings:
    settings = settings_of(tmp_path, trained_models)
    made = await fill(settings, now=NOW)
    assert (made.contacts, made.conversations >= 6) == (6, True)
    return settings


async def test_a_demonstration_has_somebody_waiting_whose_conversation_can_be_read(filled: Settings) -> None:
    async with reach(filled, lambda: NOW) as house:
        waiting = await house.do(inbox.queue)
        assert waiting, "nobody waits for a person"
        assert all(one.summary and one.name and one.since is not None for one in waiting)
        for one in waiting:
            thread = await house.do(inbox.show, conversation=one.conversation)
            assert {line.author for line in thread.lines} >= {"customer", "bot"}
            assert [line.at for line in thread.lines] == sorted(line.at for line in thread.lines)
        await _people_are_known(house)


async def test_everybody_in_it_is_understood_and_the_complaint_ends_in_a_promise(filled: Settings) -> None:
    lost = [wording("fallback.not_understood", language) for language in Language]
    async with reach(filled, lambda: NOW) as house:
        complaining = await house.do(people.contact, contact="customer:D-1")
        assert [len(case.promises) for case in complaining.cases] == [1]
        for number in range(1, 7):
            thread = await house.do(inbox.show, conversation=number)
            answers = [line.text for line in thread.lines if line.author == "bot"]
            assert [text for text in answers if any(words.search(text) for words in lost)] == []


async def _people_are_known(house: House) -> None:
    profile = await house.do(people.contact, contact="customer:D-1")
    assert profile.orders
    assert profile.consents
    assert profile.cases, "the complaint has no case"
    assert profile.timeline


async def test_nothing_failed_on_the_way_and_a_second_filling_is_refused(filled: Settings) -> None:
    engine = synchronous_engine(filled.database_url.render_as_string(hide_password=False))
    with engine.connect() as connection:
        before = connection.execute(select(func.count(Contact.id))).scalar_one()
        failures = set(connection.scalars(select(TurnRecord.failure)))
        languages = set(connection.scalars(select(Contact.language)))
    assert not {failure for failure in failures if failure and failure.startswith(("the engine", "not applied"))}
    assert languages >= {"zh-Hans", "zh-Hant", "en"}
    with pytest.raises(AlreadyFilled):
        await fill(filled, now=NOW)
    with engine.connect() as connection:
        assert connection.execute(select(func.count(Contact.id))).scalar_one() == before
    engine.dispose()
