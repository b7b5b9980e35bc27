"""Reviewing: what was not understood waits for a person, and an ordinary message costs nothing for it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from desk import conversations, reviewing
from desk.refusals import Ended, NotFound, Unusable
from desk.reviewing import ToReview
from storage.interactions import Interaction
from storage.reviews import Review, ReviewState, Why
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, open_house


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    async with open_house(migrated_url, tmp_path, clock, monkeypatch) as running:
        yield running


async def write(house: House, text: str, intent: str, confidence: float = 0.99) -> int:
    """A customer writes, and that is what the engine makes of it."""
    house.hears.intent, house.hears.confidence = intent, confidence
    return await house.write(text)


async def waiting(house: House) -> list[ToReview]:
    return list((await house.do(reviewing.waiting)).reviews)


async def test_what_fell_through_waits_with_what_was_understood(house: House) -> None:
    message = await write(house, "the blorb is quorking", "")
    (review,) = await waiting(house)
    assert (review.interaction, review.text, review.why) == (message, "the blorb is quorking", Why.FELL_THROUGH)
    assert (review.state, review.channel, review.conversation) == (ReviewState.WAITING, "letters", 1)
    assert (review.understood.language, review.understood.intents, review.understood.engine) == ("en", (), "given")


async def test_what_was_asked_back_waits_with_its_confidences(house: House) -> None:
    await write(house, "about that parcel thing", "order_status", 0.4)
    (review,) = await waiting(house)
    assert review.why is Why.CLARIFIED
    assert review.understood.intents == (("order_status", 0.4),)


async def test_an_answer_to_our_question_is_not_unclear_itself(house: House) -> None:
    first = await write(house, "about that parcel thing", "order_status", 0.4)
    await write(house, "2", "", 0.0)
    await write(house, "Something else", "deny", 0.3)
    assert [review.interaction for review in await waiting(house)] == [first]


async def test_what_the_customer_chose_when_asked_is_suggested(house: House) -> None:
    first = await write(house, "about that parcel thing", "order_status", 0.4)
    await write(house, "1", "", 0.0)
    (review,) = await waiting(house)
    assert (review.interaction, review.suggested, review.suggested_by) == (first, "order_status", "customer")
    corrected = await house.do(reviewing.correct, interaction=first, intent="order_change", by="mei")
    assert (corrected.suggested, corrected.suggested_by) == ("order_change", "mei")


async def test_something_else_suggests_nothing(house: House) -> None:
    await write(house, "about that parcel thing", "order_status", 0.4)
    await write(house, "2", "", 0.0)
    assert [review.suggested for review in await waiting(house)] == [None]


async def test_of_several_messages_those_in_words_are_looked_at(house: House) -> None:
    house.hears.intent, house.hears.confidence = "", 0.0
    house.hears.may_answer.clear()
    await house.letters.receive("first", sender="ann", clock=house.clock)
    second = [await house.letters.receive(text, sender="ann", clock=house.clock) for text in ("👍", "gnarf blub")]
    house.hears.may_answer.set()
    await house.gateway.settle()
    assert [review.interaction for review in await waiting(house)] == [1, second[1]]


async def test_a_message_that_was_understood_waits_for_nobody_and_costs_no_statement(house: House) -> None:
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await write(house, "hello", "greet")
        assert len(asked) > 3
        assert [statement for statement in asked if "reviews" in statement] == []
        await write(house, "the blorb is quorking", "")
        assert len([statement for statement in asked if "reviews" in statement]) == 1
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(await waiting(house)) == 1


async def test_what_people_answer_is_not_queued(house: House) -> None:
    await write(house, "hello", "greet")
    await house.do(conversations.take, conversation=1, by="mei")
    await write(house, "the blorb is quorking", "")
    assert await waiting(house) == []


async def test_an_agent_corrects_what_was_surely_understood(house: House) -> None:
    message = await write(house, "my pot is late", "greet")
    corrected = await house.do(reviewing.correct, interaction=message, intent="complaint_delivery", by="mei")
    assert (corrected.why, corrected.suggested, corrected.suggested_by) == (Why.CORRECTED, "complaint_delivery", "mei")
    assert corrected.understood.intents == (("greet", 0.99),)
    assert await waiting(house) == [corrected]


async def test_every_message_of_a_turn_can_be_corrected(house: House) -> None:
    house.hears.may_answer.clear()
    await house.letters.receive("hi", sender="ann", clock=house.clock)
    await house.letters.receive("my pot", sender="ann", clock=house.clock)
    await house.letters.receive("is late", sender="ann", clock=house.clock)
    house.hears.may_answer.set()
    await house.gateway.settle()
    for interaction in (2, 3):
        review = await house.do(reviewing.correct, interaction=interaction, intent="complaint_delivery", by="mei")
        assert review.understood.intents == (("greet", 0.99),)


async def test_a_correction_of_what_waits_already_keeps_why_it_waits(house: House) -> None:
    message = await write(house, "the blorb is quorking", "")
    corrected = await house.do(reviewing.correct, interaction=message, intent="complaint_quality", by="mei")
    again = await house.do(reviewing.correct, interaction=message, intent="anger", by="bob")
    assert (corrected.why, again.why) == (Why.FELL_THROUGH, Why.FELL_THROUGH)
    assert (again.suggested, again.suggested_by) == ("anger", "bob")
    assert len(house.rows(Review)) == 1


async def test_only_a_customers_answered_words_can_be_corrected(house: House) -> None:
    message = await write(house, "hello", "greet")
    (answer,) = [row["id"] for row in house.rows(Interaction) if row["author"] == "bot"]
    with pytest.raises(NotFound, match="no message 99"):
        await house.do(reviewing.correct, interaction=99, intent="greet", by="mei")
    with pytest.raises(Unusable, match="not a customer's message"):
        await house.do(reviewing.correct, interaction=answer, intent="greet", by="mei")
    with pytest.raises(Unusable, match="no intent"):
        await house.do(reviewing.correct, interaction=message, intent="Refund, please", by="mei")
    house.hears.may_answer.clear()
    newest = await house.letters.receive("and", sender="ann", clock=house.clock)
    with pytest.raises(Unusable, match="just being answered"):
        await house.do_now(reviewing.correct, interaction=newest, intent="greet", by="mei")
    house.hears.may_answer.set()
    await house.gateway.settle()
    assert house.rows(Review) == []


async def test_a_decision_is_made_once(house: House) -> None:
    first, second = [await write(house, text, "") for text in ("the blorb quorks", "gnarf")]
    told = {"intent": "anger", "example": "gnarf", "place": "en/reviewed.yml:9", "by": "mei"}
    accepted = await house.do(reviewing.accept, interaction=second, **told)
    assert (accepted.state, accepted.intent, accepted.place) == (ReviewState.ACCEPTED, "anger", "en/reviewed.yml:9")
    assert (accepted.decided_by, accepted.decided_at) == ("mei", house.clock.now())
    discarded = await house.do(reviewing.discard, interaction=first, by="bob")
    assert discarded.state is ReviewState.DISCARDED
    with pytest.raises(Ended, match="mei accepted message"):
        await house.do(reviewing.discard, interaction=second, by="bob")
    with pytest.raises(Ended, match="mei accepted message"):
        await house.do(reviewing.correct, interaction=second, intent="greet", by="bob")
    with pytest.raises(Ended, match=r"as anger; it stands in en/reviewed\.yml:9"):
        await house.do(reviewing.accept, interaction=second, **{**told, "by": "bob"})
    assert await waiting(house) == []


async def test_what_was_discarded_waits_again_when_an_agent_corrects_it(house: House) -> None:
    message = await write(house, "the blorb quorks", "")
    await house.do(reviewing.discard, interaction=message, by="bob")
    await house.do(reviewing.correct, interaction=message, intent="anger", by="mei")
    assert [review.decided_by for review in await waiting(house)] == [None]


async def test_a_message_is_shown_with_what_was_said_around_it(house: House) -> None:
    await write(house, "hello", "greet")
    message = await write(house, "the blorb quorks", "")
    await write(house, "thanks", "thank")
    await house.do(conversations.note, conversation=1, by="mei", text="Seems to like blorbs.")
    shown = await house.do(reviewing.look, interaction=message)
    assert [line.author for line in shown.lines] == ["customer", "bot"] * 3
    assert [line.text for line in shown.lines if line.author == "customer"] == ["hello", "the blorb quorks", "thanks"]
    with pytest.raises(NotFound, match="rapport correct"):
        await house.do(reviewing.look, interaction=1)


async def test_what_waits_longest_comes_first_and_can_be_leafed_through(house: House) -> None:
    house.hears.intent = ""
    messages = [await house.write("the blorb quorks", sender=name) for name in ("ann", "bea", "cid")]
    page = await house.do(reviewing.waiting, limit=2)
    assert (page.waiting, [review.interaction for review in page.reviews]) == (3, messages[:2])
    rest = await house.do(reviewing.waiting, after=messages[1])
    assert [review.interaction for review in rest.reviews] == messages[2:]
