"""Satisfaction after a case: one question, one to five; a bad answer opens the case again."""

from __future__ import annotations

import re
import unicodedata

from bot.effects import HandOffReason, Resolve, UpdateCase
from bot.heard import COMPLAINTS
from bot.memory import Option
from bot.skill import Skill
from bot.skills import handoff
from bot.talk import Talk, quote
from bot.turn import CaseStatus, Purpose

BAD = 2
"""Up to here, of five, the case is opened again."""

_AGAINST = frozenset({*COMPLAINTS, "dissatisfied", "anger", "abuse", "deny"})
_SCORE = re.compile(r"([1-5])\s*(?:分|星|顆星|颗星|stars?|points?|/\s*5|out of (?:5|five))?[.!。！]?")


def answer(talk: Talk) -> None:
    """Satisfied or not, with no question of ours open."""
    talk.say("small.glad", business=talk.business, assistant=talk.policy.assistant[talk.language])


def goes_on(talk: Talk) -> bool:
    """Words instead of a button."""
    if not talk.memory.survey:
        return False
    score = _score_in(talk)
    if score is None:
        return False
    _take(talk, score)
    return True


def chosen(talk: Talk, option: Option) -> None:
    _take(talk, int(option.value) if option.value in {"1", "2", "3", "4", "5"} else 3)


def ask(talk: Talk, case: str) -> None:
    """Once a case."""
    talk.memory.survey = case
    options = [Option(talk.text(f"survey.score_{score}"), SKILL.name, "score", str(score)) for score in range(1, 6)]
    talk.ask(talk.text("survey.ask", number=case, business=talk.business), options, purpose=Purpose.SURVEY)
    talk.act(UpdateCase(number=case, survey_asked=True))


def _score_in(talk: Talk) -> int | None:
    text = unicodedata.normalize("NFKC", talk.heard.text[:40]).strip().casefold()
    if match := _SCORE.fullmatch(text):
        return int(match[1])
    sure = talk.policy.confidence.sure
    if sum(intent.confidence for intent in talk.heard.intents if intent.name in _AGAINST) >= sure:
        return BAD
    if talk.sure("satisfied"):
        return 5
    return None


def _take(talk: Talk, score: int) -> None:
    number, talk.memory.survey, talk.memory.choice = talk.memory.survey, "", None
    if not number:
        talk.say("choice.gone")
        return
    words = quote(talk.heard.text, 300)
    if score <= BAD:
        talk.act(UpdateCase(number=number, score=score, status=CaseStatus.OPEN, priority=1, note=words or None))
        note = talk.staff_text("summary.case", number=number)
        handoff.hand_off(talk, HandOffReason.BAD_SCORE, note=f"{note} · {score}/5")
    else:
        talk.act(UpdateCase(number=number, score=score, status=CaseStatus.CLOSED, note=words or None))
        talk.say("survey.thanks", business=talk.business)
        talk.act(Resolve())


SKILL = Skill(name="survey", answer=answer, intents=frozenset({"satisfied"}), goes_on=goes_on, chosen=chosen)
