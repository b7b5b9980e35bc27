"""Apply: a Turn's effects become rows in one transaction, or the Turn is found to be no longer ours.

Read `Application.store` top to bottom: check the fence, write what was decided, write what leaves, let the Lane go
(or claim what has come in meanwhile).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, assert_never

from sqlalchemy import bindparam, insert, select, update

from bot.effects import (
    CancelFollowUps,
    Effect,
    HandOff,
    Ignore,
    LearnAboutContact,
    LinkByCode,
    Lookup,
    MakePromise,
    MarkSpam,
    OpenCase,
    PlanFollowUp,
    RecordConsent,
    Remember,
    Resolve,
    Say,
    UpdateCase,
)
from bot.turn import CaseStatus, Purpose, Turn
from channels.envelope import Button, DeliveryStatus
from channels.protocol import HistoryEntry
from gateway import claims
from gateway.claims import Claim
from gateway.news import FollowUpPlanned, OutboxFilled, Streamed, TurnClaimed
from gateway.receive import INSERT_INTERACTIONS
from gateway.recording import effects_to_json, turn_to_json
from storage import ids, lanes
from storage.cases import Case
from storage.commits import Transaction
from storage.consents import Consent
from storage.contacts import Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.deliveries import Delivery
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import Direction, Interaction, InteractionKind, TurnRecord
from storage.linking import show_code
from storage.many import Many

SOON = timedelta(seconds=30)
"""A Follow-up due within this time wakes its process exactly, without waiting for a tick."""

PRIORITY: Mapping[Purpose, int] = {
    Purpose.SERVICE: 0,
    Purpose.TRANSACTIONAL: 0,
    Purpose.SURVEY: 5,
    Purpose.MARKETING: 9,
}
AT_ONCE = (Purpose.SERVICE, Purpose.TRANSACTIONAL)
"""Purposes that no quiet hour defers: on a stream they leave in the commit that writes them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A Turn that was run, ready to be applied."""

    claim: Claim
    turn: Turn
    effects: Sequence[Effect]
    playbook: str
    failure: str | None = None
    """What went wrong inside, where the engine could not answer."""


@dataclass(slots=True)
class _Page:
    """Rows that a batch of Turns adds, so that each table is written once."""

    turns: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    interactions: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    deliveries: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    conversations: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


@dataclass(slots=True)
class _Standing:
    """A Conversation's changeable side while effects are written."""

    state: ConversationState
    owner: Owner
    epoch: int
    memory: Mapping[str, Any]
    closed_at: datetime | None
    handed_off_at: datetime | None
    handoff_reason: str | None
    handoff_summary: str | None
    priority: int


