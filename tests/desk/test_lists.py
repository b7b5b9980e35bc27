"""Lists: what each view shows, in pieces that fit together, whatever changes between two of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from desk import lists
from desk.inbox import people_have
from desk.lists import NO_FILTERS, Filters, Piece, View
from desk.refusals import Unusable
from storage.conversations import Conversation, ConversationState, Owner
from storage.database import synchronous_engine
from tests.bench.console_house import NOW, Size, furnish
from tests.clock import FrozenClock
from tests.desk.office import Office

SIZE = Size(interactions=2_000, with_people=40, with_assistant=30, spam=5)


@pytest.fixture
def office(migrated_url: str, clock: FrozenClock) -> Iterator[Office]:
    furnish(migrated_url, SIZE)
    engine = synchronous_engine(migrated_url)
    clock.advance(NOW - clock.now())
    yield Office(engine, clock)
    engine.dispose()


def whole(
    office: Office, view: View, *, limit: int = 7, filters: Filters = NO_FILTERS, by: str = "Agent 1"
) -> list[int]:
    """All of a view, piece by piece."""
    found: list[int] = []
    after: str | None = None
    while True:
        piece: Piece = office.do(lists.piece, view=view, by=by, staff=1, filters=filters, after=after, limit=limit)
        assert len(piece.items) <= limit
        found += [one.conversation for one in piece.items]
        after = piece.next
        if after is None:
            assert len(found) == len(set(found)), "nothing twice"
            return found


def stored(office: Office, where: object) -> set[int]:
    return {row.id for row in office.rows(Conversation) if where(row)}  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("view", View)
def test_the_pieces_of_a_view_are_all_of_it_in_order(office: Office, view: View) -> None:
    assert whole(office, view) == whole(office, view, limit=1_000)


def test_each_view_shows_what_it_is_named_for(office: Office) -> None:
    open_ = ConversationState.OPEN
    with_people = stored(office, lambda row: row.state is open_ and row.owner is not Owner.BOT)
    assert set(whole(office, View.ALL)) == with_people
    assert len(with_people) == SIZE.with_people
    assert set(whole(office, View.MINE, by="Agent 3")) == stored(
        office, lambda row: row.state is open_ and row.owner is Owner.AGENT and row.agent == "Agent 3"
    )
    assert set(whole(office, View.UNASSIGNED)) == stored(
        office, lambda row: row.state is open_ and row.owner is Owner.QUEUE
    )
    assert set(whole(office, View.ASSISTANT)) == stored(
        office, lambda row: row.state is open_ and row.owner is Owner.BOT
    )
    assert set(whole(office, View.CLOSED)) == stored(office, lambda row: row.state in ("resolved", "idle"))
    assert whole(office, View.TEAM) == []
    waiting = set(whole(office, View.WAITING))
    assert waiting
    assert waiting < with_people


def test_what_people_have_is_in_the_order_of_urgency_and_the_rest_latest_first(office: Office) -> None:
    listed = office.do(people_have)
    assert whole(office, View.ALL) == [one.conversation for one in sorted(listed, key=lambda one: one.place)]
    closed = {row.id: (row.closed_at, row.id) for row in office.rows(Conversation)}
    found = whole(office, View.CLOSED)
    assert found == sorted(found, key=lambda conversation: closed[conversation], reverse=True)


@pytest.mark.parametrize("view", [View.ALL, View.CLOSED, View.ASSISTANT])
def test_filters_narrow_every_view_alike(office: Office, view: View) -> None:
    every = set(whole(office, view, limit=1_000))
    of = {each: set(whole(office, view, filters=Filters(channel=each))) for each in ("webchat", "telegram", "sms")}
    assert all(of.values())
    assert set().union(*of.values()) < every
    both = set(whole(office, view, filters=Filters(channel="sms", language="zh-Hans")))
    assert both == of["sms"] & set(whole(office, view, filters=Filters(language="zh-Hans")))
    assert set(whole(office, view, filters=Filters(tier="key"))) < every
    assert whole(office, view, filters=Filters(agent="Nobody")) == []
    assert whole(office, view, filters=Filters(team="7; DROP TABLE teams")) == []


def test_a_filter_that_hardly_anything_fits_looks_only_so_far_at_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = whole(office, View.CLOSED, filters=Filters(channel="sms"))
    monkeypatch.setattr(lists, "LOOKED_THROUGH", 10)
    assert whole(office, View.CLOSED, filters=Filters(channel="sms")) == every
    piece: Piece = office.do(lists.piece, view=View.CLOSED, by="Ben", staff=1, filters=Filters(tier="unheard of"))
    assert (piece.items, piece.next is None) == ([], False)


def test_a_case_that_is_open_can_be_looked_for(office: Office) -> None:
    found = {kind: whole(office, View.ALL, filters=Filters(kind=kind)) for kind in ("complaint", "request", "inquiry")}
    assert any(found.values())
    assert {len(set(one)) for one in found.values()} != {SIZE.with_people}


def test_what_changes_between_two_pieces_shows_nothing_twice_and_hides_nothing_that_stayed(office: Office) -> None:
    before = whole(office, View.ALL, limit=1_000)
    first: Piece = office.do(lists.piece, view=View.ALL, by="Agent 1", staff=1, limit=10)
    with office.engine.begin() as connection:  # the last that was shown is answered, and gone
        connection.execute(update(Conversation).where(Conversation.id == before[9]).values(owner=Owner.BOT))
    second: Piece = office.do(lists.piece, view=View.ALL, by="Agent 1", staff=1, after=first.next, limit=10)
    assert [one.conversation for one in second.items] == before[10:20]


def test_a_place_that_is_none_is_refused(office: Office) -> None:
    for place in ("x", "0__1", "0_2026-11-20T12:00:00_7", "0_2026-11-20T12:00:00+00:00_" + "9" * 30, "1_2_3_4"):
        with pytest.raises(Unusable):
            office.do(lists.piece, view=View.CLOSED, by="Agent 1", staff=1, after=place)


def test_a_row_says_who_spoke_last_and_since_when_they_wait(office: Office) -> None:
    for one in office.do(people_have):
        assert one.said
        assert one.said_by in ("customer", f"agent:{one.agent}")
        assert (one.since is None) == one.said_by.startswith("agent:")
        assert one.last_at is not None
        assert one.last_at <= NOW + timedelta(minutes=1)
