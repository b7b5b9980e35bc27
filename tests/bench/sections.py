"""What is measured, section by section. Each says what it finds as tables, aims and, for the curve, a picture."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from tests.bench import houses, opsdroid
from tests.bench.bulk import bulk
from tests.bench.console_live import console_live
from tests.bench.console_search import search_large
from tests.bench.contest import Contestant, Pace, Result, of_processes, ratio, side_by_side
from tests.bench.generator import ROOT
from tests.bench.load import Way
from tests.bench.mail_in import mail_in
from tests.bench.mail_out import mail_out
from tests.bench.mailbox import mailbox
from tests.bench.old import ORDINARY, Archive, held
from tests.bench.processes import NotReady, Running, children, memory, running
from tests.bench.report import Aim, Findings, Point, Table
from tests.ports import free_port, listens
from tests.postgres import PostgresServer, find_binaries

CLIENTS: Final = (1, 16, 64)
MOST: Final = 64
DURABLE: Final = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
}
"""PostgreSQL as one runs it: a commit survives the power going out."""
TELEGRAM: Final = "4200042:loopback-token-of-the-benchmarks"
FORGETFUL: Final = Path("/dev/shm")
"""Where an fsync costs nothing, because nothing would survive anyway."""
CALM: Final = 3.0
"""Seconds after a start in which everything has been loaded that will be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workshop:
    """What all sections share."""

    folder: Path
    """Emptied afterwards; on the disk that is measured."""
    cache: Path
    """Kept for the next run."""
    pace: Pace
    quick: bool
    offline: bool
    tell: Callable[[str], None] = field(default=lambda line: None)

    @property
    def furnished(self) -> Path:
        """The data folder of a gateway that has trained its models and talked with a few customers."""
        folder = self.folder / "furnished"
        if not folder.exists():
            self.tell("a first start: the models are trained")
            with houses.gateway(folder) as process:
                houses.converse(process.url, ORDINARY)
        return folder

    def new(self, name: str) -> Path:
        """A data folder as every start but the first finds it."""
        return houses.furnish(self.folder / name, self.furnished)


def speed(shop: Workshop) -> Findings:
    """One process on SQLite, beside a bare handler and opsdroid."""
    folder = shop.new("speed")
    notes: list[str] = []
    with ExitStack() as stack:
        process = stack.enter_context(houses.gateway(folder))
        ours = partial(of_processes, processes=[process], database=_sqlite(folder))
        gateway = ours("Rapport, WebSocket", Way.SOCKET)
        over_http = ours("Rapport, HTTP (send, then poll)", Way.HTTP)
        bare = of_processes("bare aiohttp handler", Way.BARE, [stack.enter_context(_bare(shop.folder))])
        beside = _opsdroid(shop, stack, notes)
        results = [
            result
            for clients in ((1, MOST) if shop.quick else CLIENTS)
            for result in side_by_side(
                [gateway, bare, *beside, *([over_http] if clients == MOST else [])], clients, shop.pace, tell=shop.tell
            )
        ]
    by_name = {(result.name, result.clients): result for result in results}
    most, alone = by_name[gateway.name, MOST], by_name[gateway.name, 1]
    aims = [
        Aim.at_least("Durable turns/s, 64 clients", 2000, most.per_second),
        Aim.below("p99, 64 clients (ms)", 80, most.p99),
        Aim.below("p50, 1 client (ms)", 8, alone.p50),
    ]
    compared = ""
    if beside:
        times = {each.name: ratio(most, by_name[each.name, MOST]) for each in beside}
        aims.insert(1, Aim.at_least(f"Times {beside[0].name}, 64 clients", 2, times[beside[0].name]))
        compared = "At 64 clients Rapport is " + ", ".join(f"{each:.1f} times {name}" for name, each in times.items())
    return Findings(
        title="One process on SQLite (synchronous=FULL)",
        tables=[_table(results, rows_without_figures=notes)],
        notes=[
            "A turn of Rapport: the message is deduplicated, recorded, understood by the embedded engine, answered, "
            "and the reply committed before it is sent; after each round the customers' count was compared with the "
            "database. A turn of opsdroid: five regular expressions, one read and one write of its SQLite memory, "
            "which commits twice with a rollback journal; in RAM nothing waits for a disk, and nothing would survive. "
            "The bare handler keeps nothing.",
            *([f"{compared}, as the median of the rounds' ratios."] if compared else []),
        ],
        aims=aims,
    )


def _bare(folder: Path) -> AbstractContextManager[Running]:
    return running(
        [sys.executable, "-m", "tests.bench.bare"],
        log=folder / "bare.log",
        ready=lambda log: log.split()[1] if log.endswith("\n") and log.startswith("ready ") else None,
        environment=os.environ,
        folder=ROOT,
    )


