"""Every skill holds its conversations."""

from __future__ import annotations

import pytest

from bot.repertoire import SKILLS
from nlu.understanding import Language
from tests.bot.assistant_scripts import ASSISTANT
from tests.bot.complaint_scripts import COMPLAINTS
from tests.bot.house import House, deeds, said, says
from tests.bot.scripts import EVERYDAY, Script
from tests.bot.second_thought_scripts import SECOND_THOUGHTS
from tests.bot.sloppy_scripts import SLOPPY

SCRIPTS = (*ASSISTANT, *EVERYDAY, *COMPLAINTS, *SLOPPY, *SECOND_THOUGHTS)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: f"{script.skill}: {script.name}")
def test_a_conversation_goes_as_written(script: Script) -> None:
    house = House(
        channel=script.channel,
        contact=script.contact,
        orders=script.orders,
        lookup_failure=script.lookup_failure,
        now=script.now,
        assistant=script.assistant,
    )
    for number, line in enumerate(script.lines, start=1):
        if line.kept:
            house.keep_promises()
        effects = house.come_back(line.due) if line.due is not None else house.hear(*line.messages)
        text = said(effects)
        where = f"line {number}: {line.messages[0].text if line.messages else line.due} -> {text!r}"
        assert deeds(effects) == list(line.does), where
        assert bool(text) == bool(line.says or line.words), where
        assert all(words in text for words in line.words), where
        for key in line.says:
            assert says(text, key, script.language), f"{key} is not said in {where}"


@pytest.mark.parametrize("skill", sorted(SKILLS))
def test_every_registered_skill_has_conversations(skill: str) -> None:
    assert any(script.skill == skill for script in SCRIPTS)


def test_the_scripts_speak_all_languages() -> None:
    assert {script.language for script in SCRIPTS} == set(Language)
