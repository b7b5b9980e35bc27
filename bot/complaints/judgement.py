"""Judgement: is a complaint founded by policy, and what may be offered within the authority for this customer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from bot.authority import Authority
from bot.effects import HandOffReason
from bot.memory import Complaint
from bot.policy import ComplaintKind, ComplaintRule, OfferKind, Tone
from bot.talk import Talk

MOST_OFFERS = 2
"""After the second offer that is declined a person decides."""

_AMOUNT = re.compile(r"(\d{1,9}(?:\.\d{1,2})?)\s*([A-Z]{3})")


@dataclass(frozen=True, slots=True)
class Offer:
    """What we propose. `amount` with currency, where it is about money."""

    kind: OfferKind
    amount: str = ""


def who_decides(talk: Talk, complaint: Complaint) -> HandOffReason | None:
    """None: the complaint is founded and ours to settle; else why a person decides."""
    rule = _rule(talk, complaint)
    if talk.memory.tone is Tone.PREPARED or rule.person:
        return HandOffReason.POLICY
    if rule.needs_order and complaint.facts.get("proof") != "given":
        return HandOffReason.POLICY
    if rule.within_days and _days_since_order(talk, complaint) > rule.within_days:
        return HandOffReason.UNFOUNDED
    return None


def next_offer(talk: Talk, complaint: Complaint) -> Offer | None:
    """The best offer that was not made yet; None where the authority ends, or two were declined."""
    if len(complaint.offered) >= MOST_OFFERS:
        return None
    authority = talk.policy.authority.get(talk.turn.contact.tier, Authority())
    possible = [
        offer
        for kind in _rule(talk, complaint).offers
        if kind.value not in complaint.offered and (offer := _within(talk, complaint, kind, authority)) is not None
    ]
    wish = complaint.facts.get("wish")
    wished = next((offer for offer in possible if offer.kind == wish), None)
    if wished is not None:
        return wished
    if wish == OfferKind.REFUND and not complaint.offered:
        return None  # offering a voucher to somebody who wants their money back makes it worse: a person decides
    return possible[0] if possible else None


def _rule(talk: Talk, complaint: Complaint) -> ComplaintRule:
    return talk.policy.complaints[ComplaintKind(complaint.kind)]


def _days_since_order(talk: Talk, complaint: Complaint) -> int:
    """An order whose date cannot be read is too old for us to judge."""
    try:
        ordered = date.fromisoformat(str(complaint.facts.get("order_date")))
    except ValueError:
        return 10**6
    return (talk.now.astimezone(talk.playbook.hours.time_zone).date() - ordered).days


def _within(talk: Talk, complaint: Complaint, kind: OfferKind, authority: Authority) -> Offer | None:
    match kind:
        case OfferKind.REFUND:
            amount = _refund(talk, complaint)
            if amount is None or not 0 < amount <= authority.refund:
                return None
            return Offer(kind, f"{amount:.2f} {talk.policy.currency}")
        case OfferKind.VOUCHER:
            return Offer(kind, f"{authority.voucher:g} {talk.policy.currency}") if authority.voucher else None
        case OfferKind.REPLACEMENT:
            return Offer(kind) if authority.replacement else None
        case OfferKind.APOLOGY:
            return Offer(kind) if authority.apology else None


def _refund(talk: Talk, complaint: Complaint) -> float | None:
    """What the order cost, or the smaller amount that the customer named."""
    paid = _amount(talk, complaint.facts.get("order_amount"))
    if paid is None:
        return None
    named = _amount(talk, complaint.facts.get("amount"))
    return named if named is not None and 0 < named < paid else paid


def _amount(talk: Talk, words: object) -> float | None:
    match = _AMOUNT.search(words) if isinstance(words, str) else None
    return float(match[1]) if match is not None and match[2] == talk.policy.currency else None
