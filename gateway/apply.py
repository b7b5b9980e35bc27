"""Apply: a Turn's effects become rows in one transaction, or the Turn is found to be no longer ours.

Read `Application.store` top to bottom: check the fence, write what was decided, write what leaves, let the Lane go
(or claim what has come in meanwhile).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import bindparam, insert, select, update

from bot.effects import LearnAboutContact, Say
from gateway import claims, unclear
from gateway.effects import finish_follow_up, write_effect
from gateway.outcomes import Outcome, Standing
from gateway.recording import effects_to_json, turn_to_json
from gateway.saying import Speaker, Words
from storage import ids, lanes, reviews
from storage.commits import Transaction
from storage.contacts import Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.interactions import Interaction, TurnRecord
from storage.many import Many, Question, among
from storage.touched import touch


@dataclass(slots=True)
class _Page:
    """Rows that a batch of Turns adds, so that each table is written once."""

    turns: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    names: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    languages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    words: Words = field(default_factory=Words)
    conversations: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    reviews: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    meant: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


class Application:
    """The transaction work that applies Turns; one for each process."""

    def __init__(self, *, process: str, streams: frozenset[str], deadline: timedelta) -> None:
        """`deadline`: how long a reply is worth sending."""
        self._process = process
        self._speaker = Speaker(streams=streams, deadline=deadline)

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

    def _write(self, transaction: Transaction, outcomes: Sequence[Outcome], locked: Mapping[int, _Held]) -> None:
        says = sum(isinstance(effect, Say) for outcome in outcomes for effect in outcome.effects)
        interactions = iter(ids.take(transaction.connection, Interaction, says))
        page = _Page()
        for outcome in outcomes:
            row = locked[outcome.claim.contact]
            standing = Standing(
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
                if isinstance(effect, LearnAboutContact):
                    _learn(page, outcome, effect)
                elif not isinstance(effect, Say):
                    write_effect(transaction, outcome, effect, standing, overtaken=overtaken)
            for effect in outcome.effects:
                if isinstance(effect, Say):
                    self._speaker.say(
                        transaction, page.words, outcome, effect, standing, next(interactions), overtaken=overtaken
                    )
            self._record(transaction, page, outcome, standing)
        _write_page(transaction, page)

    def _record(self, transaction: Transaction, page: _Page, outcome: Outcome, standing: Standing) -> None:
        turn, now = outcome.turn, transaction.now
        touch(transaction.connection, (turn.conversation.id,))
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
            finish_follow_up(transaction, outcome)
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
                "failure": outcome.failure or outcome.trouble or understanding.failure,
            }
        )
        page.reviews += unclear.reviews(turn, outcome.effects, now)
        if (intent := unclear.meant(turn)) is not None:
            before = turn.messages[0].interaction
            page.meant.append({"conversation": turn.conversation.id, "before": before, "intent": intent})
        transaction.count("handled", turn.channel.name)

    def _release(self, transaction: Transaction, outcomes: Sequence[Outcome], locked: Mapping[int, _Held]) -> None:
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
        claims.take(transaction, again, self._process)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lane:
    fence: int
    newest: int
    handled: int


class _Held(NamedTuple):
    """A Lane with the Conversation of its Turn, as they stand when the Turn is applied."""

    contact_id: int
    fence: int
    newest: int
    handled: int
    state: ConversationState
    owner: Owner
    epoch: int
    memory: dict[str, Any]
    closed_at: datetime | None
    handed_off_at: datetime | None
    handoff_reason: str | None
    handoff_summary: str | None
    priority: int


_lanes_and_conversations = Question(
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
    .where(among(lanes.Lane.contact_id, "contacts"), among(Conversation.id, "conversations"))
    .order_by(lanes.Lane.contact_id)
    .with_for_update(of=[lanes.Lane, Conversation]),
    into=_Held._make,
)

_contact = update(Contact).where(Contact.id == bindparam("contact"))
_save_name = Many(_contact.values(name=bindparam("new_name")))
_save_language = Many(_contact.values(language=bindparam("new_language")))

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


def _learn(page: _Page, outcome: Outcome, effect: LearnAboutContact) -> None:
    if effect.name is not None:
        page.names.append({"contact": outcome.claim.contact, "new_name": effect.name})
    if effect.language is not None:
        page.languages.append({"contact": outcome.claim.contact, "new_language": effect.language})


def _lock(transaction: Transaction, outcomes: Sequence[Outcome]) -> dict[int, _Held]:
    """Lanes with the Conversations of these Turns by Contact, locked in the order of Contact ids.

    A Contact that was linked away meanwhile is not among them: its Turn has lost its lane.
    """
    wanted = {
        "contacts": [outcome.claim.contact for outcome in outcomes],
        "conversations": [outcome.turn.conversation.id for outcome in outcomes],
    }
    return {held.contact_id: held for held in _lanes_and_conversations.ask(transaction.connection, wanted)}


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


def _write_page(transaction: Transaction, page: _Page) -> None:
    connection = transaction.connection
    _insert_turns.execute(connection, page.turns)
    page.words.write(transaction)
    _save_conversation.execute(connection, page.conversations)
    _save_name.execute(connection, page.names)
    _save_language.execute(connection, page.languages)
    reviews.queue_many(connection, page.reviews)
    reviews.suggest_many(connection, page.meant)
