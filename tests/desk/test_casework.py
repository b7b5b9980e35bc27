"""Casework on both databases: what people do with a case, what it costs the clock, and what the assistant learns of
it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from bot.memory import Complaint, Memory
from bot.playbook import Playbook, load
from bot.turn import Step
from desk import approvals, case_links, case_list, case_page, casework, causes, deadlines, promises, proposals
from desk.case_list import Filter, View
from desk.causes import Verdict
from desk.locked_case import CaseOver, Merged, NoCase
from desk.logins import Present
from gateway.playbooks import files
from storage import lanes
from storage.alerts import Alert
from storage.cases import Case
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.conversations import Conversation, Owner
from storage.database import synchronous_engine
from storage.deadlines import Deadline, DeadlineKind
from storage.follow_ups import FollowUp
from tests.clock import FrozenClock
from tests.desk.office import Office

BOOK = load(files(Path(__file__).parents[2] / "playbook"))
SOON = timedelta(hours=1)


@dataclass
class Desk:
    """An office with a customer, an agent and two supervisors."""

    office: Office
    ben: Present
    sue: Present
    eve: Present

    def opened(self, **more: Any) -> str:
        return self.office.do(casework.open_case, by=self.ben, contact=1, subject="broken cup", conversation=1, **more)

    def case(self, number: str) -> Any:
        return next(row for row in self.office.rows(Case) if row.number == number)

    def tick(self) -> None:
        self.office.do(deadlines.look_again, playbook=BOOK)
        self.office.do(deadlines.note_breaches)
        self.office.do(promises.watch, playbook=BOOK)

    def shown(self, number: str) -> case_page.CaseFile:
        return self.office.do(case_page.show, case=number, by=self.ben, playbook=BOOK)


@pytest.fixture
def desk(migrated_url: str, clock: FrozenClock) -> Generator[Desk]:
    engine = synchronous_engine(migrated_url)
    office = Office(engine, clock)
    ada = office.first_admin()
    people = [office.colleague(ada, name, role) for name, role in _PEOPLE]
    office.do(_customer)
    yield Desk(office, *people)
    engine.dispose()


_PEOPLE = (("Ben", "agent"), ("Sue", "supervisor"), ("Eve", "supervisor"))


def _customer(transaction: Transaction) -> None:
    connection, now = transaction.connection, transaction.now
    for contact in (1, 2):
        connection.execute(insert(Contact), {"id": contact, "tier": "ordinary", "created_at": now})
        connection.execute(
            insert(Address), {"id": contact, "contact_id": contact, "uri": f"letters:{contact}", "created_at": now}
        )
        talk = {"id": contact, "contact_id": contact, "address_id": contact, "channel": "letters", "thread": ""}
        talk |= {"owner": Owner.BOT, "epoch": 0, "memory": {}, "opened_at": now, "last_at": now, "priority": 3}
        connection.execute(insert(Conversation), talk)
    lanes.open_for(connection, [1, 2])


def test_what_a_person_judged_the_assistant_neither_judges_nor_offers_again(desk: Desk) -> None:
    number = desk.opened()
    known = Memory(complaint=Complaint(case=number, step=Step.RECORD.value, kind="quality", asked="order"))

    def remember(transaction: Transaction) -> None:
        transaction.connection.execute(update(Conversation).where(Conversation.id == 1).values(memory=known.write()))

    desk.office.do(remember)
    desk.office.do(casework.change_facts, case=number, by=desk.ben, facts={"order": "SL20260012"})
    complaint = Memory.read(desk.office.rows(Conversation)[0].memory).complaint
    assert complaint is not None
    assert (complaint.facts["order"], complaint.step) == ("SL20260012", "record"), "the correction, and no more"
    desk.office.do(casework.judge, case=number, by=desk.ben, founded=False, reason="it was dropped")
    complaint = Memory.read(desk.office.rows(Conversation)[0].memory).complaint
    assert complaint is not None
    assert (complaint.step, complaint.asked, complaint.offered) == ("follow_up", "", [])


def test_a_refund_in_pieces_is_one_refund_also_over_merged_cases(desk: Desk) -> None:
    number, other = desk.opened(), desk.opened()
    give = {"by": desk.ben, "playbook": BOOK, "kind": "refund", "promised": "refund"}
    desk.office.do(proposals.compensate, case=other, amount="300", **give)
    desk.office.do(case_links.merge, case=number, other=other, by=desk.ben)
    with pytest.raises(proposals.BeyondAuthority):
        desk.office.do(proposals.compensate, case=number, amount="100.01", **give)
    first = desk.office.do(proposals.compensate, case=number, amount="100", **give)
    with pytest.raises(proposals.BeyondAuthority):
        desk.office.do(proposals.compensate, case=number, amount="0.01", **give)
    desk.office.do(proposals.take_back, case=number, compensation=first, by=desk.ben, why="card was closed")
    desk.office.do(proposals.compensate, case=number, amount="99.99", **give)


@pytest.mark.parametrize("amount", ["0", "-1", "1.001", "NaN", "1e30", "", "ten"])
def test_an_amount_that_cannot_be_paid_is_refused(desk: Desk, amount: str) -> None:
    number = desk.opened()
    with pytest.raises(proposals.NoAmount):
        desk.office.do(
            proposals.propose, case=number, by=desk.ben, playbook=BOOK, kind="refund", amount=amount, words=""
        )


def test_supervisors_ask_one_another_and_a_decision_stands(desk: Desk) -> None:
    number = desk.opened()
    ask = {"case": number, "playbook": BOOK, "kind": "refund", "amount": "900", "words": "all broken"}
    with pytest.raises(approvals.NotNeeded):
        desk.office.do(approvals.ask, by=desk.sue, **ask)
    asked = desk.office.do(approvals.ask, by=desk.ben, **ask)
    told = {row.staff_id for row in desk.office.rows(Alert)}
    assert {desk.sue.staff, desk.eve.staff} <= told
    assert desk.ben.staff not in told
    with pytest.raises(casework.ApprovalWaits):
        desk.office.do(casework.resolve, case=number, by=desk.ben)
    with pytest.raises(approvals.MayNotDecide):
        desk.office.do(approvals.grant, approval=asked, by=desk.ben, playbook=BOOK)
    desk.office.do(approvals.grant, approval=asked, by=desk.eve, playbook=BOOK)
    with pytest.raises(approvals.Decided):
        desk.office.do(approvals.refuse, approval=asked, by=desk.sue, reason="too much")
    # Who asked as an agent and became a supervisor since does not decide, either.
    again = desk.office.do(approvals.ask, by=desk.ben, **(ask | {"amount": "950"}))
    promoted = Present(
        staff=desk.ben.staff,
        name="Ben",
        email=desk.ben.email,
        roles=("supervisor",),
        language="en",
        session=b"",
        seen_at=desk.ben.seen_at,
    )
    with pytest.raises(approvals.OwnRequest):
        desk.office.do(approvals.grant, approval=again, by=promoted, playbook=BOOK)


def test_merging_takes_open_promises_along_and_undoing_gives_them_back(desk: Desk) -> None:
    number, other = desk.opened(), desk.opened()
    due = desk.office.clock() + timedelta(days=2)
    desk.office.do(promises.make, case=other, by=desk.ben, playbook=BOOK, text="a new cup", due=due)
    link = desk.office.do(case_links.merge, case=number, other=other, by=desk.ben)
    assert [one["id"] for one in desk.case(number).promises] == [f"{other}-1"]
    assert {row.case_number for row in desk.office.rows(FollowUp)} == {number}
    with pytest.raises(Merged):
        desk.office.do(casework.resolve, case=other, by=desk.ben)
    desk.office.do(promises.keep_one, case=number, promise=f"{other}-1", by=desk.ben)
    desk.office.do(case_links.undo, link=link, by=desk.ben)
    assert desk.case(number).promises == []
    assert desk.case(other).promises[0]["kept_by"] == "Ben", "what was done meanwhile stays done"
    assert desk.case(other).status == "open"
    with pytest.raises(case_links.Undone):
        desk.office.do(case_links.undo, link=link, by=desk.ben)


def test_cases_of_two_customers_are_never_merged(desk: Desk) -> None:
    number = desk.opened()
    theirs = desk.office.do(casework.open_case, by=desk.ben, contact=2, subject="late")
    with pytest.raises(case_links.OtherCustomer):
        desk.office.do(case_links.merge, case=number, other=theirs, by=desk.ben)
    with pytest.raises(NoCase):
        desk.office.do(case_links.merge, case=number, other="C-1", by=desk.ben)


def test_a_matter_is_split_off_with_its_lines_and_put_back(desk: Desk) -> None:
    number = desk.opened()
    line = desk.office.do(casework.note, case=number, by=desk.ben, text="and the tea was late")
    other = desk.office.do(case_links.split, case=number, by=desk.ben, subject="late tea", lines=[line])
    assert line in {one.id for one in desk.shown(other).lines if one.own}
    assert line not in {one.id for one in desk.shown(number).lines if one.own}
    desk.office.do(case_links.undo, link=1, by=desk.ben)
    assert line in {one.id for one in desk.shown(number).lines if one.own}
    assert (desk.case(other).status, desk.case(other).merged_into) == ("closed", number)


def test_waiting_for_the_customer_stops_the_clock_and_reopening_gives_what_was_left(desk: Desk) -> None:
    number = desk.opened()
    desk.tick()
    planned = _due(desk, DeadlineKind.SOLUTION)
    desk.office.do(casework.wait, case=number, by=desk.ben, waiting=True)
    desk.tick()
    assert _due(desk, DeadlineKind.SOLUTION) is None
    assert desk.case(number).due_at is None
    desk.office.clock.advance(timedelta(hours=2))
    desk.office.do(casework.wait, case=number, by=desk.ben, waiting=False)
    desk.tick()
    assert _due(desk, DeadlineKind.SOLUTION) == planned + timedelta(hours=2)
    desk.office.do(casework.resolve, case=number, by=desk.ben)
    desk.tick()
    desk.office.clock.advance(timedelta(hours=1))
    desk.office.do(casework.reopen, case=number, by=desk.ben, words="broke again")
    desk.tick()
    assert _due(desk, DeadlineKind.SOLUTION) == planned + timedelta(hours=3)


def _due(desk: Desk, kind: DeadlineKind) -> Any:
    return next(row.due_at for row in desk.office.rows(Deadline) if row.kind is kind)


def test_a_missed_word_is_noted_once_and_the_next_round_begins_with_the_next_word(desk: Desk) -> None:
    number = desk.opened()
    desk.tick()
    desk.office.clock.advance(timedelta(days=3))
    for _ in range(2):
        desk.tick()
    late = [row for row in desk.office.rows(Deadline) if row.breached_at is not None]
    assert [row.kind for row in late] == [DeadlineKind.NEXT_UPDATE]
    assert desk.case(number).priority == 1
    assert desk.office.do(deadlines.at_risk, within=SOON) == {1: late[0].due_at}
    told = [row for row in desk.office.rows(Alert) if row.kind == "breach"]
    assert {desk.ben.staff, desk.sue.staff, desk.eve.staff} <= {row.staff_id for row in told}
    assert len({row.staff_id for row in told}) == len(told), "each is told once"


def test_what_becomes_urgent_by_hand_is_wanted_sooner(desk: Desk) -> None:
    number = desk.opened(priority=4)
    desk.tick()
    before = _due(desk, DeadlineKind.SOLUTION)
    desk.office.do(casework.set_priority, case=number, by=desk.ben, priority=1, playbook=BOOK)
    desk.tick()
    assert _due(desk, DeadlineKind.SOLUTION) < before


def test_closing_forgets_what_was_planned_and_what_was_asked_for(desk: Desk) -> None:
    number = desk.opened()
    due = desk.office.clock() + timedelta(days=2)
    desk.office.do(promises.make, case=number, by=desk.ben, playbook=BOOK, text="a new cup", due=due)
    desk.office.do(
        approvals.ask, case=number, by=desk.ben, playbook=BOOK, kind="refund", amount="900", words="all broken"
    )
    desk.office.do(casework.close, case=number, by=desk.ben, words="came by mistake")
    assert {row.state for row in desk.office.rows(FollowUp)} == {"cancelled"}
    assert desk.office.do(approvals.waiting) == []
    with pytest.raises(CaseOver):
        desk.office.do(casework.close, case=number, by=desk.ben)


def test_the_list_goes_on_where_it_stopped_whatever_is_due_when(desk: Desk) -> None:
    numbers = [desk.opened(priority=1 + place % 4) for place in range(7)]
    desk.tick()
    desk.office.do(casework.wait, case=numbers[0], by=desk.ben, waiting=True)
    desk.office.do(casework.wait, case=numbers[5], by=desk.ben, waiting=True)
    desk.tick()
    found: list[str] = []
    after = ""
    while True:
        page = desk.office.do(
            case_list.listed, view=View.MINE, by="Ben", soon=SOON, only=Filter(kind="complaint"), after=after, most=2
        )
        found += [case.number for case in page.cases]
        if page.after is None:
            break
        after = page.after
    assert sorted(found) == sorted(numbers)
    assert set(found[-2:]) == {numbers[0], numbers[5]}, "what waits for the customer comes last"


@pytest.mark.parametrize(
    ("before", "after", "conversations", "says"),
    [
        (30, 5, (1000, 1000), Verdict.FELL),
        (5, 30, (1000, 1000), Verdict.ROSE),
        (30, 28, (1000, 1000), Verdict.NO_CHANGE),
        (3, 0, (1000, 1000), Verdict.TOO_FEW),
        (30, 15, (1000, 500), Verdict.NO_CHANGE),
        (30, 1, (1000, 20), Verdict.TOO_FEW),
        (0, 0, (0, 0), Verdict.TOO_FEW),
    ],
)
def test_whether_complaints_fell_is_said_only_where_it_is_no_chance(
    before: int, after: int, conversations: tuple[int, int], says: Verdict
) -> None:
    assert causes.verdict(before, after, *conversations) is says


def test_an_action_shows_its_weeks_before_and_after(desk: Desk) -> None:
    book: Playbook = BOOK
    for _ in range(3):
        desk.office.do(casework.set_cause, case=desk.opened(), by=desk.ben, cause="delivery.packaging", playbook=book)
    desk.office.clock.advance(1)
    line = next(one for one in desk.office.do(causes.overview, by=desk.ben, playbook=book).causes if one.id.count("."))
    assert (line.id, line.lately, line.recurring) == ("delivery.packaging", 3, True)
    due = desk.office.clock() + timedelta(days=7)
    plan = {"cause": "delivery", "action": "double boxes", "owner": "Ben", "due": due}
    action = desk.office.do(causes.plan, by=desk.sue, playbook=book, **plan)
    desk.office.clock.advance(timedelta(days=1))
    desk.office.do(causes.finish, action=action, by=desk.ben, done=True)
    desk.office.clock.advance(timedelta(days=10))
    desk.office.do(casework.set_cause, case=desk.opened(), by=desk.ben, cause="delivery.packaging", playbook=book)
    desk.office.clock.advance(1)
    overview = desk.office.do(causes.overview, by=desk.ben, playbook=book)
    line = next(one for one in overview.causes if one.id == "delivery")
    effect = line.actions[0].effect
    assert effect is not None
    assert (sum(effect.before), effect.after, effect.verdict) == (3, (0, 1), Verdict.TOO_FEW)
    assert not next(one for one in overview.causes if one.id == "delivery.packaging").recurring


def test_nobody_else_finishes_somebodys_action(desk: Desk) -> None:
    plan = {"cause": "delivery", "action": "double boxes", "owner": "Sue"}
    due = desk.office.clock() + timedelta(days=7)
    action = desk.office.do(causes.plan, by=desk.sue, playbook=BOOK, due=due, **plan)
    with pytest.raises(causes.NotTheirs):
        desk.office.do(causes.finish, action=action, by=desk.ben, done=True)
    desk.office.do(causes.finish, action=action, by=desk.eve, done=False)
    with desk.office.engine.connect() as connection:
        assert connection.scalar(select(Case.id)) is None
