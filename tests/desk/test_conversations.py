"""An agent's desk: who speaks, what leaves, and what a draft must know."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from desk import conversations, inbox
from desk.refusals import Ended, NotFound, NotYours, Stale, Unreachable, Unusable
from storage.cases import Case
from storage.commits import Transaction
from storage.consents import Consent
from storage.contacts import Address
from storage.conversations import Conversation, ConversationState, Owner
from storage.deliveries import Delivery
from storage.follow_ups import FollowUp
from storage.interactions import Interaction, InteractionKind
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, Letters, open_house


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    async with open_house(migrated_url, tmp_path, clock, monkeypatch) as running:
        yield running


@pytest.fixture
async def slow(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    """A channel that lets an address have one message in a quarter of an hour: what is said meanwhile waits."""
    async with open_house(migrated_url, tmp_path, clock, monkeypatch, Letters(seconds=900)) as running:
        yield running


async def test_nothing_of_the_assistant_leaves_after_a_person_took_over_not_even_what_was_queued(slow: House) -> None:
    await slow.write("hello")
    await slow.write("hello?")
    assert len(slow.sent) == 1
    assert [row["status"] for row in slow.rows(Delivery)] == ["sent", "queued"]

    ownership = await slow.do(conversations.take, conversation=1, by="mei")
    await slow.write("are you a person?")
    await slow.later(3600)

    assert (ownership.owner, ownership.agent, ownership.epoch, ownership.withdrawn) == (Owner.AGENT, "mei", 1, 1)
    assert len(slow.sent) == 1
    (_, queued) = slow.rows(Delivery)
    assert (queued["status"], queued["reason"]) == ("skipped", "a person took over before this was sent")


async def test_what_the_assistant_was_about_to_say_is_not_said_when_a_person_takes_over_meanwhile(house: House) -> None:
    await house.write("hello")
    house.hears.may_answer.clear()
    house.hears.thinking.clear()
    await house.letters.receive("hello?", sender="ann", clock=house.clock)
    await house.hears.thinking.wait()

    await house.gateway.commits.run(lambda transaction: conversations.take(transaction, conversation=1, by="mei"))
    house.hears.may_answer.set()
    await house.gateway.settle()
    await house.later(60)

    assert len(house.sent) == 1
    assert [row["status"] for row in house.rows(Delivery)] == ["sent", "skipped"]


async def test_an_agent_s_reply_is_not_held_up_by_the_assistant_s_message_that_waits_for_its_retry(slow: House) -> None:
    await slow.write("hello")
    await slow.write("hello?")
    await slow.do(conversations.take, conversation=1, by="mei")
    written = await slow.do(conversations.reply, conversation=1, by="mei", text="  Mei here, what happened?  ")
    await slow.later(901)

    assert slow.sent[1:] == ["Mei here, what happened?"]
    delivery = slow.rows(Delivery)[-1]
    assert (delivery["id"], delivery["status"], delivery["epoch"]) == (written.delivery, "sent", None)
    assert (delivery["priority"], delivery["purpose"]) == (0, "service")
    assert slow.rows(Interaction)[-1]["author"] == "agent:mei"


async def test_a_withdrawal_counts_while_a_person_has_the_conversation_and_the_assistant_stays_silent(
    house: House,
) -> None:
    await house.write("hello")
    await house.do(conversations.take, conversation=1, by="mei")

    await house.write("别再给我发广告了")
    await house.write("what about my parcel?")

    assert [(row["purpose"], row["granted"], row["words"]) for row in house.rows(Consent)] == [
        ("marketing", False, "别再给我发广告了")
    ]
    assert len(house.sent) == 1


async def test_what_a_colleague_has_is_taken_only_on_purpose(house: House) -> None:
    await house.write("hello")
    await house.do(conversations.take, conversation=1, by="mei")
    with pytest.raises(NotYours, match="mei has conversation 1"):
        await house.do(conversations.take, conversation=1, by="bob")
    with pytest.raises(NotYours, match="mei has conversation 1"):
        await house.do(conversations.reply, conversation=1, by="bob", text="Hi")
    with pytest.raises(NotYours, match="mei"):
        await house.do(conversations.handback, conversation=1, by="bob")

    again = await house.do(conversations.take, conversation=1, by="mei")
    taken = await house.do(conversations.take, conversation=1, by="bob", from_colleague=True)

    assert (again.changed, again.epoch) == (False, 1)
    assert (taken.agent, taken.epoch) == ("bob", 2)
    told = [row["text"] for row in house.rows(Interaction) if row["kind"] is InteractionKind.SYSTEM]
    assert told == ["mei took the conversation over from bot", "bob took the conversation over from mei"]


async def test_a_reply_to_what_the_customer_has_moved_on_from_is_refused_with_what_came_in(house: House) -> None:
    await house.write("hello")
    await house.do(conversations.take, conversation=1, by="mei")
    read = (await house.do(inbox.show, conversation=1)).seen
    newest = await house.write("forget it, I found it")

    with pytest.raises(Stale, match=f"--seen {newest}") as refused:
        await house.do(conversations.reply, conversation=1, by="mei", text="Have you looked?", seen=read)
    assert [(line.author, line.text) for line in refused.value.unseen] == [("customer", "forget it, I found it")]
    with pytest.raises(Stale):
        await house.do(conversations.reply, conversation=1, by="mei", text="Have you looked?")
    assert len(house.sent) == 1

    await house.do(conversations.reply, conversation=1, by="mei", text="Glad to hear it!", seen=newest)
    await house.do(conversations.reply, conversation=1, by="mei", text="Anything else?", seen=newest)
    await house.later(1)
    await house.later(1)
    assert house.sent[1:] == ["Glad to hear it!", "Anything else?"]


async def test_a_reply_is_refused_when_a_colleague_answered_since_the_draft_began(house: House) -> None:
    read = await house.write("hello")
    await house.do(conversations.take, conversation=1, by="mei")
    read = (await house.do(inbox.show, conversation=1)).seen
    await house.do(conversations.take, conversation=1, by="bob", from_colleague=True)
    await house.do(conversations.reply, conversation=1, by="bob", text="You get a refund.")
    await house.do(conversations.take, conversation=1, by="mei", from_colleague=True)

    with pytest.raises(Stale) as refused:
        await house.do(conversations.reply, conversation=1, by="mei", text="No refund, sorry.", seen=read)
    assert [line.author for line in refused.value.unseen] == ["agent:bob"]


async def test_the_assistant_answers_again_after_the_conversation_was_handed_back(house: House) -> None:
    await house.write("hello")
    await house.do(conversations.take, conversation=1, by="mei")
    await house.do(_open_case)
    await house.write("hello?")
    assert len(house.sent) == 1

    ownership = await house.do(conversations.handback, conversation=1, by="mei", text="Refund agreed: 20 CNY")
    await house.later(1)
    assert (ownership.owner, ownership.agent, ownership.epoch) == (Owner.BOT, None, 2)
    noted = [row for row in house.rows(Interaction) if row["kind"] is InteractionKind.NOTE]
    assert [(row["text"], row["case_id"]) for row in noted] == [("Refund agreed: 20 CNY", 1)]

    await house.write("hello again")
    assert len(house.sent) == 2
    with pytest.raises(NotYours, match="the bot has conversation 1; take it first"):
        await house.do(conversations.reply, conversation=1, by="mei", text="And also")


async def test_a_resolved_conversation_is_over_and_the_next_message_opens_a_new_one(house: House) -> None:
    await house.write("hello")
    await house.do(conversations.take, conversation=1, by="mei")
    await house.do(_open_case)
    await house.do(conversations.resolve, conversation=1, by="mei", case="C-1", survey_hours=24)
    with pytest.raises(Ended, match="is over"):
        await house.do(conversations.reply, conversation=1, by="mei", text="One more thing")
    await house.write("hello")
    with pytest.raises(NotFound, match="no case C-9"):
        await house.do(conversations.resolve, conversation=2, by="mei", case="C-9")

    first, second = house.rows(Conversation)
    assert (first["state"], second["state"], second["owner"]) == (
        ConversationState.RESOLVED,
        ConversationState.OPEN,
        Owner.BOT,
    )
    assert house.rows(Case)[0]["status"] == "resolved"
    planned = [(row["kind"], row["case_number"]) for row in house.rows(FollowUp) if row["key"] == "survey:C-1"]
    assert planned == [("survey", "C-1")]


async def test_the_queue_lists_urgent_ones_first_and_then_who_waits_longest(house: House) -> None:
    for sender in ("ann", "bob", "cat", "dan"):
        await house.write("hello", sender=sender)
    for conversation, priority in ((1, 3), (2, 2), (3, 2)):
        await house.do(_hand_over, conversation=conversation, priority=priority)
        house.clock.advance(60)

    listed = await house.do(inbox.queue)
    assert [(one.conversation, one.waiting_seconds) for one in listed] == [(2, 120.0), (3, 60.0), (1, 180.0)]
    assert (listed[0].summary, listed[0].reason) == ("Wants a person · Bought a kettle", "requested")

    await house.do(conversations.take, conversation=2, by="mei")
    await house.do(conversations.reply, conversation=2, by="mei", text="Hello Bob")
    await house.do(conversations.take, conversation=3, by="lin")
    for_mei = await house.do(inbox.queue, agent="mei")
    assert [(one.conversation, one.waiting_seconds) for one in for_mei] == [(1, 180.0), (2, None)], "answered"

    await house.write("thanks, but", sender="bob")
    house.clock.advance(30)
    assert (await house.do(inbox.queue, agent="mei"))[0].waiting_seconds == 30.0


async def test_a_thread_shows_failures_by_name_and_what_was_understood(house: House) -> None:
    await house.write("hello")
    await house.do(conversations.take, conversation=1, by="mei")
    await house.do(conversations.note, conversation=1, by="bob", text="She called yesterday, too")
    await house.do(_close_address)
    with pytest.raises(Unreachable, match="letters:ann cannot be reached: blocked"):
        await house.do(conversations.reply, conversation=1, by="mei", text="Hello")

    thread = await house.do(inbox.show, conversation=1)
    heard, said, taken, noted = thread.lines
    assert (heard.intent, heard.engine) == ("greet", "given")
    assert (said.author, said.status) == ("bot", "sent")
    assert (taken.kind, noted.author) == (InteractionKind.SYSTEM, "agent:bob")


@pytest.mark.parametrize("text", ["", "   ", "nul \0 byte", "half \ud83d of an emoji", "x" * 20_001])
async def test_words_that_cannot_be_sent_are_refused_before_anything_is_written(house: House, text: str) -> None:
    await house.write("hello")
    await house.do(conversations.take, conversation=1, by="mei")
    before = len(house.rows(Interaction))
    with pytest.raises(Unusable):
        await house.do(conversations.reply, conversation=1, by="mei", text=text)
    assert len(house.rows(Interaction)) == before


async def test_what_is_not_there_is_said_so(house: House) -> None:
    with pytest.raises(NotFound, match="there is no conversation 99"):
        await house.do(conversations.take, conversation=99, by="mei")
    with pytest.raises(NotFound):
        await house.do(inbox.show, conversation=99)
    with pytest.raises(Unusable, match="name"):
        await house.do(conversations.take, conversation=99, by=" ")


def _open_case(transaction: Transaction) -> None:
    values = {"number": "C-1", "contact_id": 1, "conversation_id": 1, "kind": "complaint", "status": "open"}
    facts: dict[str, Any] = {
        "subject": "kettle",
        "facts": {},
        "proposal": {},
        "promises": [],
        "priority": 2,
        "survey_asked": False,
    }
    at = {"opened_at": transaction.now, "updated_at": transaction.now}
    transaction.connection.execute(insert(Case), {**values, **facts, **at})


def _hand_over(transaction: Transaction, *, conversation: int, priority: int) -> None:
    values = {"owner": Owner.QUEUE, "handed_off_at": transaction.now, "priority": priority}
    why = {"handoff_reason": "requested", "handoff_summary": "Cat, on letters\nWants a person\nBought a kettle"}
    transaction.connection.execute(
        update(Conversation)
        .where(Conversation.id == conversation)
        .values(**values, **why, epoch=Conversation.epoch + 1)
    )


def _close_address(transaction: Transaction) -> None:
    transaction.connection.execute(update(Address).values(closed_at=transaction.now, closed_reason="blocked"))
