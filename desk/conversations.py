"""Conversations: what an agent does with one. Take it over, answer, note, hand back, resolve.

Each is one step of one transaction. It locks the Contact's Lane first, so that a message that is just being stored,
or a Turn that is just being applied, comes wholly before or wholly after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, or_, select, update
from sqlalchemy import case as sql_case

from bot.memory import Memory
from bot.turn import Purpose
from campaigns.policy import Refusal
from channels.envelope import DeliveryStatus
from desk.agents import agent_name, usable
from desk.cases import current_case, resolve_case
from desk.locked import change, lock, lock_open, tell, write
from desk.refusals import NotYours, Stale, Unreachable, Unseen
from storage import outbox, routing
from storage.commits import Transaction
from storage.conversations import ConversationState, Owner
from storage.deliveries import Delivery
from storage.interactions import Direction, Interaction, InteractionKind
from storage.outbox import WAITING, Leaving

WORTH_SENDING = timedelta(hours=24)
"""How long an agent's word waits for a channel that is down before it counts as failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ownership:
    """A Conversation after a verb: who speaks now."""

    conversation: int
    state: ConversationState
    owner: Owner
    agent: str | None
    epoch: int
    changed: bool
    """False: it stood so already."""
    withdrawn: int = 0
    """The assistant's messages that had not left yet and now never will."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What an agent wrote, as it was recorded."""

    conversation: int
    interaction: int
    delivery: int | None = None
    """Its place in the outbox; None for a note."""


def take(transaction: Transaction, *, conversation: int, by: str, from_colleague: bool = False) -> Ownership:
    """`by` speaks from now on, and nothing that the assistant wrote before leaves any more.

    Raises NotYours where a colleague has it, unless `from_colleague`; Ended; NotFound.
    """
    by = agent_name(by)
    row = lock_open(transaction, conversation)
    if row.owner is Owner.AGENT and row.agent == by:
        return _ownership(row, changed=False)
    if row.owner is Owner.AGENT and not from_colleague:
        raise NotYours(
            f"{row.agent} has conversation {conversation}; take it with --from-colleague if you agreed on it"
        )
    before = row.agent if row.owner is Owner.AGENT else str(row.owner)
    changes: dict[str, Any] = {"owner": Owner.AGENT, "agent": by, "epoch": row.epoch + 1}
    if row.owner is Owner.BOT:
        # It waits since now: an earlier hand-off is another story.
        changes |= {"handed_off_at": transaction.now, "handoff_reason": None, "handoff_summary": None}
    change(transaction, row, changes)
    since = changes.get("handed_off_at", row.handed_off_at)
    routing.given(transaction.connection, conversation, since, transaction.now)
    withdrawn = _withdraw(transaction, conversation)
    tell(transaction, row, f"{by} took the conversation over from {before}", by=by, event="taken", source=before)
    return _ownership(row, owner=Owner.AGENT, agent=by, epoch=row.epoch + 1, withdrawn=withdrawn)


def reply(transaction: Transaction, *, conversation: int, by: str, text: str, seen: int | None = None) -> Written:
    """Write to the customer. `seen`: the newest Interaction that the agent knows of; without it, their own latest act.

    Raises Stale with the messages that came in since; NotYours; Unreachable; Unusable; Ended; NotFound.
    """
    by, text = agent_name(by), usable(text)
    return say(transaction, may_speak(transaction, conversation, by, seen), by, text)


def may_speak(transaction: Transaction, conversation: int, by: str, seen: int | None) -> Row[*tuple[Any, ...]]:
    """The Conversation, locked, where `by` may write to its customer now. Raises as `reply` does."""
    row = lock_open(transaction, conversation)
    if row.owner is not Owner.AGENT or row.agent != by:
        has = row.agent if row.owner is Owner.AGENT else f"the {row.owner}"
        raise NotYours(f"{has} has conversation {conversation}; take it first, then reply")
    _refuse_closed(row)
    _refuse_stale(transaction, row, by, seen)
    return row


