"""Events: written with the fact itself, and heard in one order by everybody, whoever writes at the same time."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Engine, insert, select, update

from storage import event_triggers, events
from storage.cases import Case
from storage.contacts import Contact
from storage.database import synchronous_engine
from storage.events import Event, EventKind
from storage.webhooks import EndpointState, WebhookEndpoint

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


@pytest.fixture
def engine(migrated_url: str) -> Generator[Engine]:
    made = synchronous_engine(migrated_url)
    yield made
    made.dispose()


def listen(connection: Connection, *kinds: EventKind) -> None:
    connection.execute(
        insert(WebhookEndpoint),
        {
            "name": "Shop",
            "url": "https://shop.example",
            "kinds": [kind.value for kind in kinds],
            "scopes": [],
            "secret": b"x",
            "state": EndpointState.ACTIVE,
            "position": 0,
            "failures": 0,
            "due_at": NOW,
            "made_at": NOW,
        },
    )
    event_triggers.match(connection)


def open_case(connection: Connection, number: str) -> int:
    contact = connection.execute(
        insert(Contact).returning(Contact.id), {"tier": "ordinary", "created_at": NOW}
    ).scalar_one()
    facts = {"status": "open", "kind": "complaint", "subject": "", "facts": {}, "proposal": {}, "promises": []}
    times = {"opened_at": NOW, "updated_at": NOW, "survey_asked": False, "priority": 3}
    row = {"number": number, "contact_id": contact, **facts, **times}
    return connection.execute(insert(Case).returning(Case.id), row).scalar_one()


def in_order(connection: Connection) -> list[tuple[int | None, int | None]]:
    """(position, case)"""
    rows = connection.execute(select(Event.position, Event.subject).order_by(Event.id))
    return [(position, subject) for position, subject in rows]


def test_only_what_somebody_wants_is_written(engine: Engine) -> None:
    with engine.begin() as connection:
        open_case(connection, "C-1")
        listen(connection, EventKind.CASE_CHANGED)
        case = open_case(connection, "C-2")
        connection.execute(update(Case).where(Case.id == case).values(status="waiting", updated_at=NOW))
        connection.execute(update(Case).where(Case.id == case).values(status="waiting", updated_at=NOW))
        rows = connection.execute(select(Event.kind, Event.facts, Event.at)).all()
    assert [(row.kind, row.facts["before_status"], row.facts["after_status"], row.at) for row in rows] == [
        (EventKind.CASE_CHANGED, "open", "waiting", NOW)
    ]


def test_what_is_taken_back_has_not_happened(engine: Engine) -> None:
    with engine.begin() as connection:
        listen(connection, EventKind.CASE_OPENED)
    with engine.connect() as connection:
        open_case(connection, "C-1")
        connection.rollback()
        assert in_order(connection) == []


def test_what_nobody_wants_any_more_costs_nothing_any_more(engine: Engine) -> None:
    with engine.begin() as connection:
        listen(connection, *EventKind)
        event_triggers.match(connection)
        connection.execute(update(WebhookEndpoint).values(kinds=[]))
        event_triggers.match(connection)
        open_case(connection, "C-1")
        assert in_order(connection) == []


def test_places_go_on_where_everybody_is_after_events_are_forgotten(engine: Engine) -> None:
    with engine.begin() as connection:
        listen(connection, EventKind.CASE_OPENED)
        connection.execute(update(WebhookEndpoint).values(position=41))
        open_case(connection, "C-1")
    with engine.begin() as connection:
        assert events.place(connection) == 1
        assert [place for place, _ in in_order(connection)] == [42]
        assert events.place(connection) == 0


def test_an_event_waits_for_those_before_it_that_nobody_sees_yet(migrated_postgres_url: str) -> None:
    """Ids become visible out of order: whoever read up to the highest would miss the one that comes late."""
    engine = synchronous_engine(migrated_postgres_url)
    with engine.begin() as connection:
        listen(connection, EventKind.CASE_OPENED)
    with engine.connect() as slow, engine.connect() as quick, engine.connect() as placing:
        first = open_case(slow, "C-1")
        second = open_case(quick, "C-2")
        quick.commit()
        assert events.place(placing) == 0, "the slow one may still bring something earlier"
        placing.commit()
        slow.commit()
        assert events.place(placing) == 2
        placing.commit()
        assert in_order(placing) == [(1, first), (2, second)]
    engine.dispose()


def test_two_who_give_places_do_not_give_one_twice(migrated_postgres_url: str) -> None:
    engine = synchronous_engine(migrated_postgres_url)
    with engine.begin() as connection:
        listen(connection, EventKind.CASE_OPENED)
        for number in range(10):
            open_case(connection, f"C-{number}")
    with engine.connect() as one, engine.connect() as other:
        assert events.place(one, 5) == 5
        assert events.place(other, 5) == 0, "one is at it"
        one.commit()
        other.commit()
        assert events.place(other, 50) == 5
        other.commit()
        assert [place for place, _ in in_order(other)] == list(range(1, 11))
    engine.dispose()
