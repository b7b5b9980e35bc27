"""Spam and abuse: one warning, then no more answers; never a case."""

from __future__ import annotations

from bot.effects import MarkSpam
from bot.heard import COMPLAINTS
from bot.skill import Skill
from bot.talk import Talk

_AN_ADDRESS = 60
"""Characters."""


def answer(talk: Talk) -> None:
    spam = talk.heard.confidence("spam") >= talk.heard.confidence("abuse")
    if talk.memory.warned:
        talk.act(MarkSpam(reason="spam after a warning" if spam else "abuse after a warning", block=True))
    else:
        talk.memory.warned = True
        talk.say("abuse.spam" if spam else "abuse.warning", business=talk.business)


def is_meant(talk: Talk) -> bool:
    """It is surely that and nothing more: a customer who swears about a broken pot has a complaint."""
    intent = talk.heard.intent
    if intent is None or intent.name not in SKILL.intents or not talk.sure(intent.name):
        return False
    complaint = talk.memory.complaint
    complaining = complaint is not None or talk.open_case() is not None
    if complaint is not None and complaint.asked == "reach" and len(talk.heard.text) <= _AN_ADDRESS:
        return False  # asked how to be reached, somebody names their messenger
    if intent.name == "abuse" and complaining:
        return False
    return talk.heard.confidence(*COMPLAINTS) < talk.policy.confidence.maybe


SKILL = Skill(name="abuse", answer=answer, intents=frozenset({"spam", "abuse"}))
