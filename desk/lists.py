"""Lists: which conversations a view of the inbox shows, narrowed by filters, in pieces.

What people have is one list in the order of urgency, small enough to be held in memory; what the assistant has, and
what is over, is read in pieces from the database, the latest first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Select, Subquery, and_, or_, select

from bot.turn import CaseStatus
from desk.inbox import Listed, conversations_listed, listed, people_have
from desk.refusals import Unusable
from desk.sight import open_talks
from desk.urgency import at_risk
from storage.cases import Case
from storage.commits import Transaction
from storage.contacts import Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.many import named
from storage.teams import Team, teams_of

A_PIECE: Final = 50
"""Rows of a list that are shown together."""
LOOKED_THROUGH: Final = 5_000
"""Conversations that a filter looks through for one piece of what people do not have; there may be years of them."""
Place = tuple[bool, datetime, int]


class View(StrEnum):
    """What a list is of."""

    MINE = "mine"
    UNASSIGNED = "unassigned"
    TEAM = "team"  # of the teams that one is in
    WAITING = "waiting"  # for the customer: it is their move
    RISK = "risk"  # late, soon late, or waiting for too long
    ALL = "all"  # that people have
    ASSISTANT = "assistant"
    CLOSED = "closed"


OF_PEOPLE: Final = (View.MINE, View.UNASSIGNED, View.TEAM, View.WAITING, View.RISK, View.ALL)
"""Views of what people have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seer:
    """Whose inbox it is."""

    name: str
    teams: frozenset[int] = frozenset()
    closed: frozenset[int] = frozenset()
    """Teams whose conversations are not there for them, but what they have themselves."""

    def sees(self, one: Listed) -> bool:
        return one.team not in self.closed or one.agent == self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What a list is narrowed to; None: anything."""

    channel: str | None = None
    language: str | None = None
    tier: str | None = None
    agent: str | None = None
    team: str | None = None
    """Its id."""
    kind: str | None = None
    """Of an open case of theirs."""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Filters:
        """From a page's address; what is no filter of ours is left out."""
        return cls(**{name: query[name][:100] for name in FILTERS if query.get(name)})

    @property
    def given(self) -> dict[str, str]:
        return {name: value for name in FILTERS if (value := getattr(self, name))}

    def let_pass(self, one: Listed) -> bool:
        return (
            (self.channel is None or one.channel == self.channel)
            and (self.language is None or one.language == self.language)
            and (self.tier is None or one.tier == self.tier)
            and (self.agent is None or one.agent == self.agent)
            and (self.team is None or str(one.team) == self.team)
            and (self.kind is None or self.kind in one.kinds)
        )


