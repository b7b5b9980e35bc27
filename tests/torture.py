"""Real processes, really killed, while customers write: then the books must balance, and the customers agree.

    python -m tests.torture [--kills 1000] [--database sqlite|postgresql] [--formation all|roles] [--seed 1]

Runs `rapport run` in its own data folder, on free ports; visitors talk over WebSockets, people write on a loopback
Telegram. Processes are killed with SIGKILL at random moments and started again, until the kills are spent; then
everything is let come to rest, and what customers saw is compared with what the database says.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import aiohttp
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from storage.database import synchronous_engine
from tests import torture_load as load
from tests.acceptance import books
from tests.channels.telegram_server import TelegramServer
from tests.given import CHECKOUT
from tests.parents import dying_with_parent
from tests.ports import free_port
from tests.postgres import PostgresServer

FORMATIONS = {"one": ("all",), "all": ("all", "all", "all"), "roles": ("web", "worker", "worker")}
REST_SECONDS = 150
"""Longest wait for everything to come to rest: leases of the dead (at most 60 s) run out in it."""
START_SECONDS = 120
TELEGRAM_TOKEN = "123456:loopback-token-of-a-bot"


@dataclass(kw_only=True)
class Process:
    """One `rapport run`, and the place where the next one starts when it is dead."""

    role: str
    port: int
    environment: dict[str, str]
    log: Path
    child: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.child = await asyncio.create_subprocess_exec(
                *dying_with_parent(),
                *(sys.executable, "-c", "from gateway.cli import main; main()"),
                *("run", "--port", str(self.port), "--role", self.role),
                cwd=CHECKOUT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    async def kill(self) -> None:
        assert self.child is not None
        if self.child.returncode is not None:
            raise AssertionError(f"a process ended by itself ({self.child.returncode}): {_tail(self.log)}")
        self.child.send_signal(signal.SIGKILL)
        await self.child.wait()

    async def ready(self, http: aiohttp.ClientSession) -> None:
        """Until it says that it can serve; a process that gives up fails the run with what it said."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            try:
                async with http.get(f"{self.url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except (aiohttp.ClientError, OSError):
                pass
            if self.child is None or self.child.returncode is not None:
                raise AssertionError(f"a process does not start: {_tail(self.log)}")
            await asyncio.sleep(0.03)
        raise AssertionError(f"a process is not ready after {START_SECONDS} s: {_tail(self.log)}")


@dataclass(kw_only=True)
class Report:
    """What a run was, and what was found wrong."""

    database: str
    formation: str
    seed: int
    kills: int = 0
    seconds: float = 0.0
    messages: int = 0
    replies: int = 0
    unknown: int = 0
    reconnects: int = 0
    mistakes: list[str] = field(default_factory=list[str])

    def row(self) -> str:
        return (
            f"{self.database:<11}{self.formation:<7}{self.seed:>6}{self.kills:>7}{self.seconds:>9.0f}"
            f"{self.messages:>10}{self.replies:>9}{self.unknown:>9}{self.reconnects:>12}{len(self.mistakes):>10}"
        )


HEAD = (
    f"{'database':<11}{'form':<7}{'seed':>6}{'kills':>7}{'seconds':>9}{'messages':>10}{'replies':>9}{'unknown':>9}"
    f"{'reconnects':>12}{'mistakes':>10}"
)


async def torture(
    *, kills: int, database: str, formation: str, seed: int, visitors: int = 6, people: int = 2, show: bool = False
) -> Report:
    """One run. Raises AssertionError where a process cannot be started; other mistakes are in the report."""
    report = Report(database=database, formation=formation, seed=seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rapport-torture-") as folder:
        server = PostgresServer.create() if database == "postgresql" else None
        try:
            async with TelegramServer(token=TELEGRAM_TOKEN) as telegram, aiohttp.ClientSession() as http:
                url = server.url(server.create_database()) if server else f"sqlite:///{folder}/rapport.sqlite3"
                processes = [
                    Process(
                        role=role,
                        port=free_port(),
                        environment=environment_of(Path(folder), url, telegram.url),
                        log=Path(folder) / f"log-{number}",
                    )
                    for number, role in enumerate(FORMATIONS[formation])
                ]
                async with _running(processes, http):
                    crowd = load.Crowd(
                        urls=[process.url for process in processes if process.role != "worker"],
                        http=http,
                        telegram=telegram,
                        chance=Random(seed),
                        visitors=visitors,
                        people=people,
                    )
                    await _kill_under_load(processes, crowd, http, kills, report, show=show)
                    await _come_to_rest(url, crowd, report)
                report.mistakes += _compare(url, crowd, report)
                report.mistakes += [f"logged: {line}" for process in processes for line in _complaints(process.log)]
        finally:
            if server is not None:
                server.remove()
    report.seconds = time.monotonic() - began
    return report


@asynccontextmanager
async def _running(processes: Sequence[Process], http: aiohttp.ClientSession) -> AsyncGenerator[None]:
    try:
        await processes[0].start()
        await processes[0].ready(http)  # it migrates, and trains what the others will find trained
        for process in processes[1:]:
            await process.start()
        for process in processes[1:]:
            await process.ready(http)
        yield
    finally:
        for process in processes:
            if process.child is not None and process.child.returncode is None:
                process.child.kill()
                await process.child.wait()


async def _kill_under_load(
    processes: Sequence[Process],
    crowd: load.Crowd,
    http: aiohttp.ClientSession,
    kills: int,
    report: Report,
    *,
    show: bool,
) -> None:
    chance = Random(report.seed + 1)
    writing = asyncio.create_task(crowd.write())
    try:
        while report.kills < kills:
            victim = chance.choice(processes)
            if chance.random() < 0.9:
                await victim.ready(http)
            await asyncio.sleep(chance.choice((0.0, 0.1, 0.4, 1.0)) * chance.random())
            await victim.kill()
            report.kills += 1
            if show:
                print(
                    f"\r{report.kills} of {kills} kills, {crowd.accepted} messages, {crowd.seen} replies",
                    end="",
                    flush=True,
                )
            await victim.start()
            if writing.done():
                writing.result()
        for process in processes:
            await process.ready(http)
    finally:
        crowd.enough.set()
        if show:
            print()
    await asyncio.wait_for(writing, REST_SECONDS)


async def _come_to_rest(url: str, crowd: load.Crowd, report: Report) -> None:
    """Until nothing waits any more, and everybody has seen what was said to them."""
    engine = synchronous_engine(url)
    end = time.monotonic() + REST_SECONDS
    left: object = "not looked yet"
    while time.monotonic() < end:
        try:
            with engine.connect() as connection:
                left = books.unfinished(connection) or crowd.unseen(books.read(connection))
        except DBAPIError as error:
            left = repr(error)
        if not left:
            break
        await asyncio.sleep(0.5)
    else:
        report.mistakes.append(f"does not come to rest: {left}")
    await crowd.go_home()
    engine.dispose()


def _compare(url: str, crowd: load.Crowd, report: Report) -> list[str]:
    engine: Engine = synchronous_engine(url)
    with engine.connect() as connection:
        kept = books.read(connection)
    engine.dispose()
    report.messages = len(kept.inbound)
    report.replies = len(kept.outbound)
    report.unknown = sum(line.status == "unknown" for line in kept.outbound)
    report.reconnects = crowd.reconnects
    return books.mistakes(kept, crowd.acknowledged()) + books.unhandled(kept) + crowd.mistakes(kept) + crowd.complaints


def environment_of(folder: Path, url: str, telegram: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RAPPORT_")}
    return {
        **inherited,
        "PYTHONPATH": str(CHECKOUT),
        "RAPPORT_DATA_DIR": str(folder / "data"),
        "RAPPORT_DATABASE__URL": url,
        "RAPPORT_LOGS__FORMAT": "json",
        "RAPPORT_TELEGRAM__TOKEN": TELEGRAM_TOKEN,
        "RAPPORT_TELEGRAM__API_BASE": telegram,
        "RAPPORT_SENDING__BACKOFF_SECONDS": "0.2",
        "RAPPORT_WEBCHAT__VISITOR_PER_SECOND": "10000",
        "RAPPORT_WEBCHAT__VISITOR_BURST": "10000",
        "RAPPORT_WEBCHAT__CLIENT_PER_SECOND": "100000",
        "RAPPORT_WEBCHAT__CLIENT_BURST": "100000",
    }


def _complaints(log: Path) -> list[str]:
    """Errors that a process logged: whatever happens outside, there should be none inside."""
    lines = log.read_text("utf-8", errors="replace").splitlines() if log.exists() else []
    return [line[:600] for line in lines if '"level":"error"' in line.replace(" ", "") or "Traceback" in line][:5]


def _tail(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-15:]) if log.exists() else "nothing"


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    options.add_argument("--kills", type=int, default=1000)
    options.add_argument("--database", choices=("sqlite", "postgresql"), help="one of the two; else half on each")
    options.add_argument("--formation", choices=("all", "roles"), help="on PostgreSQL; else both in turn")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--piece", type=int, default=100, help="kills between two looks at the books")
    asked = options.parse_args()
    databases = [asked.database] if asked.database else ["sqlite", "postgresql"]
    reports: list[Report] = []
    left, seed = asked.kills, asked.seed
    while left > 0:
        database = databases[len(reports) % len(databases)]
        formations = [asked.formation] if asked.formation else ["roles", "all"]
        formation = "one" if database == "sqlite" else formations[len(reports) // len(databases) % len(formations)]
        kills = min(asked.piece, left)
        print(f"{database}, {formation}, seed {seed}: {kills} kills")
        report = asyncio.run(torture(kills=kills, database=database, formation=formation, seed=seed, show=True))
        reports.append(report)
        for mistake in report.mistakes:
            print(f"  {mistake}")
        left, seed = left - kills, seed + 1
    print("\n".join([HEAD, *(report.row() for report in reports)]))
    return 1 if any(report.mistakes for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