class Application:
    """The transaction work that applies Turns; one for each process."""

    def __init__(self, *, process: str, streams: frozenset[str], deadline: timedelta) -> None:
        """`deadline`: how long a reply is worth sending."""
        self._process = process
        self._streams = streams
        self._deadline = deadline

    def store(self, transaction: Transaction, outcomes: Sequence[Outcome]) -> list[bool]:
        """Apply many Turns, each for another Contact; False where the Lane had passed to another process."""
        locked = _lock(transaction, outcomes)
        ours = [
            outcome.claim.contact in locked and locked[outcome.claim.contact].fence == outcome.claim.fence
            for outcome in outcomes
        ]
        applying = [outcome for outcome, is_ours in zip(outcomes, ours, strict=True) if is_ours]
        if applying:
            self._write(transaction, applying, locked)
            self._release(transaction, applying, locked)
        return ours

    def _write(self, transaction: Transaction, outcomes: Sequence[Outcome], locked: Mapping[int, Any]) -> None:
        says = sum(isinstance(effect, Say) for outcome in outcomes for effect in outcome.effects)
        interactions = iter(ids.take(transaction.connection, Interaction, says))
        page = _Page()
        for outcome in outcomes:
            row = locked[outcome.claim.contact]
            standing = _Standing(
                state=row.state,
                owner=row.owner,
                epoch=row.epoch,
                memory=row.memory,
                closed_at=row.closed_at,
                handed_off_at=row.handed_off_at,
                handoff_reason=row.handoff_reason,
                handoff_summary=row.handoff_summary,
                priority=row.priority,
            )
            overtaken = row.epoch != outcome.turn.conversation.epoch
            for effect in outcome.effects:
                if not isinstance(effect, Say):
                    _write_effect(transaction, outcome, effect, standing, overtaken=overtaken)
            for effect in outcome.effects:
                if isinstance(effect, Say):
                    self._say(transaction, page, outcome, effect, standing, next(interactions), overtaken=overtaken)
            self._record(transaction, page, outcome, standing)
        _write_page(transaction, page)

    def _say(
        self,
        transaction: Transaction,
        page: _Page,
        outcome: Outcome,
        say: Say,
        standing: _Standing,
        interaction: int,
        *,
        overtaken: bool,
    ) -> None:
        claim, now = outcome.claim, transaction.now
        channel = outcome.turn.channel.name
        content: dict[str, Any] = {"skill": say.skill, "language": say.language}
        if say.buttons:
            content["buttons"] = [button_as_json(button) for button in say.buttons]
        page.interactions.append(
            {
                "id": interaction,
                "contact_id": claim.contact,
                "conversation_id": outcome.turn.conversation.id,
                "address_id": claim.person.address_id,
                "channel": channel,
                "direction": Direction.OUT,
                "kind": InteractionKind.MESSAGE,
                "author": "bot",
                "text": say.text,
                "content": content,
                "external_id": None,
                "message_id": None,
                "reply_to": None,
                "at": now,
                "stored_at": now,
                "raw": None,
            }
        )
        streamed = channel in self._streams and say.purpose in AT_ONCE and not overtaken
        status, reason = DeliveryStatus.QUEUED, None
        if overtaken:
            status, reason = DeliveryStatus.SKIPPED, "a person took over before this was sent"
        elif streamed:
            # Committed to the visitor's stream is sent; the epoch is the one this very transaction holds.
            status = DeliveryStatus.SENT
        page.deliveries.append(
            {
                "interaction_id": interaction,
                "conversation_id": outcome.turn.conversation.id,
                "contact_id": claim.contact,
                "address_id": claim.person.address_id,
                "channel": channel,
                "purpose": say.purpose,
                "priority": PRIORITY[say.purpose],
                "message": {"text": say.text, **content},
                "status": status,
                "reason": reason,
                "epoch": standing.epoch,
                "due_at": now,
                "deadline": now + self._deadline,
                "attempts": 0,
                "external_id": str(interaction) if streamed else None,
                "queued_at": now,
                "sent_at": now if streamed else None,
                "updated_at": now,
            }
        )
        if streamed:
            entry = HistoryEntry(
                id=interaction,
                inbound=False,
                author="bot",
                author_name=None,
                text=say.text,
                at=now,
                external_id=None,
                status=DeliveryStatus.SENT,
                buttons=say.buttons,
            )
            transaction.news.append(Streamed(channel=channel, uri=claim.person.uri, entry=entry))
            transaction.count("sent", channel, status)
        elif not overtaken:
            transaction.news.append(OutboxFilled(channel=channel))

    def _record(self, transaction: Transaction, page: _Page, outcome: Outcome, standing: _Standing) -> None:
        turn, now = outcome.turn, transaction.now
        page.conversations.append(
            {
                "conversation": turn.conversation.id,
                "new_state": standing.state,
                "new_owner": standing.owner,
                "new_epoch": standing.epoch,
                "new_memory": standing.memory,
                "new_closed_at": standing.closed_at,
                "new_handed_off_at": standing.handed_off_at,
                "new_handoff_reason": standing.handoff_reason,
                "new_handoff_summary": standing.handoff_summary,
                "new_priority": standing.priority,
                "new_last_at": now,
            }
        )
        if outcome.claim.due is not None:
            _finish_follow_up(transaction, outcome)
            return
        understanding = turn.messages[-1].understanding
        page.turns.append(
            {
                "interaction_id": outcome.claim.through,
                "conversation_id": turn.conversation.id,
                "at": now,
                "facts": turn_to_json(turn),
                "effects": effects_to_json(outcome.effects),
                "playbook": outcome.playbook,
                "intent": understanding.intents[0].name if understanding.intents else None,
                "confidence": understanding.intents[0].confidence if understanding.intents else None,
                "engine": understanding.engine,
                "failure": outcome.failure or understanding.failure,
            }
        )
        transaction.count("handled", turn.channel.name)

    def _release(self, transaction: Transaction, outcomes: Sequence[Outcome], locked: Mapping[int, Any]) -> None:
        done: list[dict[str, Any]] = []
        again: dict[int, Any] = {}
        for outcome in outcomes:
            lane = locked[outcome.claim.contact]
            handled = max(lane.handled, outcome.claim.through)
            if lane.newest > handled:
                again[outcome.claim.contact] = _Lane(fence=lane.fence + 1, newest=lane.newest, handled=handled)
            done.append(
                {
                    "lane": outcome.claim.contact,
                    # The claim is spent: where the answer to a commit is lost, applying it again is refused.
                    "new_fence": lane.fence + 1,
                    "new_holder": None,
                    "new_lease": None,
                    "new_newest": lane.newest,
                    "new_handled": handled,
                }
            )
        lanes.save(transaction.connection, done)
        for claim in claims.take(transaction, again, self._process):
            transaction.news.append(TurnClaimed(claim=claim))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lane:
    fence: int
    newest: int
    handled: int


