"""What was promised is marked done by whoever did it, and the customer hears the truth either way."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from bot.turn import FollowUpKind
from desk import promises
from desk.refusals import NotFound
from storage.cases import Case
from storage.commits import Transaction
from storage.conversations import Conversation
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import Interaction, InteractionKind
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, Letters, open_house

NUMBER = "C-1042"


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    async with open_house(migrated_url, tmp_path, clock, monkeypatch, Letters()) as running:
        yield running


def promised(transaction: Transaction) -> None:
    """A complaint with a promise that is due in an hour."""
    due = transaction.now + timedelta(hours=1)
    conversation = transaction.connection.execute(select(Conversation.id)).scalar_one()
    transaction.connection.execute(
        insert(Case),
        {
            "number": NUMBER,
            "contact_id": 1,
            "conversation_id": conversation,
            "kind": "complaint",
            "status": "open",
            "step": "follow_up",
            "subject": "mouldy tea",
            "facts": {"kind": "quality", "what": "mouldy tea"},
            "proposal": {},
            "promises": [{"id": "p1", "text": "refund of 268.00 CNY", "due": due.isoformat(), "kept": False}],
            "priority": 2,
            "survey_asked": False,
            "opened_at": transaction.now,
            "updated_at": transaction.now,
        },
    )
    transaction.connection.execute(
        insert(FollowUp),
        {
            "contact_id": 1,
            "conversation_id": conversation,
            "case_number": NUMBER,
            "kind": FollowUpKind.CASE_UPDATE,
            "key": "promise:p1:case_update",
            "reason": "the day we named",
            "details": {"promise": "p1"},
            "due_at": due,
            "state": FollowUpState.PLANNED,
            "planned_at": transaction.now,
        },
    )


async def owner_after_the_due_date(house: House) -> Any:
    house.clock.advance(timedelta(hours=2))
    await house.gateway.tick()
    await house.gateway.settle()
    return await house.gateway.database.read(
        lambda connection: (
            connection.execute(select(Conversation.owner).order_by(Conversation.id.desc())).scalars().first()
        )
    )


async def test_a_kept_promise_is_told_and_calls_nobody(house: House) -> None:
    await house.write("hello")
    await house.do(promised)
    kept = await house.do(promises.keep, case=NUMBER, by="mei")
    assert kept.promises == ["refund of 268.00 CNY"]
    said = len(house.sent)
    assert await owner_after_the_due_date(house) == "bot"
    assert len(house.sent) > said, "the customer hears that it is done"


async def test_a_broken_promise_calls_a_person(house: House) -> None:
    await house.write("hello")
    await house.do(promised)
    assert await owner_after_the_due_date(house) == "queue"


async def test_keeping_again_changes_nothing(house: House) -> None:
    await house.write("hello")
    await house.do(promised)
    await house.do(promises.keep, case=NUMBER, by="mei")
    assert (await house.do(promises.keep, case=NUMBER, by="mei")).promises == []
    notes = await house.gateway.database.read(
        lambda connection: (
            connection.execute(select(Interaction.text).where(Interaction.kind == InteractionKind.NOTE)).scalars().all()
        )
    )
    assert notes == ["Kept: refund of 268.00 CNY"]


async def test_a_case_that_is_not_there_is_named(house: House) -> None:
    with pytest.raises(NotFound, match="C-9"):
        await house.do(promises.keep, case="C-9", by="mei")
