"""The upkeep of the search index: short pieces, nothing missed, in however many processes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text, update

from nlu.chinese import simplified
from storage import ids, search_upkeep
from storage.contacts import Contact
from storage.database import synchronous_engine
from storage.interactions import Interaction
from storage.search import Kind
from storage.search_upkeep import SearchCursor, SearchGap, SearchWaiting
from tests.storage.shelf import NOW, Shelf


@pytest.fixture
def shelf(migrated_url: str) -> Iterator[Shelf]:
    engine = synchronous_engine(migrated_url)
    yield Shelf(engine)
    engine.dispose()


@pytest.fixture
def shared(migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """On PostgreSQL, where several write at once; gaps need not grow old there to be given up."""
    monkeypatch.setattr(search_upkeep, "YOUNGEST_GAP", timedelta(0))
    engine = synchronous_engine(migrated_postgres_url)
    shelf = Shelf(engine)
    shelf.index()
    yield shelf
    engine.dispose()


def test_an_old_house_is_indexed_piece_by_piece(shelf: Shelf) -> None:
    shelf.says(*(f"kettle {number}" for number in range(25)))
    assert shelf.do(search_upkeep.behind) == 1
    pieces = [shelf.do(lambda connection: search_upkeep.index_some(connection, most=10)) for _ in range(4)]
    assert pieces == [10, 10, 6, 0], "with the contact"
    assert shelf.do(search_upkeep.behind) == 0
    assert len(shelf.ids("kettle")) == 25


def test_a_piece_of_long_letters_holds_fewer_of_them(shelf: Shelf) -> None:
    shelf.says(*["long " * 5_000] * 4)
    assert shelf.do(search_upkeep.index_some) == 1 + 2


def test_nothing_is_paid_for_what_is_new(shelf: Shelf) -> None:
    shelf.says("a kettle")
    shelf.case("C-1", "a lamp")
    assert shelf.do(lambda connection: list(connection.scalars(select(SearchWaiting.id)))) == []


def test_with_other_rules_everything_is_indexed_anew_and_found_meanwhile(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.says("我要退貨")
    while shelf.do(search_upkeep.index_some):
        pass
    assert shelf.finds("退货") == [], "without the table"
    assert shelf.index() == 2
    assert shelf.finds("退货") == ["我要退貨"]
    monkeypatch.setattr(search_upkeep, "VERSION", search_upkeep.VERSION + 1)
    assert shelf.index() == 2
    monkeypatch.undo()
    assert shelf.index() == 0, "an older process beside it leaves it as it is"
    assert shelf.finds("退货") == ["我要退貨"]


def test_what_commits_late_is_found_though_later_numbers_came_first(shared: Shelf) -> None:
    late = shared.engine.connect()
    with late.begin():
        taken = ids.take(late, Interaction, 3)
        shared.says("the second kettle")
        assert shared.index() == 1
        assert shared.index() == 0, "not there yet"
        for number, row in enumerate(taken[:2]):
            _write(late, row, shared.somebody, f"the late kettle {number}")
    late.close()
    assert shared.index() == 2
    assert shared.ids("kettle") == [taken[2] + 1, taken[1], taken[0]]
    assert shared.do(_gaps) == [], "and nobody can fill the third number any more"


def test_a_gap_stands_while_anybody_could_still_fill_it(shared: Shelf) -> None:
    late, idle = shared.engine.connect(), shared.engine.connect()
    with late.begin(), idle.begin():
        (row,) = ids.take(late, Interaction, 1)
        idle.execute(text("SELECT 1"))
        shared.says("one")
        shared.index()
        shared.says("two")
        shared.index()
        assert shared.do(_gaps) == [(row, row)]
        _write(late, row, shared.somebody, "a kettle")
        late.commit()
        assert shared.index() == 1
        assert shared.ids("kettle") == [row]
    late.close()
    idle.close()


def test_two_processes_index_side_by_side_without_waiting_for_each_other(shared: Shelf) -> None:
    shared.says("a kettle")
    with shared.engine.begin() as one, shared.engine.begin() as other:
        assert search_upkeep.index_some(one, folding=simplified()) == 1
        other.execute(text("SET LOCAL lock_timeout = '1s'"))
        assert search_upkeep.index_some(other, folding=simplified()) == 0


def test_a_change_during_the_indexing_is_not_lost(shared: Shelf) -> None:
    (row,) = shared.says("a kettle")
    with shared.engine.connect() as changing, changing.begin():
        changing.execute(update(Interaction).where(Interaction.id == row).values(text="a lamp"))
        assert shared.index() == 1
        assert shared.ids("kettle") == [row]
        changing.commit()
    assert shared.index() == 1
    assert (shared.ids("kettle"), shared.ids("lamp")) == ([], [row])


def test_two_who_change_the_same_contacts_crosswise_do_not_block_each_other_by_their_notes(shared: Shelf) -> None:
    bea = shared.contact("Bea")
    with shared.engine.connect() as one, shared.engine.connect() as other, one.begin(), other.begin():
        other.execute(text("SET LOCAL lock_timeout = '1s'"))
        one.execute(insert(search_upkeep.SearchWaiting), {"kind": Kind.CONTACT, "entry": bea})
        other.execute(update(Contact).where(Contact.id == bea).values(name="Beatrice"))
        other.commit()
    shared.index()
    assert shared.ids("beatrice", kind=Kind.CONTACT) == [bea]


def test_the_cursor_of_each_index_stands_at_the_newest_row(shelf: Shelf) -> None:
    newest = shelf.says("one", "two")[-1]
    shelf.index()
    rows = shelf.do(lambda connection: connection.execute(select(SearchCursor.kind, SearchCursor.upto)).all())
    cursors = {row.kind: row.upto for row in rows}
    assert cursors == {Kind.INTERACTION: newest, Kind.CONTACT: shelf.somebody, Kind.CASE: 0}
    assert shelf.do(lambda connection: search_upkeep.index_some(connection, folding=simplified())) == 0


def test_forgotten_words_leave_the_index_itself_too(migrated_sqlite_url: str) -> None:
    shelf = Shelf(synchronous_engine(migrated_sqlite_url))
    secret, *_ = shelf.says("meet me in zanzibar")
    for number in range(40):
        shelf.says(*(f"kettle {number} {each}" for each in range(10)))
        shelf.index()
    assert _left(shelf, "zanzibar")
    shelf.do(lambda connection: search_upkeep.forget(connection, Kind.INTERACTION, [secret]))
    assert shelf.ids("zanzibar") == []
    assert _left(shelf, "zanzibar"), "SQLite only notes that it is gone"
    assert shelf.index() > 0
    assert not _left(shelf, "zanzibar")
    assert shelf.index() == 0
    assert len(shelf.ids("kettle", most=1000)) == 400


def _left(shelf: Shelf, word: str) -> bool:
    """Whether a word stands in the index's own pages; it shares its first letter with others there."""
    blocks = shelf.do(lambda connection: connection.scalars(text("SELECT block FROM index_of_interactions_data")).all())
    return any(word[1:].encode() in block for block in blocks)


def _gaps(connection: Connection) -> list[tuple[int, int]]:
    return [(row.first, row.last) for row in connection.execute(select(SearchGap.first, SearchGap.last))]


def _write(connection: Connection, row: int, contact: int, said: str) -> None:
    values: dict[str, Any] = {
        "id": row,
        "contact_id": contact,
        "channel": "letters",
        "direction": "in",
        "kind": "message",
        "author": "customer",
        "text": said,
        "content": {},
        "at": NOW,
        "stored_at": NOW,
    }
    connection.execute(insert(Interaction), values)
