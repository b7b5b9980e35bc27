"""Conversations that a business's own assistant leads, and what of them stays ours."""

from __future__ import annotations

from bot.assistant import Reply
from bot.turn import FollowUpKind
from channels.envelope import AttachmentKind, Button, Event
from tests.bot.people import NIGHT, SMS
from tests.bot.scripts import HANS, HANT, Script, due, line

FINE, SAD = Button(label="fine", value="/mood_great"), Button(label="super sad", value="/mood_unhappy")
ANSWERS = {
    "hello": (Reply(text="Hey! How are you?", buttons=(FINE, SAD)),),
    "where is my order": (Reply(text="Ask me how I am."),),
    "/mood_great": (Reply(text="Great, carry on!"),),
    "/mood_unhappy": (Reply(text="Did that help you?"),),
    "discount": (Reply(text="One moment."), Reply(hands_over=True, reason="wants a discount")),
}

ASSISTANT: tuple[Script, ...] = (
    Script(
        skill="assistant",
        name="what we would have answered ourselves is the assistant's, and so is a press of its button",
        assistant=ANSWERS,
        lines=(
            line("hello", "greet", words=["Hey! How are you?", "super sad"]),
            line("/mood_unhappy", words=["Did that help you?"], event=Event.CALLBACK),
            line("where is my order", "order_status", words=["Ask me how I am."]),
        ),
    ),
    Script(
        skill="assistant",
        name="by text message its buttons are a list, and a number chooses",
        assistant=ANSWERS,
        channel=SMS,
        lines=(
            line("hello", "greet", words=["1. fine\n2. super sad"], says="choice.how"),
            line("2", words=["Did that help you?"]),
        ),
    ),
    Script(
        skill="assistant",
        name="stop, start and help are never the assistant's",
        assistant=ANSWERS,
        channel=SMS,
        lines=(
            line("STOP", ("stop_marketing", 1.0), says="consent.stopped@sms", does=["consent no"]),
            line("START", ("start_marketing", 1.0), says="consent.started", does=["consent yes"]),
            line("HELP", ("help", 1.0), says="small.help@sms"),
            line("hello", words=["Hey! How are you?"]),
        ),
    ),
    Script(
        skill="assistant",
        name="who asks for a person gets one",
        assistant=ANSWERS,
        language=HANS,
        lines=(
            line("转人工", "human_request", language=HANS, says="handoff.requested", does=["hand off requested"]),
            line("hello", does=["Ignore"]),
        ),
    ),
    Script(
        skill="assistant",
        name="lawyers are a person's affair",
        assistant=ANSWERS,
        language=HANT,
        lines=(
            line(
                "我要找律師告你們",
                "legal_threat",
                language=HANT,
                says="handoff.legal",
                does=["open complaint", "hand off legal"],
            ),
        ),
    ),
    Script(
        skill="assistant",
        name="somebody who stays angry gets a person",
        assistant={"this is a disgrace": (Reply(text="I am a bot."),)},
        lines=(
            line("this is a disgrace", "anger", words=["I am a bot."]),
            line("you are hopeless!!", "anger", says="handoff.anger", does=["hand off anger"]),
        ),
    ),
    Script(
        skill="assistant",
        name="it hands over itself, and by night the customer hears when somebody is there",
        assistant=ANSWERS,
        now=NIGHT,
        lines=(
            line(
                "discount",
                words=["One moment."],
                says=["handoff.assistant", "handoff.when_open"],
                does=["hand off assistant", "plan call_back"],
            ),
            due(FollowUpKind.CALL_BACK, says="handoff.open_now"),
        ),
    ),
    Script(
        skill="assistant",
        name="no answer is excused once, and the second time in a row a person comes",
        assistant=ANSWERS,
        language=HANT,
        lines=(
            line("嗯嗯", language=HANT, says="assistant.unavailable"),
            line("喂", language=HANT, says="handoff.failure", does=["hand off failure"]),
        ),
    ),
    Script(
        skill="assistant",
        name="an answer in between makes the next silence the first again",
        assistant=ANSWERS,
        lines=(
            line("hmm", says="assistant.unavailable"),
            line("hello", words=["Hey!"]),
            line("hmm", says="assistant.unavailable"),
        ),
    ),
    Script(
        skill="assistant",
        name="a picture without words is ours to thank for",
        assistant=ANSWERS,
        lines=(line("", attachment=AttachmentKind.IMAGE, says="attachment.picture"),),
    ),
    Script(
        skill="assistant",
        name="spam and abuse are warned and not asked about",
        assistant=ANSWERS,
        lines=(
            line("buy followers now", "spam", says="abuse.spam"),
            line("buy followers now", "spam", does=["MarkSpam"]),
        ),
    ),
)
