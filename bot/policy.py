"""What the business decided: its name, how sure is sure, what the assistant may grant, and when it writes back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.authority import Authority
from bot.case_rules import UNLIMITED, CaseRules
from bot.routing import RoutingRules
from nlu.understanding import Language


class ComplaintKind(StrEnum):
    """What a complaint is about; decides which facts are asked and what may be offered."""

    QUALITY = "quality"
    DELIVERY = "delivery"
    WRONG_ITEM = "wrong_item"
    OVERCHARGE = "overcharge"
    SERVICE = "service"
    OTHER = "other"


class OfferKind(StrEnum):
    """What can be proposed to somebody with a founded complaint."""

    REFUND = "refund"
    REPLACEMENT = "replacement"
    VOUCHER = "voucher"
    APOLOGY = "apology"


class Tone(StrEnum):
    """How a difficult conversation goes, and so how we speak in it."""

    EMOTIONAL = "emotional"  # calm, room to vent, certainty of a solution
    STUBBORN = "stubborn"  # understanding first, then reasons
    PREPARED = "prepared"  # few words, in writing only what holds, a person early


@dataclass(frozen=True, kw_only=True, slots=True)
class ComplaintRule:
    """When a complaint of one kind is founded, and what is offered for it."""

    within_days: int = 0
    """Since the order; 0: at any time."""
    needs_order: bool = True
    """Only with an order that is proven to be the customer's; without, a person looks."""
    person: bool = False
    """A person decides, always."""
    offers: tuple[OfferKind, ...] = ()
    """In this order, as far as the authority goes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Confidence:
    """From where on a guess counts; 0 to 1."""

    sure: float = 0.55
    """Act on the intent."""
    maybe: float = 0.25
    """Ask "did you mean …?"."""
    knowledge: float = 0.5
    """Answer from the knowledge although no intent is sure."""
    knowledge_least: float = 0.3
    """Answer from the knowledge where the intent says that it is a question of this kind."""
    topic_bonus: float = 0.15
    """Added to an entry's score where its file is about the intent: two agree who do not know of each other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """When we come back."""

    settle_seconds: float = 2
    """A complaining customer who pauses this long has finished speaking."""
    form_silence_minutes: int = 30
    """Silence in the middle of the questions, until the one gentle reminder, and again until a person takes over."""
    form_silence_mail_hours: int = 24
    """The same where people write mails: nobody sits before a mailbox and waits for the next question."""
    promise_days: int = 2
    """Workdays until what was agreed is done."""
    reminder_hours: int = 4
    """Hours before a promise is due, when the staff is reminded."""
    survey_hours: int = 24
    """Hours after a resolution, until we ask how it was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """A thing the business sells."""

    id: str
    names: Mapping[Language, str]
    also: tuple[str, ...] = ()
    """Other names that customers use, in any language."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """`policy.yml`, checked."""

    name: Mapping[Language, str]
    assistant: Mapping[Language, str]
    """How the assistant calls itself."""
    language: Language
    """What we speak until the customer has shown theirs."""
    staff_language: Language
    currency: str
    region: str
    """Two letters (ISO 3166-1): where phone numbers without a + are from, and whether 9/3 is the third of September."""
    order_pattern: re.Pattern[str]
    order_example: str
    confidence: Confidence
    misunderstandings: int
    """In a row, until a person takes over."""
    angry_turns: int
    """Until a person takes over."""
    proof_attempts: int
    """Wrong answers to "whose order is it?", until a person takes over."""
    times: Times
    authority: Mapping[str, Authority]
    """By tier."""
    complaints: Mapping[ComplaintKind, ComplaintRule]
    tones: Mapping[Tone, re.Pattern[str]]
    legal: re.Pattern[str]
    person: re.Pattern[str] = re.compile("(?!)")
    """How a person is asked for, whatever else is said; at first: only messages that ask for nothing else do."""
    routing: RoutingRules = field(default_factory=RoutingRules)
    topics: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Intent to the knowledge files that are about it."""
    products: tuple[Product, ...] = ()
    known_products: Mapping[str, Product] = field(default_factory=dict[str, Product])
    """By every folded name."""
    cases: CaseRules = field(default_factory=CaseRules)

    def may_grant(self, role: str, tier: str) -> Authority:
        """What people of a role may grant to customers of a tier, without asking anybody."""
        own = self.cases.authority.get(role)
        if own is not None:
            return own.get(tier, Authority())
        return UNLIMITED if role == "supervisor" else self.authority.get(tier, Authority())

    def product(self, words: str) -> Product | None:
        return self.known_products.get(words.strip().casefold())
