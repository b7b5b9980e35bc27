"""A shelf of rows to be found: a database with the index beside it, and a customer's words in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, insert

from nlu.chinese import simplified
from storage import search_upkeep
from storage.cases import Case
from storage.contacts import Address, Contact
from storage.interactions import Direction, Interaction, InteractionKind
from storage.search import Clause, Kind, find
from storage.search_words import term

R = TypeVar("R")
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Shelf:
    """Rows are put on it one by one; what is found is told by its text."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.texts: dict[int, str] = {}
        self.somebody = self.contact("Ann")

    def do(self, work: Callable[[Connection], R]) -> R:
        with self.engine.begin() as connection:
            return work(connection)

    def contact(self, name: str | None, *uris: str, number: str | None = None) -> int:
        def write(connection: Connection) -> int:
            row = {"name": name, "external_id": number, "created_at": NOW}
            made = connection.execute(insert(Contact).returning(Contact.id), row).scalar_one()
            for uri in uris:
                connection.execute(insert(Address), {"contact_id": made, "uri": uri, "created_at": NOW})
            return made

        return self.do(write)

    def says(self, *texts: str, kind: InteractionKind = InteractionKind.MESSAGE, **more: Any) -> list[int]:
        def write(connection: Connection) -> list[int]:
            rows = [{**_LINE, "contact_id": self.somebody, "text": text, "kind": kind, **more} for text in texts]
            return [connection.execute(insert(Interaction).returning(Interaction.id), row).scalar_one() for row in rows]

        made = self.do(write)
        self.texts |= dict(zip(made, texts, strict=True))
        return made

    def case(self, number: str, subject: str, **facts: Any) -> int:
        row = {
            "number": number,
            "contact_id": self.somebody,
            "kind": "complaint",
            "status": "open",
            "subject": subject,
            "facts": facts,
            "opened_at": NOW,
            "updated_at": NOW,
        }
        return self.do(lambda connection: connection.execute(insert(Case).returning(Case.id), row).scalar_one())

    def index(self) -> int:
        """Until nothing is left; how many entries that were."""
        done = 0
        while some := self.do(lambda connection: search_upkeep.index_some(connection, folding=simplified())):
            done += some
        return done

    def ids(self, *wanted: str, kind: Kind = Kind.INTERACTION, most: int = 50, **more: Any) -> list[int]:
        """Rows that have all of it; `-word`: and not this."""
        clauses: list[Clause] = []
        for each in wanted:
            asked = term(each.removeprefix("-"), simplified())
            assert asked is not None
            clauses.append(Clause(terms=(asked,), without=each.startswith("-")))
        return self.do(lambda connection: find(connection, kind, clauses, most=most, **more))

    def finds(self, *wanted: str) -> list[str]:
        """What was said, the latest first."""
        return [self.texts[row] for row in self.ids(*wanted)]


_LINE: dict[str, Any] = {
    "channel": "letters",
    "direction": Direction.IN,
    "author": "customer",
    "content": {},
    "at": NOW,
    "stored_at": NOW,
}
