"""Out of the spam folder: a person sees that the assistant was wrong about somebody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, update

from bot.effects import HandOffReason
from bot.memory import Memory
from desk.agents import agent_name
from desk.locked import lock, tell
from desk.refusals import Unusable
from storage.commits import Transaction
from storage.contacts import Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.touched import touch


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """Somebody who is heard again."""

    conversation: int
    contact: int
    goes_on_in: int
    """The open Conversation: this one, or the one into which they have written since."""
    unblocked: bool
    """False: they were not blocked."""


def not_spam(transaction: Transaction, *, conversation: int, by: str) -> Restored:
    """It counts again, its Contact is blocked no more, and a person will look at what was not answered.

    Raises NotFound; Unusable where it is not in the spam folder.
    """
    by = agent_name(by)
    row = lock(transaction, conversation)
    if row.state is not ConversationState.SPAM:
        raise Unusable(f"conversation {conversation} is not in the spam folder; it is {row.state}")
    going_on = _open_one(transaction, row)
    _let_in(transaction, row)
    if going_on is None:
        _queue(transaction, row)
    else:
        _close(transaction, row)
        if going_on.owner is Owner.BOT:
            _queue(transaction, going_on)
    tell(transaction, row, f"{by} took the conversation out of the spam folder", by=by, event="not_spam")
    return Restored(
        conversation=row.id,
        contact=row.contact_id,
        goes_on_in=row.id if going_on is None else going_on.id,
        unblocked=row.blocked_at is not None,
    )


def _open_one(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> Row[*tuple[Any, ...]] | None:
    """What a blocked Contact wrote since stands, unanswered, in a Conversation of its own."""
    return transaction.connection.execute(
        select(Conversation.id, Conversation.owner, Conversation.epoch, Conversation.memory, Conversation.priority)
        .where(
            Conversation.contact_id == row.contact_id,
            Conversation.channel == row.channel,
            Conversation.thread == row.thread,
            Conversation.state == ConversationState.OPEN,
        )
        .with_for_update()
    ).one_or_none()


def _let_in(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> None:
    transaction.connection.execute(update(Contact).where(Contact.id == row.contact_id).values(blocked_at=None))


def _queue(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> None:
    """Into people's hands. The warning is forgotten with the verdict: one more joke must not block them again."""
    known = Memory.read(row.memory)
    known.warned = False
    transaction.connection.execute(
        update(Conversation)
        .where(Conversation.id == row.id)
        .values(
            state=ConversationState.OPEN,
            closed_at=None,
            owner=Owner.QUEUE,
            agent=None,
            epoch=row.epoch + 1,
            memory=known.write(),
            handed_off_at=transaction.now,
            handoff_reason=HandOffReason.NOT_SPAM,
            handoff_summary=None,
            last_at=transaction.now,
        )
    )
    transaction.count("handed_off", HandOffReason.NOT_SPAM)
    touch(transaction.connection, (row.id,))


def _close(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> None:
    transaction.connection.execute(
        update(Conversation).where(Conversation.id == row.id).values(state=ConversationState.RESOLVED)
    )
