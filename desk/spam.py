"""Spam and abuse: into the folder and out of it, and whom we answer no more. Nothing of it counts in any report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, String, cast, exists, literal, select, update

from bot.effects import HandOffReason
from bot.memory import Memory
from campaigns.policy import Refusal
from desk.agents import agent_name
from desk.locked import lock, tell
from desk.people import find
from desk.refusals import Unusable
from desk.withdrawal import withdraw
from storage import audit, lanes
from storage.commits import Transaction
from storage.contacts import Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.deliveries import Delivery
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked:
    """Somebody who is not heard any more, or a Conversation that counts no more."""

    conversation: int
    contact: int
    blocked: bool
    withdrawn: int
    """Messages of ours that had not left yet and now never will."""


def counted(conversation: type[Conversation] = Conversation) -> ColumnElement[bool]:
    """Which Conversations count, wherever something is counted: none in the spam folder, and nothing that somebody
    wrote after we had blocked them."""
    blocked_before = exists().where(
        Contact.id == conversation.contact_id,
        Contact.blocked_at.is_not(None),
        Contact.blocked_at <= conversation.opened_at,
    )
    return (conversation.state != ConversationState.SPAM) & ~blocked_before


def mark(transaction: Transaction, *, conversation: int, by: str, reason: str = "", block: bool = False) -> Marked:
    """A person sees that this is spam or abuse: it counts no more, and nothing of ours that waits in it leaves.

    `block`: its Contact is not answered any more, on any channel. `not_spam` takes both back. Raises NotFound;
    Unusable where it is in the spam folder already.
    """
    by, reason = agent_name(by), _reason(reason)
    row = lock(transaction, conversation)
    if row.state is ConversationState.SPAM:
        raise Unusable(f"conversation {conversation} is in the spam folder already")
    transaction.connection.execute(
        update(Conversation)
        .where(Conversation.id == row.id)
        .values(
            state=ConversationState.SPAM,
            closed_at=transaction.now,
            owner=Owner.BOT,
            agent=None,
            epoch=row.epoch + 1,
        )
    )
    withdrawn = withdraw(transaction, Delivery.conversation_id == row.id, Refusal.TAKEN_OVER)
    tell(transaction, row, f"{by} moved the conversation into the spam folder", by=by, event="spam", reason=reason)
    if block:
        _block(transaction, row.contact_id)
    _note(transaction, "contact.blocked" if block else "conversation.spam", by, row.contact_id, row.id)
    touch(transaction.connection, (row.id,))
    return Marked(conversation=row.id, contact=row.contact_id, blocked=block, withdrawn=withdrawn)


def block(transaction: Transaction, *, contact: str, by: str, reason: str, staff: int | None = None) -> int:
    """This person is not answered any more, on any channel; the reason is in the log. Raises Unusable, NotFound."""
    by, reason = agent_name(by), _reason(reason)
    if not reason:
        raise Unusable("say why: whoever looks at it later has to know")
    identity = find(transaction.connection, contact)
    lanes.lock(transaction.connection, [identity])
    if _block(transaction, identity):
        _note(transaction, "contact.blocked", by, identity, reason=reason, staff=staff)
    return identity


def unblock(transaction: Transaction, *, contact: str, by: str, staff: int | None = None) -> int:
    """They are heard again; what they wrote meanwhile is not answered by itself. Raises NotFound."""
    by = agent_name(by)
    identity = find(transaction.connection, contact)
    lanes.lock(transaction.connection, [identity])
    freed = transaction.connection.execute(
        update(Contact).where(Contact.id == identity, Contact.blocked_at.is_not(None)).values(blocked_at=None)
    )
    if freed.rowcount:
        _note(transaction, "contact.unblocked", by, identity, staff=staff)
    return identity


def blocked(transaction: Transaction, *, limit: int = 200) -> list[Row[*tuple[Any, ...]]]:
    """Whom we do not answer, the latest first: id, name, blocked_at, who and reason as the log has them."""
    latest = (
        select(audit.AuditEntry.id)
        .where(
            audit.AuditEntry.subject == literal("contact:").concat(cast(Contact.id, String)),
            audit.AuditEntry.action == "contact.blocked",
        )
        .order_by(audit.AuditEntry.id.desc())
        .limit(1)
        .correlate(Contact)
        .scalar_subquery()
    )
    return list(
        transaction.connection.execute(
            select(
                Contact.id,
                Contact.name,
                Contact.blocked_at,
                audit.AuditEntry.who,
                audit.AuditEntry.details["reason"].as_string().label("reason"),
            )
            .outerjoin(audit.AuditEntry, audit.AuditEntry.id == latest)
            .where(Contact.blocked_at.is_not(None), Contact.merged_into.is_(None))
            .order_by(Contact.blocked_at.desc(), Contact.id.desc())
            .limit(limit)
        )
    )


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


def _block(transaction: Transaction, contact: int) -> bool:
    done = transaction.connection.execute(
        update(Contact).where(Contact.id == contact, Contact.blocked_at.is_(None)).values(blocked_at=transaction.now)
    )
    return done.rowcount > 0


def _reason(given: str) -> str:
    reason = " ".join(given.split())[:500]
    if not reason.isprintable():
        raise Unusable("the reason holds characters that cannot be stored")
    return reason


def _note(
    transaction: Transaction,
    action: str,
    by: str,
    contact: int,
    conversation: int | None = None,
    *,
    reason: str = "",
    staff: int | None = None,
) -> None:
    details: dict[str, Any] = {"conversation": conversation} if conversation is not None else {}
    if reason:
        details["reason"] = reason
    audit.note(
        transaction.connection,
        at=transaction.now,
        who=by,
        staff=staff,
        action=action,
        subject=f"contact:{contact}",
        details=details,
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
