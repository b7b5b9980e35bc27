"""The board: who is here, what each has to do, what waits for whom, and why it has not found anybody yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from bot.playbook import Playbook
from desk import routing, teams
from desk.choice import Missing, choose
from desk.teams import Colleague, TeamFacts
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.presence import State
from storage.routing import Routing

WAITING_SHOWN = 100
HELD_SHOWN = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A Conversation in the queue."""

    conversation: int
    name: str | None
    channel: str
    language: str | None
    tier: str
    priority: int
    reason: str | None
    topics: tuple[str, ...]
    team: int | None
    since: datetime
    missing: Missing | None
    """Why it has not found anybody; None: it is given to somebody the next moment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A Conversation that somebody has, and whose customer waits for an answer."""

    conversation: int
    name: str | None
    channel: str
    priority: int
    agent: str
    since: datetime
    due: datetime
    """When it goes back to the queue."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Depth:
    """What waits for one team; for everybody where there is none."""

    team: TeamFacts | None
    waiting: int
    longest: datetime | None
    """Since when the first of them waits."""
    available: int
    here: int
    room: float
    """How many more its available people could take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """A moment on the floor."""

    open: bool
    opens_at: datetime | None
    """When the business opens next, where it is closed."""
    automatic: bool
    people: list[Colleague]
    depths: list[Depth]
    waiting: list[Waiting]
    more: int
    """That wait, and are not shown."""
    held: list[Held]
    teams: dict[int, str]


def board(transaction: Transaction, *, playbook: Playbook) -> Board:
    """How it stands now."""
    rules, now = playbook.policy.routing, transaction.now
    is_open = playbook.hours.open_at(now)
    people, every = teams.colleagues(transaction, rules=rules), teams.every_team(transaction)
    counts = {row.team_id: row for row in transaction.connection.execute(_counts)}
    total = sum(row.waiting for row in counts.values())
    waiting = _waiting(transaction, playbook)
    return Board(
        open=is_open,
        opens_at=None if is_open else playbook.hours.next_opening(now),
        automatic=rules.automatic,
        people=people,
        depths=[_depth(team, counts.get(None if team is None else team.id), people) for team in (*every, None)],
        waiting=waiting,
        more=total - len(waiting),
        held=_held(transaction, playbook),
        teams={team.id: team.name for team in every},
    )


_in_queue = (Conversation.state == ConversationState.OPEN) & (Conversation.owner == Owner.QUEUE)
_since = func.min(func.coalesce(Conversation.handed_off_at, Conversation.opened_at), type_=Conversation.opened_at.type)
_counts = (
    select(Conversation.team_id, func.count().label("waiting"), _since.label("since"))
    .where(_in_queue)
    .group_by(Conversation.team_id)
)
_queued = (
    select(
        Conversation.id,
        Conversation.channel,
        Conversation.priority,
        Conversation.handoff_reason,
        Conversation.handed_off_at,
        Conversation.opened_at,
        Conversation.team_id,
        Contact.name,
        Contact.language,
        Contact.tier,
        Address.uri,
        Routing.topics,
        Routing.before_id,
        Routing.tried,
        Routing.widened,
    )
    .join(Contact, Contact.id == Conversation.contact_id)
    .join(Address, Address.id == Conversation.address_id)
    .outerjoin(Routing, Routing.conversation_id == Conversation.id)
    .where(_in_queue)
    .order_by(Conversation.priority, Conversation.handed_off_at, Conversation.id)
    .limit(WAITING_SHOWN)
)
_with_agents = (
    select(
        Conversation.id,
        Conversation.contact_id,
        Conversation.channel,
        Conversation.priority,
        Conversation.agent,
        Conversation.handed_off_at,
        Conversation.opened_at,
        Contact.name,
        Address.uri,
        Routing.since,
    )
    .join(Contact, Contact.id == Conversation.contact_id)
    .join(Address, Address.id == Conversation.address_id)
    .join(Routing, Routing.conversation_id == Conversation.id)
    .where(
        Routing.look_at.is_not(None),
        Conversation.state == ConversationState.OPEN,
        Conversation.owner == Owner.AGENT,
    )
    .order_by(Routing.look_at, Conversation.id)
    .limit(HELD_SHOWN)
)


def _depth(team: TeamFacts | None, counted: Row[*tuple[Any, ...]] | None, people: Sequence[Colleague]) -> Depth:
    theirs = [one for one in people if team is None or one.staff in team.members]
    available = [one for one in theirs if one.here.state is State.AVAILABLE]
    return Depth(
        team=team,
        waiting=0 if counted is None else counted.waiting,
        longest=None if counted is None else counted.since,
        available=len(available),
        here=sum(one.here.state is not State.OFFLINE for one in theirs),
        room=sum(max(one.room - one.load, 0.0) for one in available),
    )


def _waiting(transaction: Transaction, playbook: Playbook) -> list[Waiting]:
    rules = playbook.policy.routing
    people = teams.who_can_take(transaction, rules)
    found: list[Waiting] = []
    for row in transaction.connection.execute(_queued):
        choice = choose(routing.need(row, rules), people)
        found.append(
            Waiting(
                conversation=row.id,
                name=row.name,
                channel=row.channel,
                language=row.language,
                tier=row.tier,
                priority=row.priority,
                reason=row.handoff_reason,
                topics=tuple(row.topics or ()),
                team=row.team_id,
                since=row.handed_off_at or row.opened_at,
                missing=choice if isinstance(choice, Missing) else None,
            )
        )
    return found


def _held(transaction: Transaction, playbook: Playbook) -> list[Held]:
    """Of those that are looked at next: the others' time is further off."""
    rules = playbook.policy.routing
    found: list[Held] = []
    for row in transaction.connection.execute(_with_agents).all():
        since = routing.waits_since(transaction, row, row.since or row.opened_at)
        if since is None:
            continue
        limit = rules.to_answer(mail=routing.is_mail(row), gone=False)
        found.append(
            Held(
                conversation=row.id,
                name=row.name,
                channel=row.channel,
                priority=row.priority,
                agent=row.agent,
                since=since,
                due=playbook.hours.add_working_time(since, limit),
            )
        )
    return sorted(found, key=lambda one: (one.due, one.conversation))
