"""The repertoire: every skill is registered here, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.skill import Skill
from bot.skills import (
    abuse,
    assistant,
    attachments,
    clarification,
    complaint,
    consent,
    fallback,
    handoff,
    knowledge,
    opening,
    orders,
    requests,
    smalltalk,
    survey,
)

SKILLS: Mapping[str, Skill] = {
    skill.name: skill
    for skill in (
        consent.SKILL,
        abuse.SKILL,
        handoff.SKILL,
        survey.SKILL,
        knowledge.SKILL,
        orders.SKILL,
        complaint.SKILL,
        requests.SKILL,
        opening.SKILL,
        smalltalk.SKILL,
        attachments.SKILL,
        assistant.SKILL,
        clarification.SKILL,
        fallback.SKILL,
    )
}
"""Everything the assistant can do, by name."""

BY_INTENT: Mapping[str, Skill] = {intent: skill for skill in SKILLS.values() for intent in skill.intents}

FLOOR: Sequence[Skill] = tuple(skill for skill in SKILLS.values() if skill.goes_on is not None)
"""Who may have the floor from an earlier Turn, in the order of SKILLS."""
