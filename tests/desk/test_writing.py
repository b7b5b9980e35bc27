"""Taking back what was sent, whatever dies meanwhile; drafts and names in notes."""

from __future__ import annotations

from pathlib import Path

import pytest

from desk import conversations, drafts, staff, writing
from desk.logins import Present
from desk.mentions import named_in
from storage.deliveries import Delivery
from storage.drafts import Draft
from storage.interactions import Interaction
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, open_house


def mei(house: House) -> Present:
    return Present(
        staff=1, name="Mei", email="", roles=("agent",), language="en", session=b"", seen_at=house.clock.now()
    )


async def comes(house: House) -> None:
    token = await house.do(staff.first_link)
    assert token is not None
    await house.do(
        staff.come_in, token=token, password="", client="::1", name="Mei", email="mei@shop.test", language="en"
    )


async def send(house: House, text: str) -> int:
    playbook, limits = house.gateway.playbooks.playbook(), house.letters.limits
    seen = max(row["id"] for row in house.rows(Interaction))
    written = await house.do(
        writing.send, conversation=1, who=mei(house), text=text, seen=seen, limits=limits, playbook=playbook
    )
    return written.interaction


async def test_a_house_that_dies_within_the_five_seconds_forgets_neither_the_message_nor_its_undoing(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house(migrated_url, tmp_path, clock, monkeypatch) as house:
        await comes(house)
        await house.write("where is it?")
        await house.do(conversations.take, conversation=1, by="Mei")
        regretted = await send(house, "Nowhere.")
        await send(house, "On its way.")
        assert "On its way." not in house.sent
    async with open_house(migrated_url, tmp_path, clock, monkeypatch) as house:
        await house.later(4.9)
        assert house.sent == [], "nothing leaves early because somebody began anew"
        await house.do(writing.undo, conversation=1, interaction=regretted, who=mei(house))
    async with open_house(migrated_url, tmp_path, clock, monkeypatch) as house:
        await house.later(0.2)
        await house.later(60)
        assert house.sent == ["On its way."]
        last = max(row["interaction_id"] for row in house.rows(Delivery))
        with pytest.raises(writing.Left):
            await house.do(writing.undo, conversation=1, interaction=last, who=mei(house))
        (draft,) = house.rows(Draft)
        assert draft["text"] == "Nowhere."


async def test_what_was_taken_back_stands_before_what_was_begun_since(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house(migrated_url, tmp_path, clock, monkeypatch) as house:
        await comes(house)
        await house.write("where is it?")
        await house.do(conversations.take, conversation=1, by="Mei")
        sent = await send(house, "It is here.")
        await house.do(drafts.save, conversation=1, staff=1, text="And more")
        begun = await house.do(writing.undo, conversation=1, interaction=sent, who=mei(house))
        assert begun.text == "It is here.\n\nAnd more"
        assert begun.seen == sent, "its writer has just read the thread"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@Mei please", ["Mei"]),
        ("请@梅看一下，@mei 也看", ["梅", "Mei"]),
        ("@Mei Lin and @Mei", ["Mei Lin", "Mei"]),
        ("@Meister", []),
        ("mail me@mei.example", []),
        ("@nobody", []),
    ],
)
def test_whom_a_note_names(text: str, named: list[str]) -> None:
    assert named_in(text, ["Mei", "Mei Lin", "梅"]) == named
