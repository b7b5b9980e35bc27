"""A business's own assistant in place of our skills: what it is asked, and how its answer is put on each channel."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.assistant import Answer, Ask, AssistantFacts, Reply, Trouble
from bot.effects import AskAssistant, Effect, HandOff, RecordConsent, Say
from bot.engine import respond
from bot.memory import Memory
from bot.turn import CaseFacts, CaseKind, CaseStatus, ChannelFacts, Message, Owner, Turn
from channels.envelope import Attachment, AttachmentKind, Button, Event
from gateway.recording import effects_from_json, effects_to_json, turn_from_json, turn_to_json
from nlu.understanding import Language
from tests.bot.house import House
from tests.bot.people import NOON, SMS, WEBCHAT, message, shop, turn, understood
from tests.bot.test_whatever_arrives import TURNS

MAIL = ChannelFacts(name="mail", scheme="mailto")
WINDOW = replace(WEBCHAT, pictures=True, custom=True)
CAT = Attachment(kind=AttachmentKind.IMAGE, id="https://shop.example/cat.jpg")


CASE = CaseFacts(
    number="C-1042",
    kind=CaseKind.REQUEST,
    status=CaseStatus.RESOLVED,
    step=None,
    subject="a card",
    facts={},
    opened_at=NOON,
    survey_asked=True,
)


def asked(*messages: Message, **circumstances: object) -> tuple[Effect, ...]:
    """A Turn's first run, with an assistant that was not asked yet."""
    return respond(replace(turn(*messages, **circumstances), assistant=AssistantFacts()), shop())  # pyright: ignore[reportArgumentType]


def answered(*replies: Reply, channel: ChannelFacts = WINDOW, **answer: object) -> list[Say]:
    """What is said when it answers so."""
    step = replace(turn(message("hello"), channel=channel), assistant=AssistantFacts())
    step = replace(step, assistant=AssistantFacts(answer=Answer(replies=replies, **answer)))  # pyright: ignore[reportArgumentType]
    return [effect for effect in respond(step, shop()) if isinstance(effect, Say)]


def test_the_first_run_asks_and_does_nothing_else() -> None:
    (asking,) = asked(message("你好", understood("greet", language=Language.ZH_HANS), interaction=17))
    assert asking == AskAssistant(
        asks=(Ask(interaction=17, event=Event.MESSAGE, text="你好"),), language=Language.ZH_HANS
    )


def test_what_waited_together_is_asked_in_order_each_by_itself() -> None:
    (asking,) = asked(message("hi", interaction=1), message("/yes", event=Event.CALLBACK, interaction=2))
    assert isinstance(asking, AskAssistant)
    assert [(one.interaction, one.text) for one in asking.asks] == [(1, "hi"), (2, "/yes")]


def test_a_stop_among_other_messages_acts_and_the_others_are_asked() -> None:
    messages = (message("stop", understood(("stop_marketing", 1.0)), interaction=1), message("pizza?", interaction=2))
    (asking,) = asked(*messages)
    assert isinstance(asking, AskAssistant)
    assert [one.text for one in asking.asks] == ["pizza?"]
    step = replace(turn(*messages), assistant=AssistantFacts(answer=Answer(replies=(Reply(text="With ham?"),))))
    effects = respond(step, shop())
    assert [effect.granted for effect in effects if isinstance(effect, RecordConsent)] == [False]
    assert [effect.text for effect in effects if isinstance(effect, Say)][-1] == "With ham?"


@pytest.mark.parametrize("owner", [Owner.QUEUE, Owner.AGENT])
def test_people_are_not_talked_over(owner: Owner) -> None:
    assert not any(isinstance(effect, AskAssistant | Say) for effect in asked(message("hello"), owner=owner))


