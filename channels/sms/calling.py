"""Calls to a provider over HTTP: one at a time, and what it means when no answer comes.

The connections are aiohttp's: its pool, its TLS, its parser. Its session is left out: what that does for a browser's
sake (cookies, redirects, bodies of any kind) is most of the price of a small request (measured: a half), and it repeats
by itself a GET whose connection was lost, with which some providers send.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from typing import Final

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from channels.envelope import SendError, SendErrorCode
from channels.sms.provider import Answer, Call, basic

ANSWER_LIMIT: Final = 1024 * 1024
"""Bytes of an answer that are read: a provider's are a few hundred."""
_CONNECT: Final = 10.0
"""Seconds to wait for a connection: nothing is written before."""
_FRESH: Final = 15.0
"""Seconds for which an idle connection is taken for one still: as long as aiohttp's pool does."""
_HEADERS: Final[Mapping[str, str]] = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "Rapport"}
_NEVER_IN_TARGETS: Final = re.compile(r"[^!-~]")
_LINE_ENDS: Final = re.compile(r"\r\n|[\r\n\0]")

_Headers = tuple[tuple[str, str], ...]
_Kept = list[tuple[Connection, float]]
"""Idle connections to one host, and since when they are."""


class Caller:
    """One account at one provider. Credentials may be part of a URL, so no URL and no library's message leaves here."""

    def __init__(self, *, timeout: float, connections: int) -> None:
        """`timeout` in seconds is for a whole call."""
        self._timeout = timeout
        self._connecting = aiohttp.ClientTimeout(connect=min(_CONNECT, timeout))
        self._connections = connections
        self._connector: aiohttp.TCPConnector | None = None
        self._places: dict[str, _Place] = {}
        self._kept: dict[URL, _Kept] = {}
        self._connects = 0
        self._asking = _Asking()

    async def ask(self, call: Call) -> Answer:
        """The provider's answer, unread. Raises SendError where there was none."""
        connection: Connection | None = None
        due = time.monotonic() + self._timeout
        try:
            address, _, query = call.url.partition("?")
            place = self._places.get(address) or self._known(address)
            request = _request(call, place, query)
            connection = _usable(place.kept) or await self._connected(place)
            self._asking.begin(connection, due)
            answer = await _exchange(connection, request)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
            # Not `from problem`: aiohttp writes the URL into its messages.
            if connection is None:
                raise SendError(SendErrorCode.UNREACHABLE, _why(problem)) from None
            late = connection not in self._asking
            raise SendError(SendErrorCode.NO_ANSWER, _why(TimeoutError() if late else problem)) from None
        else:
            self._asking.end(connection)
            self._keep(place, connection)
            connection = None
            return answer
        finally:
            if connection is not None:
                self._asking.end(connection)
                connection.close()

    async def close(self) -> None:
        self._asking.forget()
        self._give_back()
        if self._connector is not None:
            await self._connector.close()
            self._connector = None

    def _known(self, address: str) -> _Place:
        place = self._places[address] = _Place.of(URL(address), self._kept)
        return place

    async def _connected(self, place: _Place) -> Connection:
        # What is kept for another host must not stand in the way of this one.
        self._give_back()
        if self._connector is None:
            self._connector = aiohttp.TCPConnector(limit=self._connections)
        self._connects += 1
        try:
            connection = await self._connector.connect(place.key, [], self._connecting)
        finally:
            self._connects -= 1
        if connection.protocol is not None:
            connection.protocol.set_response_params(read_until_eof=True)
        return connection

    def _keep(self, place: _Place, connection: Connection) -> None:
        """For the next call, while others are being made: each way through the pool makes one a quarter dearer."""
        place.kept.append((connection, time.monotonic()))
        if self._connects or not self._asking:
            self._give_back()

    def _give_back(self) -> None:
        """To the pool, which lets others have them and closes them in time."""
        for kept in self._kept.values():
            while kept:
                kept.pop()[0].release()


