"""The inbox: what an agent sees before acting: who waits, and what was said."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.orm import aliased

from bot.effects import HandOffReason
from bot.turn import CaseStatus
from desk.cases import CaseSummary, cases_of
from desk.refusals import NotFound
from desk.sight import Kind, open_lines, open_talks, sees
from desk.timeline import Line, lines
from desk.urgency import Situation, answer_by
from storage.cases import Case
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.interactions import Direction, Interaction
from storage.many import named

SHORT = 200
"""Characters of a last word that a list shows."""
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
    state: ConversationState = ConversationState.OPEN
    language: str | None = None
    team: int | None = None
    said: str = ""
    """The last word in it by the customer or one of us, shortened."""
    said_by: str = ""
    """Its author: `customer`, `agent:<name>`."""
    last_at: datetime | None = None
    kinds: tuple[str, ...] = ()
    """Of the Contact's open cases."""
    deadline: datetime | None = None
    """The earliest of theirs."""
    angry: bool = False

    @property
    def situation(self) -> Situation:
        return Situation(
            since=self.since,
            deadline=self.deadline,
            tier=self.tier,
            priority=self.priority,
            angry=self.angry,
            letters=self.address.startswith("mailto:"),
            handed_over_for=self.reason,
        )

    @property
    def place(self) -> tuple[bool, datetime, int]:
        """Its place in the list: by when it should be answered; where nothing is to be done, last."""
        by = answer_by(self.situation)
        return by is None, by or self.last_at or datetime.max.replace(tzinfo=UTC), self.conversation


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
    """Open Conversations that the queue or an agent has, in the order in which they should be answered.

    `agent`: only theirs, and what nobody has taken.
    """
    listed = people_have(transaction)
    return sorted((one for one in listed if agent is None or one.agent in (None, agent)), key=lambda one: one.place)


def people_have(transaction: Transaction, only: Sequence[int] | None = None) -> list[Listed]:
    """Open Conversations that the queue or an agent has; `only`: of these. In no order."""
    statement = _people_have if only is None else _people_have.where(Conversation.id.in_(only))
    statement = statement.where(*open_talks(transaction))
    return listed(transaction, transaction.connection.execute(statement).all())


def listed(transaction: Transaction, rows: Sequence[Any]) -> list[Listed]:
    """Rows of `conversations_listed`, with what their Contacts' open cases ask for."""
    cases = _open_cases(transaction, {row.contact_id for row in rows})
    return [_listed(row, transaction.now, cases.get(row.contact_id, ())) for row in rows]


def spam(transaction: Transaction, *, limit: int = 200) -> list[Listed]:
    """The spam folder: Conversations that count nowhere, the latest first. Nobody waits in it."""
    rows = transaction.connection.execute(_in_spam.where(*open_talks(transaction)).limit(limit)).all()
    return listed(transaction, rows)


def show(transaction: Transaction, *, conversation: int, timeline: bool = False, limit: int = 200) -> Thread:
    """A Conversation with its latest `limit` lines; with `timeline`, the Contact's over all channels.

    Raises NotFound.
    """
    connection = transaction.connection
    row = next(iter(_thread.ask(connection, {"conversation": conversation})), None)
    if row is None or not sees(transaction, Kind.CONVERSATION, conversation):
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
        seen=_newest.ask(connection, {"contact": row.contact_id, "conversation": conversation})[0].newest or 0,
        lines=lines(transaction, and_(of_contact, *open_lines(transaction)) if timeline else of_thread, limit)
        if limit
        else [],
        cases=cases_of(transaction, row.contact_id),
    )


_answer, _question, _word = aliased(Interaction), aliased(Interaction), aliased(Interaction)
_last_answer = (
    select(_answer.id)
    .where(
        _answer.contact_id == Conversation.contact_id,
        _answer.conversation_id == Conversation.id,
        _answer.direction == Direction.OUT,
        _answer.author.startswith("agent:"),
        _answer.stored_at >= Conversation.handed_off_at,
    )
    .order_by(_answer.id.desc())
    .limit(1)
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
_last_word = (
    select(_word.id)
    .where(
        _word.contact_id == Conversation.contact_id,
        _word.conversation_id == Conversation.id,
        _word.direction.in_([Direction.IN, Direction.OUT]),
        # What people said: that the assistant passes somebody on is no news to whom it passes them on to.
        _word.author != "bot",
    )
    .order_by(_word.id.desc())
    .limit(1)
    .correlate(Conversation)
    .scalar_subquery()
)
_said = aliased(Interaction)
conversations_listed = (
    select(
        Conversation.id,
        Conversation.owner,
        Conversation.state,
        Conversation.team_id,
        Conversation.last_at,
        Conversation.memory["angry"].as_integer().label("angry"),
        Contact.language,
        _said.author,
        func.substr(_said.text, 1, SHORT).label("said"),
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
    .outerjoin(_said, _said.id == _last_word)
)
_people_have = conversations_listed.where(
    Conversation.state == ConversationState.OPEN, Conversation.owner.in_([Owner.QUEUE, Owner.AGENT])
)
_in_spam = conversations_listed.where(Conversation.state == ConversationState.SPAM).order_by(Conversation.id.desc())

# What every piece of a conversation's page asks: worked out once.
_thread = named(
    select(
        Conversation.contact_id,
        Conversation.channel,
        Conversation.state,
        Conversation.owner,
        Conversation.agent,
        Conversation.epoch,
        Conversation.priority,
        Conversation.handoff_reason,
        Conversation.handoff_summary,
        Conversation.opened_at,
        Contact.name,
        Contact.language,
        Contact.tier,
        Address.uri,
    )
    .join(Contact, Contact.id == Conversation.contact_id)
    .join(Address, Address.id == Conversation.address_id)
    .where(Conversation.id == bindparam("conversation"))
)
_newest = named(
    select(func.max(Interaction.id).label("newest")).where(
        Interaction.contact_id == bindparam("contact"), Interaction.conversation_id == bindparam("conversation")
    )
)


_open_case = select(Case.contact_id, Case.kind, Case.due_at, Case.promise_due_at).where(
    Case.closed_at.is_(None), Case.status.in_([CaseStatus.OPEN, CaseStatus.WAITING])
)


def _open_cases(transaction: Transaction, contacts: Collection[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    if contacts:
        for case in transaction.connection.execute(_open_case.where(Case.contact_id.in_(contacts))):
            found.setdefault(case.contact_id, []).append(case)
    return found


def _listed(row: Any, now: datetime, cases: Sequence[Any]) -> Listed:
    """Whom nobody has answered yet waits since the hand-off; later, since the first word that is not answered."""
    since = row.handed_off_at or row.opened_at
    if row.owner is Owner.AGENT and row.last_answer is not None:
        since = row.first_question
    if row.owner is Owner.BOT or row.state is not ConversationState.OPEN:
        since = None
    due = [instant for case in cases for instant in (case.due_at, case.promise_due_at) if instant is not None]
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
        state=row.state,
        language=row.language,
        team=row.team_id,
        said=" ".join((row.said or "").split()),
        said_by=row.author or "",
        last_at=row.last_at,
        kinds=tuple(sorted({case.kind for case in cases})),
        deadline=min(due, default=None),
        angry=bool(row.angry) or row.handoff_reason == HandOffReason.ANGER,
    )


def _in_one_line(summary: str) -> str:
    """A summary's first line says who, which the list says already; what follows is what an agent chooses by."""
    first, *rest = summary.strip().splitlines() or [""]
    return " · ".join(rest or [first])
