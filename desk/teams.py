"""Teams: who works together on what, and what each of the staff can do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, func, insert, select, update

from bot.authority import TIERS
from bot.routing import RoutingRules
from desk import presence
from desk.choice import SPOKEN, Person, Takes
from desk.deeds import noted
from desk.logins import Present
from desk.presence import Here
from desk.refusals import NotFound, Unusable
from desk.rights import Right, rights_of
from desk.staff import Taken
from desk.topics import Topic
from storage.commits import Transaction
from storage.contacts import Address
from storage.conversations import Conversation, ConversationState, Owner
from storage.presence import State
from storage.staff import Role, Staff
from storage.teams import Skills, Team, TeamMember
from storage.touched import touch

LONGEST_NAME = 60
MOST_AT_ONCE = 200
"""The highest capacity that means anything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamFacts:
    """A team, as it is shown."""

    id: int
    name: str
    languages: tuple[str, ...]
    channels: tuple[str, ...]
    tiers: tuple[str, ...]
    topics: tuple[str, ...]
    members: tuple[int, ...]
    members_only: bool = False
    """Only they, and who directs them, see its conversations."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Colleague:
    """Somebody who converses with customers: what they can do, and what they have to do now."""

    here: Here
    languages: tuple[str, ...]
    topics: tuple[str, ...]
    capacity: int | None
    """Their own; None: the usual one."""
    room: int
    """Conversations at once, after all; 0: none is given to them unasked."""
    load: float
    teams: tuple[int, ...]

    @property
    def staff(self) -> int:
        return self.here.staff

    @property
    def name(self) -> str:
        return self.here.name


def every_team(transaction: Transaction) -> list[TeamFacts]:
    """The living ones, by name."""
    connection = transaction.connection
    members: dict[int, list[int]] = {}
    for row in connection.execute(
        select(TeamMember.team_id, TeamMember.staff_id)
        .join(Staff, Staff.id == TeamMember.staff_id)
        .where(Staff.left_at.is_(None))
        .order_by(TeamMember.staff_id)
    ):
        members.setdefault(row.team_id, []).append(row.staff_id)
    rows = connection.execute(select(*Team.__table__.columns).where(Team.closed_at.is_(None)).order_by(Team.name))
    return [
        TeamFacts(
            id=row.id,
            name=row.name,
            languages=tuple(row.languages),
            channels=tuple(row.channels),
            tiers=tuple(row.tiers),
            topics=tuple(row.topics),
            members=tuple(members.get(row.id, ())),
            members_only=row.members_only,
        )
        for row in rows
    ]


def colleagues(transaction: Transaction, *, rules: RoutingRules) -> list[Colleague]:
    """All who may converse with customers, by name."""
    connection = transaction.connection
    everybody = presence.everybody(transaction, idle=rules.idle)
    skills = {row.staff_id: row for row in connection.execute(select(*Skills.__table__.columns))}
    teams: dict[int, list[int]] = {}
    for team in every_team(transaction):
        for staff in team.members:
            teams.setdefault(staff, []).append(team.id)
    loads = _loads(transaction, [here.name for here in everybody], rules)
    return [
        _colleague(here, skills.get(here.staff), rules, loads.get(here.name, 0.0), teams.get(here.staff, ()))
        for here in everybody
    ]


def who_can_take(transaction: Transaction, rules: RoutingRules) -> list[Person]:
    """Those who are available and are given something unasked."""
    return [
        Person(
            staff=one.staff,
            languages=frozenset(one.languages),
            topics=frozenset(one.topics),
            teams=frozenset(one.teams),
            capacity=one.room,
            load=one.load,
            given_at=one.here.given_at,
        )
        for one in colleagues(transaction, rules=rules)
        if one.here.state is State.AVAILABLE and one.room > 0
    ]


def with_more(person: Person, weight: float, now: datetime) -> Person:
    """After they were given one more."""
    return replace(person, load=person.load + weight, given_at=now)


def takes(transaction: Transaction) -> list[Takes]:
    """What each team takes. A team of nobody takes nothing: it would wait there for ever."""
    return [
        Takes(
            team=team.id,
            languages=frozenset(team.languages),
            channels=frozenset(team.channels),
            tiers=frozenset(team.tiers),
            topics=frozenset(team.topics),
        )
        for team in every_team(transaction)
        if team.members
    ]


def make(
    transaction: Transaction,
    *,
    by: Present,
    name: str,
    takes: Mapping[str, Sequence[str]],
    members: Sequence[int],
    members_only: bool = False,
) -> int:
    """A new team; its number. `takes`: lists by `languages`, `channels`, `tiers` and `topics`; `members_only`: nobody
    else but who directs them sees its conversations. Raises Unusable."""
    row = {
        "name": _name(transaction, name, None),
        **_lists(takes),
        "made_at": transaction.now,
        "members_only": members_only,
    }
    team = transaction.connection.execute(insert(Team).returning(Team.id), row).scalar_one()
    _set_members(transaction, team, members)
    noted(transaction, by, "team.made", f"team:{team}", name=row["name"], members_only=members_only)
    return team


def change(
    transaction: Transaction,
    *,
    by: Present,
    team: int,
    name: str,
    takes: Mapping[str, Sequence[str]],
    members: Sequence[int],
    members_only: bool | None = None,
) -> None:
    """`members_only`: None leaves it as it is. Raises Unusable, NotFound."""
    before = _find(transaction, team)
    values: dict[str, Any] = {"name": _name(transaction, name, team), **_lists(takes)}
    if members_only is not None:
        values["members_only"] = members_only
    transaction.connection.execute(update(Team).where(Team.id == team).values(values))
    _set_members(transaction, team, members)
    noted(transaction, by, "team.changed", f"team:{team}", before=before.name, **values, members=list(members))


def close(transaction: Transaction, *, by: Present, team: int) -> None:
    """It takes nothing more; what waits for it is everybody's. Raises NotFound."""
    _find(transaction, team)
    connection = transaction.connection
    connection.execute(update(Team).where(Team.id == team).values(closed_at=transaction.now))
    connection.execute(delete(TeamMember).where(TeamMember.team_id == team))
    connection.execute(
        update(Conversation)
        .where(
            Conversation.state == ConversationState.OPEN,
            Conversation.owner == Owner.QUEUE,
            Conversation.team_id == team,
        )
        .values(team_id=None)
    )
    noted(transaction, by, "team.closed", f"team:{team}")


