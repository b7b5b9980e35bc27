"""Calls to a provider over HTTP: one at a time, and what it means when no answer comes."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from channels.envelope import SendError, SendErrorCode
from channels.sms.provider import Answer, Call

ANSWER_LIMIT: Final = 1024 * 1024
"""Bytes of an answer that are read: a provider's are a few hundred."""
_CONNECT: Final = 10.0
"""Seconds to wait for a connection: nothing is written before."""


@dataclass(kw_only=True, slots=True)
class _Fate:
    """What is known of a request that did not come back."""

    written: bool = False


_fate: ContextVar[_Fate] = ContextVar("fate")


class _Repeated(aiohttp.ClientConnectionError):
    """Whether the provider has read the first is not known."""


class _Noted(aiohttp.ClientRequest):
    """Notes when there is a connection and writing begins. A fifth of the price of asking aiohttp to trace it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """By itself aiohttp asks a GET again whose connection was lost, and with some providers a GET sends."""
        if _fate.get().written:
            raise _Repeated
        super().__init__(*arguments, **named)

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        _fate.get().written = True
        return await super().send(conn)


class Caller:
    """One account at one provider. Credentials may be part of a URL, so no URL and no library's message leaves here."""

    def __init__(self, *, timeout: float, connections: int) -> None:
        """`timeout` in seconds is for a whole call."""
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(_CONNECT, timeout))
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, call: Call) -> Answer:
        """The provider's answer, unread. Raises SendError where there was none."""
        fate = _Fate()
        _fate.set(fate)
        try:
            async with self._open().request(
                call.method,
                call.url,
                data=call.body,
                headers=call.headers,
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                return Answer(status=response.status, body=await whole(response.content), headers=response.headers)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
            # Not `from problem`: aiohttp writes the URL into its messages.
            code = SendErrorCode.NO_ANSWER if fate.written else SendErrorCode.UNREACHABLE
            raise SendError(code, type(problem).__name__) from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                request_class=_Noted,
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=self._connections),
            )
        return self._session


async def whole(content: aiohttp.StreamReader) -> bytes:
    """All of it, in however many pieces it comes; of one that is longer than any answer, the beginning."""
    body = await content.read(ANSWER_LIMIT)
    while not content.at_eof() and len(body) < ANSWER_LIMIT:
        body += await content.read(ANSWER_LIMIT - len(body))
    return body
