"""Saved views: one's own, the shared ones, and whose they are to delete."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import update

from desk import views
from desk.refusals import Impossible, NotFound, Unusable
from desk.views import TooManyViews, ViewNameTaken
from storage.audit import AuditEntry
from storage.database import synchronous_engine
from storage.views import SavedView
from tests.clock import FrozenClock
from tests.desk.office import Office

QUERY = {"view": "risk", "channel": "sms", "csrf": "secret", "name": "Texts at risk"}


@pytest.fixture
def office(migrated_url: str, clock: FrozenClock) -> Iterator[Office]:
    engine = synchronous_engine(migrated_url)
    yield Office(engine, clock)
    engine.dispose()


def test_a_view_is_kept_with_its_filters_and_nothing_else(office: Office) -> None:
    ada = office.first_admin()
    office.do(views.save, by=ada, name="  Texts  at risk ", query=QUERY)
    (saved,) = office.do(views.views, by=ada)
    assert (saved.name, saved.query, saved.shared, saved.mine) == (
        "Texts at risk",
        {"view": "risk", "channel": "sms"},
        False,
        True,
    )
    assert [entry.action for entry in office.rows(AuditEntry)][-1] == "view.saved"


def test_only_who_directs_shares_and_everybody_sees_what_is_shared(office: Office) -> None:
    ada = office.first_admin()
    ben, sue = office.colleague(ada, "Ben", "agent"), office.colleague(ada, "Sue", "supervisor")
    with pytest.raises(Impossible):
        office.do(views.save, by=ben, name="Mine", query=QUERY, shared=True)
    office.do(views.save, by=ben, name="Ben's", query=QUERY)
    shared = office.do(views.save, by=sue, name="Risk", query=QUERY, shared=True)
    assert [(one.name, one.mine, one.made_by) for one in office.do(views.views, by=ben)] == [
        ("Ben's", True, "Ben"),
        ("Risk", False, "Sue"),
    ]
    assert [one.name for one in office.do(views.views, by=sue)] == ["Risk"]
    with pytest.raises(NotFound):
        office.do(views.forget, by=ben, view=shared)
    office.do(views.forget, by=ada, view=shared)
    assert [one.name for one in office.do(views.views, by=ben)] == ["Ben's"]


def test_somebody_elses_own_view_is_as_if_it_were_not_there(office: Office) -> None:
    ada = office.first_admin()
    ben, sue = office.colleague(ada, "Ben", "agent"), office.colleague(ada, "Sue", "supervisor")
    bens = office.do(views.save, by=ben, name="Ben's", query=QUERY)
    for other in (sue, ada):
        with pytest.raises(NotFound):
            office.do(views.forget, by=other, view=bens)
    with pytest.raises(NotFound):
        office.do(views.forget, by=ben, view=999)
    office.do(views.forget, by=ben, view=bens)
    assert not office.rows(SavedView)


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "a\0b", "a\x1bb"])
def test_a_name_that_cannot_be_read_is_refused(office: Office, name: str) -> None:
    with pytest.raises(Unusable):
        office.do(views.save, by=office.first_admin(), name=name, query=QUERY)


def test_names_are_ones_own_and_there_are_only_so_many(office: Office) -> None:
    ada = office.first_admin()
    ben = office.colleague(ada, "Ben", "agent")
    for number in range(views.MOST):
        office.do(views.save, by=ada, name=f"View {number}", query=QUERY)
    office.do(views.save, by=ben, name="View 1", query=QUERY)
    with pytest.raises(ViewNameTaken):
        office.do(views.save, by=ben, name="View 1", query=QUERY)
    with pytest.raises(TooManyViews):
        office.do(views.save, by=ada, name="One more", query=QUERY)


def test_what_another_version_stored_is_read_as_far_as_it_is_understood(office: Office) -> None:
    ada = office.first_admin()
    saved = office.do(views.save, by=ada, name="Old", query=QUERY)
    with office.engine.begin() as connection:
        stored = {"view": "nonsense", "channel": 7, "tier": "key", "moon": "full"}
        connection.execute(update(SavedView).where(SavedView.id == saved).values(query=stored))
    assert office.do(views.views, by=ada)[0].query == {"view": "all", "tier": "key"}
