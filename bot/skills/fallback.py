"""Fallback: we did not understand, say so, and show what we can do; the second time in a row a person takes over.

What is clearly of another world was understood well enough: it is declined with courtesy, and nobody is called for it.
"""

from __future__ import annotations

import re

from bot.complaints.answers import does_not_know
from bot.effects import HandOffReason
from bot.heard import Heard
from bot.skill import Skill
from bot.skills import handoff
from bot.talk import Talk


def answer(talk: Talk) -> None:
    memory = talk.memory
    if is_of_another_world(talk.heard):
        handoff.offer_person(talk, "fallback.out_of_scope", business=talk.business)
        return
    memory.misunderstood += 1
    if memory.misunderstood >= talk.policy.misunderstandings:
        handoff.hand_off(talk, HandOffReason.NOT_UNDERSTOOD)
    elif talk.heard.otherwise:
        handoff.offer_person(talk, "fallback.languages")
    else:
        handoff.offer_person(talk, "fallback.not_understood")


def is_of_another_world(heard: Heard) -> bool:
    return heard.beyond and not _may_be_an_answer(heard.text)


def _may_be_an_answer(text: str) -> bool:
    """ "The second one", "no idea", "haha": said to nothing that is open, they are no subject of their own."""
    return len(text) < _A_REMARK or does_not_know(text) or _ANSWERS.fullmatch(text.strip(" .!。！")) is not None


_A_REMARK = 4
"""Characters."""
_ANSWERS = re.compile(
    r"第.[个個]|[两兩]个都要|看情[况況]|哈+|呵+|啦+"
    r"|(?:the )?(?:first|second|third) one|both(?: of them)?|(?:ha)+h?|lol|it depends|blah.*|asdf.*",
    re.IGNORECASE,
)

SKILL = Skill(name="fallback", answer=answer)
