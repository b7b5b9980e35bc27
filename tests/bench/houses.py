"""The gateway as it is measured: a real `rapport run` on a data folder of its own."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Final

import aiohttp
import psycopg

from tests.bench.generator import ROOT
from tests.bench.load import over_socket
from tests.bench.processes import Running, running

RAPPORT: Final = Path(sys.executable).parent / "rapport"
UNLIMITED: Final = {
    # One address and a few visitors are the whole load here: the limits that protect a shop would measure themselves.
    f"RAPPORT_WEBCHAT__{name}": "1000000000"
    for name in ("VISITOR_PER_SECOND", "VISITOR_BURST", "CLIENT_PER_SECOND", "CLIENT_BURST")
}


@contextmanager
def gateway(folder: Path, *, name: str = "gateway", settings: Mapping[str, str] | None = None) -> Generator[Running]:
    """Start one; `settings` are RAPPORT_* variables beside those that lift the limits. Raises NotReady."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAPPORT_")}
    with running(
        [RAPPORT, "--data-dir", folder, "run", "--port", "0"],
        log=folder / f"{name}.log",
        ready=_url,
        environment={**environment, **UNLIMITED, **(settings or {})},
        folder=ROOT,
    ) as process:
        yield process


def _url(log: str) -> str | None:
    found = re.search(r"Rapport is ready: open (http://\S+)", log)
    return found[1] if found else None


def furnish(folder: Path, furnished: Path) -> Path:
    """A new data folder with the trained models of another, as every start but the first finds them."""
    folder.mkdir(parents=True)
    shutil.copytree(furnished / "models", folder / "models")
    return folder


def converse(url: str, customers: Sequence[Sequence[str]]) -> float:
    """Let each customer say their lines; the instant (perf_counter) at which the last was answered."""

    async def talk(http: aiohttp.ClientSession, lines: Sequence[str]) -> None:
        async with over_socket(http, url, None) as ask:
            for line in lines:
                await ask(line)

    async def all_of_them() -> float:
        async with aiohttp.ClientSession() as http, asyncio.timeout(60):
            for lines in customers:
                await talk(http, lines)
        return perf_counter()

    return asyncio.run(all_of_them())


def newest_turn(database: str) -> int:
    """The id of the newest recorded Turn; `database` as settings take it."""
    return ask(database, "SELECT coalesce(max(interaction_id), 0) FROM turns")


def turns_after(database: str, turn: int) -> int:
    """How many Turns were recorded, and answered, since."""
    return ask(database, f"SELECT count(*) FROM turns WHERE interaction_id > {turn} AND failure IS NULL")


def ask(database: str, query: str) -> int:
    if database.startswith("sqlite:///"):
        connection = sqlite3.connect(f"file:{database.removeprefix('sqlite:///')}?mode=ro", uri=True)
        try:
            return connection.execute(query).fetchone()[0]
        finally:
            connection.close()
    with psycopg.connect(database.replace("postgresql+psycopg", "postgresql")) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]