_lanes_and_conversations = (
    select(
        lanes.Lane.contact_id,
        lanes.Lane.fence,
        lanes.Lane.newest,
        lanes.Lane.handled,
        Conversation.state,
        Conversation.owner,
        Conversation.epoch,
        Conversation.memory,
        Conversation.closed_at,
        Conversation.handed_off_at,
        Conversation.handoff_reason,
        Conversation.handoff_summary,
        Conversation.priority,
    )
    .join(Conversation, Conversation.contact_id == lanes.Lane.contact_id)
    .where(
        lanes.Lane.contact_id.in_(bindparam("contacts", expanding=True)),
        Conversation.id.in_(bindparam("conversations", expanding=True)),
    )
    .order_by(lanes.Lane.contact_id)
    .with_for_update(of=[lanes.Lane, Conversation])
)

_save_conversation = Many(
    update(Conversation)
    .where(Conversation.id == bindparam("conversation"))
    .values(
        state=bindparam("new_state"),
        owner=bindparam("new_owner"),
        epoch=bindparam("new_epoch"),
        memory=bindparam("new_memory"),
        closed_at=bindparam("new_closed_at"),
        handed_off_at=bindparam("new_handed_off_at"),
        handoff_reason=bindparam("new_handoff_reason"),
        handoff_summary=bindparam("new_handoff_summary"),
        priority=bindparam("new_priority"),
        last_at=bindparam("new_last_at"),
    )
)


def _lock(transaction: Transaction, outcomes: Sequence[Outcome]) -> dict[int, Any]:
    """Lanes with the Conversations of these Turns by Contact, locked in the order of Contact ids.

    A Contact that was linked away meanwhile is not among them: its Turn has lost its lane.
    """
    rows = transaction.connection.execute(
        _lanes_and_conversations,
        {
            "contacts": [outcome.claim.contact for outcome in outcomes],
            "conversations": [outcome.turn.conversation.id for outcome in outcomes],
        },
    ).all()
    return {row.contact_id: row for row in rows}


_insert_turns = Many(
    insert(TurnRecord),
    [
        "interaction_id",
        "conversation_id",
        "at",
        "facts",
        "effects",
        "playbook",
        "intent",
        "confidence",
        "engine",
        "failure",
    ],
)
_insert_deliveries = Many(
    insert(Delivery),
    [
        "interaction_id",
        "conversation_id",
        "contact_id",
        "address_id",
        "channel",
        "purpose",
        "priority",
        "message",
        "status",
        "reason",
        "epoch",
        "due_at",
        "deadline",
        "attempts",
        "external_id",
        "queued_at",
        "sent_at",
        "updated_at",
    ],
)


def _write_page(transaction: Transaction, page: _Page) -> None:
    connection = transaction.connection
    _insert_turns.execute(connection, page.turns)
    INSERT_INTERACTIONS.execute(connection, page.interactions)
    _insert_deliveries.execute(connection, page.deliveries)
    _save_conversation.execute(connection, page.conversations)


