"""Fallback: we did not understand, say so, and show what we can do; the second time in a row a person takes over."""

from __future__ import annotations

from bot.effects import HandOffReason
from bot.skill import Skill
from bot.skills import handoff
from bot.talk import Talk


def answer(talk: Talk) -> None:
    memory = talk.memory
    memory.misunderstood += 1
    if memory.misunderstood >= talk.policy.misunderstandings:
        handoff.hand_off(talk, HandOffReason.NOT_UNDERSTOOD)
    elif talk.sure("out_of_scope"):
        handoff.offer_person(talk, "fallback.out_of_scope", business=talk.business)
    else:
        handoff.offer_person(talk, "fallback.not_understood")


SKILL = Skill(name="fallback", answer=answer, intents=frozenset({"out_of_scope"}))
