"""Consent: stop and start in plain words, recorded with them and confirmed once."""

from __future__ import annotations

import unicodedata

from bot.effects import RecordConsent
from bot.heard import Heard
from bot.memory import Option
from bot.skill import Skill
from bot.talk import Talk
from bot.turn import Purpose

STOP = frozenset({"stop", "stopall", "unsubscribe", "optout", "opt out", "退订", "退訂", "td", "取消订阅", "取消訂閱"})
START = frozenset({"start", "unstop", "subscribe", "optin", "opt in", "订阅", "訂閱"})
STOP_ON_SMS = frozenset({"cancel", "end", "quit", "t", "r", "revoke", "arret", "baja"})
"""Whole messages that mean it on SMS (47 CFR 64.1200(a)(10), CTIA); elsewhere "cancel" is about what is being done."""


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


def wants_stop(talk: Talk, heard: Heard) -> bool:
    intent = heard.intent
    if intent is not None and intent.name == "stop_marketing" and intent.confidence >= talk.policy.confidence.sure:
        return True
    words = _folded(heard.text)
    return words in STOP or (talk.turn.channel.scheme == "tel" and words in STOP_ON_SMS)


def wants_start(talk: Talk) -> bool:
    intent = talk.heard.intent
    if intent is not None and intent.name == "start_marketing" and talk.sure("start_marketing"):
        return True
    return _folded(talk.heard.text) in START


def _record(talk: Talk, *, granted: bool) -> None:
    contact = talk.turn.contact
    talk.act(
        RecordConsent(purpose=Purpose.MARKETING, granted=granted, words=talk.heard.text or talk.text("button.yes"))
    )
    if granted:
        already = contact.marketing is True and not contact.stopped
        talk.say("consent.started_already" if already else "consent.started", business=talk.business)
    else:
        talk.say("consent.stopped_already" if contact.stopped else "consent.stopped", business=talk.business)


def _folded(text: str) -> str:
    if len(text) > 40:
        return ""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().strip(" .!。！'\"“”「」").split())


SKILL = Skill(name="consent", answer=answer, intents=frozenset({"stop_marketing", "start_marketing"}), chosen=chosen)