def _write_effect(
    transaction: Transaction, outcome: Outcome, effect: Effect, standing: _Standing, *, overtaken: bool
) -> None:
    """Write one effect that is not a word to the customer. When a person took over meanwhile, what would change the
    Conversation is dropped; facts, cases and consents are kept."""
    match effect:
        case Remember():
            if not overtaken:
                standing.memory = effect.memory
        case HandOff():
            if not overtaken and standing.owner is Owner.BOT:
                _hand_off(transaction, outcome, effect, standing)
        case Resolve():
            if not overtaken and standing.owner is Owner.BOT:
                standing.state, standing.closed_at = ConversationState.RESOLVED, transaction.now
        case MarkSpam():
            if not overtaken:
                _mark_spam(transaction, outcome, effect, standing)
        case LearnAboutContact():
            _learn(transaction, outcome, effect)
        case OpenCase():
            _open_case(transaction, outcome, effect)
        case UpdateCase():
            _update_case(transaction, outcome, effect)
        case MakePromise():
            _make_promise(transaction, effect)
        case PlanFollowUp():
            _plan(transaction, outcome, effect)
        case CancelFollowUps():
            _cancel(transaction, outcome, effect)
        case RecordConsent():
            _record_consent(transaction, outcome, effect)
        case LinkByCode():
            show_code(transaction.connection, effect.code, address=outcome.claim.person.address_id, now=transaction.now)
        case Lookup() | Say() | Ignore():
            pass  # a Lookup was answered before; Says are written together; why nothing is said stands in the Turn
        case _:
            assert_never(effect)


def _hand_off(transaction: Transaction, outcome: Outcome, effect: HandOff, standing: _Standing) -> None:
    standing.owner, standing.epoch = Owner.QUEUE, standing.epoch + 1
    standing.handed_off_at = transaction.now
    standing.handoff_reason, standing.handoff_summary = effect.reason, effect.summary
    standing.priority = effect.priority
    transaction.count("handed_off", effect.reason)


def _mark_spam(transaction: Transaction, outcome: Outcome, effect: MarkSpam, standing: _Standing) -> None:
    standing.state, standing.closed_at = ConversationState.SPAM, transaction.now
    if effect.block:
        transaction.connection.execute(
            update(Contact).where(Contact.id == outcome.claim.contact).values(blocked_at=transaction.now)
        )


def _learn(transaction: Transaction, outcome: Outcome, effect: LearnAboutContact) -> None:
    if effect.language is not None:
        transaction.connection.execute(
            _learn_language, {"contact": outcome.claim.contact, "new_language": effect.language}
        )
    if effect.name is not None:
        transaction.connection.execute(_learn_name, {"contact": outcome.claim.contact, "new_name": effect.name})


_contact = update(Contact).where(Contact.id == bindparam("contact"))
_learn_language = _contact.values(language=bindparam("new_language"))
_learn_name = _contact.values(name=bindparam("new_name"))


def _open_case(transaction: Transaction, outcome: Outcome, effect: OpenCase) -> None:
    transaction.connection.execute(
        insert(Case),
        {
            "number": effect.number,
            "contact_id": outcome.claim.contact,
            "conversation_id": outcome.turn.conversation.id,
            "kind": effect.kind,
            "status": CaseStatus.OPEN,
            "step": effect.step,
            "subject": effect.subject,
            "facts": dict(effect.facts),
            "proposal": {},
            "promises": [],
            "priority": effect.priority,
            "survey_asked": False,
            "opened_at": transaction.now,
            "updated_at": transaction.now,
        },
    )


def _update_case(transaction: Transaction, outcome: Outcome, effect: UpdateCase) -> None:
    changes: dict[str, Any] = {
        "status": effect.status,
        "step": effect.step,
        "subject": effect.subject,
        "facts": None if effect.facts is None else dict(effect.facts),
        "founded": effect.founded,
        "proposal": None if effect.proposal is None else dict(effect.proposal),
        "priority": effect.priority,
        "score": effect.score,
        "survey_asked": effect.survey_asked,
    }
    changes = {key: value for key, value in changes.items() if value is not None}
    changes["updated_at"] = transaction.now
    if effect.status is not None:
        ended = effect.status in (CaseStatus.CLOSED, CaseStatus.SPAM)
        changes["closed_at"] = transaction.now if ended else None
    transaction.connection.execute(update(Case).where(Case.number == effect.number).values(**changes))
    if effect.note is not None:
        _note(transaction, outcome, effect.number, effect.note)


