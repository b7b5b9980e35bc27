"""Letting people in and out: links that work once, roles, and an admin who is always there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from desk import logins, second_factor, staff
from desk.refusals import Impossible, NotFound, Unusable
from desk.rights import RIGHTS, Right, rights_of
from storage.audit import AuditEntry
from storage.database import synchronous_engine
from storage.staff import LinkKind, Role, Session
from tests.clock import FrozenClock
from tests.desk.office import PASSWORD, Office


@pytest.fixture
def office(migrated_url: str, clock: FrozenClock) -> Iterator[Office]:
    engine = synchronous_engine(migrated_url)
    yield Office(engine, clock)
    engine.dispose()


def test_the_first_link_works_once_and_only_while_nobody_works_here(office: Office) -> None:
    old, token = office.do(staff.first_link), office.do(staff.first_link)
    assert old is not None
    assert token is not None
    with pytest.raises(NotFound):
        office.do(staff.way, token=old)
    arrival = {"password": PASSWORD, "client": "::1", "name": "Ada", "email": "ada@shop.test", "language": "en"}
    office.do(staff.come_in, token=token, **arrival)
    with pytest.raises(NotFound):
        office.do(staff.come_in, token=token, **(arrival | {"name": "Eve", "email": "eve@shop.test"}))
    assert office.do(staff.first_link) is None
    assert [one.name for one in office.do(staff.colleagues)] == ["Ada"]


def test_the_first_link_is_over_after_a_day(office: Office) -> None:
    token = office.do(staff.first_link)
    office.clock.advance(timedelta(hours=24))
    with pytest.raises(NotFound):
        office.do(staff.way, token=str(token))


def test_whoever_is_first_may_do_everything(office: Office) -> None:
    assert office.first_admin().rights == frozenset(Right)


def test_an_invitation_lets_one_person_in_with_the_roles_it_names(office: Office) -> None:
    ada = office.first_admin()
    invited = office.do(staff.invite, by=ada, name="李梅", email="mei@shop.test", roles=["agent"], language="zh-Hans")
    leads = office.do(staff.way, token=invited.token)
    assert (leads.kind, leads.name, leads.email) == (LinkKind.INVITED, "李梅", "mei@shop.test")
    (mei,) = [one for one in office.do(staff.colleagues) if one.name == "李梅"]
    assert not mei.in_yet
    office.do(staff.come_in, token=invited.token, password=PASSWORD, client="::1", language="zh-Hant")
    present = office.log_in("mei@shop.test")
    assert (present.name, present.language, present.roles) == ("李梅", "zh-Hant", ("agent",))
    with pytest.raises(NotFound):
        office.do(staff.way, token=invited.token)


@pytest.mark.parametrize(
    ("name", "email", "roles", "language"),
    [
        ("Ada", "other@shop.test", ["agent"], "en"),
        ("Bob", "ADA@shop.test", ["agent"], "en"),
        ("", "bob@shop.test", ["agent"], "en"),
        ("agent:x", "bob@shop.test", ["agent"], "en"),
        ("Bob", "not an address", ["agent"], "en"),
        ("Bob", "bob@shop.test", [], "en"),
        ("Bob", "bob@shop.test", ["emperor"], "en"),
        ("Bob", "bob@shop.test", ["agent"], "fr"),
    ],
)
def test_an_invitation_that_cannot_be_used_is_refused(
    office: Office, name: str, email: str, roles: list[str], language: str
) -> None:
    ada = office.first_admin()
    with pytest.raises(Unusable):
        office.do(staff.invite, by=ada, name=name, email=email, roles=roles, language=language)
    assert len(office.do(staff.colleagues)) == 1


def test_the_last_admin_can_neither_leave_nor_become_less(office: Office) -> None:
    ada = office.first_admin()
    office.do(staff.invite, by=ada, name="Eve", email="eve@shop.test", roles=["admin"], language="en")
    with pytest.raises(Impossible):  # Eve was invited, and never came
        office.do(staff.let_go, by=ada, staff=ada.staff)
    with pytest.raises(Impossible):
        office.do(staff.change_roles, by=ada, staff=ada.staff, roles=["agent"])
    ben = office.colleague(ada, "Ben", "admin")
    office.do(staff.let_go, by=ben, staff=ada.staff)
    with pytest.raises(NotFound):
        office.do(staff.change_roles, by=ben, staff=ada.staff, roles=["agent"])


def test_who_is_let_go_is_out_at_once_and_may_come_back_by_a_fresh_link_alone(office: Office) -> None:
    ada = office.first_admin()
    ben = office.colleague(ada, "Ben", "agent")
    office.do(staff.let_go, by=ada, staff=ben.staff)
    assert ben.session not in {row.token for row in office.rows(Session)}
    assert office.do(logins.knock, email="ben@shop.test", client="::1").staff is None
    with pytest.raises(Unusable):  # what Ben wrote stays under Ben's name
        office.do(staff.invite, by=ada, name="Ben", email="ben2@shop.test", roles=["agent"], language="en")
    invited = office.do(staff.take_back, by=ada, staff=ben.staff)
    assert office.do(logins.knock, email="ben@shop.test", client="::1").password is None
    office.do(staff.come_in, token=invited.token, password=PASSWORD, client="::1", language="en")
    assert office.log_in("ben@shop.test").staff == ben.staff


def test_a_reset_ends_all_sessions_and_a_lost_second_factor(office: Office) -> None:
    ada = office.first_admin()
    ben = office.colleague(ada, "Ben", "agent")
    office.do(staff.set_second_factor, present=ben, secret=second_factor.new_secret())
    made = office.do(staff.reset, by=ada, staff=ben.staff)
    assert ben.session not in {row.token for row in office.rows(Session)}
    office.do(staff.come_in, token=made.token, password=PASSWORD, client="::1", language="en")
    office.log_in("ben@shop.test")


def test_a_new_password_ends_the_other_sessions(office: Office) -> None:
    office.first_admin()
    phone, desk = office.log_in("ada@shop.test"), office.log_in("ada@shop.test")
    office.do(staff.set_password, present=desk, password="another, as it is stored")
    assert {row.token for row in office.rows(Session)} == {desk.session}
    assert phone.session != desk.session


def test_what_an_admin_does_is_in_the_audit_log(office: Office) -> None:
    ada = office.first_admin()
    ben = office.colleague(ada, "Ben", "agent")
    office.do(staff.change_roles, by=ada, staff=ben.staff, roles=["supervisor", "agent"])
    entry = office.rows(AuditEntry)[-1]
    assert (entry.who, entry.action, entry.subject) == ("Ada", "staff.roles", f"staff:{ben.staff}")
    assert entry.details == {"before": ["agent"], "after": ["agent", "supervisor"]}


def test_each_role_may_do_what_it_is_there_for_and_no_more() -> None:
    assert set(RIGHTS) == set(Role)
    assert rights_of([]) == frozenset()
    assert rights_of(["long gone"]) == frozenset()
    assert Right.SEE_PRIVATE not in rights_of(["agent", "marketer"])
    assert Right.CONVERSE not in rights_of(["admin", "marketer"])
    assert rights_of(["agent", "admin"]) == RIGHTS[Role.AGENT] | RIGHTS[Role.ADMIN]
