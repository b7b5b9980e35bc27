"""Importing: what a business's own files say becomes what we know, once, and what is wrong with them is told."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from desk import people
from gateway.cells import Customs
from gateway.importing import Account, Kind, Request, import_file, prepare
from gateway.reach import reach
from gateway.tables import BadRow, BadTable
from storage import ids
from storage.commits import Transaction
from storage.consents import Consent
from storage.contacts import Address, Contact
from storage.interactions import Interaction
from storage.lanes import Lane
from storage.orders import Order
from tests.clock import FrozenClock
from tests.gateway.desk_house import everything, rows, settings_for

CONTACTS = """\
contact_id,name,language,time_zone,email,phone,marketing_email,consent_source,consent_at
C1,王小明,zh-CN,Asia/Shanghai,Wang@Example.com,138 0013 8000,yes,shop sign-up,2026-01-02 09:30
C2,Ann Lee,en-GB,Europe/London,ann@example.com,+44 20 7946 0958,no,letter,2026-02-01
C3,"O'Neil, Pat",,,,,,,
"""
ORDERS = """\
order_id,contact_id,date,amount,currency,status,product,quantity
S1,C1,2026-01-05,129.00,CNY,shipped,Kettle,1
S1,C1,2026-01-05,"1,019.50",cny,shipped,Cup,200
S2,C2,2026-02-27T08:00:00+00:00,12.3456,GBP,paid,,
"""


class Desk:
    """Imports files into one database."""

    def __init__(self, url: str, folder: Path, clock: FrozenClock) -> None:
        self.url, self.folder, self.clock = url, folder, clock
        self.bad: list[BadRow] = []

    async def take(
        self,
        kind: Kind,
        content: str | bytes | Path,
        *,
        renamed: Mapping[str, str] | None = None,
        constant: Mapping[str, str] | None = None,
    ) -> Account:
        path = content if isinstance(content, Path) else self.folder / f"{kind}.csv"
        if not isinstance(content, Path):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.bad = []
        request = Request(
            kind=kind,
            path=path,
            customs=Customs(region="CN", zone=ZoneInfo("Asia/Shanghai"), now=self.clock.now()),
            renamed=renamed or {},
            constant=constant or {},
        )
        shape = prepare(request)
        async with reach(settings_for(self.url, self.folder), self.clock) as house:
            account = await import_file(house, request, shape, on_bad=self.bad.append)
        assert account.rows == account.created + account.updated + account.unchanged + account.bad
        return account

    async def do(self, verb: Callable[[Transaction], Any]) -> Any:
        async with reach(settings_for(self.url, self.folder), self.clock) as house:
            return await house.do(verb)

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(row.line, row.reason) for row in self.bad]


@pytest.fixture
def desk(migrated_url: str, tmp_path: Path, clock: FrozenClock) -> Desk:
    return Desk(migrated_url, tmp_path, clock)


@pytest.fixture
def quick(migrated_sqlite_url: str, tmp_path: Path, clock: FrozenClock) -> Desk:
    """For what is decided before any database is asked."""
    return Desk(migrated_sqlite_url, tmp_path, clock)


async def test_contacts_come_with_proven_addresses_and_their_consent(desk: Desk) -> None:
    account = await desk.take(Kind.CONTACTS, CONTACTS)
    assert (account.created, account.bad, desk.bad) == (3, 0, [])

    known = [(row["external_id"], row["name"], row["language"], row["time_zone"]) for row in rows(desk.url, Contact)]
    assert known == [
        ("C1", "王小明", "zh-Hans", "Asia/Shanghai"),
        ("C2", "Ann Lee", "en", "Europe/London"),
        ("C3", "O'Neil, Pat", None, None),
    ]
    addresses = [(row["contact_id"], row["uri"], row["proven_at"]) for row in rows(desk.url, Address)]
    now = desk.clock.now()
    assert addresses == [
        (1, "mailto:wang@example.com", now),
        (1, "tel:+8613800138000", now),
        (2, "mailto:ann@example.com", now),
        (2, "tel:+442079460958", now),
    ]
    consents = [(row["granted"], row["source"], row["at"]) for row in rows(desk.url, Consent)]
    assert consents == [
        (True, "import:shop sign-up", datetime(2026, 1, 2, 1, 30, tzinfo=UTC)),
        (False, "import:letter", datetime(2026, 1, 31, 16, 0, tzinfo=UTC)),
    ]
    assert len(rows(desk.url, Lane)) == 3, "without a lane nobody could answer them"


async def test_orders_belong_to_whom_the_business_says(desk: Desk) -> None:
    await desk.take(Kind.CONTACTS, CONTACTS)
    account = await desk.take(Kind.ORDERS, ORDERS)
    assert (account.created, account.bad) == (3, 0)
    orders = [
        (row["order_id"], row["product"], row["amount"], row["currency"], row["quantity"])
        for row in rows(desk.url, Order)
    ]
    assert orders == [
        ("S1", "Kettle", Decimal(129), "CNY", 1),
        ("S1", "Cup", Decimal("1019.5"), "CNY", 200),
        ("S2", "", Decimal("12.3456"), "GBP", 1),
    ]
    profile = await desk.do(lambda transaction: people.contact(transaction, contact="customer:C1"))
    assert [order.order_id for order in profile.orders] == ["S1", "S1"]


async def test_a_second_import_changes_nothing(desk: Desk) -> None:
    for kind, content in ((Kind.CONTACTS, CONTACTS), (Kind.ORDERS, ORDERS)):
        await desk.take(kind, content)
    before = everything(desk.url)
    desk.clock.advance(3600)

    for kind, content in ((Kind.CONTACTS, CONTACTS), (Kind.ORDERS, ORDERS)):
        account = await desk.take(kind, content)
        assert (account.unchanged, account.created, account.updated, account.bad) == (3, 0, 0, 0)
    assert everything(desk.url) == before


async def test_a_corrected_file_corrects_what_is_known_and_empty_cells_leave_it(desk: Desk) -> None:
    await desk.take(Kind.CONTACTS, CONTACTS)
    await desk.take(Kind.ORDERS, ORDERS)
    account = await desk.take(Kind.CONTACTS, "contact_id,name,email\nC1,王晓明,\nC3,,pat@example.com\n")
    assert (account.updated, account.unchanged) == (2, 0)
    account = await desk.take(Kind.ORDERS, ORDERS.replace("129.00,CNY,shipped", "99.00,CNY,delivered"))
    assert (account.updated, account.unchanged) == (1, 2)

    first, _, third = rows(desk.url, Contact)
    assert (first["name"], first["language"], third["name"]) == ("王晓明", "zh-Hans", "O'Neil, Pat")
    assert rows(desk.url, Address)[-1]["uri"] == "mailto:pat@example.com"
    assert (rows(desk.url, Order)[0]["amount"], rows(desk.url, Order)[0]["status"]) == (Decimal(99), "delivered")


async def test_a_yes_in_a_file_never_undoes_a_later_withdrawal(desk: Desk) -> None:
    await desk.take(Kind.CONTACTS, CONTACTS)
    desk.clock.advance(60)
    await desk.do(lambda transaction: _say(transaction, granted=False))
    desk.clock.advance(60)

    await desk.take(Kind.CONTACTS, CONTACTS)
    await desk.take(Kind.CONTACTS, CONTACTS.replace("shop sign-up,2026-01-02 09:30", "another form,2026-01-03"))
    assert [row["granted"] for row in rows(desk.url, Consent) if row["address_id"] == 1] == [True, False]

    await desk.take(Kind.CONTACTS, CONTACTS.replace("shop sign-up,2026-01-02 09:30", "paper,2026-03-02 12:02"))
    assert [row["granted"] for row in rows(desk.url, Consent) if row["address_id"] == 1] == [True, False, True]


async def test_a_no_that_nobody_dated_takes_a_yes_back_once(desk: Desk) -> None:
    await desk.take(Kind.CONTACTS, CONTACTS)
    undated = "contact_id,email,marketing_email\nC1,wang@example.com,no\nC3,new@example.com,no\n"
    for _ in range(2):
        desk.clock.advance(60)
        await desk.take(Kind.CONTACTS, undated)
    said = [(row["address_id"], row["granted"]) for row in rows(desk.url, Consent)]
    assert said == [(1, True), (3, False), (1, False)]


async def test_an_address_of_somebody_else_is_told_and_stays_theirs(desk: Desk) -> None:
    await desk.take(Kind.CONTACTS, CONTACTS)
    account = await desk.take(
        Kind.CONTACTS, "contact_id,name,email,phone\nC8,Bo,ANN@example.com,\nC9,Cy,cy@example.com,13800138000\n"
    )
    assert (account.created, account.conflicts) == (2, 2)
    assert desk.reasons == [
        (2, "mailto:ann@example.com belongs to contact 2 already; contact 4 was kept without it"),
        (3, "tel:+8613800138000 belongs to contact 1 already; contact 5 was kept without it"),
    ]
    owners = {row["uri"]: row["contact_id"] for row in rows(desk.url, Address)}
    assert (owners["mailto:ann@example.com"], owners["mailto:cy@example.com"]) == (2, 5)


async def test_whom_we_have_heard_keeps_the_language_they_write_in(desk: Desk) -> None:
    await desk.take(Kind.CONTACTS, CONTACTS)
    await desk.do(_heard)
    await desk.take(Kind.CONTACTS, CONTACTS.replace("zh-CN", "en").replace("en-GB", "zh-TW"))
    assert [row["language"] for row in rows(desk.url, Contact)] == ["zh-Hans", "zh-Hant", None]


async def test_every_bad_row_is_told_with_its_line_and_good_ones_are_kept(desk: Desk) -> None:
    await desk.take(Kind.CONTACTS, CONTACTS)
    account = await desk.take(
        Kind.ORDERS,
        "order_id,contact_id,date,amount,currency,status,product,quantity\n"
        "S1,C1,2026-02-30,129,CNY,paid,Kettle,1\n"
        "S2,C1,2026-02-03,abc,CNY,paid,Kettle,1\n"
        "S3,C1,2026-02-03,1,XXQ,paid,Kettle,-2\n"
        "S4,C7,2026-02-03,1,CNY,paid,Kettle,1\n"
        "S5,C1,2026-02-03,1,CNY,paid,Kettle,1\n"
        "S5,C1,2026-02-03,1,CNY,paid,Kettle,1\n"
        "S6,C1,2026-02-03\n"
        "S7,C1,2027-02-03,1,CNY,,Kettle,1.5\n"
        "S8,C1,2026-02-03,1,CNY,paid,Cup,\n",
    )
    assert (account.rows, account.created, account.bad) == (9, 2, 7)
    assert [row["order_id"] for row in rows(desk.url, Order)] == ["S5", "S8"]
    told = dict(desk.reasons)
    assert "date is '2026-02-30', which is no date" in told[2]
    assert "amount is 'abc', which is not a number" in told[3]
    assert "currency is 'XXQ', which is no ISO 4217 code" in told[4]
    assert "a quantity is not negative" in told[4]
    assert "contact_id is 'C7', who is not known" in told[5]
    assert told[7] == "is a duplicate of line 6"
    assert told[8] == "has 3 fields; the header has 8"
    assert "yet to come" in told[9]
    assert "status is empty" in told[9]
    assert "a quantity is a whole number" in told[9]


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("email", "ann.example.com", "which is no e-mail address"),
        ("email", "a b@example.com", "which is no e-mail address"),
        ("email", "ann@localhost", "which is no e-mail address"),
        ("email", "ann@example.com, bob@example.com", "which is no e-mail address"),
        ("email", "ann@-x-.com", "which is no e-mail address"),
        ("phone", "12345", "which is no number that is in use"),
        ("phone", "call me", "which is no phone number"),
        ("time_zone", "Beijing", "which is no IANA time zone"),
        ("language", "fr", "Rapport speaks zh-Hans, zh-Hant and en"),
        ("marketing_email", "perhaps", "write yes or no"),
        ("marketing_email", "yes", "there is no email"),
        ("consent_at", "02/03/2026", "which is no date"),
        ("consent_at", "2026-03-03", "which is yet to come"),
        ("name", "a\0b", "holds a NUL byte"),
        ("name", "x" * 501, "500 is the most"),
        ("contact_id", "", "contact_id is empty"),
    ],
)
async def test_a_cell_that_cannot_be_right_is_told_by_column(quick: Desk, column: str, cell: str, reason: str) -> None:
    names = ["contact_id", "name", "language", "time_zone", "email", "phone", "marketing_email", "consent_at"]
    row = {"contact_id": "C1", column: cell}
    path = quick.folder / "contacts.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows([row, {"contact_id": "C2"}])
    account = await quick.take(Kind.CONTACTS, path)
    assert (account.created, account.bad) == (1, 1)
    ((line, told),) = quick.reasons
    assert line == 2
    assert told.startswith(f"{column} ")
    assert reason in told


async def test_a_yes_without_proof_is_no_consent(quick: Desk) -> None:
    await quick.take(Kind.CONTACTS, "contact_id,email,marketing_email\nC1,a@example.com,yes\n")
    ((_, told),) = quick.reasons
    assert "a consent needs its proof" in told
    assert "a consent needs its time" in told
    assert rows(quick.url, Consent) == []


@pytest.mark.parametrize(
    ("encoding", "delimiter", "found"),
    [
        ("utf-8", ",", "utf-8"),
        ("utf-8-sig", ";", "utf-8-sig"),
        ("gb18030", ",", "gb18030"),
        ("gb18030", "\t", "gb18030"),
    ],
)
async def test_encoding_and_delimiter_are_found_out(quick: Desk, encoding: str, delimiter: str, found: str) -> None:
    content = "contact_id,name,email\nC1,王小明,a@example.com\nC2,李雷,b@example.com\n".replace(",", delimiter)
    account = await quick.take(Kind.CONTACTS, content.replace("\n", "\r\n").encode(encoding))
    assert (account.shape.encoding, account.shape.delimiter, account.bad) == (found, delimiter, 0)
    assert [row["name"] for row in rows(quick.url, Contact)] == ["王小明", "李雷"]


async def test_one_row_in_another_encoding_does_not_spoil_the_file(quick: Desk) -> None:
    content = b"\n".join(
        [b"contact_id,name", "C1,王小明".encode(), "C2,李雷".encode("gb18030"), "C3,韩梅梅".encode(), b""]
    )
    await quick.take(Kind.CONTACTS, content)
    assert quick.reasons == [(3, "name holds bytes that are not in the file's encoding")]
    assert [row["name"] for row in rows(quick.url, Contact)] == ["王小明", "韩梅梅"]


async def test_a_quote_that_nobody_closed_does_not_swallow_the_rows_after_it(quick: Desk) -> None:
    await quick.take(Kind.CONTACTS, 'contact_id,name\nC1,"Ann\nC2,Bob\nC3,"Cat\nand dog"\nC4,Dan\n')
    assert quick.reasons == [(2, "opens a quote that is not closed where the row should end")]
    assert [row["name"] for row in rows(quick.url, Contact)] == ["Bob", "Cat\nand dog", "Dan"]


@pytest.mark.parametrize(
    ("content", "renamed", "sentence"),
    [
        ("", {}, "the file is empty"),
        ("name\nAnn\n", {}, "the file has no contact_id"),
        ("contact_id,CONTACT_ID\n1,2\n", {}, "two columns are called contact_id"),
        ("contact_id\n1\n", {"Number": "name"}, "--map speaks of Number"),
        ("contact_id,Nr\n1,2\n", {"Nr": "number"}, "there is no column number"),
        ("\ufeffcontact_id\n".encode("utf-16-le"), {}, "UTF-16"),
    ],
)
async def test_a_file_that_cannot_be_read_at_all_is_refused_before_anything_is_stored(
    quick: Desk, content: str | bytes, renamed: dict[str, str], sentence: str
) -> None:
    with pytest.raises(BadTable, match=sentence):
        await quick.take(Kind.CONTACTS, content, renamed=renamed)


def _say(transaction: Transaction, *, granted: bool) -> None:
    values = {"contact_id": 1, "address_id": 1, "purpose": "marketing", "granted": granted}
    transaction.connection.execute(
        insert(Consent), {**values, "source": "message:1", "words": "stop", "at": transaction.now}
    )


def _heard(transaction: Transaction) -> None:
    identity = ids.take(transaction.connection, Interaction, 1)[0]
    values = {"id": identity, "contact_id": 1, "channel": "letters", "direction": "in", "kind": "message"}
    said: dict[str, Any] = {
        "author": "customer",
        "text": "你好",
        "content": {},
        "at": transaction.now,
        "stored_at": transaction.now,
    }
    transaction.connection.execute(insert(Interaction), {**values, **said})
