"""Hooks: events leave the house for the endpoints that want them, in order, each signed, and none is lost.

Read `Hooks` top to bottom: claim what is due, tell it, write down what was said. Any number of these may run, in any
number of processes.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from typing import Any

import aiohttp
import orjson
import structlog
from pydantic import TypeAdapter

from desk import telling
from desk.events import EventBody, EventData, told
from desk.rights import Right
from desk.telling import PING, Outcome, Round, ToTell
from gateway.outward import Network, Outward, guarded_connector, refused
from storage.commits import Commits, Transaction, Unavailable
from storage.database import Database

log = structlog.get_logger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=10, sock_connect=5)
"""Short: an endpoint takes an event and works on it afterwards."""
LONGEST_ROUND = 45.0
"""Seconds; what is left is told in the next. With one more request it is still within the lease."""
LOOK_EVERY = 1.0
NOT_BEFORE = 0.05
"""Seconds between two looks, however much happens."""
ANSWER_LENGTH = 500
"""Bytes that are kept of what an endpoint says."""


class Hooks:
    """Tells endpoints of events."""

    def __init__(
        self,
        commits: Commits,
        database: Database,
        *,
        process: str,
        clock: Callable[[], datetime],
        allowed: Sequence[Network] = (),
        boundary: Callable[[str], None] = lambda name: None,
    ) -> None:
        """`allowed`: networks that are not the internet's, and may be told all the same."""
        self._commits = commits
        self._database = database
        self._process = process
        self._clock = clock
        self._outward = Outward(allowed)
        self._boundary = boundary
        self._http: aiohttp.ClientSession | None = None
        self._loop: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._at_work: set[asyncio.Task[None]] = set()
        self._wanted = True

    async def start(self) -> None:
        await self._commits.run(telling.begin)
        self._loop = asyncio.create_task(self._tell_forever(), name="hooks")

    async def stop(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        if self._at_work:
            await asyncio.wait(self._at_work, timeout=15)
        if self._http is not None:
            await self._http.close()

    def wake(self) -> None:
        """Something has happened that an endpoint may want to hear of."""
        if self._wanted:
            self._wake.set()

    async def settle(self) -> None:
        """Tell everything that is due now: for tests and for the terminal."""
        while await self.tell_due() or self._at_work:
            if self._at_work:
                await asyncio.wait(set(self._at_work))

    async def tell_due(self) -> int:
        """Begin rounds for all endpoints that are due and free; returns for how many."""
        now = self._clock()
        self._wanted = await self._database.read(
            lambda connection: telling.anything_to_tell(Transaction(connection=connection, now=now))
        )
        if not self._wanted:
            self._wanted = await self._database.read(telling.anybody_listens)
            return 0
        rounds = await self._commits.run(lambda transaction: telling.claim(transaction, process=self._process))
        for one in rounds:
            task = asyncio.create_task(self._tell_round(one))
            self._at_work.add(task)
            task.add_done_callback(self._told)
        return len(rounds)

    def _told(self, task: asyncio.Task[None]) -> None:
        self._at_work.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("webhook_round_failed", reason=type(error).__name__)  # its lease runs out, and it begins anew

    async def _tell_forever(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self.tell_due()
            except Unavailable:
                log.warning("webhooks_without_database")
            except Exception:
                log.exception("webhooks_not_claimed")
            await asyncio.sleep(NOT_BEFORE)
            try:
                async with asyncio.timeout(LOOK_EVERY):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _tell_round(self, one: Round) -> None:
        bodies = await self._database.read_aside(
            lambda connection: _composed(Transaction(connection=connection, now=self._clock()), one)
        )
        outcomes: list[Outcome] = []
        until = time.monotonic() + LONGEST_ROUND
        stopped = False
        for each in (*one.wishes, *one.events):
            outcome = await self._tell(one, each, bodies)
            outcomes.append(outcome)
            # What is asked for out of turn may fail; in turn, nothing overtakes what was not taken.
            stopped = each.wish is None and outcome.failure is not None
            if stopped or time.monotonic() > until:
                break
        self._boundary("after webhooks")
        whole = not stopped and len(outcomes) == len(one.wishes) + len(one.events)
        await self._record(one, outcomes, whole=whole)

    async def _record(self, one: Round, outcomes: Sequence[Outcome], *, whole: bool) -> None:
        def write(transaction: Transaction) -> None:
            telling.record(transaction, process=self._process, told=one, outcomes=outcomes, whole=whole)

        pause = 0.2
        while True:
            try:
                return await self._commits.run(write)
            except Unavailable:
                # They were told; that is worth remembering. After the lease somebody tells them again.
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    async def _tell(self, one: Round, each: ToTell, bodies: Mapping[int, bytes]) -> Outcome:
        started = time.monotonic()
        body = _ping(self._clock()) if each.event is None else bodies[each.event.id]
        if (reason := self._outward.refuses(one.url)) is not None:
            return Outcome(told=each, seconds=0.0, failure=reason)
        try:
            async with self._session().post(
                one.url,
                data=body,
                headers=signed(one, each, body, self._clock()),
                timeout=TIMEOUT,
                allow_redirects=False,
            ) as response:
                said = await response.content.read(ANSWER_LENGTH)
                return _answered(each, response, said, time.monotonic() - started, self._clock())
        except Exception as error:  # whatever a stranger's server does: it is written down, and asked again
            return Outcome(told=each, seconds=time.monotonic() - started, failure=_why(error))

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=guarded_connector(self._outward),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers={"User-Agent": "Rapport-Webhooks/1"},
            )
        return self._http


def signed(one: Round, each: ToTell, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks 1.0: HMAC-SHA256 over id, time and body, by each secret that is in force."""
    identity = f"evt_{each.event.id}" if each.event is not None else f"ping_{each.wish}"
    seconds = str(int(now.timestamp()))
    content = b".".join((identity.encode(), seconds.encode(), body))
    signatures = (b64encode(hmac.new(secret, content, sha256).digest()).decode() for secret in one.secrets)
    return {
        "Content-Type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _composed(transaction: Transaction, one: Round) -> dict[int, bytes]:
    """What is said of each event, as far as this endpoint may hear it."""
    happened = [each.event for each in (*one.wishes, *one.events) if each.event is not None]
    return {body.data.event: _seen(body, one.scopes) for body in told(transaction, happened)}


def _seen(body: EventBody, scopes: frozenset[str]) -> bytes:
    from web.api.answers import hidden, wordless  # the interface is loaded where somebody uses it

    said: Any = _bodies().dump_python(body, mode="json")
    if Right.SEE_PRIVATE not in scopes:
        said = hidden(said)
    if Right.CONVERSE not in scopes:
        said = wordless(said)
    return orjson.dumps(said)


@cache
def _bodies() -> TypeAdapter[EventBody]:
    return TypeAdapter(EventBody)


def _ping(now: datetime) -> bytes:
    said: Any = _bodies().dump_python(EventBody(type=PING, timestamp=now, data=EventData(event=0)), mode="json")
    return orjson.dumps(said)


def _answered(each: ToTell, response: aiohttp.ClientResponse, said: bytes, seconds: float, now: datetime) -> Outcome:
    status = response.status
    failure = None
    if 300 <= status < 400:
        failure = f"it answered {status}: it redirects, and redirects are not followed"
    elif not 200 <= status < 300:
        failure = f"it answered {status}"
    return Outcome(
        told=each,
        seconds=seconds,
        status=status,
        failure=failure,
        answer=said.decode("utf-8", "replace").replace("\0", "")[:ANSWER_LENGTH],
        retry_after=_asked_to_wait(response, now) if failure else None,
    )


def _asked_to_wait(response: aiohttp.ClientResponse, now: datetime) -> timedelta | None:
    """Retry-After (RFC 9110, 10.2.3): seconds, or a date."""
    if response.status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return None
    asked = response.headers.get("Retry-After", "")
    if asked.isdecimal() and len(asked) < 8:
        return timedelta(seconds=max(1, int(asked)))
    try:
        return max(parsedate_to_datetime(asked) - now, timedelta(seconds=1))
    except (ValueError, TypeError):
        return None


def _why(error: Exception) -> str:
    if (told := refused(error)) is not None:
        return told
    match error:
        case TimeoutError():
            return f"it gave no answer in {TIMEOUT.total:g} s"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return "its certificate cannot be trusted"
        case aiohttp.ClientConnectorDNSError():
            return "its name leads nowhere"
        case aiohttp.ClientConnectorError():
            return "it cannot be reached"
        case _:
            return f"the connection failed: {type(error).__name__}"
