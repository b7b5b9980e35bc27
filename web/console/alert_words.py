"""Alerts in words: what a line of the console, a mail and a message to the staff say."""

from __future__ import annotations

from typing import Final

from desk.alerts import Told
from web.console import texts
from web.console.visit import HOME

SUBJECTS: Final = ("conversation", "case", "channel", "webhook", "knowledge", "contact", "cause")
PAGES: Final = {
    "conversation": "conversations/{number}",
    "case": "cases/{number}",
    "contact": "contacts/{number}",
    "knowledge": "knowledge/{number}",
    "webhook": "programs",
    "cause": "causes",
}


def line(told: Told, language: str) -> str:
    """What happened, in a sentence. It holds nothing of a customer's."""
    words = texts.words(language)
    kind, _, number = told.subject.partition(":")
    what = words[f"alerts.what_{kind if kind in SUBJECTS else 'other'}"].format(number=number or told.subject)
    says = words[f"alerts.says_{told.kind}{'_by' if told.who else ''}"].format(what=what, who=told.who)
    return says[0].upper() + says[1:]


def page(subject: str) -> str:
    """Where to look."""
    kind, _, number = subject.partition(":")
    return f"{HOME}/{PAGES.get(kind, 'alerts').format(number=number)}"


def reason(code: str, language: str) -> str:
    """Why a letter stands where it stands."""
    words = texts.words(language)
    return words.get(f"alerts.reason_{code.partition(':')[0]}", words["alerts.reason_other"])
