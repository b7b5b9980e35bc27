"""Effects become rows: cases, promises, follow-ups, consents, and who owns the Conversation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, assert_never

from sqlalchemy import insert, select, update

from bot import own_data
from bot.effects import (
    AskAssistant,
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
from bot.turn import CaseStatus
from desk import own_data as register
from gateway.news import FollowUpPlanned
from gateway.outcomes import Outcome, Standing
from gateway.recording import effects_to_json, turn_to_json
from storage import link_codes
from storage.cases import Case
from storage.commits import Transaction
from storage.consents import Consent
from storage.contacts import Contact
from storage.conversations import ConversationState, Owner
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import Direction, InteractionKind, record
from storage.privacy import PrivacyKind

SOON = timedelta(seconds=30)
"""A Follow-up due within this time wakes its process exactly, without waiting for a tick."""


def write_effect(
    transaction: Transaction, outcome: Outcome, effect: Effect, standing: Standing, *, overtaken: bool
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
            shown_on = outcome.claim.person.address_id
            link_codes.show(transaction.connection, effect.code, address=shown_on, now=transaction.now)
        case Lookup() | AskAssistant() | Ignore():
            pass  # what was asked for was answered before; why nothing is said stands in the Turn
        case LearnAboutContact() | Say():
            pass  # written together with those of other Turns
        case _:
            assert_never(effect)


def _hand_off(transaction: Transaction, outcome: Outcome, effect: HandOff, standing: Standing) -> None:
    standing.owner, standing.epoch = Owner.QUEUE, standing.epoch + 1
    standing.handed_off_at = transaction.now
    standing.handoff_reason, standing.handoff_summary = effect.reason, effect.summary
    standing.priority = effect.priority
    transaction.count("handed_off", effect.reason)


def _mark_spam(transaction: Transaction, outcome: Outcome, effect: MarkSpam, standing: Standing) -> None:
    standing.state, standing.closed_at = ConversationState.SPAM, transaction.now
    if effect.block:
        transaction.connection.execute(
            update(Contact).where(Contact.id == outcome.claim.contact).values(blocked_at=transaction.now)
        )


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
    _note_own_data(transaction, outcome, effect)


def _note_own_data(transaction: Transaction, outcome: Outcome, effect: OpenCase) -> None:
    """A wish about one's own data is a case for people, and stands in the register."""
    wish = effect.facts.get(own_data.FACT)
    if wish is not None:
        register.note(
            transaction,
            contact=outcome.claim.contact,
            kind=PrivacyKind(str(wish)),
            asked_by="customer",
            conversation=outcome.turn.conversation.id,
            case=effect.number,
            proven=outcome.claim.person.proven_at is not None,
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
    changes |= {"updated_at": transaction.now, "timed": False}
    if effect.status is not None:
        ended = effect.status in (CaseStatus.CLOSED, CaseStatus.SPAM)
        changes["closed_at"] = transaction.now if ended else None
    transaction.connection.execute(update(Case).where(Case.number == effect.number).values(**changes))
    if effect.note is not None:
        _note(transaction, outcome, effect.number, effect.note)


def _note(transaction: Transaction, outcome: Outcome, number: str, words: str) -> None:
    """A line in the case's history, for colleagues."""
    connection = transaction.connection
    record(
        connection,
        contact=outcome.claim.contact,
        conversation=outcome.turn.conversation.id,
        case=connection.scalar(select(Case.id).where(Case.number == number)),
        channel=outcome.turn.channel.name,
        direction=Direction.INTERNAL,
        kind=InteractionKind.NOTE,
        author="bot",
        text=words,
        now=transaction.now,
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
        update(Case)
        .where(Case.number == effect.case)
        .values(promises=[*kept, made], updated_at=transaction.now, timed=False)
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
            finish_follow_up(transaction, outcome)  # it plans its own next occurrence: make room first
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


def finish_follow_up(transaction: Transaction, outcome: Outcome) -> None:
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
