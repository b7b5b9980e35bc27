"""Sight: a team may keep its conversations to its members. This is the one place that knows what follows from that.

Who directs others, and who lets people in, sees everything; who has a conversation sees it, whichever team it is of. To
everybody else it is not there, and neither is a case that began in it. A verb asks for the conditions here, and they
are none where nothing is closed to whoever looks: that is how it is as long as no team is set so.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, bindparam, exists, or_, select
from sqlalchemy.orm import aliased

from desk.rights import Right
from storage.cases import Case
from storage.commits import Transaction
from storage.conversations import Conversation
from storage.interactions import Interaction
from storage.many import Question
from storage.sight import ALL, Sight
from storage.teams import Team, TeamMember

SEE_ALL: Final = frozenset({Right.DIRECT, Right.MANAGE_STAFF})


class Kind(StrEnum):
    """What is looked at by its number."""

    CONVERSATION = "conversation"
    CASE = "case"  # by its number in words, C-1042
    LINE = "line"  # a message, by its Interaction


def sight_of(transaction: Transaction, *, staff: int | None, name: str, rights: Collection[Right]) -> Sight:
    """Through whose eyes. `staff`: None is no member of any team, as programs are."""
    if not SEE_ALL.isdisjoint(rights):
        return ALL
    closed = frozenset(_closed.ask(transaction.connection, {"member": staff or 0}))
    return Sight(name=name, closed=closed) if closed else ALL


def sees(transaction: Transaction, kind: Kind, named: str | int) -> bool:
    """Whether it is to be seen; what there is not, is not to be seen either where anything is closed."""
    if not transaction.sight.closed:
        return True
    match kind:
        case Kind.CONVERSATION:
            found = select(Conversation.id).where(Conversation.id == named, *open_talks(transaction))
        case Kind.CASE:
            found = select(Case.id).where(Case.number == named, *open_cases(transaction))
        case Kind.LINE:
            found = select(Interaction.id).where(Interaction.id == named, *open_lines(transaction))
    return transaction.connection.scalar(found) is not None


def open_talks(transaction: Transaction) -> list[ColumnElement[bool]]:
    """Conditions on Conversation."""
    sight = transaction.sight
    if not sight.closed:
        return []
    theirs = Conversation.team_id.is_(None) | Conversation.team_id.not_in(sight.closed)
    return [or_(theirs, Conversation.agent == sight.name)]


def open_lines(transaction: Transaction, conversation: Any = Interaction.conversation_id) -> list[ColumnElement[bool]]:
    """Conditions on whatever names a Conversation, or none."""
    return [~_in_closed(transaction.sight, conversation)] if transaction.sight.closed else []


def open_cases(transaction: Transaction) -> list[ColumnElement[bool]]:
    """Conditions on Case."""
    sight = transaction.sight
    if not sight.closed:
        return []
    return [or_(~_in_closed(sight, Case.conversation_id), Case.owner == sight.name)]


def _in_closed(sight: Sight, conversation: Any) -> ColumnElement[bool]:
    """By the key of one row: what a list shows is looked up line by line, and no team's conversations are read."""
    others = or_(_talk.agent.is_(None), _talk.agent != sight.name)
    return exists(select(_talk.id).where(and_(_talk.id == conversation, _talk.team_id.in_(sight.closed), others)))


_talk = aliased(Conversation)


def _number(row: Any) -> int:
    return int(row[0])


_closed = Question(
    # A team that was dissolved goes on keeping what was said to it.
    select(Team.id).where(
        Team.members_only.is_(True),
        ~exists().where(TeamMember.team_id == Team.id, TeamMember.staff_id == bindparam("member")),
    ),
    into=_number,
)
