"""Holdings: what each table knows of customers, what of it they get a copy of, and what is left after an erasure.

Every table stands here; a test fails for one that does not. Counts, times, channels and intents stay, so that last
year's figures are what they were; words, names, addresses, raw payloads and attachments go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, String, cast, false, func, literal, null, or_, select
from sqlalchemy import case as sql_case

from campaigns.policy import Refusal
from storage.address_news import AddressNews
from storage.alerts import Alert, AlertCheck, AlertChoice, AlertHabits, AlertLetter, ToldIn
from storage.api_tokens import ApiAnswer, ApiToken
from storage.audit import AuditEntry
from storage.blobs import BlobRecord
from storage.canned import CannedReply
from storage.cases import Case, CaseChange, CaseConversation, CaseLink
from storage.cause_actions import CauseAction
from storage.channel_states import ChannelState
from storage.compensations import Approval, Compensation
from storage.consents import Consent
from storage.contacts import Address, Contact, Link
from storage.conversations import Conversation, ConversationState
from storage.deadlines import Deadline, Pause
from storage.deliveries import Delivery, DeliveryNews, Pace
from storage.drafts import Draft
from storage.events import Event
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import Interaction, InteractionKind, RefusedInput, TurnRecord
from storage.keys import Key
from storage.knowledge_entries import KnowledgeEntry
from storage.lanes import Lane
from storage.link_codes import LinkCode
from storage.measured import Measured, MeasuredMessages, Measuring
from storage.media import Media, MediaState
from storage.mentions import Mention
from storage.message_parts import MessagePart
from storage.openid import OpenIdAnswer
from storage.orders import Order
from storage.presence import Presence
from storage.privacy import BlobDoubt, PrivacyRequest, RetentionMark, RetentionSweep, Tombstone
from storage.reviews import Review, ReviewState
from storage.routing import Routing
from storage.schema import Entity
from storage.search_upkeep import SearchCursor, SearchGap, SearchWaiting
from storage.staff import Attempts, Session, Staff
from storage.staff import Link as StaffLink
from storage.teams import Skills, Team, TeamMember
from storage.views import SavedView
from storage.webhooks import WebhookAttempt, WebhookEndpoint, WebhookWish


class Fate(StrEnum):
    """What becomes of the rows about somebody who is forgotten."""

    BLANKED = "blanked"  # they stay and count, without what tells who it was
    GONE = "gone"
    KEPT = "kept"  # they tell nothing about anybody
    NOT_THEIRS = "not_theirs"  # the table is not about customers


@dataclass(frozen=True, kw_only=True, slots=True)
class Whose:
    """A person: their Contact, and those that were merged into it."""

    contacts: Sequence[int]
    uris: Sequence[str]
    """All their addresses."""
    now: datetime


Rows = Callable[[Whose], ColumnElement[bool]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """One table."""

    entity: type[Entity]
    fate: Fate
    why: str
    of: Rows = lambda whose: false()
    """Which of its rows are about somebody."""
    blank: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What stands in their columns afterwards: a value, an SQL expression, or a function of Whose."""
    rewrite: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """What stands there afterwards where that follows from what stood there: by row."""
    rewritten: tuple[str, ...] = ()
    """The columns that `rewrite` reads."""
    copied: tuple[str, ...] = ()
    """The columns of which the person gets a copy."""


EVENTS_KEPT = frozenset({"event", "by", "source", "to", "kind", "why", "who", "minutes"})
"""Of the facts of the house's own news: who of us did what, and none of the words beside it."""

_interactions = select(Interaction.id)
_conversations = select(Conversation.id)
_cases = select(Case.id)
_addresses = select(Address.id)


def _in_interactions(column: Any) -> Rows:
    return lambda whose: column.in_(_interactions.where(Interaction.contact_id.in_(whose.contacts)))


def _in_conversations(column: Any) -> Rows:
    return lambda whose: column.in_(_conversations.where(Conversation.contact_id.in_(whose.contacts)))


def _in_cases(column: Any) -> Rows:
    return lambda whose: column.in_(_cases.where(Case.contact_id.in_(whose.contacts)))


def _of_contact(column: Any) -> Rows:
    return lambda whose: column.in_(whose.contacts)


def _or_now(column: Any) -> Callable[[Whose], ColumnElement[Any]]:
    """What stands there; where nothing does, now."""

    def ended(whose: Whose) -> ColumnElement[Any]:
        return func.coalesce(column, literal(whose.now, column.type))

    return ended


def _now(whose: Whose) -> datetime:
    return whose.now


