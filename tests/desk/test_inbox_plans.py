"""A hundred thousand conversations must not slow a list: nothing that it asks reads a whole table or sorts one."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from desk import inbox, lists, views
from desk.lists import Filters, View
from storage.database import synchronous_engine
from tests.bench.console_house import NOW, Size, furnish
from tests.clock import FrozenClock
from tests.desk.office import Office

FEW = ("teams", "staff", "saved_views", "team_members")


@pytest.fixture
def office(migrated_sqlite_url: str, clock: FrozenClock) -> Generator[Office]:
    furnish(migrated_sqlite_url, Size(interactions=2_000, with_people=40, with_assistant=30, spam=5))
    engine = synchronous_engine(migrated_sqlite_url)
    clock.advance(NOW - clock.now())
    yield Office(engine, clock)
    engine.dispose()


def test_no_list_reads_a_whole_table(office: Office, migrated_sqlite_url: str) -> None:
    asked: set[str] = set()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.add(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        for view in View:
            for filters in (Filters(), Filters(channel="sms", language="en", tier="key", kind="complaint", agent="x")):
                piece = office.do(lists.piece, view=view, by="Agent 1", staff=1, filters=filters, limit=5)
                if piece.next is not None:
                    office.do(lists.piece, view=view, by="Agent 1", staff=1, filters=filters, after=piece.next)
        office.do(inbox.people_have, only=[1, 2, 3])
        office.do(inbox.spam)
        office.do(views.views, by=office.first_admin())
        office.do(lists.team_names)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    plans = {line for statement in asked for line in _plan(migrated_sqlite_url, statement)}
    assert len(plans) > 20
    assert {line for line in plans if _reads_all(line)} == set()
    for statement in asked:
        lines = _plan(migrated_sqlite_url, statement)
        if any("ix_conversations_closed_at" in line or "ix_conversations_last_at" in line for line in lines):
            assert not any(line.removeprefix("USE ") == "TEMP B-TREE FOR ORDER BY" for line in lines[:2]), statement


def _plan(url: str, statement: str) -> list[str]:
    if not statement.lstrip().upper().startswith(("SELECT", "WITH")):
        return []
    with closing(sqlite3.connect(make_url(url).database or "")) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * statement.count("?"))
        return [str(row[3]) for row in rows]


def _reads_all(line: str) -> bool:
    """`SCAN table`, but not by an index that holds only the rows that are wanted."""
    found = re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", line)
    if found is None or found[1] in (*FEW, "latest", "json_each", "CONSTANT") or found[1].startswith("anon"):
        return False
    return found[2] not in (
        "ix_conversations_closed_at",
        "ix_conversations_last_at",
        "ix_conversations_owner",
        "ix_conversations_spam",
    )
