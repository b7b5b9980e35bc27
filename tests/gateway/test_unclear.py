"""Which messages of a Turn a person should look at."""

from __future__ import annotations

from datetime import timedelta

from bot.effects import Effect, HandOff, HandOffReason, Say
from bot.turn import ChannelFacts, ContactFacts, ConversationFacts, Message, Owner, Turn
from channels.envelope import Event
from gateway.unclear import reviews
from nlu.understanding import Intent, Language, Understanding
from tests.clock import FrozenClock

NOW = FrozenClock().now()


def message(number: int, text: str, confidence: float = 0.0, event: Event = Event.MESSAGE) -> Message:
    intents = (Intent(name="order_status", confidence=confidence),) if confidence else ()
    understanding = Understanding(language=Language.EN, intents=intents, engine="embedded")
    return Message(interaction=number, event=event, text=text, sent_at=NOW, understanding=understanding)


def turn(*messages: Message) -> Turn:
    return Turn(
        now=NOW + timedelta(seconds=1),
        seed=1,
        fresh_number="C-1001",
        channel=ChannelFacts(name="letters", scheme="letters"),
        contact=ContactFacts(id=1),
        conversation=ConversationFacts(id=1, owner=Owner.BOT, epoch=0, opened_at=NOW),
        messages=messages,
    )


def looked_at(effect: Effect, *messages: Message) -> list[int]:
    return [row["interaction_id"] for row in reviews(turn(*messages), [effect], NOW)]


LOST = Say(text="Sorry?", skill="fallback")


def test_the_clear_one_of_several_messages_needs_no_review() -> None:
    assert looked_at(LOST, message(1, "where is my order", 0.95), message(2, "gnarf blub")) == [2]


def test_where_each_by_itself_was_clear_all_are_looked_at() -> None:
    assert looked_at(LOST, message(1, "where is it", 0.9), message(2, "the order", 0.9)) == [1, 2]


def test_buttons_and_marks_hold_nothing_to_learn_from() -> None:
    pressed = message(1, "choice:3:1", event=Event.CALLBACK)
    assert looked_at(LOST, pressed, message(2, "choice:3:1"), message(3, "???"), message(4, "123")) == []


def test_who_asked_for_a_person_was_understood() -> None:
    assert looked_at(HandOff(reason=HandOffReason.REQUESTED, summary=""), message(1, "a human please", 0.9)) == []
    assert looked_at(Say(text="Hello", skill="smalltalk"), message(1, "hi")) == []
