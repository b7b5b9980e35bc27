"""The console at work: agents look, customers write, and each word is timed from its sending to the agent's screen.

`python -m tests.bench.console_live < plan.json > measured.json` is the people's side, in a process of its own.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from statistics import quantiles
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson
import uvloop

from desk import logins, staff
from desk.logins import Present
from storage.commits import Transaction
from storage.database import synchronous_engine
from tests.bench import houses, processes
from tests.bench.console_house import Size, furnish
from tests.bench.generator import ROOT, LoadFailed
from tests.bench.report import Aim, Findings, Table
from web.console.visit import COOKIE, csrf_of

if TYPE_CHECKING:
    from tests.bench.sections import Workshop

TITLE: Final = "The agents' console (SQLite)"
AGENTS: Final = 200
PER_SECOND: Final = 200
SECONDS: Final = 30.0
SETTLING: Final = 10.0
"""Seconds before, in which all the same happens and nothing is measured."""
HOUSE: Final = Size(interactions=40_000, with_people=1_500, with_assistant=300, spam=50)
AIM: Final = 300
"""Milliseconds, p95."""
FIRST_PAGE: Final = 100
"""Kilobytes (1000 bytes) of the first page with its scripts and styles, as they travel."""
SAID: Final = re.compile(rb"~(\d+)~")
CUSTOMERS_CONNECTIONS: Final = 64
LISTS: Final = 40
"""Of the agents, how many look at a list, the others at their conversation; of those, a quarter at the list of all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """What the people do."""

    url: str
    database: str
    tokens: Sequence[str]
    """Of the agents' sessions."""
    per_second: float
    seconds: float
    settling: float
    pids: Sequence[int]


@dataclass(kw_only=True, slots=True)
class Seen:
    """What they saw."""

    latencies: list[float] = field(default_factory=list[float])
    """Seconds, of words that agents saw in their conversation."""
    in_lists: list[float] = field(default_factory=list[float])
    stored: list[float] = field(default_factory=list[float])
    """Seconds until a customer knew that it was stored."""
    written: int = 0
    missed: int = 0
    """Words that nobody saw."""
    fetched: int = 0
    """Pieces of pages."""
    cpu: float = 0.0
    """Seconds of the gateway."""
    seconds: float = 0.0
    first_page: int = 0
    """Bytes."""


def console_live(shop: Workshop) -> Findings:
    """Two hundred agents and two hundred messages a second."""
    agents = 10 if shop.quick else AGENTS
    folder = houses.furnish(shop.folder / "console", shop.furnished)
    url = f"sqlite:///{folder / 'rapport.sqlite3'}"
    furnish(url, HOUSE, datetime.now(UTC))
    tokens = _staff(url, agents)
    with houses.gateway(folder) as process:
        before = processes.memory([process.pid], "VmRSS")
        day = Day(
            url=process.url,
            database=url,
            tokens=tokens,
            per_second=20 if shop.quick else PER_SECOND,
            seconds=2.0 if shop.quick else SECONDS,
            settling=1.0 if shop.quick else SETTLING,
            pids=[process.pid],
        )
        seen = _live(day)
        peak = processes.memory([process.pid], "VmHWM")
    every = seen.latencies + seen.in_lists
    p95 = _p95(every) * 1000
    shop.tell(f"{agents} agents: {len(every)} words seen, p95 {p95:.0f} ms")
    rows = [
        ["stored, and acknowledged", f"{len(seen.stored):,}", *_figures(seen.stored)],
        ["seen in the conversation", f"{len(seen.latencies):,}", *_figures(seen.latencies)],
        ["seen in a list", f"{len(seen.in_lists):,}", *_figures(seen.in_lists)],
    ]
    return Findings(
        title=TITLE,
        tables=[Table(columns=["a customer's word is", "words", "p50 ms", "p95 ms", "p99 ms"], rows=rows)],
        notes=[
            f"{agents} agents are logged in and listen: {agents * (AGENTS - LISTS) // AGENTS} look at their "
            f"conversation, the others at a list. Customers write {seen.written / max(seen.seconds, 1e-9):,.0f} "
            "messages a second over the web chat. From the first byte that a customer sends to the last byte of the "
            f"piece of the page that shows it; {seen.missed} of {seen.written:,} were not seen. The pages fetched "
            f"{seen.fetched / max(seen.seconds, 1e-9):,.0f} pieces a second. The gateway used "
            f"{seen.cpu / max(seen.seconds, 1e-9):.0%} of one core; its memory went from {before:.0f} MB to at most "
            f"{peak:.0f} MB. The agents and customers ran on the same machine. The first page is "
            f"{seen.first_page / 1000:.0f} KB with scripts and styles."
        ],
        aims=[
            Aim.below("From a customer's message to the agent's screen, p95 (ms)", AIM, round(p95)),
            Aim.below("First page without images (KB)", FIRST_PAGE, round(seen.first_page / 1000)),
            Aim.below("Messages that no agent saw", 1, seen.missed),
        ],
    )


