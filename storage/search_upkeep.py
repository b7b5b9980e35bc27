"""The upkeep of the search index: what is new or was changed is taken up in short pieces, in whatever process.

New rows are found by their ids: nobody who writes one pays for it. Only who changes or deletes what can be found leaves
a note (triggers, migration 0005). PostgreSQL commits ids out of order: a number that is not there yet when we come by
is a gap, and is looked at again until nobody is left who could still write it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, Index, TextClause, delete, func, insert, literal, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from storage.cases import Case
from storage.contacts import Address, Contact
from storage.interactions import Interaction, InteractionKind
from storage.schema import Entity, Words
from storage.search import OF_KIND, Kind, fact, month_mark, slice_mark, year_mark
from storage.search_words import MARK, MOST_TOKENS, VERSION, Folding, characters, words

PAGES = 32
"""Of SQLite's index, put together with each piece: more than a piece adds, so that its parts stay few."""
PIECE = 200
"""Rows in one go: some 8 ms."""
MOST_CHARACTERS = 40_000
"""In one go: a piece that would hold more ends earlier."""
FOUND_FACTS = ("order", "product", "what")
"""Of a case's key facts. How somebody is reached is none of them: that is found by who may see it."""
YOUNGEST_GAP = timedelta(minutes=10)
"""A gap is looked at for at least so long, whatever PostgreSQL shows us of the transactions of others."""
SHORTEST_PART = 4
"""Digits: the last four of a phone number find it, and so does any longer part."""


class Forgotten(StrEnum):
    """What is left of forgotten words in the parts of SQLite's index, though nothing finds them any more."""

    GONE = "gone"
    LEFT = "left"  # in parts that are to be written anew without them
    LEAVING = "leaving"  # which is being done


