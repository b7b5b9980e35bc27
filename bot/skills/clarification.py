"""Clarification: "did you mean …?" before we say that we did not understand."""

from __future__ import annotations

from bot.heard import SOCIAL
from bot.memory import Option
from bot.skill import Skill
from bot.talk import Talk
from bot.words import WORDS

MOST = 2
"""Guesses that are offered, besides "something else"."""


def guesses(talk: Talk) -> list[str]:
    """Intents that may be meant and that we can name, best first."""
    least = talk.policy.confidence.maybe
    return [
        intent.name
        for intent in talk.heard.intents
        if intent.confidence >= least and intent.name not in SOCIAL and f"intent.{intent.name}" in WORDS
    ][:MOST]


def answer(talk: Talk) -> None:
    talk.memory.misunderstood += 1
    options = [Option(talk.text(f"intent.{name}"), SKILL.name, "mean", name) for name in guesses(talk)]
    options.append(Option(talk.text("button.something_else"), SKILL.name, "none"))
    talk.ask(talk.text("clarify.ask"), options, about=talk.heard)


def chosen(talk: Talk, option: Option) -> None:
    """None of them: the engine itself takes up what was meant."""
    del option
    talk.say("clarify.then_what")


SKILL = Skill(name="clarification", answer=answer, chosen=chosen)
