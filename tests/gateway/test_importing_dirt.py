"""Importing what real files hold: a shop's own export, bytes that mean nothing, and through a house that is running."""

from __future__ import annotations

import asyncio
import csv
import gzip
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from itertools import count, islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from gateway.cells import Customs
from gateway.cli import app
from gateway.importing import COLUMNS, Account, Kind, Request, import_file, prepare
from gateway.lock import DataLock
from gateway.reach import House, reach
from gateway.tables import BadRow, BadTable, Record, examine, reading
from storage.contacts import Address, Contact
from storage.orders import Order
from tests.clock import FrozenClock
from tests.gateway.desk_house import Letters, everything, open_house, rows, settings_for

CUSTOMS = Customs(region="GB", zone=ZoneInfo("Europe/London"), now=datetime(2026, 3, 2, 4, tzinfo=UTC))
RETAIL = {
    "InvoiceNo": "order_id",
    "CustomerID": "contact_id",
    "InvoiceDate": "date",
    "UnitPrice": "amount",
    "Quantity": "quantity",
    "StockCode": "product",
}
SOME = 3000
"""Rows of the shop's export that a test takes."""


async def into(house: House, request: Request) -> tuple[Account, list[BadRow]]:
    bad: list[BadRow] = []
    return await import_file(house, request, prepare(request), on_bad=bad.append), bad


@pytest.fixture
def retail(given: Callable[[str], Path], tmp_path: Path) -> Path:
    """The first rows of a shop's real export: returns, missing customers, lines that come twice."""
    path = tmp_path / "retail.csv"
    with gzip.open(given("crm/online_retail/dev_20pct_customers.csv.gz"), "rt", encoding="utf-8") as source:
        path.write_text("".join(islice(source, SOME + 1)), encoding="utf-8")
    return path


async def test_a_shop_s_own_export_is_taken_by_its_own_column_names(
    migrated_url: str, tmp_path: Path, retail: Path
) -> None:
    with retail.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    customers = sorted({line["CustomerID"] for line in lines if line["CustomerID"]})
    (tmp_path / "customers.csv").write_text("\n".join(["CustomerID", *customers]))
    contacts = Request(
        kind=Kind.CONTACTS, path=tmp_path / "customers.csv", customs=CUSTOMS, renamed={"CustomerID": "contact_id"}
    )
    orders = Request(
        kind=Kind.ORDERS,
        path=retail,
        customs=CUSTOMS,
        renamed=RETAIL,
        constant={"currency": "GBP", "status": "delivered"},
    )
    async with reach(settings_for(migrated_url, tmp_path)) as house:
        assert (await into(house, contacts))[0].created == len(customers)
        account, bad = await into(house, orders)
        before = everything(migrated_url)
        again, bad_again = await into(house, orders)

    usable = {
        (line["InvoiceNo"], line["StockCode"])
        for line in lines
        if line["CustomerID"] and int(line["Quantity"]) >= 0 and line["StockCode"]
    }
    kept = rows(migrated_url, Order)
    assert {(row["order_id"], row["product"]) for row in kept} == usable
    assert (account.rows, account.created, account.bad) == (SOME, len(usable), SOME - len(usable))
    assert {kind for row in bad for kind in ("duplicate", "empty", "negative") if kind in row.reason} == {
        "duplicate",
        "empty",
        "negative",
    }
    assert (again.created, again.updated, again.unchanged, bad_again) == (0, 0, len(usable), bad)
    assert everything(migrated_url) == before