def _opsdroid(shop: Workshop, stack: ExitStack, notes: list[str]) -> list[Contestant]:
    """With its memory on the disk that ours is on, and, where there is one, on a disk that forgets."""
    name = f"opsdroid {opsdroid.VERSION}, SQLite memory"
    try:
        command = opsdroid.environment(shop.cache, opsdroid.find_uv(ROOT), offline=shop.offline)
        on_disk = opsdroid.serving(command, shop.folder / "opsdroid", shop.folder / "opsdroid.sqlite3")
        found = [of_processes(name, Way.OPSDROID, [stack.enter_context(on_disk)])]
        if FORGETFUL.is_dir():
            folder = Path(stack.enter_context(TemporaryDirectory(dir=FORGETFUL, prefix="rapport-bench-")))
            forgetful = opsdroid.serving(command, shop.folder / "opsdroid-forgetful", folder / "memory.sqlite3")
            found.append(of_processes(f"{name} in RAM", Way.OPSDROID, [stack.enter_context(forgetful)]))
    except (opsdroid.NotInstalled, NotReady) as error:
        notes.append(f"{name}: not measured, {error}")
        return []
    return found


def postgresql(shop: Workshop) -> Findings:
    """One machine with PostgreSQL on it as well: one process, then roles."""
    title = "PostgreSQL (fsync and synchronous_commit on)"
    if find_binaries() is None:
        return Findings(title=title, notes=["Not measured: PostgreSQL is not installed."])
    setups: Mapping[str, Sequence[str]] = {
        "1 process (all)": ("all",),
        "1 web + 1 worker": ("web", "worker"),
        "1 web + 2 workers": ("web", "worker", "worker"),
    }
    if shop.quick:
        setups = {"1 web + 1 worker": ("web", "worker")}
    with ExitStack() as stack:
        server = PostgresServer.create(DURABLE)
        stack.callback(server.remove)
        contestants = [_on_postgres(shop, stack, server, name, roles) for name, roles in setups.items()]
        results = [
            result
            for clients in ((MOST,) if shop.quick else CLIENTS)
            for result in side_by_side(contestants, clients, shop.pace, tell=shop.tell)
        ]
    return Findings(
        title=title,
        tables=[_table(results, beside="database CPU µs/turn")],
        notes=["The database server runs on the same cores; its CPU is told apart."],
    )


def _on_postgres(
    shop: Workshop, stack: ExitStack, server: PostgresServer, name: str, roles: Sequence[str]
) -> Contestant:
    url = server.url(server.create_database())
    folder = shop.new(f"postgresql-{len(roles)}")
    processes: list[Running] = [
        stack.enter_context(
            houses.gateway(
                folder,
                name=f"{role}-{number}",
                settings={"RAPPORT_DATABASE__URL": url, "RAPPORT_SERVER__ROLE": role},
            )
        )
        for number, role in enumerate(roles)
    ]
    return of_processes(name, Way.SOCKET, processes, database=url, beside=[server.pid])


def old(shop: Workshop) -> Findings:
    """Customers come back to a house with years of interactions."""
    sizes = (2_000, 6_000) if shop.quick else (10_000, 100_000, 500_000, 1_000_000)
    archive = Archive(shop.folder / "archive", held(shop.furnished))
    megabytes: dict[str, float] = {}
    with ExitStack() as stack:
        contestants: list[Contestant] = []
        for size in sizes:
            started = time.perf_counter()
            archive.grow(size)
            shop.tell(f"{archive.interactions:,} old interactions after {time.perf_counter() - started:.0f} s more")
            folder = shop.new(f"old-{size}")
            name = f"{archive.interactions:,}"
            megabytes[name] = archive.copy(folder)
            process = stack.enter_context(houses.gateway(folder))
            tokens = archive.returning(MOST)
            contestants.append(of_processes(name, Way.SOCKET, [process], database=_sqlite(folder), tokens=tokens))
        results = side_by_side(contestants, MOST, shop.pace, tell=shop.tell)
    points = [
        Point(label=result.name, per_second=result.per_second, p99=result.p99, megabytes=megabytes[result.name])
        for result in results
    ]
    rows = [[p.label, f"{p.megabytes:,.0f}", f"{p.per_second:,.0f}", f"{p.p99:.1f}"] for p in points]
    most = ratio(results[-1], results[0])
    gigabyte = ratio(results[-2], results[0])
    return Findings(
        title="With years of old interactions (SQLite, 64 clients)",
        tables=[Table(columns=["old interactions", "MB", "turns/s", "p99 ms"], rows=rows)],
        notes=[
            "The customers are old ones who come back. The old interactions fill every table they would (contacts, "
            "addresses, lanes, conversations, interactions with payloads, turns, deliveries, cases, follow-ups, "
            "consents, orders); their texts and turns are patterns of conversations that were held just before. "
            f"With {results[-2].name} of them ({megabytes[results[-2].name]:,.0f} MB) the speed is {gigabyte:.2f} "
            f"times that with the fewest, with the most {most:.2f} times.",
        ],
        aims=[Aim.at_least("Speed with 1 GB of old interactions, as a share of that with the fewest", 0.9, gigabyte)],
        curve=points,
    )