def _figures(seconds: Sequence[float]) -> list[str]:
    if len(seconds) < 2:
        return ["–"] * 3
    cuts = quantiles(seconds, n=100)
    return [f"{cuts[place] * 1000:.0f}" for place in (49, 94, 98)]


def _p95(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=100)[94] if len(seconds) > 1 else float("inf")


def _staff(url: str, agents: int) -> list[str]:
    """Who works here, logged in; their tokens."""
    engine = synchronous_engine(url)
    now = datetime.now(UTC)
    tokens: list[str] = []
    with engine.begin() as connection:
        transaction = Transaction(connection=connection, now=now)
        password = "stored, and never compared"
        known: dict[str, Any] = {"password": password, "client": "::1", "language": "en"}
        first = staff.first_link(transaction)
        assert first is not None
        admin = staff.come_in(transaction, token=first, name="Ada", email="ada@shop.test", **known)
        ada = Present(staff=admin, name="Ada", email="", roles=("admin",), language="en", session=b"", seen_at=now)
        for number in range(agents):
            name, email = f"Agent {number + 1000}", f"agent{number}@shop.test"
            invited = staff.invite(transaction, by=ada, name=name, email=email, roles=["agent"], language="en")
            staff.come_in(transaction, token=invited.token, **known)
            entered = logins.enter(transaction, staff=invited.staff, client="::1", browser="bench")
            tokens.append(entered.token)
    engine.dispose()
    return tokens


def _live(day: Day) -> Seen:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.console_live"],
        input=orjson.dumps(asdict(day)),
        capture_output=True,
        check=False,
        cwd=ROOT,
        timeout=day.settling + day.seconds + 180,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise LoadFailed(lines[-1] if lines else str(done.returncode))
    return Seen(**orjson.loads(done.stdout))


