"""`routing` in `policy.yml`: read and checked, all its mistakes at once."""

from __future__ import annotations

from bot.located import Section
from bot.routing import RoutingRules

_MINUTES = ("resting_minutes", "take_minutes", "answer_minutes", "gone_minutes", "idle_minutes")
_HOURS = ("take_mail_hours", "answer_mail_hours")


def read_routing(root: Section) -> RoutingRules:
    """What is not said is as usual."""
    section, usual = root.section("routing", required=False), RoutingRules()
    if section is None:
        return usual
    times = {key: section.integer(key, getattr(usual, key), least=1) for key in (*_MINUTES, *_HOURS)}
    rules = RoutingRules(
        automatic=section.boolean("automatic", usual.automatic),
        capacity=section.integer("capacity", usual.capacity, least=1),
        mail_counts=section.number("mail_counts", usual.mail_counts, most=1),
        **times,
    )
    if section.find("gone_minutes") is not None and rules.gone_minutes > rules.answer_minutes:
        section.note(
            "`routing.gone_minutes` should not be above `routing.answer_minutes`: who is gone answers no sooner.",
            section.line_of("gone_minutes"),
        )
    section.finish()
    return rules
