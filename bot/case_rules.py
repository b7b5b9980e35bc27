"""What the business decided about cases: how soon people answer, and what each of them may grant on their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Final

from bot.authority import TIERS, Authority
from bot.located import Section

PRIORITIES: Final[Mapping[str, int]] = {"urgent": 1, "high": 2, "normal": 3, "low": 4}
ROLES: Final = ("agent", "supervisor")
UNLIMITED: Final = Authority(refund=inf, voucher=inf, replacement=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Targets:
    """Hours in which we are open, until..."""

    first_response: float
    """...a person has answered, since a case needs people."""
    next_update: float
    """...the customer hears how it stands, again and again."""
    solution: float
    """...it is resolved."""


USUAL: Final[Mapping[int, Targets]] = {
    1: Targets(first_response=0.5, next_update=4, solution=12),
    2: Targets(first_response=1, next_update=8, solution=24),
    3: Targets(first_response=4, next_update=16, solution=48),
    4: Targets(first_response=8, next_update=24, solution=96),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseRules:
    """`policy.yml`, `cases`, checked."""

    targets: Mapping[int, Targets] = field(default_factory=lambda: dict(USUAL))
    """By priority: 1 urgent … 4 low."""
    tiers: Mapping[str, float] = field(default_factory=lambda: {"key": 0.5})
    """Customers who wait only this share of the time, or longer."""
    soon_hours: float = 1
    """A deadline that is nearer than this is at risk; by the clock on the wall."""
    recurring: int = 3
    """Complaints of one cause within four weeks, from which on it should have an owner."""
    authority: Mapping[str, Mapping[str, Authority]] = field(default_factory=dict[str, Mapping[str, Authority]])
    """By role and tier, where that differs from the usual: agents may grant what the assistant may, supervisors all."""

    def target(self, priority: int, tier: str) -> Targets:
        """In hours in which we are open."""
        usual, share = self.targets[min(max(priority, 1), 4)], self.tiers.get(tier, 1.0)
        return Targets(
            first_response=usual.first_response * share,
            next_update=usual.next_update * share,
            solution=usual.solution * share,
        )


def read_rules(root: Section) -> CaseRules:
    """The section `cases`, which may be left out, as may everything in it; mistakes are noted."""
    section = root.section("cases", required=False)
    if section is None:
        return CaseRules()
    usual = CaseRules()
    rules = CaseRules(
        targets=_targets(section),
        tiers=_tiers(section),
        soon_hours=section.number("soon_hours", usual.soon_hours, least=0, most=720),
        recurring=section.integer("recurring", usual.recurring, least=2),
        authority=_authority(section),
    )
    section.finish()
    return rules


def _targets(section: Section) -> Mapping[int, Targets]:
    deadlines = section.section("deadlines", required=False)
    if deadlines is None:
        return dict(USUAL)
    found: dict[int, Targets] = {}
    for word, priority in PRIORITIES.items():
        hours, usual = deadlines.section(word, required=False), USUAL[priority]
        if hours is None:
            found[priority] = usual
            continue
        found[priority] = Targets(
            first_response=hours.number("first_response", usual.first_response, least=0.01, most=10_000),
            next_update=hours.number("next_update", usual.next_update, least=0.01, most=10_000),
            solution=hours.number("solution", usual.solution, least=0.01, most=10_000),
        )
        hours.finish()
    deadlines.finish()
    return found


def _tiers(section: Section) -> Mapping[str, float]:
    tiers = section.section("tiers", required=False)
    if tiers is None:
        return CaseRules().tiers
    found = {tier: tiers.number(tier, 1, least=0.01, most=100) for tier in TIERS}
    tiers.finish()
    return found


def _authority(section: Section) -> Mapping[str, Mapping[str, Authority]]:
    roles = section.section("authority", required=False)
    if roles is None:
        return {}
    found: dict[str, Mapping[str, Authority]] = {}
    for role in ROLES:
        tiers = roles.section(role, required=False)
        if tiers is None:
            continue
        found[role] = {tier: grants for tier in TIERS if (grants := _grants(tiers, tier)) is not None}
        tiers.finish()
    roles.finish()
    return found


def _grants(tiers: Section, tier: str) -> Authority | None:
    grants = tiers.section(tier)
    if grants is None:
        return None
    authority = Authority(
        refund=grants.number("refund", 0),
        voucher=grants.number("voucher", 0),
        replacement=grants.boolean("replacement", False),
        apology=grants.boolean("apology", True),
    )
    grants.finish()
    return authority
