"""Opening hours: whether people are there now, when they next are, and what the knowledge says about it."""

from __future__ import annotations

from bot.skill import Skill
from bot.skills import knowledge
from bot.talk import Talk


def answer(talk: Talk) -> None:
    entries = knowledge.likely(talk, talk.heard, talk.policy.confidence.knowledge_least)
    if entries:
        knowledge.show(talk, entries, lead=_now(talk))
    else:
        talk.say_text(_now(talk))


def _now(talk: Talk) -> str:
    hours = talk.playbook.hours
    if hours.open_at(talk.now):
        return talk.text("opening.open")
    opening = hours.next_opening(talk.now)
    return talk.text("opening.closed_until", time=talk.moment(opening)) if opening else talk.text("opening.closed")


SKILL = Skill(name="opening", answer=answer, intents=frozenset({"opening_hours"}))
