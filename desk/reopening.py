"""Reopening: a Conversation that was over goes on, with whoever reopens it."""

from __future__ import annotations

from sqlalchemy import select

from desk.agents import agent_name
from desk.conversations import Ownership
from desk.locked import change, lock, tell
from desk.refusals import Impossible
from storage import routing
from storage.commits import Transaction
from storage.conversations import Conversation, ConversationState, Owner


class OpenElsewhere(Impossible):
    """The customer has a newer conversation open in the same place: it goes on there."""

    def __init__(self, conversation: int) -> None:
        super().__init__(f"conversation {conversation} is open in the same place")
        self.conversation = conversation


def reopen(transaction: Transaction, *, conversation: int, by: str) -> Ownership:
    """It is not over after all, and `by` has it. Raises OpenElsewhere, Impossible (spam), NotFound."""
    by = agent_name(by)
    row = lock(transaction, conversation)
    if row.state is ConversationState.SPAM:
        raise Impossible("this is in the spam folder; take it out of there")
    if row.state is ConversationState.OPEN:
        return _ownership(conversation, row.owner, row.agent, row.epoch, changed=False)
    other = transaction.connection.scalar(
        select(Conversation.id).where(
            Conversation.contact_id == row.contact_id,
            Conversation.channel == row.channel,
            Conversation.thread == row.thread,
            Conversation.state == ConversationState.OPEN,
        )
    )
    if other is not None:
        raise OpenElsewhere(other)
    now, epoch = transaction.now, row.epoch + 1
    changes = {"state": ConversationState.OPEN, "closed_at": None, "owner": Owner.AGENT, "agent": by, "epoch": epoch}
    change(transaction, row, {**changes, "handed_off_at": now, "handoff_reason": None, "handoff_summary": None})
    routing.given(transaction.connection, conversation, now, now)
    tell(transaction, row, f"{by} opened the conversation again", by=by, event="reopened")
    return _ownership(conversation, Owner.AGENT, by, epoch, changed=True)


def _ownership(conversation: int, owner: Owner, agent: str | None, epoch: int, *, changed: bool) -> Ownership:
    return Ownership(
        conversation=conversation, state=ConversationState.OPEN, owner=owner, agent=agent, epoch=epoch, changed=changed
    )