async def test_an_import_goes_through_the_process_that_has_the_file(
    migrated_sqlite_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand rows, in pieces, while a customer is being answered."""
    path = tmp_path / "many.csv"
    people = [
        f"N{number},Name {number},n{number}@example.com,yes,form,2026-01-0{number % 9 + 1}" for number in range(1000)
    ]
    header = "contact_id,name,email,marketing_email,consent_source,consent_at"
    path.write_text("\n".join([header, *people]))
    request = Request(kind=Kind.CONTACTS, path=path, customs=CUSTOMS)
    async with open_house(migrated_sqlite_url, tmp_path, clock, monkeypatch, Letters()) as house:
        server = TestServer(house.gateway.application(internal_token="token"))
        await server.start_server()
        with DataLock(tmp_path / "data") as lock:
            lock.tell(url=str(server.make_url("")).rstrip("/"), token="token")
            async with reach(house.gateway.settings) as reached:
                (account, bad), _ = await asyncio.gather(into(reached, request), house.write("hello"))
        await server.close()
        assert (account.created, bad) == (1000, [])
        assert len(house.sent) == 1
    assert len(rows(migrated_sqlite_url, Address)) == 1001


def test_the_command_says_what_was_bad_writes_it_down_and_exits_with_one(tmp_path: Path) -> None:
    (tmp_path / "contacts.csv").write_text("contact_id;name;shoe size\nC1;Ann;40\n;Bob;41\nC1;Ann;40\n")
    arguments = ["--data-dir", str(tmp_path / "data"), "import", "contacts", str(tmp_path / "contacts.csv")]
    errors = tmp_path / "errors.csv"
    runner = CliRunner(env={"COLUMNS": "200"})

    first = runner.invoke(app, [*arguments, "--time-zone", "Asia/Shanghai", "--errors", str(errors)])
    assert first.exit_code == 1, first.output
    assert "line 3: contact_id is empty" in first.output
    assert "line 4: is a duplicate of line 2" in first.output
    assert "Columns left alone: shoe size" in first.output
    assert "3 rows: 1 new, 0 corrected, 0 known already, 2 bad" in first.output
    with errors.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["line", "reason", "contact_id", "name", "shoe size"],
            ["3", "contact_id is empty", "", "Bob", "41"],
            ["4", "is a duplicate of line 2", "C1", "Ann", "40"],
        ]

    (tmp_path / "contacts.csv").write_text("contact_id\nC1\n")
    good = runner.invoke(app, [*arguments, "--time-zone", "Asia/Shanghai", "--json"])
    assert good.exit_code == 0, good.output
    assert '"unchanged": 1' in good.output
    (tmp_path / "contacts.csv").write_text("name\nAnn\n")
    refused = runner.invoke(app, [*arguments, "--time-zone", "Asia/Shanghai"])
    assert refused.exit_code == 2
    assert "the file has no contact_id" in refused.output
    assert runner.invoke(app, ["import", "contacts", str(tmp_path / "none.csv")]).exit_code == 2


NEARLY_CSV = st.one_of(
    st.binary(max_size=400),
    st.text(alphabet='ab",;\n\r\0\t é王\ufeff', max_size=200).map(str.encode),
    st.lists(
        st.sampled_from([b'"', b"a,b", b"\n", b"\r\n", b'"x\ny"', b",", b"\xc3", b"\xcd\xf5", b"1"]), max_size=40
    ).map(b"".join),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=NEARLY_CSV)
def test_whatever_a_file_holds_every_line_is_read_or_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(b"contact_id,name\n" + content)
    try:
        shape = examine(path, COLUMNS[Kind.CONTACTS], {})
    except BadTable:
        pytest.fail("its header is sound")
    with reading(path, shape) as table:
        found = list(table)
    spoken_of = [row.line for row in found]
    assert spoken_of == sorted(set(spoken_of)), "no line is told twice"
    assert all(isinstance(row, BadRow) or set(row.cells) == {"contact_id", "name"} for row in found)
    if shape.encoding == "utf-8" and b'"' not in content and b"\r" not in content:
        full = [
            number
            for number, line in enumerate(content.split(b"\n"), 2)
            if line.strip(b" \t\x0b\x0c\x1c\x1d\x1e\x1f\x85")
        ]
        told = set(spoken_of)
        blank = {number for number in full if number not in told}
        decoded = content.decode("utf-8", "replace").split("\n")
        assert all(not decoded[number - 2].strip() for number in blank)


CELL = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60)
"""Anything that UTF-8 can write, control characters and right-to-left marks among it."""
_numbers = count()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(CELL, min_size=1, max_size=6), dirt=st.lists(CELL, min_size=8, max_size=8))
def test_names_are_stored_as_they_are_written_or_their_row_is_told(
    migrated_sqlite: Path, tmp_path: Path, names: list[str], dirt: list[str]
) -> None:
    run = next(_numbers)
    folder = tmp_path / str(run)
    folder.mkdir()
    url = f"sqlite:///{shutil.copy(migrated_sqlite, folder / 'r.sqlite3')}"
    table = StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(COLUMNS[Kind.CONTACTS])
    for number, name in enumerate(names):
        writer.writerow([f"C{number}", name, *[""] * 7])
    writer.writerow(["D", *dirt])
    path = folder / "contacts.csv"
    path.write_bytes(table.getvalue().encode())

    async def take() -> tuple[Account, list[BadRow]]:
        async with reach(settings_for(url, folder)) as house:
            return await into(house, Request(kind=Kind.CONTACTS, path=path, customs=CUSTOMS))

    account, bad = asyncio.run(take())
    assert account.rows == len(names) + 1
    kept = {row["external_id"]: row["name"] for row in rows(url, Contact)}
    for number, name in enumerate(names):
        if "\0" in name or "\ufffd" in name:
            assert any("name holds" in row.reason for row in bad)
        else:
            assert kept[f"C{number}"] == (name.strip() or None)
    assert account.bad == len(names) + 1 - len(kept)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A record at a time: what is read ahead is bounded by one record, not by the file."""
    path = tmp_path / "long.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("contact_id,name\n")
        file.writelines(f"C{number},{'x' * 80}\n" for number in range(20_000))
    shape = examine(path, COLUMNS[Kind.CONTACTS], {})
    with reading(path, shape) as table:
        records = iter(table)
        assert isinstance(next(records), Record)
        assert table.position < 1000
        assert sum(1 for _ in records) == 19_999
        assert table.position == shape.size
