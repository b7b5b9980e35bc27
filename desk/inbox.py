"""The inbox: what an agent sees before acting: who waits, and what was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from desk.cases import CaseSummary, cases_of
from desk.refusals import NotFound
from desk.timeline import Line, lines
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.interactions import Direction, Interaction

PRIORITIES: Mapping[int, str] = {1: "urgent", 2: "high", 3: "normal", 4: "low"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A Conversation that people have, as the queue or the spam folder lists it."""

    conversation: int
    owner: Owner
    agent: str | None
    priority: int
    """1 urgent … 4 low."""
    reason: str | None
    """Why it was handed over; None: an agent took it unasked."""
    summary: str
    """What the assistant wrote for the agent, in one line, without who it is about."""
    contact: int
    name: str | None
    address: str
    channel: str
    tier: str
    since: datetime | None
    """Since when the customer waits for a person; None: the person spoke last."""
    waiting_seconds: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Thread:
    """A Conversation, laid open."""

    conversation: int
    contact: int
    name: str | None
    language: str | None
    tier: str
    address: str
    channel: str
    state: ConversationState
    owner: Owner
    agent: str | None
    epoch: int
    priority: int
    reason: str | None
    summary: str | None
    opened_at: datetime
    seen: int
    """Newest Interaction of the Conversation: what a reply made now has seen."""
    lines: list[Line]
    """Oldest first; with the timeline asked for, the Contact's over all channels."""
    cases: list[CaseSummary] = field(default_factory=list[CaseSummary])
    """The Contact's, open ones first."""


def queue(transaction: Transaction, *, agent: str | None = None) -> list[Listed]:
    """Open Conversations that the queue or an agent has, urgent ones first, then who waits longest.

    `agent`: only theirs, and what nobody has taken.
    """
    rows = transaction.connection.execute(_people_have).all()
    listed = [_listed(row, transaction.now) for row in rows if agent is None or row.agent in (None, agent)]
    return sorted(listed, key=lambda one: (one.priority, -(one.waiting_seconds or 0.0), one.conversation))


def spam(transaction: Transaction, *, limit: int = 200) -> list[Listed]:
    """The spam folder: Conversations that count nowhere, the latest first. Nobody waits in it."""
    rows = transaction.connection.execute(_in_spam.limit(limit)).all()
    return [_listed(row, transaction.now) for row in rows]


def show(transaction: Transaction, *, conversation: int, timeline: bool = False, limit: int = 200) -> Thread:
    """A Conversation with its latest `limit` lines; with `timeline`, the Contact's over all channels.

    Raises NotFound.
    """
    connection = transaction.connection
    row = connection.execute(_thread.where(Conversation.id == conversation)).one_or_none()
    if row is None:
        raise NotFound(f"there is no conversation {conversation}")
    of_contact = Interaction.contact_id == row.contact_id
    of_thread = and_(of_contact, Interaction.conversation_id == conversation)
    return Thread(
        conversation=conversation,
        contact=row.contact_id,
        name=row.name,
        language=row.language,
        tier=row.tier,
        address=row.uri,
        channel=row.channel,
        state=row.state,
        owner=row.owner,
        agent=row.agent,
        epoch=row.epoch,
        priority=row.priority,
        reason=row.handoff_reason,
        summary=row.handoff_summary,
        opened_at=row.opened_at,
        seen=connection.scalar(select(func.max(Interaction.id)).where(of_thread)) or 0,
        lines=lines(transaction, of_contact if timeline else of_thread, limit),
        cases=cases_of(transaction, row.contact_id),
    )


_answer, _question = aliased(Interaction), aliased(Interaction)
_last_answer = (
    select(func.max(_answer.id))
    .where(
        _answer.contact_id == Conversation.contact_id,
        _answer.conversation_id == Conversation.id,
        _answer.direction == Direction.OUT,
        _answer.author.startswith("agent:"),
        _answer.stored_at >= Conversation.handed_off_at,
    )
    .correlate(Conversation)
    .scalar_subquery()
)
_first_question = (
    select(func.min(_question.stored_at))
    .where(
        _question.contact_id == Conversation.contact_id,
        _question.conversation_id == Conversation.id,
        _question.direction == Direction.IN,
        _question.id > _last_answer,
    )
    .correlate(Conversation)
    .scalar_subquery()
)
_with_people = (
    select(
        Conversation.id,
        Conversation.owner,
        Conversation.agent,
        Conversation.priority,
        Conversation.handoff_reason,
        Conversation.handoff_summary,
        Conversation.handed_off_at,
        Conversation.opened_at,
        Conversation.contact_id,
        Conversation.channel,
        Contact.name,
        Contact.tier,
        Address.uri,
        _last_answer.label("last_answer"),
        _first_question.label("first_question"),
    )
    .join(Contact, Contact.id == Conversation.contact_id)
    .join(Address, Address.id == Conversation.address_id)
)
_people_have = _with_people.where(
    Conversation.state == ConversationState.OPEN, Conversation.owner.in_([Owner.QUEUE, Owner.AGENT])
)
_in_spam = _with_people.where(Conversation.state == ConversationState.SPAM).order_by(Conversation.id.desc())

_thread = (
    select(
        *Conversation.__table__.columns,
        Contact.name,
        Contact.language,
        Contact.tier,
        Address.uri,
    )
    .join(Contact, Contact.id == Conversation.contact_id)
    .join(Address, Address.id == Conversation.address_id)
)


def _listed(row: Any, now: datetime) -> Listed:
    """Whom nobody has answered yet waits since the hand-off; later, since the first word that is not answered."""
    since = row.handed_off_at or row.opened_at
    if row.owner is Owner.AGENT and row.last_answer is not None:
        since = row.first_question
    return Listed(
        conversation=row.id,
        owner=row.owner,
        agent=row.agent,
        priority=row.priority,
        reason=row.handoff_reason,
        summary=_in_one_line(row.handoff_summary or ""),
        contact=row.contact_id,
        name=row.name,
        address=row.uri,
        channel=row.channel,
        tier=row.tier,
        since=since,
        waiting_seconds=None if since is None else max((now - since).total_seconds(), 0.0),
    )


def _in_one_line(summary: str) -> str:
    """A summary's first line says who, which the list says already; what follows is what an agent chooses by."""
    first, *rest = summary.strip().splitlines() or [""]
    return " · ".join(rest or [first])