class SearchWaiting(Entity):
    """A row that was changed, deleted, or given an address: its entry has to be written anew.

    A note for each change: two that change the same row do not wait for each other, and none is taken for the other's.
    """

    __tablename__ = "search_waiting"
    __table_args__ = (Index("ix_search_waiting_kind_id", "kind", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[Kind] = mapped_column(Words(Kind))
    entry: Mapped[int]


class SearchCursor(Entity):
    """Up to where an index has come. Whoever writes in the index holds its row."""

    __tablename__ = "search_cursors"

    kind: Mapped[Kind] = mapped_column(Words(Kind), primary_key=True)
    upto: Mapped[int]
    """All rows with ids up to this were taken up, but for the gaps."""
    version: Mapped[int]
    """Of the rules by which it cut words..."""
    folding: Mapped[int]
    """...and a sum over the table that makes traditional characters simplified."""
    forgotten: Mapped[Forgotten] = mapped_column(Words(Forgotten))


class SearchGap(Entity):
    """Ids that were not there when we came by."""

    __tablename__ = "search_gaps"

    kind: Mapped[Kind] = mapped_column(Words(Kind), primary_key=True)
    first: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]
    since: Mapped[datetime]
    """By the server's clock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What is found of a row."""

    words: Sequence[str]
    """In order."""
    marks: Sequence[str]


def index_some(connection: Connection, *, folding: Folding | None = None, most: int = PIECE) -> int:
    """Bring at most about so many entries up to date; returns how many. 0: nothing is left, or another one does it."""
    done = 0
    for kind in Kind:
        if done < most and (cursor := _hold(connection, kind)) is not None:
            upto = _begin_anew(connection, kind, folding) if _outdated(cursor, folding) else cursor.upto
            done += _take_up_changes(connection, kind, most - done, folding)
            done += _close_gaps(connection, kind, most - done, folding)
            done += _go_on(connection, kind, upto, most - done, folding)
            if done < most and cursor.forgotten is not Forgotten.GONE:
                done += _press_out(connection, kind, cursor.forgotten)
    return done


def forget(connection: Connection, kind: Kind, rows: Iterable[int]) -> None:
    """Take entries out at once, in the transaction that erases their rows, also while others write in the index."""
    list(connection.execute(select(SearchCursor.upto).where(SearchCursor.kind == kind).with_for_update()))
    _delete(connection, kind, list(rows))
    if connection.dialect.name == "sqlite":
        connection.execute(update(SearchCursor).where(SearchCursor.kind == kind).values(forgotten=Forgotten.LEFT))


def behind(connection: Connection) -> float:
    """How much of the Interactions is not yet in the index, from 0 to 1."""
    newest = connection.scalar(select(func.max(Interaction.id))) or 0
    upto = connection.scalar(select(SearchCursor.upto).where(SearchCursor.kind == Kind.INTERACTION)) or 0
    return max(newest - upto, 0) / newest if newest else 0.0


def _hold(connection: Connection, kind: Kind) -> Any:
    """The index's cursor; None: another process is writing in it."""
    held = select(SearchCursor).where(SearchCursor.kind == kind).with_for_update(skip_locked=True)
    return connection.execute(held).one_or_none()


def _outdated(cursor: Any, folding: Folding | None) -> bool:
    """While old and new processes run side by side, the new one's rules stand."""
    if cursor.version != VERSION:
        return cursor.version < VERSION
    return cursor.folding != _sum(folding)


def _begin_anew(connection: Connection, kind: Kind, folding: Folding | None) -> int:
    """Entries by the old rules are found until the new ones take their place."""
    connection.execute(delete(SearchGap).where(SearchGap.kind == kind))
    values = {"upto": 0, "version": VERSION, "folding": _sum(folding)}
    connection.execute(update(SearchCursor).where(SearchCursor.kind == kind).values(values))
    return 0


def _sum(folding: Folding | None) -> int:
    return crc32(repr(sorted(folding.items())).encode()) if folding else 0


def _take_up_changes(connection: Connection, kind: Kind, most: int, folding: Folding | None) -> int:
    notes = connection.execute(
        select(SearchWaiting.id, SearchWaiting.entry)
        .where(SearchWaiting.kind == kind)
        .order_by(SearchWaiting.id)
        .limit(most)
    ).all()
    if notes:
        _write(connection, kind, {note.entry for note in notes}, folding)
        # By their own numbers: another note of the same row may have come since, whose words we have not seen.
        connection.execute(delete(SearchWaiting).where(SearchWaiting.id.in_([note.id for note in notes])))
    return len(notes)


def _go_on(connection: Connection, kind: Kind, upto: int, most: int, folding: Folding | None) -> int:
    """Take up the next new rows."""
    entity = OF_KIND[kind]
    length = func.length(Interaction.text) if kind is Kind.INTERACTION else literal(0)
    new = select(entity.id, length).where(entity.id > upto).order_by(entity.id).limit(max(most, 0))
    rows, characters_left = list[int](), MOST_CHARACTERS
    for row, size in connection.execute(new):
        rows.append(row)
        characters_left -= size
        if characters_left < 0:
            break
    if rows:
        _write(connection, kind, rows, folding)
        if connection.dialect.name != "sqlite":  # there, one after the other writes, and ids come in order
            _note_gaps(connection, kind, [upto, *rows])
        connection.execute(update(SearchCursor).where(SearchCursor.kind == kind).values(upto=rows[-1]))
    return len(rows)


def _note_gaps(connection: Connection, kind: Kind, rows: Sequence[int], since: datetime | None = None) -> None:
    between = [(one + 1, other - 1) for one, other in pairwise(rows) if other - one > 1]
    if between:
        since = since or connection.scalar(select(func.clock_timestamp()))
        gaps = [{"kind": kind, "first": first, "last": last, "since": since} for first, last in between]
        connection.execute(insert(SearchGap), gaps)


def _close_gaps(connection: Connection, kind: Kind, most: int, folding: Folding | None) -> int:
    """Take up what has appeared in them, and forget those in which nothing can appear any more."""
    if connection.dialect.name == "sqlite" or most <= 0:
        return 0
    entity = OF_KIND[kind]
    # Who could still fill a gap is asked before it is looked into: whoever is gone by then has committed.
    oldest = _oldest_writer(connection)
    gaps = connection.execute(
        select(SearchGap).where(SearchGap.kind == kind).order_by(SearchGap.first).limit(most)
    ).all()
    if not gaps:
        return 0
    of_gaps = select(SearchGap.first, entity.id).join(entity, entity.id.between(SearchGap.first, SearchGap.last))
    appeared = connection.execute(of_gaps.where(SearchGap.kind == kind).order_by(entity.id).limit(most)).all()
    if appeared:
        _write(connection, kind, [row[1] for row in appeared], folding)
    for gap in gaps:
        rows = [row[1] for row in appeared if row[0] == gap.first]
        over = gap.since < oldest and (not appeared or len(appeared) < most)
        if rows or over:
            connection.execute(delete(SearchGap).where(SearchGap.kind == kind, SearchGap.first == gap.first))
        if rows and not over:
            _note_gaps(connection, kind, [gap.first - 1, *rows, gap.last + 1], gap.since)
    return len(appeared)


def _oldest_writer(connection: Connection) -> datetime:
    """A gap that was noted before this is filled or never will be."""
    return connection.execute(_OLDEST, {"youngest": YOUNGEST_GAP}).scalar_one()


def _press_out(connection: Connection, kind: Kind, forgotten: Forgotten) -> int:
    """FTS5 only notes that an entry is deleted, until the part that has its words is put together with the others: that
    is done here, piece by piece (sqlite.org/fts5.html, 6.8)."""
    begins, before = forgotten is Forgotten.LEFT, _changes(connection)
    connection.execute(_MERGE[kind], {"pages": -PAGES if begins else PAGES})
    over = not begins and _changes(connection) - before < 2
    state = Forgotten.GONE if over else Forgotten.LEAVING
    connection.execute(update(SearchCursor).where(SearchCursor.kind == kind).values(forgotten=state))
    return 0 if over else 1


def _changes(connection: Connection) -> int:
    return connection.scalar(text("SELECT total_changes()")) or 0


def _write(connection: Connection, kind: Kind, rows: Iterable[int], folding: Folding | None) -> None:
    """Entries as their rows are now; none for a row that is gone or has no words."""
    rows = sorted(rows)
    entries = {row: entry for row, entry in _entries(connection, kind, rows, folding).items() if entry.words}
    _delete(connection, kind, rows)
    if not entries:
        return
    if connection.dialect.name == "sqlite":
        values = [{"row": row, "words": " ".join([*each.words, *each.marks])} for row, each in entries.items()]
        connection.execute(_INSERT_SQLITE[kind], values)
        connection.execute(_MERGE[kind], {"pages": PAGES})
    else:
        vectors = [_vector(each, slice_mark(row)) for row, each in entries.items()]
        connection.execute(_INSERT_POSTGRESQL[kind], {"rows": list(entries), "words": vectors})


def _delete(connection: Connection, kind: Kind, rows: Sequence[int]) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(_DELETE_SQLITE[kind], [{"row": row} for row in rows])
    else:
        connection.execute(_DELETE_POSTGRESQL[kind], {"rows": list(rows)})


def _vector(entry: Entry, mark: str) -> str:
    """PostgreSQL's tsvector as text: every token with its places, of which it keeps 255."""
    places: dict[str, list[str]] = {}
    for place, word in enumerate(entry.words, 1):
        places.setdefault(word, []).append(str(place))
    return " ".join([*(f"{word}:{','.join(at[:255])}" for word, at in places.items()), *entry.marks, mark])


def _entries(connection: Connection, kind: Kind, rows: Sequence[int], folding: Folding | None) -> dict[int, Entry]:
    match kind:
        case Kind.INTERACTION:
            return _of_interactions(connection, rows, folding)
        case Kind.CONTACT:
            return _of_contacts(connection, rows, folding)
        case Kind.CASE:
            return _of_cases(connection, rows, folding)


def _of_interactions(connection: Connection, rows: Sequence[int], folding: Folding | None) -> dict[int, Entry]:
    """What was said and what was attached; not what the house tells itself."""
    said = _said.where(Interaction.id.in_(rows), Interaction.kind != InteractionKind.SYSTEM)
    entries: dict[int, Entry] = {}
    facts: dict[tuple[str, str], list[str]] = {}
    for row, spoken, content, channel, author, at in connection.execute(said):
        tokens = words(spoken, folding)
        for attachment in content.get("attachments") or ():
            tokens += words(str(attachment.get("name") or ""), folding)
        where = facts.get((channel, author))
        if where is None:
            where = facts[channel, author] = [
                *fact("c", channel, folding).tokens,
                *fact("f", author.removeprefix("agent:"), folding).tokens,
            ]
        entries[row] = Entry(
            words=tokens[:MOST_TOKENS],
            marks=[*characters(tokens), *where, year_mark(at.year), month_mark(at.year, at.month)],
        )
    return entries


_said = select(
    Interaction.id, Interaction.text, Interaction.content, Interaction.channel, Interaction.author, Interaction.at
)


def _of_contacts(connection: Connection, rows: Sequence[int], folding: Folding | None) -> dict[int, Entry]:
    """Names and numbers; phone numbers and mail addresses as marks, which only who may see them asks for."""
    found: dict[int, list[str]] = {}
    named = select(Contact.id, Contact.name, Contact.external_id).where(Contact.id.in_(rows))
    for row, name, external in connection.execute(named):
        found[row] = [*words(name or "", folding), *words(external or "", folding)]
    marks = {row: characters(tokens) for row, tokens in found.items()}
    reached = select(Address.contact_id, Address.uri).where(Address.contact_id.in_(rows)).order_by(Address.id)
    for row, uri in connection.execute(reached):
        if row in found:
            found[row] += _of_address(uri, folding)
    return {row: Entry(words=tokens[:MOST_TOKENS], marks=marks[row]) for row, tokens in found.items()}


def _of_address(uri: str, folding: Folding | None) -> list[str]:
    scheme, _, path = uri.partition(":")
    match scheme:
        case "tel":
            digits = "".join(each for each in path if each.isdigit())
            ends = range(max(len(digits) - SHORTEST_PART + 1, 0))
            return [f"{MARK}p{digits[start:]}" for start in ends]
        case "mailto":
            return [f"{MARK}p{token}" for token in words(path, folding)]
        case "webchat":
            return []  # a random number that nobody knows
        case _:
            return words(path, folding)


def _of_cases(connection: Connection, rows: Sequence[int], folding: Folding | None) -> dict[int, Entry]:
    """Number, subject, and what was found out."""
    told = select(Case.id, Case.number, Case.subject, Case.facts).where(Case.id.in_(rows))
    entries: dict[int, Entry] = {}
    for row, number, subject, facts in connection.execute(told):
        plain = "\n".join(str(facts[key]) for key in FOUND_FACTS if facts.get(key))
        tokens = [*words(number), *words(subject, folding), *words(plain, folding)]
        entries[row] = Entry(words=tokens[:MOST_TOKENS], marks=characters(tokens))
    return entries


def _each(statement: str) -> Mapping[Kind, TextClause]:
    return {kind: text(statement.format(f"index_of_{kind}")) for kind in Kind}


_DELETE_SQLITE = _each("DELETE FROM {} WHERE rowid = :row")
_INSERT_SQLITE = _each("INSERT INTO {} (rowid, words) VALUES (:row, :words)")
_MERGE = {kind: text(f"INSERT INTO index_of_{kind} (index_of_{kind}, rank) VALUES ('merge', :pages)") for kind in Kind}  # noqa: S608
_DELETE_POSTGRESQL = _each("DELETE FROM {} WHERE entry = ANY(CAST(:rows AS bigint[]))")
_INSERT_POSTGRESQL = _each(
    "INSERT INTO {} (entry, words) SELECT * FROM unnest(CAST(:rows AS bigint[]), CAST(:words AS tsvector[]))"
)
_OLDEST = text(
    "SELECT least(clock_timestamp() - CAST(:youngest AS interval),"
    " (SELECT min(xact_start) FROM pg_stat_activity"
    "  WHERE datname = current_database() AND pid <> pg_backend_pid()),"
    " (SELECT min(prepared) FROM pg_prepared_xacts WHERE database = current_database()))"
)
