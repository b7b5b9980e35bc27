"""`rapport import contacts|orders FILE.csv`."""

from __future__ import annotations

import asyncio
import csv
import json
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gateway.cli.app import app, err, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.playbook import Playbook
    from gateway.importing import Account, Request
    from gateway.settings import Settings
    from gateway.tables import BadRow, Shape

MOST_SHOWN = 50
"""Bad rows printed; the rest is counted, and stands in the file of --errors."""


@app.command("import")
def import_(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="contacts or orders.")],
    file: Annotated[Path, typer.Argument(help="A CSV file with a header line.", metavar="FILE.csv")],
    renamed: Annotated[
        list[str] | None, typer.Option("--map", help="Their column's name and ours: --map CustomerID=contact_id.")
    ] = None,
    constant: Annotated[
        list[str] | None, typer.Option("--set", help="A value for every row: --set currency=CNY.")
    ] = None,
    errors: Annotated[Path | None, typer.Option(help="Write bad rows to this CSV file, with line and reason.")] = None,
    region: Annotated[
        str | None,
        typer.Option(help="Country of phone numbers that do not name theirs; the playbook's where it is left out."),
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="Of times without an offset; the playbook's where it is left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the account as JSON.")] = False,
) -> None:
    """Bring in the business's own contacts or orders. Importing a file again changes nothing; corrections are taken."""
    from gateway.importing import prepare
    from gateway.reach import NotReached
    from gateway.tables import BadTable

    settings = load_settings(context)
    try:
        request = _request(settings, kind, file, renamed or [], constant or [], region, time_zone)
        account = asyncio.run(_import(settings, request, prepare(request), errors, quiet=as_json))
    except (BadTable, NotReached, OSError) as error:
        err.print(str(error), style="red", highlight=False, markup=False)
        raise typer.Exit(2) from None
    _tell(account, as_json=as_json)
    raise typer.Exit(1 if account.bad or account.conflicts else 0)


def _request(
    settings: Settings,
    kind: str,
    file: Path,
    renamed: list[str],
    constant: list[str],
    region: str | None,
    zone: str | None,
) -> Request:
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from phonenumbers import SUPPORTED_REGIONS

    from gateway.cells import Customs
    from gateway.importing import Kind, Request

    if kind not in list(Kind):
        raise typer.BadParameter(f"{kind} cannot be imported; it is one of {', '.join(Kind)}")
    region = (region or _business(settings.playbook).policy.region).upper()
    if region not in SUPPORTED_REGIONS:
        raise typer.BadParameter(f"--region {region} is no ISO 3166 country code such as CN")
    try:
        where = ZoneInfo(zone) if zone else _business(settings.playbook).hours.time_zone
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"--time-zone {zone} is no IANA time zone such as Asia/Shanghai") from None
    return Request(
        kind=Kind(kind),
        path=file,
        customs=Customs(region=region, zone=where, now=datetime.now(UTC)),
        renamed=_pairs(renamed, "--map theirs=ours"),
        constant=_pairs(constant, "--set ours=value"),
    )


def _pairs(given: list[str], form: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in given:
        left, equals, right = (part.strip() for part in pair.partition("="))
        if not left or not equals or not right:
            raise typer.BadParameter(f"{pair!r} is not of the form {form}")
        pairs[left] = right
    return pairs


@cache
def _business(playbook: Path) -> Playbook:
    from bot.playbook import PlaybookMistakes, load
    from gateway.playbooks import files

    try:
        return load(files(playbook))
    except PlaybookMistakes:
        raise typer.BadParameter("the playbook has mistakes; say --region and --time-zone yourself") from None


async def _import(settings: Settings, request: Request, shape: Shape, errors: Path | None, *, quiet: bool) -> Account:
    from gateway.importing import import_file
    from gateway.reach import reach

    if not quiet:
        _tell_shape(shape)
    with ExitStack() as stack:
        on_bad = _bad_rows(stack, shape, errors)
        on_progress = _quietly if quiet else _progress(stack, shape)
        async with reach(settings) as house:
            return await import_file(house, request, shape, on_bad=on_bad, on_progress=on_progress)


def _quietly(_position: int, _account: Account) -> None:
    """A program reads along: no bar."""


def _tell_shape(shape: Shape) -> None:
    if shape.encoding == "gb18030":
        err.print("The file is in GB18030 (GBK), not UTF-8; it is read as such.", highlight=False)
    if shape.delimiter != ",":
        name = {"\t": "tabs", ";": "semicolons", "|": "bars"}[shape.delimiter]
        err.print(f"Columns are separated by {name}.", highlight=False)
    if shape.unknown:
        err.print(f"Columns left alone: {', '.join(shape.unknown)}.", highlight=False, markup=False)


def _bad_rows(stack: ExitStack, shape: Shape, errors: Path | None) -> Callable[[BadRow], None]:
    """Print the first of them, and write all of them where a file is wanted."""
    from gateway.cli.desk_tables import printable

    file = None if errors is None else stack.enter_context(errors.open("w", encoding="utf-8-sig", newline=""))
    writer = None if file is None else csv.writer(file)
    if writer is not None:
        writer.writerow(["line", "reason", *shape.header])
    told = 0

    def on_bad(row: BadRow) -> None:
        nonlocal told
        told += 1
        if told <= MOST_SHOWN:
            err.print(printable(f"line {row.line}: {row.reason}"), style="yellow", highlight=False, soft_wrap=True)
        elif told == MOST_SHOWN + 1:
            where = "" if errors is None else f"; all of them are in {errors}"
            err.print(f"More bad rows are counted and no longer shown{where}.", highlight=False, markup=False)
        if writer is not None:
            writer.writerow([row.line, row.reason, *row.cells])

    return on_bad


def _progress(stack: ExitStack, shape: Shape) -> Callable[[int, Account], None]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    bar = stack.enter_context(
        Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=err
        )
    )
    task = bar.add_task("reading", total=shape.size)

    def on_progress(position: int, account: Account) -> None:
        bar.update(task, completed=position, description=f"{account.rows:,} rows")

    return on_progress


def _tell(account: Account, *, as_json: bool) -> None:
    facts = {
        "rows": account.rows,
        "created": account.created,
        "updated": account.updated,
        "unchanged": account.unchanged,
        "bad": account.bad,
        "conflicts": account.conflicts,
        "encoding": account.shape.encoding,
    }
    console = Console()
    if as_json:
        console.file.write(json.dumps(facts) + "\n")
        return
    console.print(
        f"{account.rows:,} rows: {account.created:,} new, {account.updated:,} corrected,"
        f" {account.unchanged:,} known already, {account.bad:,} bad"
        + (f"; {account.conflicts:,} with an address of somebody else's" if account.conflicts else "")
        + ".",
        highlight=False,
    )