def start(shop: Workshop) -> Findings:
    """From the command to the first answer, and what the process weighs when nobody is there."""
    furnished = shop.furnished
    ready: list[float] = []
    answered: list[float] = []
    for number in range(1 if shop.quick else 5):
        began = time.perf_counter()
        with houses.gateway(furnished) as process:
            answered.append(houses.converse(process.url, [["hello"]]) - began)
            ready.append(process.took)
        shop.tell(f"start {number + 1}: answered after {answered[-1]:.2f} s")
    alone = _idle(shop.new("idle"), {})
    port = free_port()
    with running(
        [sys.executable, "-m", "tests.channels.telegram_server", "--port", str(port), "--token", TELEGRAM],
        log=shop.folder / "telegram.log",
        ready=lambda _: f"http://127.0.0.1:{port}" if listens(port) else None,
        environment=os.environ,
        folder=ROOT,
    ) as telegram:
        settings = {"RAPPORT_TELEGRAM__TOKEN": TELEGRAM, "RAPPORT_TELEGRAM__API_BASE": telegram.url}
        both = _idle(shop.new("idle-telegram"), settings)
    shop.tell(f"idle: {alone:.0f} MB, with Telegram {both:.0f} MB")
    rows = [
        ["command to ready (s)", f"{median(ready):.2f}", f"{min(ready):.2f} to {max(ready):.2f}"],
        ["command to first answer (s)", f"{median(answered):.2f}", f"{min(answered):.2f} to {max(answered):.2f}"],
        ["idle memory, web chat alone (MB)", f"{alone:.0f}", ""],
        ["idle memory, web chat and Telegram (MB)", f"{both:.0f}", ""],
    ]
    return Findings(
        title="Start and idle memory (SQLite)",
        tables=[Table(columns=["", "median", "all"], rows=rows)],
        notes=[
            "The environment is warm: the models are trained and the modules compiled. Memory is what is resident "
            f"{CALM:.0f} s after the start with nobody connected; Telegram is a loopback server that is polled."
        ],
        aims=[
            Aim.below("Start to first answer (s)", 3, median(answered)),
            Aim.below("Idle memory, web chat alone (MB)", 150, alone),
            Aim.below("Idle memory with Telegram (MB)", 280, both),
        ],
    )


def _idle(folder: Path, settings: Mapping[str, str]) -> float:
    """The second start's memory: the first one makes the database."""
    with houses.gateway(folder, settings=settings):
        pass
    with houses.gateway(folder, settings=settings) as process:
        time.sleep(CALM)
        return memory([process.pid, *children(process.pid)], "VmRSS")


SECTIONS: Final[Mapping[str, Callable[[Workshop], Findings]]] = {
    "speed": speed,
    "postgresql": postgresql,
    "old": old,
    "start": start,
    "mail": mail_in,
    "mail-out": mail_out,
    "mailbox": mailbox,
    "bulk": bulk,
    "console": console_live,
    "search": search_large,
}


def _table(results: Sequence[Result], *, beside: str = "", rows_without_figures: Sequence[str] = ()) -> Table:
    columns = ["", "clients", "turns/s", "all rounds", "p50 ms", "p99 ms", "CPU µs/turn"]
    columns += [*([beside] if beside else []), "peak MB", "customers' CPU"]
    rows = [_row(result, beside=bool(beside)) for result in results]
    rows += [[note, *[""] * (len(columns) - 1)] for note in rows_without_figures]
    return Table(columns=columns, rows=rows)


def _row(result: Result, *, beside: bool) -> list[str]:
    speeds = sorted(sample.per_second for sample in result.samples)
    return [
        result.name,
        str(result.clients),
        f"{result.per_second:,.0f}",
        f"{speeds[0]:,.0f} to {speeds[-1]:,.0f}",
        f"{result.p50:.2f}",
        f"{result.p99:.2f}",
        f"{result.middle(lambda sample: sample.cpu):,.0f}",
        *([f"{result.middle(lambda sample: sample.cpu_beside):,.0f}"] if beside else []),
        f"{result.middle(lambda sample: sample.peak):.0f}",
        f"{result.middle(lambda sample: sample.load):.0%}",
    ]


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'rapport.sqlite3'}"
