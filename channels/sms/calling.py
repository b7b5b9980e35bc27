"""Calls to a provider over HTTP: one at a time, and what it means when no answer comes.

The connections are aiohttp's: its pool, its TLS, its parser. Its session is left out: what that does for a browser's
sake (cookies, redirects, bodies of any kind) is most of the price of a small request (measured: a half), and it repeats
by itself a GET whose connection was lost, with which some providers send.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
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
_HEADERS: Final[Mapping[str, str]] = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "Rapport"}
_NEVER_IN_TARGETS: Final = re.compile(r"[^!-~]")
_LINE_ENDS: Final = re.compile(r"\r\n|[\r\n\0]")


class Caller:
    """One account at one provider. Credentials may be part of a URL, so no URL and no library's message leaves here."""

    def __init__(self, *, timeout: float, connections: int) -> None:
        """`timeout` in seconds is for a whole call."""
        self._timeout = timeout
        self._connecting = aiohttp.ClientTimeout(connect=min(_CONNECT, timeout))
        self._connections = connections
        self._connector: aiohttp.TCPConnector | None = None
        self._places: dict[str, _Place] = {}

    async def ask(self, call: Call) -> Answer:
        """The provider's answer, unread. Raises SendError where there was none."""
        connection: Connection | None = None
        written = False
        try:
            async with asyncio.timeout(self._timeout):
                address, _, query = call.url.partition("?")
                place = self._places.get(address) or self._known(address)
                request = _request(call, place, query)
                connection = await self._open().connect(place.key, [], self._connecting)
                written = True
                answer = await _exchange(connection, request)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
            # Not `from problem`: aiohttp writes the URL into its messages.
            code = SendErrorCode.NO_ANSWER if written else SendErrorCode.UNREACHABLE
            raise SendError(code, _why(problem)) from None
        else:
            connection.release()
            connection = None
            return answer
        finally:
            if connection is not None:
                connection.close()

    async def close(self) -> None:
        if self._connector is not None:
            await self._connector.close()
            self._connector = None

    def _known(self, address: str) -> _Place:
        place = self._places[address] = _Place.of(URL(address))
        return place

    def _open(self) -> aiohttp.TCPConnector:
        if self._connector is None:
            self._connector = aiohttp.TCPConnector(limit=self._connections)
        return self._connector


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """An address of the provider's, all but its query: the same for every text."""

    key: aiohttp.ClientRequest
    """What the pool knows its connections by."""
    path: str
    headers: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, url: URL) -> _Place:
        """Raises ValueError for what is no address."""
        if url.scheme not in ("http", "https") or not url.raw_host:
            raise ValueError("not an address")
        login: Mapping[str, str] = {} if url.user is None else basic(url.user, url.password or "")
        headers = {"Host": url.host_port_subcomponent or "", **_HEADERS, **login}
        return cls(key=aiohttp.ClientRequest("GET", url.origin()), path=url.raw_path, headers=headers)


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
    headers = {**place.headers, **call.headers}
    if call.body is not None:
        headers["Content-Length"] = str(len(call.body))
    target = f"{place.path}?{query}" if query else place.path
    lines = [f"{call.method} {target} HTTP/1.1", *[f"{name}: {value}" for name, value in headers.items()]]
    head = "\r\n".join(lines)
    if _NEVER_IN_TARGETS.search(target) or len(_LINE_ENDS.findall(head)) != len(headers):
        raise ValueError("a line end where none may be")
    return f"{head}\r\n\r\n".encode() + (call.body or b"")


async def _exchange(connection: Connection, request: bytes) -> Answer:
    protocol, transport = connection.protocol, connection.transport
    if protocol is None or transport is None:
        raise aiohttp.ServerDisconnectedError
    protocol.set_response_params(read_until_eof=True)
    transport.write(request)
    message, content = await protocol.read()
    while message.code < 200:  # that more is to come
        message, content = await protocol.read()
    return Answer(status=message.code, body=await whole(content), headers=message.headers)


async def whole(content: aiohttp.StreamReader) -> bytes:
    """All of it, in however many pieces it comes; of one that is longer than any answer, the beginning."""
    body = await content.read(ANSWER_LIMIT)
    while not content.at_eof() and len(body) < ANSWER_LIMIT:
        body += await content.read(ANSWER_LIMIT - len(body))
    return body