@pytest.mark.parametrize("payload", ["/stop", "/human", "/cancel", '/inform{"topic": "my lawyer"}', "STOP"])
def test_nothing_is_read_into_the_payload_of_its_button(payload: str) -> None:
    meaning = understood(("stop_marketing", 1.0)) if payload == "STOP" else None
    (asking,) = asked(message(payload, meaning, event=Event.CALLBACK))
    assert isinstance(asking, AskAssistant)
    assert asking.asks[0].text == payload


def test_a_person_asked_for_beside_a_press_ends_it() -> None:
    effects = asked(
        message("/yes", event=Event.CALLBACK, interaction=1),
        message("get me a human", understood("human_request"), interaction=2),
    )
    assert not any(isinstance(effect, AskAssistant) for effect in effects)
    assert any(isinstance(effect, HandOff) for effect in effects)


def test_a_conversation_window_gets_each_message_for_itself_with_its_buttons_and_pictures() -> None:
    yes = Button(label="Yes", value="/affirm")
    page = Button(label="Our page", value="", url="https://shop.example")
    said = answered(Reply(text="Look:", attachments=(CAT,)), Reply(text="Better?", buttons=(yes, page)))
    assert [(say.text, say.attachments, say.buttons) for say in said] == [
        ("Look:", (CAT,), ()),
        ("Better?", (), (yes, page)),
    ]
    assert {say.skill for say in said} == {"assistant"}


@pytest.mark.parametrize("channel", [SMS, MAIL], ids=["text message", "mail"])
def test_a_letter_has_all_of_it_in_one_with_links_and_one_numbered_list(channel: ChannelFacts) -> None:
    size = tuple(Button(label=label, value=f"/size_{label}") for label in ("small", "large"))
    more = (Button(label="none", value="/none"), Button(label="Menu", value="", url="https://shop.example/menu"))
    (say,) = answered(
        Reply(text="Here it is:", attachments=(CAT,)),
        Reply(text="Which?", buttons=size),
        Reply(text="Or", buttons=more),
        channel=channel,
    )
    assert "Here it is:\nhttps://shop.example/cat.jpg\n\nWhich?\n\n1. small\n2. large\n" in say.text
    assert "\nMenu: https://shop.example/menu\n3. none\n" in say.text
    assert say.buttons == ()
    assert say.attachments == ()


@pytest.mark.parametrize(
    "payload", [f'/inform{{"name": "{"x" * 60}"}}', "choice:1:2", "茶" * 22], ids=["long", "like ours", "long in bytes"]
)
def test_a_payload_that_no_button_can_hold_comes_back_as_it_was(payload: str) -> None:
    house = House(assistant={"menu": (Reply(text="?", buttons=(Button(label="this", value=payload),)),)})
    (say,) = [effect for effect in house.hear(message("menu")) if isinstance(effect, Say)]
    assert len(say.buttons[0].value.encode()) <= 64
    house.hear(message(say.buttons[0].value, event=Event.CALLBACK))
    assert house.asked[-1] == Ask(interaction=1, event=Event.CALLBACK, text=payload)


def test_a_number_after_it_has_gone_on_is_an_answer_to_its_newest_question() -> None:
    sizes = (Button(label="small", value="/small"), Button(label="large", value="/large"))
    answers = {"pizza": (Reply(text="Size?", buttons=sizes),), "hm": (Reply(text="How many?"),)}
    house = House(channel=SMS, assistant=answers)
    for text in ("pizza", "hm", "2"):
        house.hear(message(text))
    assert house.asked[-1].text == "2"


def test_a_custom_payload_goes_where_it_is_understood_and_speaks_for_itself_elsewhere() -> None:
    card = Reply(custom={"card": {"price": 12}, "text": "Twelve euros."})
    (window,) = answered(card)
    assert (window.text, window.custom) == ("", card.custom)
    (text,) = answered(card, channel=SMS)
    assert (text.text, text.custom) == ("Twelve euros.", None)


def test_what_cannot_be_shown_at_all_is_no_answer() -> None:
    (say,) = answered(Reply(custom={"card": 1}), channel=SMS)
    assert say.skill == "handoff" or "colleague" in say.text