def _forget_words(row: Mapping[str, Any]) -> Mapping[str, Any]:
    content: dict[str, Any] = {"erased": True}
    if row["kind"] == InteractionKind.SYSTEM:
        content |= {key: value for key, value in row["content"].items() if key in EVENTS_KEPT}
    return {"content": content}


def _forget_promises(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"promises": [{**promise, "text": ""} for promise in row["promises"]]}


def _not_theirs(entity: type[Entity], why: str) -> Holding:
    return Holding(entity=entity, fate=Fate.NOT_THEIRS, why=why)


STAFF = "about the people who work here"
HOUSE = "the house's own affairs"

HOLDINGS: Sequence[Holding] = (
    Holding(
        entity=TurnRecord,
        fate=Fate.BLANKED,
        why="intents and confidences are for reports; what was said and seen goes",
        of=_in_interactions(TurnRecord.interaction_id),
        blank={"facts": b"", "effects": b"", "failure": None},
        copied=("interaction_id", "at", "intent", "confidence", "engine"),
    ),
    Holding(
        entity=Review,
        fate=Fate.BLANKED,
        why="which intents were corrected is for reports; the words go",
        of=_in_interactions(Review.interaction_id),
        blank={
            "understood": {},
            "example": None,
            "state": sql_case((Review.state == ReviewState.WAITING, ReviewState.DISCARDED.value), else_=Review.state),
        },
        copied=("interaction_id", "why", "state", "suggested", "intent"),
    ),
    Holding(
        entity=Media,
        fate=Fate.BLANKED,
        why="that there was an attachment counts; nothing is fetched any more",
        of=_in_interactions(Media.interaction_id),
        blank={
            "reason": None,
            "state": sql_case((Media.state == MediaState.WANTED, MediaState.FAILED.value), else_=Media.state),
        },
    ),
    Holding(
        entity=MessagePart,
        fate=Fate.BLANKED,
        why="a repeated part must still be known for one; its words go",
        of=lambda whose: or_(MessagePart.address.in_(whose.uris), _in_interactions(MessagePart.interaction_id)(whose)),
        blank={"text": "", "message": {}, "raw": b"", "address": "erased", "series": ""},
    ),
    Holding(entity=Mention, fate=Fate.GONE, why="the note is gone", of=_in_interactions(Mention.interaction_id)),
    Holding(
        entity=DeliveryNews,
        fate=Fate.BLANKED,
        why="when something was delivered or bounced counts; the provider's own words go",
        of=lambda whose: DeliveryNews.delivery_id.in_(
            select(Delivery.id).where(Delivery.contact_id.in_(whose.contacts))
        ),
        blank={"raw": b"", "reason": None},
        copied=("delivery_id", "channel", "status", "at"),
    ),
    Holding(
        entity=Delivery,
        fate=Fate.BLANKED,
        why="what was sent, when, at what cost counts; the words go, and what a provider said in its own",
        of=_of_contact(Delivery.contact_id),
        blank={
            "message": {"text": ""},
            "parts": null(),
            "reason": sql_case(
                (Delivery.reason.in_([each.value for each in Refusal]), Delivery.reason), else_=literal(None)
            ),
        },
        copied=("id", "interaction_id", "channel", "purpose", "status", "queued_at", "sent_at", "units"),
    ),
    Holding(
        entity=Draft,
        fate=Fate.GONE,
        why="an answer that was never sent",
        of=_in_conversations(Draft.conversation_id),
    ),
    Holding(
        entity=Routing,
        fate=Fate.KEPT,
        why="what its conversation was about, in topics, and who was offered it",
        of=_in_conversations(Routing.conversation_id),
    ),
    Holding(
        entity=Approval,
        fate=Fate.BLANKED,
        why="what was granted counts; the words go",
        of=_in_cases(Approval.case_id),
        blank={"words": "", "reason": None},
        copied=("case_id", "kind", "amount", "currency", "words", "state", "asked_at", "decided_at", "reason"),
    ),
    Holding(
        entity=Compensation,
        fate=Fate.BLANKED,
        why="what was granted counts; the words, the voucher and the order go",
        of=_in_cases(Compensation.case_id),
        blank={"voucher": None, "order_id": None, "promised": "", "taken_back_why": None},
        copied=("case_id", "kind", "amount", "currency", "voucher", "order_id", "promised", "at", "taken_back_at"),
    ),
    Holding(
        entity=CaseChange,
        fate=Fate.BLANKED,
        why="who of us changed which field counts; what stood in it goes",
        of=_in_cases(CaseChange.case_id),
        blank={"before": null(), "after": null()},
        copied=("case_id", "at", "field", "before", "after"),
    ),
    Holding(
        entity=CaseConversation,
        fate=Fate.KEPT,
        why="which case a conversation belongs to",
        of=_in_cases(CaseConversation.case_id),
    ),
    Holding(entity=CaseLink, fate=Fate.KEPT, why="which case became which", of=_in_cases(CaseLink.case_id)),
    Holding(
        entity=Deadline,
        fate=Fate.KEPT,
        why="times, for reports",
        of=_in_cases(Deadline.case_id),
    ),
    Holding(entity=Pause, fate=Fate.KEPT, why="times, for reports", of=_in_cases(Pause.case_id)),
    Holding(
        entity=Case,
        fate=Fate.BLANKED,
        why="kind, cause, times and score count; facts, proposals and words go",
        of=_of_contact(Case.contact_id),
        blank={
            "subject": "",
            "facts": {},
            "proposal": {},
            "status": sql_case((Case.closed_at.is_(None), "closed"), else_=Case.status),
            "closed_at": _or_now(Case.closed_at),
            "due_at": None,
            "promise_due_at": None,
        },
        rewrite=_forget_promises,
        rewritten=("promises",),
        copied=(
            "number",
            "kind",
            "status",
            "step",
            "subject",
            "facts",
            "founded",
            "proposal",
            "promises",
            "score",
            "opened_at",
            "closed_at",
        ),
    ),
    Holding(
        entity=FollowUp,
        fate=Fate.BLANKED,
        why="when what kind was done counts; what is planned is not done any more",
        of=_of_contact(FollowUp.contact_id),
        blank={
            "reason": "",
            "details": {},
            "turn": None,
            "outcome": None,
            "done_at": _or_now(FollowUp.done_at),
            "state": sql_case(
                (FollowUp.state == FollowUpState.PLANNED, FollowUpState.CANCELLED.value), else_=FollowUp.state
            ),
        },
        copied=("kind", "reason", "case_number", "due_at", "state", "planned_at", "done_at"),
    ),
    Holding(
        entity=Consent,
        fate=Fate.BLANKED,
        why="how many said yes and no counts; their words go. A no goes on as a tombstone",
        of=_of_contact(Consent.contact_id),
        blank={"words": ""},
        copied=("address_id", "purpose", "granted", "source", "words", "at"),
    ),
    Holding(
        entity=Order,
        fate=Fate.BLANKED,
        why="the business's own books say who bought what; here nobody did",
        of=_of_contact(Order.contact_id),
        blank={"contact_id": None},
        copied=("order_id", "at", "amount", "currency", "status", "product", "quantity"),
    ),
    Holding(
        entity=LinkCode,
        fate=Fate.GONE,
        why="a proof of who somebody is",
        of=lambda whose: or_(
            LinkCode.contact_id.in_(whose.contacts),
            LinkCode.address_id.in_(_addresses.where(Address.contact_id.in_(whose.contacts))),
            LinkCode.shown_on.in_(_addresses.where(Address.contact_id.in_(whose.contacts))),
        ),
    ),
    Holding(
        entity=Link,
        fate=Fate.BLANKED,
        why="that two were one counts; the evidence goes",
        of=lambda whose: or_(Link.contact_id.in_(whose.contacts), Link.merged_id.in_(whose.contacts)),
        blank={"evidence": ""},
        copied=("contact_id", "merged_id", "evidence", "made_at", "undone_at"),
    ),
    Holding(
        entity=AddressNews,
        fate=Fate.GONE,
        why="what providers said of an address; a no goes on as a tombstone",
        of=lambda whose: AddressNews.uri.in_(whose.uris),
        copied=("channel", "uri", "says", "source", "at"),
    ),
    Holding(
        entity=Interaction,
        fate=Fate.BLANKED,
        why="that somebody wrote, when and where counts; the words, attachments and the payload as it came go",
        of=_of_contact(Interaction.contact_id),
        blank={"text": "", "message_id": None, "reply_to": None, "raw": None},
        rewrite=_forget_words,
        rewritten=("kind", "content"),
        copied=("id", "at", "channel", "direction", "kind", "author", "text", "content", "conversation_id"),
    ),
    Holding(
        entity=Conversation,
        fate=Fate.BLANKED,
        why="times, owners and reasons count; what was remembered and summed up goes",
        of=_of_contact(Conversation.contact_id),
        blank={
            "memory": {},
            "handoff_summary": None,
            "thread": "",
            "closed_at": _or_now(Conversation.closed_at),
            "state": sql_case(
                (Conversation.state == ConversationState.OPEN, ConversationState.RESOLVED.value),
                else_=Conversation.state,
            ),
            "epoch": Conversation.epoch + 1,
        },
        copied=("id", "channel", "state", "opened_at", "last_at", "closed_at", "handoff_reason", "handoff_summary"),
    ),
    Holding(
        entity=PrivacyRequest,
        fate=Fate.BLANKED,
        why="the register that the law wants: that they asked, and what was done",
        of=_of_contact(PrivacyRequest.contact_id),
        blank={"evidence": None, "token": None, "token_ends_at": None},
        copied=("kind", "state", "asked_at", "handled_at", "reason"),
    ),
    Holding(
        entity=Address,
        fate=Fate.BLANKED,
        why="messages and consents name it; what it was goes, and only a keyed hash knows it when it comes back",
        of=_of_contact(Address.contact_id),
        blank={
            "uri": literal("erased:").concat(cast(Address.id, String)),
            "proven_at": None,
            "next_send_at": None,
            "closed_at": _or_now(Address.closed_at),
            "closed_reason": "erased",
        },
        copied=("id", "uri", "proven_at", "closed_at", "created_at"),
    ),
    Holding(
        entity=WebhookAttempt,
        fate=Fate.BLANKED,
        why="that an endpoint was told, and when, is the house's own; it may have answered with what it was told. What"
        " is told of longer ago goes with its event",
        of=lambda whose: WebhookAttempt.event_id.in_(select(Event.id).where(Event.contact_id.in_(whose.contacts))),
        blank={"answer": ""},
    ),
    Holding(
        entity=Contact,
        fate=Fate.BLANKED,
        why="tier, language and when they came count; the rest goes",
        of=_of_contact(Contact.id),
        blank={"name": None, "external_id": None, "time_zone": None, "erased_at": _now},
        copied=("id", "external_id", "name", "language", "time_zone", "tier", "created_at"),
    ),
    Holding(entity=Lane, fate=Fate.KEPT, why="numbers alone", of=_of_contact(Lane.contact_id)),
    Holding(entity=Event, fate=Fate.KEPT, why="numbers and states, no words", of=_of_contact(Event.contact_id)),
    Holding(
        entity=Measured,
        fate=Fate.KEPT,
        why="times and reasons, for reports",
        of=_in_conversations(Measured.conversation_id),
    ),
    Holding(
        entity=MeasuredMessages,
        fate=Fate.KEPT,
        why="counts, for reports",
        of=_in_conversations(MeasuredMessages.conversation_id),
    ),
    Holding(entity=Tombstone, fate=Fate.KEPT, why="keyed hashes: what must not come back is known when it does"),
    _not_theirs(Alert, STAFF),
    _not_theirs(AlertCheck, HOUSE),
    _not_theirs(AlertChoice, STAFF),
    _not_theirs(AlertHabits, STAFF),
    _not_theirs(AlertLetter, STAFF),
    _not_theirs(ToldIn, STAFF),
    _not_theirs(ApiAnswer, "what programs were answered; swept after a day"),
    _not_theirs(ApiToken, HOUSE),
    _not_theirs(AuditEntry, "what staff did, with numbers of contacts and no words of theirs; retention sweeps it"),
    _not_theirs(BlobDoubt, "which content may belong to nobody any more"),
    _not_theirs(BlobRecord, "content is kept once for all who sent it; what nobody's is goes after an erasure"),
    _not_theirs(CannedReply, "the house's own words"),
    _not_theirs(CauseAction, "what is done against a cause of complaints"),
    _not_theirs(ChannelState, HOUSE),
    _not_theirs(Key, HOUSE),
    _not_theirs(KnowledgeEntry, "the house's own answers, approved by a person who takes names out"),
    _not_theirs(Measuring, HOUSE),
    _not_theirs(OpenIdAnswer, STAFF),
    _not_theirs(Pace, HOUSE),
    _not_theirs(Presence, STAFF),
    _not_theirs(RefusedInput, "inputs that were not taken, by hash; retention sweeps them"),
    _not_theirs(RetentionMark, HOUSE),
    _not_theirs(RetentionSweep, HOUSE),
    _not_theirs(SearchCursor, HOUSE),
    _not_theirs(SearchGap, HOUSE),
    _not_theirs(SearchWaiting, "numbers of rows; the index itself forgets at once"),
    _not_theirs(SavedView, STAFF),
    _not_theirs(Session, STAFF),
    _not_theirs(Staff, STAFF),
    _not_theirs(StaffLink, STAFF),
    _not_theirs(Attempts, STAFF),
    _not_theirs(Skills, STAFF),
    _not_theirs(Team, STAFF),
    _not_theirs(TeamMember, STAFF),
    _not_theirs(WebhookEndpoint, HOUSE),
    _not_theirs(WebhookWish, HOUSE),
)
"""In the order in which an erasure goes through them: what is found by way of another table comes before it."""

BY_TABLE: Mapping[str, Holding] = {holding.entity.__tablename__: holding for holding in HOLDINGS}