def say(
    transaction: Transaction,
    row: Row[*tuple[Any, ...]],
    by: str,
    text: str,
    *,
    more: Mapping[str, Any] | None = None,
    content: Mapping[str, Any] | None = None,
    due_at: datetime | None = None,
) -> Written:
    """Record what `by` says, and put it into the outbox. `more`: what else of an OutboundMessage there is; `content`:
    what else is kept with the Interaction; `due_at`: not before."""
    kept = {**(more or {}), **(content or {})}
    interaction = write(transaction, row, InteractionKind.MESSAGE, Direction.OUT, f"agent:{by}", text, kept)
    message = {
        "text": text,
        "author": f"agent:{by}",
        "language": row.language or "en",
        "automatic": False,
        **(more or {}),
    }
    delivery = _queue(transaction, row, interaction, message, due_at)
    return Written(conversation=row.id, interaction=interaction, delivery=delivery)


def note(transaction: Transaction, *, conversation: int, by: str, text: str) -> Written:
    """Write something for colleagues alone; anybody may, at any time. Raises Unusable, NotFound."""
    by, text = agent_name(by), usable(text)
    row = lock(transaction, conversation)
    interaction = write(transaction, row, InteractionKind.NOTE, Direction.INTERNAL, f"agent:{by}", text, {})
    return Written(conversation=conversation, interaction=interaction)


def handback(
    transaction: Transaction, *, conversation: int, by: str, text: str = "", from_colleague: bool = False
) -> Ownership:
    """The assistant speaks again. `text`, a note on what was agreed, goes to the open case and to the engine.

    Raises NotYours where a colleague has it, unless `from_colleague`; Unusable; Ended; NotFound.
    """
    by, text = agent_name(by), usable(text) if text.strip() else ""
    row = lock_open(transaction, conversation)
    if row.owner is Owner.BOT:
        return _ownership(row, changed=False)
    _refuse_colleagues(row, by, "hand it back", from_colleague)
    memory = _memory_after_people(row.memory)
    change(transaction, row, {"owner": Owner.BOT, "agent": None, "epoch": row.epoch + 1, "memory": memory})
    tell(transaction, row, f"{by} handed the conversation back to the assistant", by=by, event="handed_back")
    if text:
        case = current_case(transaction, row)
        write(transaction, row, InteractionKind.NOTE, Direction.INTERNAL, f"agent:{by}", text, {}, case=case)
    return _ownership(row, owner=Owner.BOT, agent=None, epoch=row.epoch + 1)


def resolve(
    transaction: Transaction,
    *,
    conversation: int,
    by: str,
    case: str | None = None,
    survey_hours: float | None = None,
    from_colleague: bool = False,
) -> Ownership:
    """It is done: the customer's next message opens a new Conversation. With `case`, that case is resolved, too, and,
    with `survey_hours`, the customer is asked after that time how it was.

    Raises NotYours where a colleague has it, unless `from_colleague`; Ended; NotFound.
    """
    by = agent_name(by)
    row = lock_open(transaction, conversation)
    _refuse_colleagues(row, by, "resolve it", from_colleague)
    if case is not None:
        resolve_case(transaction, row, case, survey_hours)
    changes: dict[str, Any] = {
        "state": ConversationState.RESOLVED,
        "closed_at": transaction.now,
        "owner": Owner.AGENT,
        "agent": by,
        "epoch": row.epoch + 1,
    }
    change(transaction, row, changes)
    withdrawn = _withdraw(transaction, conversation)
    about = "the conversation" if case is None else f"the conversation and case {case}"
    tell(transaction, row, f"{by} resolved {about}", by=by, event="resolved")
    return _ownership(
        row, state=ConversationState.RESOLVED, owner=Owner.AGENT, agent=by, epoch=row.epoch + 1, withdrawn=withdrawn
    )


def _ownership(row: Row[*tuple[Any, ...]], *, changed: bool = True, withdrawn: int = 0, **now: Any) -> Ownership:
    facts: dict[str, Any] = {"state": row.state, "owner": row.owner, "agent": row.agent, "epoch": row.epoch}
    return Ownership(conversation=row.id, changed=changed, withdrawn=withdrawn, **(facts | now))


