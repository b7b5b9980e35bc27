"""Effects: what the engine asks to happen. `gateway/apply.py` writes them, in order, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.assistant import Ask
from bot.turn import CaseKind, CaseStatus, FollowUpKind, Json, LookupKind, Promise, Purpose, Step
from channels.envelope import Attachment, Button
from nlu.understanding import Language


@dataclass(frozen=True, kw_only=True, slots=True)
class Say:
    """Write to the customer on this Conversation's channel."""

    text: str
    buttons: tuple[Button, ...] = ()
    purpose: Purpose = Purpose.SERVICE
    language: Language = Language.EN
    skill: str = ""
    """Which skill speaks: for replay and reports."""
    attachments: tuple[Attachment, ...] = ()
    """Pictures by their web address, on channels that show them so."""
    custom: Mapping[str, Json] | None = None
    """For the business's own page or app, on channels that hand it on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remember:
    """Replace the Conversation's memory. At most one a Turn, the last one wins."""

    memory: Mapping[str, Json]


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnAboutContact:
    """Keep what the customer told about themselves; None: leave as it is."""

    language: Language | None = None
    name: str | None = None
    addresses: tuple[str, ...] = ()
    """Said, not proven: `tel:+86…`, `mailto:…`; kept with the case, never merged on its word."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenCase:
    number: str
    """`Turn.fresh_number`."""
    kind: CaseKind
    subject: str
    step: Step | None = None
    facts: Mapping[str, Json] = field(default_factory=dict[str, Json])
    priority: int = 2
    """1 urgent, 2 high, 3 normal, 4 low."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdateCase:
    """Change what is not None; `facts` replaces the facts; `note` is added to the case's history."""

    number: str
    status: CaseStatus | None = None
    step: Step | None = None
    subject: str | None = None
    facts: Mapping[str, Json] | None = None
    founded: bool | None = None
    proposal: Mapping[str, Json] | None = None
    priority: int | None = None
    score: int | None = None
    survey_asked: bool | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MakePromise:
    """A dated promise on a case; its reminder and alert are Follow-ups of their own."""

    case: str
    promise: Promise


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanFollowUp:
    """Come back at `due`. One Follow-up a (contact, key): planning it again moves it."""

    kind: FollowUpKind
    key: str
    due: datetime
    reason: str
    case: str | None = None
    details: Mapping[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelFollowUps:
    """Forget planned Follow-ups: those whose key starts with `prefix`."""

    prefix: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordConsent:
    """The customer said yes or no to marketing; append-only, withdrawal wins."""

    purpose: Purpose
    granted: bool
    words: str
    """What they wrote."""


class HandOffReason(StrEnum):
    """Why people take over."""

    REQUESTED = "requested"  # the customer asked for a person
    NOT_UNDERSTOOD = "not_understood"  # misunderstood too often
    ANGER = "anger"
    LEGAL = "legal"  # lawyers, courts, regulators, the press
    POLICY = "policy"  # the playbook reserves it to people (amount, tier, topic)
    UNFOUNDED = "unfounded"  # a complaint the policy would decline: a person decides
    BAD_SCORE = "bad_score"  # a bad satisfaction answer reopened the case
    PROMISE_BROKEN = "promise_broken"
    FAILURE = "failure"  # our engine failed: a person must look
    NOT_SPAM = "not_spam"  # a person took it out of the spam folder
    ASSISTANT = "assistant"  # the business's own assistant passed it on


@dataclass(frozen=True, kw_only=True, slots=True)
class HandOff:
    """Pass the Conversation to the queue; says after it in the same Turn still leave."""

    reason: HandOffReason
    summary: str
    """For the agent, in the business's staff language: who, what, facts so far, mood, what was promised."""
    priority: int = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolve:
    """This Conversation is over; the next message opens a new one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkSpam:
    """Nothing of this Conversation counts; with `block`, the address is not answered any more."""

    reason: str
    block: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkByCode:
    """The customer showed a code that proves another address is theirs too (a signed deep link, a code we gave)."""

    code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignore:
    """Nothing is said, on purpose: the Interaction keeps why."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Lookup:
    """Fetch from the business's system, then run this Turn again with the result. All other effects are dropped."""

    kind: LookupKind
    key: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class AskAssistant:
    """Ask the business's own assistant, then run this Turn again with its answer. All other effects are dropped."""

    asks: tuple[Ask, ...]
    """In the order received."""
    language: Language
    """That we speak in this Turn."""


Effect = (
    Say
    | Remember
    | LearnAboutContact
    | OpenCase
    | UpdateCase
    | MakePromise
    | PlanFollowUp
    | CancelFollowUps
    | RecordConsent
    | HandOff
    | Resolve
    | MarkSpam
    | LinkByCode
    | Ignore
    | Lookup
    | AskAssistant
)
