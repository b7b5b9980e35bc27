"""May we write now? One policy for bot, agents and campaigns, asked when planned and again when sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from campaigns.quiet_hours import DAYTIME, Window, allowed, next_allowed
from storage.consents import Purpose


class Refusal(StrEnum):
    """Why something is not sent; the words an agent reads."""

    ADDRESS_CLOSED = "the address cannot be reached"
    CONTACT_BLOCKED = "the contact is blocked"
    TAKEN_OVER = "a person took over before this was sent"
    NO_CONSENT = "no consent to marketing"
    WITHDRAWN = "consent to marketing was withdrawn"
    OPEN_COMPLAINT = "a complaint of this contact is open"
    TOO_LATE = "its deadline passed"
    UNDONE = "its writer took it back"


class Delay(StrEnum):
    """Why something waits."""

    QUIET_HOURS = "quiet hours"
    IN_CONVERSATION = "a person is in conversation with this contact"


@dataclass(frozen=True, kw_only=True, slots=True)
class Send:
    """Nothing speaks against it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Skip:
    """It does not leave, for good."""

    reason: Refusal


@dataclass(frozen=True, kw_only=True, slots=True)
class Defer:
    """It keeps its place until `until`."""

    until: datetime
    reason: Delay


Verdict = Send | Skip | Defer


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """What the policy looks at, as it is in the transaction that claims the Delivery."""

    now: datetime
    purpose: str
    """A Purpose, as the Delivery has it."""
    deadline: datetime
    zone: ZoneInfo
    address_closed: bool = False
    contact_blocked: bool = False
    epoch_passed: bool = False
    """The Conversation changed its owner since this was written."""
    consent: bool | None = None
    """The latest word on marketing for this address."""
    in_conversation: bool = False
    """The queue or an agent owns one of the Contact's Conversations."""
    open_complaint: bool = False


LOOK_AGAIN = timedelta(minutes=15)
"""When something deferred for a conversation with a person is looked at again."""


def may_write(situation: Situation, window: Window = DAYTIME) -> Verdict:
    """Decide about one Delivery. Refusals for good come first, so that nothing is deferred to be refused later."""
    if situation.address_closed:
        return Skip(reason=Refusal.ADDRESS_CLOSED)
    if situation.contact_blocked:
        return Skip(reason=Refusal.CONTACT_BLOCKED)
    if situation.epoch_passed:
        return Skip(reason=Refusal.TAKEN_OVER)
    if situation.purpose == Purpose.MARKETING:
        verdict = _may_market(situation)
        if verdict is not None:
            return verdict
    if situation.now >= situation.deadline:
        return Skip(reason=Refusal.TOO_LATE)
    if situation.purpose in (Purpose.MARKETING, Purpose.SURVEY) and not allowed(situation.now, situation.zone, window):
        return Defer(until=next_allowed(situation.now, situation.zone, window), reason=Delay.QUIET_HOURS)
    return Send()


def _may_market(situation: Situation) -> Verdict | None:
    if situation.consent is None:
        return Skip(reason=Refusal.NO_CONSENT)
    if situation.consent is False:
        return Skip(reason=Refusal.WITHDRAWN)
    if situation.open_complaint:
        return Skip(reason=Refusal.OPEN_COMPLAINT)
    if situation.in_conversation:
        return Defer(until=situation.now + LOOK_AGAIN, reason=Delay.IN_CONVERSATION)
    return None
