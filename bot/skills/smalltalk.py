"""Greeting, thanks, goodbye, who we are, and what we can do."""

from __future__ import annotations

from bot.skill import Skill
from bot.talk import Talk

_ANSWERS = {
    "goodbye": "small.goodbye",
    "thank": "small.thanks",
    "smalltalk_wellbeing": "small.wellbeing",
    "bot_identity": "small.identity",
    "help": "small.help",
    "affirm": "small.yes",
    "deny": "small.no",
    "pause": "small.pause",
    "resume": "small.resume",
    "cancel_form": "small.nothing_to_cancel",
    "correct_fact": "small.correct_what",
}
_ANSWERS_IN_BETWEEN = {"greet": "small.here", "thank": "small.welcome", "smalltalk_wellbeing": "small.well"}
"""While another question is open, ours is not "what can I do for you?"."""


def answer(talk: Talk) -> None:
    intent = talk.heard.intent
    key = _ANSWERS.get(intent.name) if intent is not None else None
    if talk.aside and intent is not None:
        key = _ANSWERS_IN_BETWEEN.get(intent.name, key)
    if key is None:
        greet(talk)
    else:
        talk.say(key, business=talk.business, assistant=talk.policy.assistant[talk.language])


def greet(talk: Talk) -> None:
    """Introduce ourselves once; to a known person by name."""
    if not talk.conversation.first:
        talk.say("small.hello_again")
    elif talk.conversation.returning and talk.name:
        talk.say("small.welcome_back", name=talk.name, business=talk.business)
    else:
        talk.say("small.hello", business=talk.business, assistant=talk.policy.assistant[talk.language])


SKILL = Skill(name="smalltalk", answer=answer, intents=frozenset({"greet", *_ANSWERS}))