class _People:
    """Agents and customers."""

    def __init__(self, day: Day, http: aiohttp.ClientSession, outside: aiohttp.ClientSession) -> None:
        self._day = day
        self._http = http
        self._outside = outside
        self.seen = Seen()
        self._sent: dict[int, tuple[int, float]] = {}
        self._measuring = False
        self._visitors: list[str] = []
        self._conversations: list[int] = []

    async def live(self) -> Seen:
        await self._come()
        listening = [asyncio.create_task(self._listen(place)) for place in range(len(self._day.tokens))]
        await self._write_for(self._day.settling)
        self._measuring = True
        began, cpu = perf_counter(), _cpu(self._day.pids)
        await self._write_for(self._day.seconds)
        self.seen.seconds, self.seen.cpu = perf_counter() - began, _cpu(self._day.pids) - cpu
        self._measuring = False
        await asyncio.sleep(3)  # for what was written last
        self.seen.missed = len(self._sent)
        failed = [task for task in listening if task.done()]
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        for task in failed:
            task.result()
        return self.seen

    async def _come(self) -> None:
        """Each customer says something once, and an agent takes them over."""
        places = range(len(self._day.tokens))
        for place in places:
            async with self._http.post(f"{self._day.url}/webchat/visit") as answer:
                self._visitors.append((await answer.json())["token"])
            await self._say(place, f"customer {place} begins")
        found = {
            place: houses.ask(
                self._day.database,
                f"SELECT conversation_id FROM interactions WHERE text = 'customer {place} begins' ORDER BY id DESC",
            )
            for place in places
        }
        for place in places:
            conversation, token = found[place], self._day.tokens[place]
            self._conversations.append(conversation)
            headers = self._headers(place) | {"Origin": self._day.url, "X-CSRF-Token": csrf_of(token)}
            taking = f"{self._day.url}/console/conversations/{conversation}/take"
            async with self._http.post(taking, headers=headers, allow_redirects=False) as answer:
                if answer.status >= 400:
                    raise RuntimeError(f"not taken: {answer.status}")
        self.seen.first_page = await self._weigh()

    async def _weigh(self) -> int:
        """The first page, its scripts and its styles."""
        async with self._http.get(f"{self._day.url}/console/inbox", headers=self._headers(0)) as answer:
            html = await answer.read()
        size = len(html)
        for path in set(re.findall(rb'(?:src|href)="(/console/static/[^"]+\.(?:js|css))"', html)):
            async with self._http.get(f"{self._day.url}{path.decode()}") as answer:
                size += int(answer.headers.get("Content-Length", len(await answer.read())))
        return size

    async def _write_for(self, seconds: float) -> None:
        began, number = perf_counter(), 0
        writing: set[asyncio.Task[None]] = set()
        while (wanted := began + number / self._day.per_second) < began + seconds:
            await asyncio.sleep(max(wanted - perf_counter(), 0))
            task = asyncio.create_task(self._write(number % len(self._visitors)))
            writing.add(task)
            task.add_done_callback(writing.discard)
            number += 1
        await asyncio.gather(*writing)

    async def _write(self, place: int) -> None:
        words = "where is my parcel?"
        if self._measuring:
            self.seen.written += 1
            if not self._looks_at_all(place):
                words += f" ~{self.seen.written}~"
                self._sent[self.seen.written] = place, perf_counter()
        began = perf_counter()
        await self._say(place, words)
        if self._measuring:
            self.seen.stored.append(perf_counter() - began)

    async def _say(self, place: int, text: str) -> None:
        frame = {"type": "message", "id": f"{place}-{perf_counter():.9f}", "text": text}
        headers = {"Authorization": f"Bearer {self._visitors[place]}"}
        url = f"{self._day.url}/webchat/send"
        async with self._outside.post(url, data=orjson.dumps([frame]), headers=headers) as answer:
            said = orjson.loads(await answer.read())
        if not any(one["type"] == "accepted" for one in said):
            raise RuntimeError(f"not accepted: {said}")

    async def _listen(self, place: int) -> None:
        """One agent's page: it hears, and fetches the piece anew."""
        in_list = place % (AGENTS // LISTS) == 0
        conversation = self._conversations[place]
        if in_list:
            view = "all" if self._looks_at_all(place) else "mine"
            looks_at, piece, event = f"inbox=view%3D{view}", f"/console/inbox?view={view}", b"event: inbox"
        else:
            looks_at, event = f"conversation={conversation}", b"event: conversation"
            piece = f"/console/conversations/{conversation}/lines"
        times = self.seen.in_lists if in_list else self.seen.latencies
        headers = self._headers(place) | {"HX-Request": "true"}
        async with self._http.get(f"{self._day.url}/console/events?{looks_at}", headers=headers) as events:
            async for line in events.content:
                if line.strip() == event:
                    async with self._http.get(f"{self._day.url}{piece}", headers=headers) as answer:
                        html, now = await answer.read(), perf_counter()
                    if answer.status != 200:
                        raise RuntimeError(f"{piece}: {answer.status}")
                    self.seen.fetched += self._measuring
                    self._note(place, map(int, SAID.findall(html)), now, times)

    def _note(self, place: int, shown: Iterable[int], now: float, times: list[float]) -> None:
        """A list shows the last word of each conversation: what came just before it is on the screen with it."""
        newest = max((number for number in shown if self._sent.get(number, (None,))[0] == place), default=0)
        seen = [number for number, (whose, _) in self._sent.items() if whose == place and number <= newest]
        times.extend(now - self._sent.pop(number)[1] for number in seen)

    def _looks_at_all(self, place: int) -> bool:
        """At the list of everything, in which their own customer may be far down."""
        return place % (4 * AGENTS // LISTS) == 0

    def _headers(self, place: int) -> dict[str, str]:
        return {"Cookie": f"{COOKIE}={self._day.tokens[place]}"}


def _cpu(pids: Sequence[int]) -> float:
    return sum(processes.cpu(pids).values())


async def _run(day: Day) -> Seen:
    def session(connections: int) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    # Customers share connections, as behind a proxy; an agent's browser has its own.
    async with session(0) as http, session(CUSTOMERS_CONNECTIONS) as outside:
        return await _People(day, http, outside).live()


def main() -> None:
    day = Day(**orjson.loads(sys.stdin.buffer.read()))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seen = runner.run(_run(day))
    sys.stdout.buffer.write(orjson.dumps(asdict(seen)))


if __name__ == "__main__":
    main()