FILTERS: Final = tuple(field.name for field in fields(Filters))
NO_FILTERS: Final = Filters()


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A part of a list."""

    items: list[Listed]
    next: str | None
    """Where the next one begins; None: this was the last."""


def piece(
    transaction: Transaction,
    *,
    view: View,
    by: str,
    staff: int,
    filters: Filters = NO_FILTERS,
    after: str | None = None,
    limit: int = A_PIECE,
) -> Piece:
    """A part of a view as `by` sees it. `after`: where an earlier piece said that the next begins. Raises Unusable."""
    if view not in OF_PEOPLE:
        return rest(transaction, view=view, filters=filters, after=after, limit=limit)
    seer = Seer(name=by, teams=frozenset(teams_of(transaction.connection, staff)))
    ordered = sorted(people_have(transaction), key=lambda one: one.place)
    found = [one for one in ordered if shows(view, one, seer, transaction.now) and filters.let_pass(one)]
    return cut(found, after, limit)


def shows(view: View, one: Listed, seer: Seer, now: datetime) -> bool:
    """Whether a view of what people have shows this one."""
    match view:
        case View.MINE:
            return one.owner is Owner.AGENT and one.agent == seer.name
        case View.UNASSIGNED:
            return one.agent is None
        case View.TEAM:
            return one.team in seer.teams
        case View.WAITING:
            return one.since is None
        case View.RISK:
            return at_risk(one.situation, now)
        case View.ALL:
            return True
        case View.ASSISTANT | View.CLOSED:
            return False


def cut(ordered: Sequence[Listed], after: str | None, limit: int = A_PIECE) -> Piece:
    """A part of what is in order already."""
    first = 0 if after is None else bisect_right([one.place for one in ordered], _read(after))
    items = list(ordered[first : first + limit])
    more = len(ordered) > first + limit
    return Piece(items=items, next=_written(items[-1].place) if more else None)


def rest(
    transaction: Transaction, *, view: View, filters: Filters, after: str | None = None, limit: int = A_PIECE
) -> Piece:
    """Of what the assistant has or what is over, the latest first. With filters a piece may be short, or empty, and
    still have a next one: so far was looked. Raises Unusable."""
    when = Conversation.last_at if view is View.ASSISTANT else Conversation.closed_at
    state: ColumnElement[bool] = (
        and_(Conversation.state == ConversationState.OPEN, Conversation.owner == Owner.BOT)
        if view is View.ASSISTANT
        else Conversation.state.in_([ConversationState.RESOLVED, ConversationState.IDLE])
    )
    # A window of the index first, so that a filter that hardly anything fits reads no years of conversations.
    window = (
        select(
            Conversation.id,
            Conversation.contact_id,
            Conversation.channel,
            Conversation.agent,
            Conversation.team_id,
            when.label("at"),
        )
        .where(state, when.is_not(None), *open_talks(transaction))
        .order_by(when.desc(), Conversation.id.desc())
    )
    if after is not None:
        _, at, conversation = _read(after)
        window = window.where(when <= at, or_(when < at, Conversation.id < conversation))
    connection = transaction.connection
    reach = LOOKED_THROUGH if filters != NO_FILTERS else limit + 1
    found = connection.execute(_narrowed(window.limit(reach).subquery("latest"), filters).limit(limit + 1)).all()
    end = None
    if len(found) > limit:
        end = found[limit - 1]
    elif filters != NO_FILTERS:
        end = connection.execute(window.offset(reach - 1).limit(1)).one_or_none()
    shown = {row.id: place for place, row in enumerate(found[:limit])}
    rows = connection.execute(conversations_listed.where(Conversation.id.in_(shown))).all()
    items = sorted(listed(transaction, rows), key=lambda one: shown[one.conversation])
    return Piece(items=items, next=None if end is None else _written((False, end.at, end.id)))


def _narrowed(latest: Subquery, filters: Filters) -> Select[int, datetime]:
    """Of the latest, those that the filters let pass."""
    of = latest.c
    statement = select(of.id, of.at).order_by(of.at.desc(), of.id.desc())
    if filters.channel is not None:
        statement = statement.where(of.channel == filters.channel)
    if filters.agent is not None:
        statement = statement.where(of.agent == filters.agent)
    if filters.team is not None:
        statement = statement.where(of.team_id == (int(filters.team[:18]) if filters.team.isdecimal() else -1))
    if filters.language is not None or filters.tier is not None:
        statement = statement.join(Contact, Contact.id == of.contact_id)
    if filters.language is not None:
        statement = statement.where(Contact.language == filters.language)
    if filters.tier is not None:
        statement = statement.where(Contact.tier == filters.tier)
    if filters.kind is not None:
        is_open = Case.closed_at.is_(None), Case.status.in_([CaseStatus.OPEN, CaseStatus.WAITING])
        of_kind = select(Case.id).where(Case.contact_id == of.contact_id, Case.kind == filters.kind, *is_open)
        statement = statement.where(of_kind.exists())
    return statement


def team_names(transaction: Transaction) -> dict[str, str]:
    """The teams that work, by their ids as filters have them."""
    return {str(team.id): team.name for team in _teams.ask(transaction.connection, {})}


_teams = named(select(Team.id, Team.name).where(Team.closed_at.is_(None)).order_by(Team.name, Team.id))


def _written(place: Place) -> str:
    return f"{int(place[0])}_{place[1].astimezone(UTC).isoformat()}_{place[2]}"


def _read(cursor: str) -> Place:
    try:
        last, at, conversation = cursor.split("_")
        instant = datetime.fromisoformat(at)
        if instant.tzinfo is None or len(conversation) > 18:
            raise ValueError
        return bool(int(last)), instant, int(conversation)
    except ValueError as error:
        raise Unusable("this is no place in a list; begin without one") from error


def view_of(query: Mapping[str, str]) -> View:
    """As a page's address says; what is none of ours is all."""
    named = query.get("view", View.ALL)
    return View(named) if named in set(View) else View.ALL


def query_of(stored: Mapping[str, Any]) -> dict[str, str]:
    """Of a saved view, as a page's address has it; what another version of the house wrote is left out."""
    known = {str(name): value for name, value in stored.items() if isinstance(cast(object, value), str)}
    return {"view": view_of(known)} | Filters.read(known).given
