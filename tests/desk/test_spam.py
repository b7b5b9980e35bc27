"""Spam: where it lies, that nobody answers it, and how somebody who was misjudged is heard again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from desk import conversations, inbox, spam
from desk.refusals import NotFound, Unusable
from storage.consents import Consent
from storage.contacts import Contact
from storage.conversations import Conversation
from storage.interactions import Interaction
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, open_house


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    """Ann was taken for a spammer, twice, and is answered no more: conversation 1."""
    async with open_house(migrated_url, tmp_path, clock, monkeypatch) as running:
        running.hears.intent = "spam"
        await running.write("20% on all pots?")
        await running.later(1)
        await running.write("20% on all pots??")
        await running.later(1)
        running.hears.intent = "greet"
        yield running


def kept(house: House) -> list[tuple[int, str, str, str | None]]:
    return [
        (row["id"], str(row["state"]), str(row["owner"]), row["handoff_reason"]) for row in house.rows(Conversation)
    ]


async def test_spam_lies_in_a_folder_of_its_own_is_warned_once_and_answered_no_more(house: House) -> None:
    await house.write("hello?")
    await house.later(1)
    assert len(house.sent) == 1, "the warning"
    assert [one.conversation for one in await house.do(inbox.spam)] == [1]
    assert await house.do(inbox.queue) == []
    assert [row["text"] for row in house.rows(Interaction) if row["author"] == "customer"][-1] == "hello?"


async def test_who_was_taken_for_a_spammer_waits_for_a_person_and_is_heard_again(house: House) -> None:
    restored = await house.do(spam.not_spam, conversation=1, by="mei")
    assert restored == spam.Restored(conversation=1, contact=1, goes_on_in=1, unblocked=True)
    assert await house.do(inbox.spam) == []
    (waiting,) = await house.do(inbox.queue)
    assert (waiting.conversation, waiting.reason, waiting.agent) == (1, "not_spam", None)
    (told,) = [row for row in house.rows(Interaction) if row["kind"] == "system"]
    assert told["text"] == "mei took the conversation out of the spam folder"
    assert told["content"] == {"by": "mei", "event": "not_spam"}

    await house.do(conversations.take, conversation=1, by="mei")
    await house.do(conversations.reply, conversation=1, by="mei", text="Sorry! Which pots?")
    await house.do(conversations.handback, conversation=1, by="mei")
    await house.write("hello")
    await house.later(1)
    assert len(house.sent) == 3, "the assistant answers, too"
    assert house.sent[1] == "Sorry! Which pots?"
    assert kept(house) == [(1, "open", "bot", "not_spam")]


async def test_the_warning_is_forgotten_with_the_verdict(house: House) -> None:
    await house.do(spam.not_spam, conversation=1, by="mei")
    await house.do(conversations.handback, conversation=1, by="mei")
    house.hears.intent = "spam"
    await house.write("20% on all pots?")
    await house.later(1)
    assert house.rows(Contact)[0]["blocked_at"] is None, "a warning comes first, as for everybody"
    assert len(house.sent) == 2


async def test_what_was_written_while_nobody_answered_is_what_waits(house: House) -> None:
    await house.write("my pot is broken, is anybody there?")
    restored = await house.do(spam.not_spam, conversation=1, by="mei")
    assert (restored.goes_on_in, restored.unblocked) == (2, True)
    assert kept(house) == [(1, "resolved", "bot", None), (2, "open", "queue", "not_spam")]
    assert [one.conversation for one in await house.do(inbox.queue)] == [2]


async def test_what_a_colleague_has_already_stays_theirs(house: House) -> None:
    await house.write("is anybody there?")
    await house.do(conversations.take, conversation=2, by="bob")
    restored = await house.do(spam.not_spam, conversation=1, by="mei")
    assert restored.goes_on_in == 2
    assert [row["agent"] for row in house.rows(Conversation)] == [None, "bob"]


async def test_what_is_no_spam_cannot_be_taken_out(house: House) -> None:
    await house.do(spam.not_spam, conversation=1, by="mei")
    before = house.rows(Conversation)
    with pytest.raises(Unusable, match="conversation 1 is not in the spam folder; it is open"):
        await house.do(spam.not_spam, conversation=1, by="mei")
    with pytest.raises(NotFound):
        await house.do(spam.not_spam, conversation=99, by="mei")
    assert house.rows(Conversation) == before


async def test_a_withdrawal_counts_from_whom_we_have_blocked_too(house: House) -> None:
    house.hears.intent = "stop_marketing"
    await house.write("stop writing to me")
    await house.later(1)
    said: list[dict[str, Any]] = house.rows(Consent)
    assert [(row["purpose"], row["granted"]) for row in said] == [("marketing", False)]
    assert len(house.sent) == 1, "recorded, and not answered"
