"""Importing: a business's CSV files of contacts and orders, checked row by row and stored in small pieces.

Read `import_file` top to bottom. Memory does not grow with the file, and no piece holds the database's one writer
for more than about 20 ms, so that conversations go on meanwhile.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar, assert_never

from gateway import cells, imported_contacts, imported_orders
from gateway.cells import BadCell, Customs
from gateway.imported import Problem, Stored
from gateway.imported_contacts import ContactRow, ImportedConsent
from gateway.imported_orders import OrderRow
from gateway.reach import House
from gateway.tables import BadRow, BadTable, Record, Shape, examine, reading

V = TypeVar("V")

LARGEST_PIECE = 500
AIM = 0.010
"""Seconds a piece's statements should take, well within the 20 ms that bulk work may hold the writer."""


class Kind(StrEnum):
    """What a file holds."""

    CONTACTS = "contacts"
    ORDERS = "orders"


COLUMNS: Mapping[Kind, Sequence[str]] = {
    Kind.CONTACTS: (
        "contact_id",
        "name",
        "language",
        "time_zone",
        "email",
        "phone",
        "marketing_email",
        "consent_source",
        "consent_at",
    ),
    Kind.ORDERS: ("order_id", "contact_id", "date", "amount", "currency", "status", "product", "quantity"),
}
NEEDED: Mapping[Kind, Sequence[str]] = {
    Kind.CONTACTS: ("contact_id",),
    Kind.ORDERS: ("order_id", "contact_id", "date", "amount", "currency", "status"),
}
"""Columns that a file cannot be without."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What to import, and how to read it."""

    kind: Kind
    path: Path
    customs: Customs
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Their column names to ours."""
    constant: Mapping[str, str] = field(default_factory=dict[str, str])
    """Our columns that the file does not have, with the value that holds for every row."""


@dataclass(kw_only=True, slots=True)
class Account:
    """What became of a file's rows. Every row is counted once, as stored or as bad; a row that was stored without an
    address of somebody else's is stored, and its conflict is told."""

    shape: Shape
    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    bad: int = 0
    conflicts: int = 0


def prepare(request: Request) -> Shape:
    """Look whether the file can be imported at all. Raises BadTable, OSError."""
    known = COLUMNS[request.kind]
    for ours in (*request.renamed.values(), *request.constant):
        if ours not in known:
            raise BadTable(f"there is no column {ours}; it is one of {', '.join(known)}")
    shape = examine(request.path, known, request.renamed)
    given = {*filter(None, shape.columns), *request.constant}
    lacking = [name for name in NEEDED[request.kind] if name not in given]
    if lacking:
        raise BadTable(
            f"the file has no {' and no '.join(lacking)} (its columns are {', '.join(shape.header)});"
            " name the right column with --map theirs=ours, or one value for all rows with --set ours=value"
        )
    return shape


async def import_file(
    house: House,
    request: Request,
    shape: Shape,
    *,
    on_bad: Callable[[BadRow], None],
    on_progress: Callable[[int, Account], None] = lambda position, account: None,
) -> Account:
    """Store every good row and tell every bad one. `on_progress`: bytes read so far."""
    account, size = Account(shape=shape), 50
    with reading(request.path, shape) as table, _seen() as seen:
        piece: list[tuple[Record, ContactRow | OrderRow]] = []
        for row in table:
            account.rows += 1
            checked = _check(row, request, seen)
            if isinstance(checked, BadRow):
                account.bad += 1
                on_bad(checked)
            else:
                assert isinstance(row, Record)
                piece.append((row, checked))
            if len(piece) >= size:
                size = _next_size(size, await _store(house, request, piece, account, on_bad))
                piece.clear()
                on_progress(table.position, account)
        if piece:
            await _store(house, request, piece, account, on_bad)
        on_progress(shape.size, account)
    return account


async def _store(
    house: House,
    request: Request,
    piece: Sequence[tuple[Record, ContactRow | OrderRow]],
    account: Account,
    on_bad: Callable[[BadRow], None],
) -> float:
    rows = [row for _, row in piece]
    match request.kind:
        case Kind.CONTACTS:
            contacts = [row for row in rows if isinstance(row, ContactRow)]
            stored = await house.do(imported_contacts.store, rows=contacts, source=request.path.name)
            account.conflicts += len({problem.line for problem in stored.problems})
        case Kind.ORDERS:
            stored = await house.do(imported_orders.store, rows=[row for row in rows if isinstance(row, OrderRow)])
            account.bad += len(stored.problems)
        case _:
            assert_never(request.kind)
    _count(account, stored)
    records = {record.line: record for record, _ in piece}
    for problem in stored.problems:
        on_bad(_told(problem, records[problem.line]))
    return stored.seconds


def _count(account: Account, stored: Stored) -> None:
    account.created += stored.created
    account.updated += stored.updated
    account.unchanged += stored.unchanged


def _told(problem: Problem, record: Record) -> BadRow:
    return BadRow(line=problem.line, reason=problem.reason, cells=record.raw)


