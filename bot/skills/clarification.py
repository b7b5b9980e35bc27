"""Clarification: "did you mean …?" before we say that we did not understand."""

from __future__ import annotations

from bot.heard import SOCIAL
from bot.memory import Choice, Option
from bot.proof import order_numbers
from bot.skill import Skill
from bot.talk import Talk
from bot.words import WORDS

_ONE_GUESS = 2
"""Options where there is one guess: that one, and something else."""
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


def is_confirmed(talk: Talk, choice: Choice) -> bool:
    """Asked "did you mean this?" they say neither yes nor no, but go on with facts: that is a yes."""
    if choice.about is None or len(choice.options) != _ONE_GUESS or choice.options[0].skill != SKILL.name:
        return False
    unsure = talk.heard.intent is None or not talk.sure(talk.heard.intent.name)
    return unsure and bool(talk.heard.entities or order_numbers(talk, talk.heard))


SKILL = Skill(name="clarification", answer=answer, chosen=chosen)