class _Asking:
    """Calls on the wire and when they are late. One timer for all: with one each, a call costs a quarter more."""

    def __init__(self) -> None:
        self._due: dict[Connection, float] = {}
        self._next = inf
        self._timer: asyncio.TimerHandle | None = None

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._due

    def __len__(self) -> int:
        return len(self._due)

    def begin(self, connection: Connection, due: float) -> None:
        self._due[connection] = due
        if due < self._next:
            self._wait()

    def end(self, connection: Connection) -> None:
        self._due.pop(connection, None)

    def forget(self) -> None:
        self._next = inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self.forget()
        self._next = min(self._due.values())
        seconds = max(self._next - time.monotonic(), 0)
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        """Hang up on those that are late: who waits for the answer learns at once that none will come."""
        self._next, now = inf, time.monotonic()
        for connection in [each for each, due in self._due.items() if due <= now]:
            self.end(connection)
            if connection.transport is not None:
                connection.transport.abort()
        if self._due:
            self._wait()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """An address of the provider's, all but its query: the same for every text."""

    key: aiohttp.ClientRequest
    """What the pool knows its connections by."""
    path: str
    headers: _Headers = field(repr=False)
    kept: _Kept
    """Shared with all addresses of this host."""

    @classmethod
    def of(cls, url: URL, kept: dict[URL, _Kept]) -> _Place:
        """Raises ValueError for what is no address."""
        if url.scheme not in ("http", "https") or not url.raw_host:
            raise ValueError("not an address")
        login: Mapping[str, str] = {} if url.user is None else basic(url.user, url.password or "")
        headers = {"Host": url.host_port_subcomponent or "", **_HEADERS, **login}
        return cls(
            key=aiohttp.ClientRequest("GET", url.origin()),
            path=url.raw_path,
            headers=tuple(headers.items()),
            kept=kept.setdefault(url.origin(), []),
        )


def _usable(kept: _Kept) -> Connection | None:
    while kept:
        connection, since = kept.pop()
        protocol, fresh = connection.protocol, time.monotonic() - since < _FRESH
        if fresh and protocol is not None and protocol.is_connected() and not protocol.should_close:
            return connection
        connection.close()
    return None


def _why(problem: Exception) -> str:
    match problem:
        case TimeoutError():
            return "nothing came in time"
        case aiohttp.ClientConnectorCertificateError():
            return "nobody vouches for its certificate"
        case aiohttp.ClientConnectorDNSError():
            return "its name is not known"
        case aiohttp.ClientConnectorError() if problem.os_error.errno is not None and problem.os_error.errno > 0:
            return os.strerror(problem.os_error.errno)
        case _:
            return type(problem).__name__


def _request(call: Call, place: _Place, query: str) -> bytes:
    """RFC 9112. Raises ValueError for what would write lines of its own."""
    target = f"{place.path}?{query}" if query else place.path
    if _NEVER_IN_TARGETS.search(target):
        raise ValueError("a space or a line end where none may be")
    line = f"{call.method} {target} HTTP/1.1\r\n".encode()
    fields = _fields(place.headers, tuple(call.headers.items()))
    if call.body is None:
        return b"%b%b\r\n" % (line, fields)
    return b"%b%bContent-Length: %d\r\n\r\n%b" % (line, fields, len(call.body), call.body)


@lru_cache(maxsize=64)
def _fields(ours: _Headers, given: _Headers) -> bytes:
    """The same for nearly every text. Raises ValueError for what would be more than a line each."""
    headers = dict((*ours, *given))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if len(_LINE_ENDS.findall(lines)) != len(headers):
        raise ValueError("a line end where none may be")
    return lines.encode()


async def _exchange(connection: Connection, request: bytes) -> Answer:
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None:
        raise aiohttp.ServerDisconnectedError
    transport.write(request)
    message, content = await protocol.read()
    while message.code < 200:  # that more is to come
        message, content = await protocol.read()
    body = content.read_nowait(ANSWER_LIMIT) if content.is_eof() else await whole(content)
    return Answer(status=message.code, body=body, headers=message.headers)


async def whole(content: aiohttp.StreamReader) -> bytes:
    """All of it, in however many pieces it comes; of one that is longer than any answer, the beginning."""
    body = await content.read(ANSWER_LIMIT)
    while not content.at_eof() and len(body) < ANSWER_LIMIT:
        body += await content.read(ANSWER_LIMIT - len(body))
    return body
