"""Every text that the assistant can say, with the placeholders it may hold. The words stand in the playbook."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # Small talk
    "small.hello": "business assistant",
    "small.hello_again": "",
    "small.welcome_back": "name business",
    "small.goodbye": "business assistant",
    "small.thanks": "business assistant",
    "small.wellbeing": "business assistant",
    "small.identity": "business assistant",
    "small.help": "business assistant",
    "small.yes": "business assistant",
    "small.no": "business assistant",
    "small.glad": "business assistant",
    "small.pause": "business assistant",
    "small.resume": "business assistant",
    "small.nothing_to_cancel": "business assistant",
    "small.correct_what": "business assistant",
    # Choices
    "choice.how": "",
    "choice.gone": "",
    "choice.gone_ask_again": "",
    "button.person": "",
    "button.stay": "",
    # Not understood
    "fallback.not_understood": "",
    "fallback.out_of_scope": "business",
    # Hand-off
    "handoff.requested": "",
    "handoff.not_understood": "",
    "handoff.anger": "",
    "handoff.legal": "",
    "handoff.policy": "",
    "handoff.unfounded": "",
    "handoff.bad_score": "",
    "handoff.promise_broken": "",
    "handoff.failure": "",
    "handoff.now": "",
    "handoff.when_open": "time",
    "handoff.as_soon_as_open": "",
    # For the agent
    "summary.who": "name tier channel language",
    "summary.said": "words",
    "summary.case": "number",
    "summary.facts": "facts",
    "summary.mood": "mood",
    "summary.promised": "promise due",
    "summary.call_back": "",
    "summary.legal": "",
    "summary.emotional": "",
    "summary.stubborn": "",
    "summary.prepared": "",
}
"""Key to placeholders, parted by blanks."""
