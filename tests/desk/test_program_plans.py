"""What a program lists or looks through reads no whole table either, however often it asks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from desk import alerts, canned, case_list, for_programs, lists, own_data, people, reviewing, same_person
from storage.knowledge_entries import EntryState
from storage.search import Kind
from tests.desk.floor import playbook as shipped_playbook
from tests.desk.office import Office
from tests.desk.test_inbox_plans import _plan, _reads_all, office

__all__ = ["office"]

FEW = ("knowledge_entries", "canned_replies", "alert_choices")
"""What a house has few of: they grow with its people, not with its customers."""
IN_ORDER = (
    "SCAN audit",  # by number, the latest first, as far as a page goes
    "SCAN cases",  # the same of closed ones
    "SCAN cases USING INDEX ix_cases_due",  # open ones in their order
    "SCAN approvals USING INDEX ix_approvals_waiting",  # those that wait alone
    "SCAN reviews USING INDEX ix_reviews_waiting",
    "SCAN privacy_requests USING INDEX ix_privacy_requests_undone",
)
"""Reads in the order that is asked for, until a page is full, or an index that holds what is wanted alone."""


def test_no_listing_for_programs_reads_a_whole_table(office: Office, migrated_sqlite_url: str) -> None:
    by, playbook = office.first_admin(), shipped_playbook()
    _forget_statistics(migrated_sqlite_url)
    asked: set[str] = set()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.add(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        for view in lists.View:
            office.do(for_programs.inbox, by=by, view=view, limit=5)
        for of_cases in case_list.View:
            for tier in ("", "key"):
                office.do(for_programs.cases, by=by, playbook=playbook, view=of_cases, tier=tier, limit=5)
        for kind in (None, *Kind):
            office.do(for_programs.search, by=by, playbook=playbook, query="kettle 退款", only=kind, limit=5)
        office.do(for_programs.history, contact="1", limit=5)
        office.do(people.contact, contact="1", limit=5)
        office.do(same_person.suggestions, contact="1")
        office.do(for_programs.approvals, limit=5)
        office.do(for_programs.audit_log, limit=5)
        office.do(for_programs.audit_log, before=100, limit=5)
        office.do(for_programs.knowledge, state=EntryState.PROPOSED, limit=5)
        office.do(reviewing.waiting, limit=5)
        office.do(own_data.waiting)
        office.do(alerts.alerts_of, staff=by.staff, limit=5)
        office.do(canned.kept, who=by)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    plans = {(line, statement) for statement in asked for line in _plan(migrated_sqlite_url, statement)}
    assert len(plans) > 30
    whole = {
        f"{line}: {statement[-260:]}"
        for line, statement in plans
        if _reads_all(line) and line not in IN_ORDER and "VIRTUAL TABLE" not in line
        if not line.split()[1].startswith(FEW)
    }
    assert whole == set()
    of_closed = [line for line, statement in plans if "('resolved', 'closed') ORDER BY" in statement]
    assert "SCAN cases" in of_closed, "the latest first, by their numbers"
    assert not any("B-TREE" in line for line in of_closed)


def _forget_statistics(url: str) -> None:
    """A house has none: those that are here say that there are ten cases, which is nothing to plan for."""
    with closing(sqlite3.connect(make_url(url).database or "")) as connection, connection:
        connection.execute("DELETE FROM sqlite_stat1")