def _next_size(size: int, seconds: float) -> int:
    """As many rows as would have taken the time we aim at, and never more than twice as many as before."""
    if seconds <= 0:
        return size
    return max(1, min(LARGEST_PIECE, 2 * size, int(size * AIM / seconds)))


def _check(row: Record | BadRow, request: Request, seen: Seen) -> ContactRow | OrderRow | BadRow:
    """A row as it will be stored, or what is wrong with it, all of it at once."""
    if isinstance(row, BadRow):
        return row
    bad = _Cells(row, request.constant)
    match request.kind:
        case Kind.CONTACTS:
            checked, key = _contact(bad, request.customs), (bad.text("contact_id"),)
        case Kind.ORDERS:
            checked, key = _order(bad, request.customs), (bad.text("order_id"), bad.text("product"))
        case _:
            assert_never(request.kind)
    if checked is not None and not bad.mistakes:
        first = seen(key, row.line)
        if first is None:
            return checked
        bad.mistakes.append(f"is a duplicate of line {first}")
    return BadRow(line=row.line, reason="; ".join(bad.mistakes), cells=row.raw)


class _Cells:
    """A row's cells, read one by one while mistakes are gathered."""

    def __init__(self, record: Record, constant: Mapping[str, str]) -> None:
        self.line = record.line
        self.mistakes: list[str] = []
        self._texts: dict[str, str] = {}
        for name, text in {**constant, **record.cells}.items():
            try:
                self._texts[name] = cells.plain(text)
            except BadCell as error:
                self.mistakes.append(f"{name} {error}")

    def text(self, name: str) -> str:
        return self._texts.get(name, "")

    def read(self, name: str, parse: Callable[[str], V], *, needed: bool = False) -> V | None:
        """The cell's value; None where it is empty or wrong."""
        text = self.text(name)
        if not text and not needed:
            return None
        try:
            return parse(cells.required(text))
        except BadCell as error:
            # A cell that could not even be stored was told already.
            if not any(mistake.startswith(f"{name} ") for mistake in self.mistakes):
                self.mistakes.append(f"{name} {error}")
            return None


def _contact(row: _Cells, customs: Customs) -> ContactRow | None:
    number = row.read("contact_id", str, needed=True)
    name = row.read("name", str)
    language, zone = row.read("language", cells.language), row.read("time_zone", cells.time_zone)
    mail = row.read("email", cells.email)
    phone = row.read("phone", lambda text: cells.phone(text, customs.region))
    consent = _consent(row, customs)
    if number is None:
        return None
    return ContactRow(
        line=row.line,
        external_id=number,
        name=name,
        language=language,
        time_zone=zone,
        mail=mail,
        phone=phone,
        consent=consent,
    )


def _consent(row: _Cells, customs: Customs) -> ImportedConsent | None:
    granted = row.read("marketing_email", cells.yes_or_no)
    at = row.read("consent_at", lambda text: cells.past(text, customs))
    if granted is None:
        return None
    if not row.text("email"):
        if granted:
            row.mistakes.append("marketing_email says yes, but there is no email")
        return None
    source = row.text("consent_source")
    if granted and not source:
        row.mistakes.append("marketing_email says yes without consent_source: a consent needs its proof")
    if granted and not row.text("consent_at"):
        row.mistakes.append("marketing_email says yes without consent_at: a consent needs its time")
    return ImportedConsent(granted=granted, source=source, words=row.text("marketing_email"), at=at)


def _order(row: _Cells, customs: Customs) -> OrderRow | None:
    number = row.read("order_id", str, needed=True)
    contact = row.read("contact_id", str, needed=True)
    at = row.read("date", lambda text: cells.instant(text, customs), needed=True)
    amount = row.read("amount", cells.money, needed=True)
    currency = row.read("currency", cells.currency, needed=True)
    status = row.read("status", str, needed=True)
    quantity = row.read("quantity", cells.quantity)
    if number is None or contact is None or at is None or amount is None or currency is None or status is None:
        return None
    return OrderRow(
        line=row.line,
        order_id=number,
        contact=contact,
        at=at,
        amount=amount,
        currency=currency,
        status=status,
        product=row.text("product"),
        quantity=1 if quantity is None else quantity,
    )


Seen = Callable[[Sequence[str], int], int | None]
"""Remembers a key and its line; answers the line it was seen on before."""


@contextmanager
def _seen() -> Generator[Seen]:
    """On disk: the keys of millions of rows would not fit the memory we promise to stay within."""
    with tempfile.TemporaryDirectory(prefix="rapport-import-") as folder:
        connection = sqlite3.connect(Path(folder) / "seen.sqlite3", isolation_level=None)
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID")
        connection.execute("BEGIN")

        def seen(key: Sequence[str], line: int) -> int | None:
            digest = blake2b("\0".join(key).encode("utf-8", "surrogatepass"), digest_size=16).digest()
            added = connection.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (digest, line)).rowcount
            if added:
                return None
            return connection.execute("SELECT line FROM seen WHERE key = ?", (digest,)).fetchone()[0]

        try:
            yield seen
        finally:
            connection.close()
