"""Consent: stop and start in plain words, recorded with them and confirmed once."""

from __future__ import annotations

import re

from bot.effects import RecordConsent
from bot.heard import Heard
from bot.memory import Option
from bot.skill import Skill
from bot.talk import Talk
from bot.turn import Purpose

OFFERS = frozenset({"stop_marketing", "start_marketing"})
CERTAIN = 1.0
"""Confidence of the words that mean nothing else (`nlu.optout`, which knows the lists): there is nothing to ask."""
_ASKS = re.compile(r"[?？]|[吗嗎]$|^(?:do|can|is|are|how)\b", re.IGNORECASE)


def answer(talk: Talk) -> None:
    """What they want is understood and certain, or else asked: a yes counts only where we asked."""
    if wants_stop(talk, talk.heard):
        _record(talk, granted=False)
    elif wants_start(talk):
        _record(talk, granted=True)
    else:
        yes = Option(talk.text("button.yes"), SKILL.name, "grant")
        no = Option(talk.text("button.no"), SKILL.name, "decline")
        talk.ask(talk.text("consent.ask", business=talk.business), (yes, no), about=talk.heard)


def chosen(talk: Talk, option: Option) -> None:
    if option.does == "grant":
        _record(talk, granted=True)
    else:
        talk.say("consent.as_before")


def overheard(talk: Talk, heard: Heard) -> None:
    """Said to somebody else, or to nobody: it is recorded; and confirmed where it changes anything and they may hear
    from us."""
    talk.skill, talk.heard = SKILL.name, heard
    granted, contact = not wants_stop(talk, heard), talk.turn.contact
    talk.act(RecordConsent(purpose=Purpose.MARKETING, granted=granted, words=heard.text))
    if not contact.blocked and contact.stopped is granted:
        talk.say("consent.started" if granted else "consent.stopped", business=talk.business)


def wants_stop(talk: Talk, heard: Heard) -> bool:
    intent = heard.intent
    return intent is not None and intent.name == "stop_marketing" and intent.confidence >= talk.policy.confidence.sure


def acts_anywhere(talk: Talk, heard: Heard) -> bool:
    """A stop, and the plain word that takes one back: they count inside a form as well, and a business's own assistant
    is not asked about either."""
    counts = talk.turn.contact.stopped or talk.turn.assistant is not None
    return wants_stop(talk, heard) or (counts and heard.confidence("start_marketing") >= CERTAIN)


def wants_start(talk: Talk) -> bool:
    """ "Do you have a newsletter?" asks, and says no yes."""
    if not talk.means("start_marketing"):
        return False
    return talk.heard.confidence("start_marketing") >= CERTAIN or _ASKS.search(talk.heard.text) is None


def _record(talk: Talk, *, granted: bool) -> None:
    contact = talk.turn.contact
    talk.act(
        RecordConsent(purpose=Purpose.MARKETING, granted=granted, words=talk.heard.text or talk.text("button.yes"))
    )
    if granted:
        already = contact.marketing is True and not contact.stopped
        talk.say("consent.started_already" if already else "consent.started", business=talk.business)
    elif not contact.stopped:
        talk.say("consent.stopped", business=talk.business)
    elif not _is_keyword(talk):
        talk.say("consent.stopped_already", business=talk.business)


def _is_keyword(talk: Talk) -> bool:
    """A STOP by text message that comes again: its one confirmation was sent (CTIA, Messaging Principles and Best
    Practices)."""
    return talk.short and talk.heard.confidence("stop_marketing") >= CERTAIN


SKILL = Skill(name="consent", answer=answer, intents=OFFERS, chosen=chosen)
