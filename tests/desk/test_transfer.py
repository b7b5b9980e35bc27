"""Transfer and teams: who gets a conversation by somebody's hand, and what a team may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from desk import conversations, staff, teams
from desk.refusals import Ended, NotFound, NotYours, Refused, Unusable
from desk.staff import Taken
from desk.transfer import transfer
from storage.alerts import Alert
from storage.audit import AuditEntry
from storage.conversations import Owner
from storage.database import synchronous_engine
from storage.interactions import Interaction, InteractionKind
from tests.clock import FrozenClock
from tests.desk.floor import Floor, playbook


@pytest.fixture
def floor(migrated_url: str, clock: FrozenClock) -> Iterator[Floor]:
    engine = synchronous_engine(migrated_url)
    yield Floor(engine, clock)
    engine.dispose()


def test_a_colleague_gets_it_with_a_note_and_is_told(floor: Floor) -> None:
    floor.here("Ben")
    eve = floor.here("Eve", capacity=0)
    waiting = floor.waits()
    floor.run()
    assert floor.agent(waiting) == "Ben"
    done = floor.do(transfer, conversation=waiting, by="Ben", to=eve.staff, text="She wants it in writing.")
    assert (done.agent, done.changed) == ("Eve", True)
    row = floor.conversation(waiting)
    assert (row.owner, row.agent, row.epoch) == (Owner.AGENT, "Eve", 3)
    assert floor.told(waiting)[-1] == {
        "event": "transferred",
        "by": "Ben",
        "source": "Ben",
        "kind": "person",
        "to": "Eve",
    }
    (note,) = [row for row in floor.rows(Interaction) if row.kind == InteractionKind.NOTE]
    assert (note.author, note.text) == ("agent:Ben", "She wants it in writing.")
    assert [(alert.staff_id, alert.kind, alert.who) for alert in floor.rows(Alert)][-1] == (
        eve.staff,
        "assigned",
        "Ben",
    )
    floor.run(16 * 60)
    assert floor.agent(waiting) == "Ben", "Eve did not answer; it went back, and Ben had not let it wait"


def test_a_team_gets_it_and_not_whom_it_just_left(floor: Floor) -> None:
    ben = floor.here("Ben")
    waiting = floor.waits()
    floor.run()
    eve = floor.here("Eve")
    returns = floor.team("Returns", ben, eve, topics=["returns"])
    floor.do(transfer, conversation=waiting, by="Ben", team=returns)
    row = floor.conversation(waiting)
    assert (row.owner, row.agent, row.team_id) == (Owner.QUEUE, None, returns)
    floor.run()
    assert floor.agent(waiting) == "Eve"


def test_whoever_is_free_gets_what_is_put_back(floor: Floor) -> None:
    floor.here("Ben")
    waiting = floor.waits()
    floor.run()
    floor.do(transfer, conversation=waiting, by="Ben")
    floor.run()
    assert floor.agent(waiting) is None
    floor.here("Eve")
    floor.run()
    assert floor.agent(waiting) == "Eve"


def test_what_a_colleague_has_is_transferred_only_by_who_directs(floor: Floor) -> None:
    floor.here("Ben")
    eve = floor.here("Eve", capacity=0)
    waiting = floor.waits()
    floor.run()
    with pytest.raises(NotYours):
        floor.do(transfer, conversation=waiting, by="Eve", to=eve.staff)
    floor.do(transfer, conversation=waiting, by="Ada", to=eve.staff, from_colleague=True)
    assert floor.agent(waiting) == "Eve"


@pytest.mark.parametrize(
    ("target", "refused"),
    [({"to": 99}, NotFound), ({"team": 99}, NotFound), ({"to": 1, "team": 1}, Unusable), ({"to": 2}, NotFound)],
)
def test_it_goes_nowhere_that_is_not_there(floor: Floor, target: dict[str, int], refused: type[Refused]) -> None:
    floor.colleague(floor.ada, "Max", "marketer")
    waiting = floor.waits()
    with pytest.raises(refused):
        floor.do(transfer, conversation=waiting, by="Ada", **target)
    assert floor.conversation(waiting).epoch == 1


def test_what_is_there_already_stays_and_what_is_over_is_over(floor: Floor) -> None:
    ben = floor.here("Ben")
    waiting = floor.waits()
    floor.run()
    assert not floor.do(transfer, conversation=waiting, by="Ben", to=ben.staff).changed
    floor.do(conversations.resolve, conversation=waiting, by="Ben")
    with pytest.raises(Ended):
        floor.do(transfer, conversation=waiting, by="Ben")


def test_what_the_assistant_has_can_be_given_to_a_colleague(floor: Floor) -> None:
    eve = floor.here("Eve", capacity=0)
    waiting = floor.waits()
    floor.do(conversations.handback, conversation=waiting, by="Ada")
    floor.do(transfer, conversation=waiting, by="Ada", to=eve.staff)
    assert floor.conversation(waiting).owner is Owner.AGENT
    assert [line["event"] for line in floor.told(waiting)] == ["handed_back", "taken", "transferred"]


def make(floor: Floor, name: str = "Returns", members: list[int] | None = None, **takes: Any) -> int:
    return floor.do(teams.make, by=floor.ada, name=name, takes=takes, members=members or [])


def test_a_team_says_what_it_takes_and_the_audit_log_who_said_so(floor: Floor) -> None:
    team = make(floor, "  Returns  & more ", [1], languages=["en"], topics=["returns"], channels=["webchat", " "])
    (facts,) = floor.do(teams.every_team)
    assert (facts.id, facts.name, facts.members) == (team, "Returns & more", (1,))
    assert (facts.languages, facts.topics, facts.channels, facts.tiers) == (("en",), ("returns",), ("webchat",), ())
    arguments: dict[str, Any] = {"team": team, "name": "Returns", "takes": {"tiers": ["key"]}, "members": []}
    floor.do(teams.change, by=floor.ada, **arguments)
    (facts,) = floor.do(teams.every_team)
    assert (facts.name, facts.members, facts.tiers, facts.languages) == ("Returns", (), ("key",), ())
    assert [row.action for row in floor.rows(AuditEntry)][-2:] == ["team.made", "team.changed"]


@pytest.mark.parametrize("name", ["", " ", "x" * 61, "a\nb\0"])
def test_a_team_has_a_name_that_can_be_read(floor: Floor, name: str) -> None:
    with pytest.raises(Unusable):
        make(floor, name)


@pytest.mark.parametrize("takes", [{"languages": ["fr"]}, {"tiers": ["royal"]}, {"topics": ["weather"]}])
def test_a_team_takes_only_what_there_is(floor: Floor, takes: dict[str, Any]) -> None:
    with pytest.raises(Unusable):
        make(floor, **takes)


def test_only_who_converses_is_in_a_team(floor: Floor) -> None:
    max_ = floor.colleague(floor.ada, "Max", "marketer")
    with pytest.raises(Unusable):
        make(floor, members=[max_.staff])
    with pytest.raises(NotFound):
        floor.do(teams.set_skills, by=floor.ada, staff=max_.staff, languages=[], topics=[], capacity=1)


def test_two_teams_of_one_name_there_are_not_but_one_after_another(floor: Floor) -> None:
    first = make(floor)
    with pytest.raises(Taken):
        make(floor)
    waiting = floor.waits()
    floor.do(transfer, conversation=waiting, by="Ada", team=first)
    floor.do(teams.close, by=floor.ada, team=first)
    assert floor.conversation(waiting).team_id is None, "what waited for it is everybody's"
    make(floor)
    with pytest.raises(NotFound):
        floor.do(teams.close, by=floor.ada, team=first)


@pytest.mark.parametrize(
    "skills", [{"languages": ["fr"]}, {"topics": ["weather"]}, {"capacity": -1}, {"capacity": 201}]
)
def test_skills_are_what_can_be_asked_for(floor: Floor, skills: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"languages": [], "topics": [], "capacity": None}
    with pytest.raises(Unusable):
        floor.do(teams.set_skills, by=floor.ada, staff=1, **(usual | skills))


def test_supervisors_are_given_something_only_where_somebody_said_how_much(floor: Floor) -> None:
    floor.here("Sue", "supervisor")
    (_, sue) = floor.do(teams.colleagues, rules=playbook().policy.routing)
    assert (sue.name, sue.room) == ("Sue", 0)
    floor.do(teams.set_skills, by=floor.ada, staff=sue.staff, languages=[], topics=[], capacity=2)
    (_, sue) = floor.do(teams.colleagues, rules=playbook().policy.routing)
    assert (sue.room, sue.capacity) == (2, 2)
    floor.do(staff.let_go, by=floor.ada, staff=sue.staff)
    assert [one.name for one in floor.do(teams.colleagues, rules=playbook().policy.routing)] == ["Ada"]
