"""Spam and abuse by hand: into the folder, blocked, and back; and none of it counts."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import select

from desk import conversations, inbox, spam
from desk.refusals import NotFound, Unusable
from storage.audit import AuditEntry
from storage.commits import Transaction
from storage.contacts import Contact
from storage.conversations import Conversation, ConversationState
from storage.deliveries import Delivery
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, open_house


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    async with open_house(migrated_url, tmp_path, clock, monkeypatch) as running:
        yield running


def counted(transaction: Transaction) -> list[int]:
    return list(transaction.connection.scalars(select(Conversation.id).where(spam.counted()).order_by(Conversation.id)))


async def test_what_an_agent_marks_lies_in_the_folder_and_counts_no_more(house: House) -> None:
    await house.write("buy cheap pills")
    await house.write("a real question", sender="bob")
    marked = await house.do(spam.mark, conversation=1, by="mei", reason="pills")
    assert (marked.contact, marked.blocked) == (1, False)
    assert [one.conversation for one in await house.do(inbox.spam)] == [1]
    assert await house.do(counted) == [2]
    with pytest.raises(Unusable, match="already"):
        await house.do(spam.mark, conversation=1, by="mei")
    back = await house.do(spam.not_spam, conversation=1, by="mei")
    assert back.goes_on_in == 1
    assert await house.do(counted) == [1, 2]


async def test_nothing_of_ours_leaves_for_a_conversation_in_the_folder(house: House) -> None:
    await house.write("hello")
    await house.do(conversations.take, conversation=1, by="mei")
    sent = len(house.sent)
    await house.gateway.senders["letters"].stop()
    await house.do_now(conversations.reply, conversation=1, by="mei", text="Hello")
    marked = await house.do_now(spam.mark, conversation=1, by="mei", block=True)
    assert marked.blocked
    assert marked.withdrawn == 1
    assert len(house.sent) == sent
    assert house.rows(Delivery)[-1]["status"] in ("skipped", "failed")


async def test_who_is_blocked_is_not_answered_until_unblocked(house: House) -> None:
    await house.write("hello")
    before = len(house.sent)
    house.clock.advance(60)
    await house.do(spam.block, contact="1", by="mei", reason="threats")
    house.clock.advance(60)
    await house.write("you will see")
    await house.later(5)
    assert len(house.sent) == before
    (listed,) = await house.do(spam.blocked)
    assert (listed.id, listed.who, listed.reason) == (1, "mei", "threats")
    await house.do(spam.unblock, contact="1", by="mei")
    await house.write("sorry")
    await house.later(5)
    assert len(house.sent) == before + 1
    assert await house.do(spam.blocked) == []
    assert [row["action"] for row in house.rows(AuditEntry)] == ["contact.blocked", "contact.unblocked"]


async def test_what_somebody_wrote_before_they_were_blocked_counts_and_what_came_after_does_not(house: House) -> None:
    await house.write("a real complaint")
    await house.do(conversations.take, conversation=1, by="mei")
    await house.do(conversations.resolve, conversation=1, by="mei")
    house.clock.advance(60)
    await house.do(spam.block, contact="1", by="mei", reason="threats")
    house.clock.advance(60)
    await house.write("abuse")
    assert [str(row["state"]) for row in house.rows(Conversation)] == [
        ConversationState.RESOLVED,
        ConversationState.OPEN,
    ]
    assert await house.do(counted) == [1]


async def test_nobody_is_blocked_without_a_reason(house: House) -> None:
    await house.write("hello")
    with pytest.raises(Unusable, match="say why"):
        await house.do(spam.block, contact="1", by="mei", reason="  ")
    with pytest.raises(NotFound):
        await house.do(spam.block, contact="77", by="mei", reason="x")
    assert house.rows(Contact)[0]["blocked_at"] is None