def _note(transaction: Transaction, outcome: Outcome, number: str, words: str) -> None:
    """A line in the case's history, for colleagues."""
    case = select(Case.id).where(Case.number == number).scalar_subquery()
    transaction.connection.execute(
        insert(Interaction).values(
            contact_id=outcome.claim.contact,
            conversation_id=outcome.turn.conversation.id,
            case_id=case,
            channel=outcome.turn.channel.name,
            direction=Direction.INTERNAL,
            kind=InteractionKind.NOTE,
            author="bot",
            text=words,
            content={},
            at=transaction.now,
            stored_at=transaction.now,
        )
    )


def _make_promise(transaction: Transaction, effect: MakePromise) -> None:
    promises = transaction.connection.execute(select(Case.promises).where(Case.number == effect.case)).scalar()
    kept = [promise for promise in promises or [] if promise["id"] != effect.promise.id]
    made = {
        "id": effect.promise.id,
        "text": effect.promise.text,
        "due": effect.promise.due.isoformat(),
        "kept": effect.promise.kept,
    }
    transaction.connection.execute(
        update(Case).where(Case.number == effect.case).values(promises=[*kept, made], updated_at=transaction.now)
    )


def _plan(transaction: Transaction, outcome: Outcome, effect: PlanFollowUp) -> None:
    planned = {
        "conversation_id": outcome.turn.conversation.id,
        "case_number": effect.case,
        "kind": effect.kind,
        "reason": effect.reason,
        "details": dict(effect.details),
        "due_at": effect.due,
        "planned_at": transaction.now,
    }
    moved = transaction.connection.execute(
        update(FollowUp)
        .where(
            FollowUp.contact_id == outcome.claim.contact,
            FollowUp.key == effect.key,
            FollowUp.state == FollowUpState.PLANNED,
            FollowUp.id != (outcome.claim.due.id if outcome.claim.due is not None else 0),
        )
        .values(**planned)
    )
    if moved.rowcount == 0:
        if outcome.claim.due is not None and outcome.claim.due.key == effect.key:
            _finish_follow_up(transaction, outcome)  # it plans its own next occurrence: make room first
        transaction.connection.execute(
            insert(FollowUp),
            {"contact_id": outcome.claim.contact, "key": effect.key, "state": FollowUpState.PLANNED, **planned},
        )
    wait = effect.due - transaction.now
    if wait <= SOON:
        transaction.news.append(FollowUpPlanned(seconds=max(wait.total_seconds(), 0.0)))


def _cancel(transaction: Transaction, outcome: Outcome, effect: CancelFollowUps) -> None:
    transaction.connection.execute(
        update(FollowUp)
        .where(
            FollowUp.contact_id == outcome.claim.contact,
            FollowUp.key.startswith(effect.prefix, autoescape=True),
            FollowUp.state == FollowUpState.PLANNED,
            FollowUp.id != (outcome.claim.due.id if outcome.claim.due is not None else 0),
        )
        .values(state=FollowUpState.CANCELLED, done_at=transaction.now)
    )


def _finish_follow_up(transaction: Transaction, outcome: Outcome) -> None:
    assert outcome.claim.due is not None
    recorded = b'{"turn":' + turn_to_json(outcome.turn) + b',"effects":' + effects_to_json(outcome.effects) + b"}"
    transaction.connection.execute(
        update(FollowUp)
        .where(FollowUp.id == outcome.claim.due.id)
        .values(
            state=FollowUpState.FAILED if outcome.failure else FollowUpState.DONE,
            outcome=outcome.failure,
            turn=recorded,
            done_at=transaction.now,
        )
    )


def _record_consent(transaction: Transaction, outcome: Outcome, effect: RecordConsent) -> None:
    transaction.connection.execute(
        insert(Consent),
        {
            "contact_id": outcome.claim.contact,
            "address_id": outcome.claim.person.address_id,
            "purpose": effect.purpose,
            "granted": effect.granted,
            "source": f"message:{outcome.claim.through}",
            "words": effect.words[:1000],
            "at": transaction.now,
        },
    )


def button_as_json(button: Button) -> dict[str, str]:
    """A button without its absent fields."""
    fields = {"label": button.label, "value": button.value}
    return fields if button.url is None else {**fields, "url": button.url}