def _withdraw(transaction: Transaction, conversation: int) -> int:
    """What the assistant wrote and has not left is taken out of the way at once: a message that waits for its retry
    would otherwise hold the agent's words behind it. What is on the wire this very moment counts as left."""
    withdrawn = transaction.connection.execute(
        update(Delivery)
        .where(Delivery.conversation_id == conversation, Delivery.status.in_(WAITING), Delivery.epoch.is_not(None))
        .values(
            # As the sender says it: what was tried before has failed, what was never tried is skipped.
            status=sql_case((Delivery.attempts == 0, DeliveryStatus.SKIPPED.value), else_=DeliveryStatus.FAILED.value),
            reason=str(Refusal.TAKEN_OVER),
            updated_at=transaction.now,
        )
        .returning(Delivery.channel, Delivery.status)
    ).all()
    for row in withdrawn:
        transaction.count("sent", row.channel, row.status)
    return len(withdrawn)


def _refuse_closed(row: Row[*tuple[Any, ...]]) -> None:
    if row.blocked_at is not None:
        raise Unreachable("this contact is blocked")
    if row.address_closed_at is not None:
        raise Unreachable(f"{row.uri} cannot be reached: {row.closed_reason or 'closed'}")


def _refuse_colleagues(row: Row[*tuple[Any, ...]], by: str, what: str, from_colleague: bool) -> None:
    if row.owner is Owner.AGENT and row.agent != by and not from_colleague:
        raise NotYours(f"{row.agent} has conversation {row.id}; {what} with --from-colleague if you agreed on it")


def _refuse_stale(transaction: Transaction, row: Row[*tuple[Any, ...]], by: str, seen: int | None) -> None:
    """An answer to what was said before the customer's last word can be worse than none."""
    connection, own = transaction.connection, f"agent:{by}"
    of_conversation = and_(Interaction.contact_id == row.contact_id, Interaction.conversation_id == row.id)
    if seen is None:
        by_them = or_(Interaction.author == own, Interaction.content["by"].as_string() == by)
        statement = select(Interaction.id).where(of_conversation, by_them).order_by(Interaction.id.desc()).limit(1)
        seen = connection.scalar(statement) or 0
    unseen = connection.execute(
        select(Interaction.id, Interaction.author, Interaction.at, Interaction.text)
        .where(
            of_conversation,
            Interaction.id > seen,
            Interaction.direction.in_([Direction.IN, Direction.OUT]),
            Interaction.author != own,
        )
        .order_by(Interaction.id)
    ).all()
    if unseen:
        count = "a message has" if len(unseen) == 1 else f"{len(unseen)} messages have"
        raise Stale(
            f"{count} come in that your draft does not know of; read, then reply with --seen {unseen[-1].id}",
            [Unseen(id=line.id, author=line.author, at=line.at, text=line.text) for line in unseen],
        )


def _queue(
    transaction: Transaction,
    row: Row[*tuple[Any, ...]],
    interaction: int,
    message: Mapping[str, Any],
    due_at: datetime | None,
) -> int:
    """Into the outbox, before bulk and under any epoch: an agent's own word is never overtaken."""
    outbox.put(
        transaction,
        [
            Leaving(
                interaction=interaction,
                conversation=row.id,
                contact=row.contact_id,
                address=row.address_id,
                channel=row.channel,
                purpose=Purpose.SERVICE,
                message=message,
                thread=row.thread,
                patience=WORTH_SENDING,
                due_at=due_at,
            )
        ],
    )
    change(transaction, row, {})
    return transaction.connection.execute(
        select(Delivery.id).where(Delivery.interaction_id == interaction)
    ).scalar_one()


def _memory_after_people(memory: dict[str, Any]) -> dict[str, Any]:
    """What the engine asked before people took over is no longer open, and what annoyed the customer is settled."""
    known = Memory.read(memory)
    known.choice = known.order = None
    known.misunderstood = known.angry = 0
    if known.complaint is not None:
        known.complaint.paused = True
    return known.write()
