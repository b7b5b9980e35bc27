"""A rehearsal: what a script says is understood and answered as it would be for a customer, and leaves no trace."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from gateway.rehearsal import Clock, rehearse
from gateway.settings import Settings
from nlu.understanding import Language
from tests.acceptance.tea_house import MONDAY, label, settings_of, wording


@pytest.fixture
def shop(tmp_path: Path, trained_models: Path) -> Settings:
    return settings_of(tmp_path, trained_models)


async def test_each_line_tells_what_was_understood_done_and_answered(shop: Settings) -> None:
    async with rehearse(shop, clock=Clock(MONDAY)) as rehearsal:
        said = orjson.loads((await rehearsal.say("How long does delivery take?")).as_json())
    assert said["text"] == "How long does delivery take?"
    assert said["understanding"]["intents"][0]["name"] == "shipping_question"
    assert said["understanding"]["engine"] == "embedded"
    assert "Say" in {next(iter(effect)) for effect in said["effects"]}
    (reply,) = said["replies"]
    assert wording("knowledge.answer", Language.EN).search(reply["text"])
    assert [button["label"] for button in reply["buttons"]] == [label("button.not_meant", Language.EN)]
    assert (said["owner"], said["cases"]) == ("bot", [])


async def test_a_complaint_does_not_wait_for_the_settle_window_and_its_case_is_told(shop: Settings) -> None:
    async with rehearse(shop, clock=Clock(MONDAY)) as rehearsal:
        said = await rehearsal.say("收到的紫砂壶裂了")
    assert wording("complaint.ask_order", Language.ZH_HANS).search(said.replies[-1]["text"])
    (case,) = said.cases
    assert (case["kind"], case["step"]) == ("complaint", "record")
    assert {next(iter(effect)) for effect in said.effects} >= {"OpenCase", "PlanFollowUp", "UpdateCase", "Say"}


async def test_typing_the_value_of_a_button_presses_it_and_a_hand_off_is_told(shop: Settings) -> None:
    async with rehearse(shop, clock=Clock(MONDAY)) as rehearsal:
        answered = await rehearsal.say("How long does delivery take?")
        pressed = await rehearsal.say(answered.replies[-1]["buttons"][0]["value"])
        assert wording("knowledge.perhaps", Language.EN).search(pressed.replies[-1]["text"])
        handed = await rehearsal.say("I want to speak to a person")
    assert handed.owner == "queue"


async def test_a_rehearsal_leaves_nothing_behind_and_keeps_the_trained_engine(shop: Settings) -> None:
    before = sorted(path.name for path in shop.data_dir.rglob("*"))
    clock = Clock(MONDAY)
    async with rehearse(shop, clock=clock) as rehearsal:
        await rehearsal.say("Hello")
    assert sorted(path.name for path in shop.data_dir.rglob("*")) == before
    assert timedelta(0) < clock() - MONDAY < timedelta(minutes=1)


async def test_two_rehearsals_say_the_same(shop: Settings) -> None:
    told: list[bytes] = []
    for _ in range(2):
        async with rehearse(shop, clock=Clock(MONDAY)) as rehearsal:
            told.append(b"\n".join([(await rehearsal.say(line)).as_json() for line in ("你好", "快递要几天能到？")]))
    assert told[0] == told[1]
