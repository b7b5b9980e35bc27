"""A Turn: everything a skill may see. Time, ids and chance come in here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.assistant import AssistantFacts
from bot.plain import Json
from channels.envelope import Attachment, Event
from nlu.understanding import Language, Understanding


class Owner(StrEnum):
    """Who speaks in a Conversation."""

    BOT = "bot"
    QUEUE = "queue"  # handed over, nobody has taken it yet
    AGENT = "agent"


class Purpose(StrEnum):
    """Why we write; decided when a Delivery is queued."""

    SERVICE = "service"  # answers, promises, reminders: always allowed while somebody is reachable
    TRANSACTIONAL = "transactional"  # about something the person bought
    SURVEY = "survey"  # after-care: once a case, deferred in quiet hours
    MARKETING = "marketing"  # anything with an offer: only with consent


class CaseKind(StrEnum):
    COMPLAINT = "complaint"
    REQUEST = "request"
    INQUIRY = "inquiry"


class CaseStatus(StrEnum):
    OPEN = "open"  # something is still ours to do
    WAITING = "waiting"  # the customer's move
    RESOLVED = "resolved"  # a resolution was agreed or delivered
    CLOSED = "closed"  # resolved, and the customer was asked or did not object
    SPAM = "spam"  # nothing of it counts


class Step(StrEnum):
    """The four steps of a complaint, always visible to customer and agent."""

    LISTEN = "listen"
    RECORD = "record"
    PROPOSE = "propose"
    FOLLOW_UP = "follow_up"


class FollowUpKind(StrEnum):
    """Why we intend to write back."""

    PROMISE_REMINDER = "promise_reminder"  # to the agent side, before a promise is due
    PROMISE_BROKEN = "promise_broken"  # a promise is overdue: alert and tell the customer the truth
    CASE_UPDATE = "case_update"  # the dated word to the customer: "I will write on Friday"
    SURVEY = "survey"  # satisfaction after a case
    FORM_SILENCE = "form_silence"  # the customer went quiet in the middle of a form
    LISTEN_SETTLED = "listen_settled"  # the settle window of the listening step is over
    CALL_BACK = "call_back"  # an agent will take it when we open
    IDLE_CLOSE = "idle_close"  # nothing happened for the idle time: close quietly


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One thing the customer sent in this Turn."""

    interaction: int
    """Id of its Interaction."""
    event: Event
    text: str
    sent_at: datetime
    understanding: Understanding
    attachments: tuple[Attachment, ...] = ()
    start_parameter: str | None = None
    reply_to_text: str | None = None
    """What the message it answers said, where it answers one."""
    hint: Language | None = None
    """The language of the customer's app or page: what we speak until their own words tell."""
    cases: tuple[str, ...] = ()
    """Numbers of this person's cases that it names."""
    unproven_cases: tuple[str, ...] = ()
    """Numbers of cases that it names and that are not proven to be this person's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowUpDue:
    """A Follow-up whose time has come; the Turn has no messages then."""

    id: int
    kind: FollowUpKind
    key: str
    reason: str
    case: str | None = None
    """Number of the case it belongs to."""
    details: Mapping[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelFacts:
    """What the engine needs to know of the channel it speaks on."""

    name: str
    scheme: str
    buttons: int = 0
    """Quick replies a message can carry; 0: choices are numbered."""
    text_limit: int = 4096
    pictures: bool = False
    """A picture is shown by its web address; else the address stands in the text."""
    custom: bool = False
    """It hands a custom payload to the business's own page or app."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactFacts:
    """The person, as far as we know."""

    id: int
    name: str | None = None
    language: Language | None = None
    time_zone: str | None = None
    tier: str = "ordinary"
    """`key`, `ordinary`, `small`, or `not_to_win_back`."""
    proven: bool = False
    """This address is proven to be the Contact's: order facts and case numbers may be shown."""
    addresses: tuple[str, ...] = ()
    marketing: bool | None = None
    """Consent to marketing on this address: None where nobody ever said."""
    stopped: bool = False
    """A withdrawal is in force on this address."""
    blocked: bool = False
    """Not answered any more, after spam or abuse."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """A dated promise to the customer."""

    id: str
    text: str
    due: datetime
    kept: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseFacts:
    """A case of this Contact that is not closed, or was closed lately."""

    number: str
    kind: CaseKind
    status: CaseStatus
    step: Step | None
    subject: str
    facts: Mapping[str, Json]
    opened_at: datetime
    owner: str | None = None
    founded: bool | None = None
    """Judged to be right or not; None: not judged yet."""
    proposal: Mapping[str, Json] = field(default_factory=dict[str, Json])
    promises: tuple[Promise, ...] = ()
    survey_asked: bool = False
    score: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderFacts:
    """An order, as imported or fetched from the business's system."""

    number: str
    date: datetime
    status: str
    amount: str
    """With currency, e.g. `129.00 CNY`."""
    items: tuple[tuple[str, int], ...] = ()
    """(product, quantity)."""
    tracking: str | None = None
    mine: bool = False
    """It belongs to the Contact of this Turn."""
    phone_ending: str | None = None
    """Last four digits of the buyer's phone: what a stranger must name before we speak about the order."""
    mail: str | None = None
    """The buyer's mail address: likewise."""


class LookupKind(StrEnum):
    ORDER = "order"  # key: an order number
    ORDERS = "orders"  # key: empty; the latest orders of this Contact


@dataclass(frozen=True, kw_only=True, slots=True)
class LookupResult:
    """The answer to a Lookup effect, in the Turn that is run again with it."""

    kind: LookupKind
    key: str
    orders: tuple[OrderFacts, ...] = ()
    failure: str | None = None
    """Why the business's system gave no answer; None with no orders: it answered that there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConversationFacts:
    """The Conversation, and what the engine itself remembered of it."""

    id: int
    owner: Owner
    epoch: int
    opened_at: datetime
    memory: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """What the last Remember effect said; empty at the start. Versioned and read tolerantly by the engine."""
    first: bool = False
    """This Turn opens the Conversation."""
    returning: bool = False
    """The Contact had Conversations before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One step of a Conversation: the messages waiting in the lane together, or one Follow-up that is due."""

    now: datetime
    """UTC."""
    seed: int
    """For choosing between wordings: the same Turn always says the same words."""
    fresh_number: str
    """Number for the one case this Turn may open, e.g. `C-1042`."""
    channel: ChannelFacts
    contact: ContactFacts
    conversation: ConversationFacts
    messages: tuple[Message, ...] = ()
    due: FollowUpDue | None = None
    cases: tuple[CaseFacts, ...] = ()
    """Latest first."""
    lookups: tuple[LookupResult, ...] = ()
    """Answers to the Lookup effects of the first run; empty in the first run."""
    assistant: AssistantFacts | None = None
    """The business's own assistant, where it answers in place of our skills; None: there is none."""