def test_its_own_words_may_lead_the_hand_over_and_the_agent_reads_why() -> None:
    reply = Reply(hands_over=True, reason="card\u202e refused", custom={"handoff": True, "text": "Anna takes over."})
    step = replace(turn(message("pay")), assistant=AssistantFacts(answer=Answer(replies=(reply,))))
    effects = respond(step, shop())
    (say,) = [effect for effect in effects if isinstance(effect, Say)]
    (handed,) = [effect for effect in effects if isinstance(effect, HandOff)]
    assert say.text.startswith("Anna takes over.")
    assert "助手留言：card refused" in handed.summary, "in the language of the staff"


def test_what_came_before_the_trouble_is_said_and_the_trouble_is_excused() -> None:
    first, second = answered(Reply(text="Hey!"), trouble=Trouble.TIMEOUT, reason="rasa: timed out")
    assert first.text == "Hey!"
    assert second.text == shop().texts[Language.EN]["assistant.unavailable"][0].say({})


def test_a_satisfaction_question_is_still_ours() -> None:
    house = House(assistant={}, cases={"C-1042": CASE})
    house.memory = Memory(survey="C-1042").write()
    effects = house.hear(message("5"))
    assert house.asked == []
    assert any(isinstance(effect, Say) for effect in effects)


def test_a_turn_with_its_answer_is_stored_and_runs_again_the_same() -> None:
    replies = (
        Reply(text="Hey!", buttons=(Button(label="y", value="/y"),), attachments=(CAT,), custom={"a": [1, None]}),
    )
    step = replace(
        turn(message("hello"), channel=WINDOW),
        assistant=AssistantFacts(answer=Answer(replies=replies, notes=("an image is no web address",))),
    )
    effects = respond(step, shop())
    read: Turn = turn_from_json(turn_to_json(step))
    assert read == step
    assert respond(read, shop()) == effects
    assert tuple(effects_from_json(effects_to_json(effects))) == effects


WORDS = st.text(max_size=40) | st.sampled_from(["Hey!", "choice:1:1", "/affirm", "{name} {0}"])
BUTTONS = st.builds(
    Button, label=WORDS.filter(str.strip), value=WORDS | st.just("x" * 200), url=st.sampled_from([None, "https://x.y"])
)
REPLIES = st.builds(
    Reply,
    text=WORDS,
    buttons=st.lists(BUTTONS, max_size=4).map(tuple),
    attachments=st.lists(st.just(CAT), max_size=2).map(tuple),
    custom=st.none() | st.dictionaries(st.sampled_from(["text", "handoff", "x"]), WORDS | st.integers(), max_size=3),
    hands_over=st.booleans(),
    reason=WORDS,
)
ANSWERS = st.builds(
    Answer,
    replies=st.lists(REPLIES, max_size=3).map(tuple),
    trouble=st.sampled_from([None, *Trouble]),
    reason=st.none() | WORDS,
)


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(step=TURNS, answer=ANSWERS, pictures=st.booleans(), custom=st.booleans())
def test_whatever_it_answers_is_said_as_the_channel_can_or_excused_or_handed_over(
    step: Turn, answer: Answer, pictures: bool, custom: bool
) -> None:
    channel = replace(step.channel, pictures=pictures, custom=custom)
    step = replace(step, channel=channel, assistant=AssistantFacts())
    asked = any(isinstance(effect, AskAssistant) for effect in respond(step, shop()))
    effects = respond(replace(step, assistant=AssistantFacts(answer=answer)), shop())
    assert not any(isinstance(effect, AskAssistant) for effect in effects)
    says = [effect for effect in effects if isinstance(effect, Say)]
    assert says or not asked, "somebody who wrote to it hears something"
    for say in says:
        assert say.text.strip() or say.buttons or say.attachments or say.custom is not None
        assert len(say.buttons) <= channel.buttons
        assert all(len(button.value.encode()) <= 64 for button in say.buttons if button.url is None)
        assert pictures or not say.attachments
        assert custom or say.custom is None
