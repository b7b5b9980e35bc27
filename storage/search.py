"""Search: every Interaction, Contact and Case by its words, in Chinese and in what is written with letters.

The index is written beside the conversations, a second or so behind them: `index_some` takes up what is new or was
changed. Triggers note every change of what can be found, whoever makes it, in `search_waiting`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from sqlalchemy import BigInteger, Connection, delete, select, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.cases import Case
from storage.contacts import Address, Contact
from storage.interactions import Interaction
from storage.schema import Entity
from storage.search_words import phrases, tokens

KINDS = 4
"""An entry's number is its row's id times this, plus its kind: one number for one row of any table."""


class Kind(IntEnum):
    INTERACTION = 0
    CONTACT = 1
    CASE = 2


class SearchWaiting(Entity):
    """An entry that has to be written anew."""

    __tablename__ = "search_waiting"

    entry: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One row that has all that was asked for."""

    kind: Kind
    id: int


def index_some(connection: Connection, most: int, folding: Mapping[int, int] | None = None) -> int:
    """Bring so many entries up to date; returns how many there were to do. Where nothing is left, 0."""
    waiting = list(connection.scalars(select(SearchWaiting.entry).order_by(SearchWaiting.entry).limit(most)))
    if not waiting:
        return 0
    words = _words_of(connection, waiting)
    fold = dict(folding) if folding else None
    _write(connection, {entry: tokens(words.get(entry, ""), fold) for entry in waiting})
    connection.execute(delete(SearchWaiting).where(SearchWaiting.entry.in_(waiting)))
    return len(waiting)


def find(
    connection: Connection,
    query: str,
    *,
    kinds: Iterable[Kind] = tuple(Kind),
    most: int = 50,
    before: int | None = None,
    folding: Mapping[int, int] | None = None,
) -> list[Found]:
    """Rows that have every word of the query, the latest first; a word may be the beginning of a longer one.

    `before`: an entry's number (`number_of`); only earlier ones. Nothing is found for a query without words.
    """
    wanted = phrases(query, dict(folding) if folding else None)
    if not wanted:
        return []
    statement, match = _question(connection.dialect.name), _match(connection.dialect.name, wanted)
    rows = connection.execute(
        statement,
        {"match": match, "kinds": [int(kind) for kind in kinds], "before": before or 1 << 62, "most": most},
    )
    return [Found(kind=Kind(entry % KINDS), id=entry // KINDS) for (entry,) in rows]


def number_of(found: Found) -> int:
    return found.id * KINDS + found.kind


def _words_of(connection: Connection, entries: Sequence[int]) -> dict[int, str]:
    """What can be found in each; nothing of a row that is gone."""
    ids: dict[Kind, list[int]] = {kind: [] for kind in Kind}
    for entry in entries:
        ids[Kind(entry % KINDS)].append(entry // KINDS)
    words: dict[int, str] = {}
    said = select(Interaction.id, Interaction.text).where(Interaction.id.in_(ids[Kind.INTERACTION]))
    for identity, spoken in connection.execute(said):
        words[identity * KINDS + Kind.INTERACTION] = spoken
    named = select(Contact.id, Contact.name, Contact.external_id).where(Contact.id.in_(ids[Kind.CONTACT]))
    for identity, name, external in connection.execute(named):
        words[identity * KINDS + Kind.CONTACT] = f"{name or ''}\n{external or ''}"
    reached = select(Address.contact_id, Address.uri).where(Address.contact_id.in_(ids[Kind.CONTACT]))
    for identity, uri in connection.execute(reached):
        entry = identity * KINDS + Kind.CONTACT
        words[entry] = f"{words.get(entry, '')}\n{uri.partition(':')[2]}"
    told = select(Case.id, Case.number, Case.subject).where(Case.id.in_(ids[Kind.CASE]))
    for identity, number, subject in connection.execute(told):
        words[identity * KINDS + Kind.CASE] = f"{number}\n{subject}"
    return words


def _write(connection: Connection, entries: Mapping[int, Sequence[str]]) -> None:
    gone = [{"entry": entry} for entry in entries]
    there = {entry: words for entry, words in entries.items() if words}
    if connection.dialect.name == "sqlite":
        connection.execute(text("DELETE FROM search WHERE rowid = :entry"), gone)
        rows = [{"entry": entry, "words": " ".join(words)} for entry, words in there.items()]
        if rows:
            connection.execute(text("INSERT INTO search (rowid, words) VALUES (:entry, :words)"), rows)
        return
    connection.execute(text("DELETE FROM search WHERE entry = :entry"), gone)
    rows = [{"entry": entry, "words": _as_vector(words)} for entry, words in there.items()]
    if rows:
        connection.execute(text("INSERT INTO search (entry, words) VALUES (:entry, CAST(:words AS tsvector))"), rows)


def _as_vector(words: Sequence[str]) -> str:
    """PostgreSQL's tsvector as text: every token with its places."""
    places: dict[str, list[str]] = {}
    for place, word in enumerate(words, 1):
        places.setdefault(word, []).append(str(place))
    return " ".join(f"'{word}':{','.join(at[:255])}" for word, at in places.items())


@cache
def _question(dialect: str):  # noqa: ANN202 - a statement of raw SQL
    from sqlalchemy import bindparam

    if dialect == "sqlite":
        words = "SELECT rowid FROM search WHERE search MATCH :match AND rowid < :before AND rowid % 4 IN :kinds"
        raw = f"{words} ORDER BY rowid DESC LIMIT :most"
    else:
        words = "SELECT entry FROM search WHERE words @@ CAST(:match AS tsquery) AND entry < :before"
        raw = f"{words} AND entry % 4 IN :kinds ORDER BY entry DESC LIMIT :most"
    return text(raw).bindparams(bindparam("kinds", expanding=True))


def _match(dialect: str, wanted: Sequence[Sequence[str]]) -> str:
    """The query in the database's own language. Tokens hold letters and digits alone, so that none is a command."""
    if dialect == "sqlite":
        return " AND ".join(f'"{" ".join(phrase)}" *' for phrase in wanted)
    return " & ".join(
        "(" + " <-> ".join([*(f"'{word}'" for word in phrase[:-1]), f"'{phrase[-1]}':*"]) + ")" for phrase in wanted
    )