def set_skills(
    transaction: Transaction,
    *,
    by: Present,
    staff: int,
    languages: Sequence[str],
    topics: Sequence[str],
    capacity: int | None,
) -> None:
    """What somebody can do. Raises Unusable, NotFound."""
    connection = transaction.connection
    row = connection.execute(select(Staff.roles).where(Staff.id == staff, Staff.left_at.is_(None))).one_or_none()
    if row is None or Right.CONVERSE not in rights_of(row.roles):
        raise NotFound(f"nobody of number {staff} converses with customers")
    if capacity is not None and not 0 <= capacity <= MOST_AT_ONCE:
        raise Unusable(f"a capacity is between 0 and {MOST_AT_ONCE}")
    values = {
        "languages": _known("languages", languages, SPOKEN),
        "topics": _known("topics", topics, Topic),
        "capacity": capacity,
    }
    if not connection.execute(update(Skills).where(Skills.staff_id == staff).values(values)).rowcount:
        connection.execute(insert(Skills), {"staff_id": staff, **values})
    noted(transaction, by, "staff.skills", f"staff:{staff}", **values)


def _colleague(here: Here, skills: Any, rules: RoutingRules, load: float, teams: Iterable[int]) -> Colleague:
    """Supervisors are given nothing unasked, unless somebody has said how much."""
    usual = rules.capacity if Role.AGENT in here.roles else 0
    capacity = None if skills is None else skills.capacity
    return Colleague(
        here=here,
        languages=() if skills is None else tuple(skills.languages),
        topics=() if skills is None else tuple(skills.topics),
        capacity=capacity,
        room=usual if capacity is None else capacity,
        load=load,
        teams=tuple(teams),
    )


def _loads(transaction: Transaction, names: Sequence[str], rules: RoutingRules) -> dict[str, float]:
    """What each has in hand; what rests takes up nothing."""
    mails = func.sum(case((Address.uri.startswith("mailto:"), 1), else_=0))
    rows = transaction.connection.execute(
        select(Conversation.agent, func.count().label("all"), mails.label("mails"))
        .join(Address, Address.id == Conversation.address_id)
        .where(
            Conversation.state == ConversationState.OPEN,
            Conversation.owner == Owner.AGENT,
            Conversation.agent.in_(names),
            Conversation.last_at > transaction.now - rules.resting,
        )
        .group_by(Conversation.agent)
    )
    weight = rules.weight(mail=True)
    return {row.agent: float(row.all - row.mails) + float(row.mails) * weight for row in rows}


def _set_members(transaction: Transaction, team: int, members: Sequence[int]) -> None:
    connection = transaction.connection
    known = {
        row.id
        for row in connection.execute(
            select(Staff.id, Staff.roles).where(Staff.id.in_(members), Staff.left_at.is_(None))
        )
        if Right.CONVERSE in rights_of(row.roles)
    }
    if set(members) - known:
        raise Unusable("only who converses with customers can be in a team")
    old = set(connection.scalars(select(TeamMember.staff_id).where(TeamMember.team_id == team)))
    connection.execute(delete(TeamMember).where(TeamMember.team_id == team, TeamMember.staff_id.in_(old - known)))
    if known - old:
        rows = [{"team_id": team, "staff_id": staff, "since": transaction.now} for staff in sorted(known - old)]
        connection.execute(insert(TeamMember), rows)
    touch(connection, ["board"])


def _find(transaction: Transaction, team: int) -> Any:
    row = transaction.connection.execute(
        select(Team.id, Team.name).where(Team.id == team, Team.closed_at.is_(None)).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no team {team}")
    return row


def _name(transaction: Transaction, name: str, team: int | None) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Unusable(f"a team's name has 1 to {LONGEST_NAME} printable characters")
    taken = transaction.connection.scalar(select(Team.id).where(Team.name == name, Team.closed_at.is_(None)))
    if taken not in (None, team):
        raise Taken("another team has this name")
    return name


def _lists(takes: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {
        "languages": _known("languages", takes.get("languages", ()), SPOKEN),
        "channels": sorted({name.strip() for name in takes.get("channels", ()) if name.strip()}),
        "tiers": _known("tiers", takes.get("tiers", ()), TIERS),
        "topics": _known("topics", takes.get("topics", ()), Topic),
    }


def _known(what: str, given: Sequence[str], known: Iterable[str]) -> list[str]:
    words = [str(word) for word in known]
    if set(given) - set(words):
        raise Unusable(f"{what} are {', '.join(sorted(words))}")
    return [word for word in words if word in given]
