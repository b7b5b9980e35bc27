"""One SMTP connection: greeting, TLS, login, and mails one after another (RFC 5321, 3207, 4954).

Where the server has PIPELINING (RFC 2920), a mail's sender, recipient and DATA go out together, and together with the
end of the mail before: a mail costs one round trip.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from base64 import b64encode
from collections import deque
from typing import Final, cast

from channels.envelope import SendError, SendErrorCode
from channels.mail.answers import Reply, Stage, refusal
from channels.mail.settings import Security, SubmissionSettings

LONGEST_REPLY: Final = 64 * 1024
"""Bytes of a server's answers that wait to be read; a server that says more is none."""

_NO_LOGIN: Final = "the mail server offers no login there: no_login = true for a relay, else see port and security"
_REPLY_LINE: Final = re.compile(rb"([2-5]\d\d)([ -]?)(.*)")


class Lost(Exception):
    """The connection ended, or the server fell silent, in the middle of something."""


class Connection:
    """An open, greeted and logged-in connection. One coroutine uses it at a time."""

    def __init__(self, wire: _Wire, timeout: float) -> None:
        self._wire = wire
        self._timeout = timeout
        self._extensions: dict[str, str] = {}
        self.mails = 0
        """Taken by the server so far."""

    @classmethod
    async def open(cls, settings: SubmissionSettings, context: ssl.SSLContext | None) -> Connection:
        """Raises SendError: UNREACHABLE, and for the whole channel UNAUTHORIZED or RATE_LIMITED."""
        try:
            async with asyncio.timeout(settings.timeout):
                return await cls._open(settings, context)
        except Lost:
            raise SendError(SendErrorCode.UNREACHABLE, "the server ended the connection while greeting") from None
        except OSError as error:  # TimeoutError and ssl.SSLError are such, too
            raise SendError(SendErrorCode.UNREACHABLE, _unreachable(error)) from None

    @classmethod
    async def _open(cls, settings: SubmissionSettings, context: ssl.SSLContext | None) -> Connection:
        implicit = context if settings.security is Security.TLS else None
        name = settings.host if implicit else None
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(_Wire, settings.host, settings.port, ssl=implicit, server_hostname=name)
        connection = cls(wire, settings.timeout)
        try:
            await connection._begin(settings, context)
        except BaseException:
            connection.abandon()
            raise
        return connection

    async def _begin(self, settings: SubmissionSettings, context: ssl.SSLContext | None) -> None:
        _expect(await self.reply(), Stage.GREETING)
        await self._hello(settings.hello)
        if settings.security is Security.STARTTLS and context is not None:
            await self._start_tls(settings, context)
            await self._hello(settings.hello)
        if settings.user is not None:
            await self._log_in(settings, settings.user)

    async def _hello(self, name: str) -> None:
        reply = await self.ask(f"EHLO {name}")
        if reply.code in (500, 502):
            reply = await self.ask(f"HELO {name}")
        _expect(reply, Stage.GREETING)
        words = (line.partition(" ") for line in reply.lines[1:])
        self._extensions = {word.upper(): rest for word, _, rest in words}

    async def _start_tls(self, settings: SubmissionSettings, context: ssl.SSLContext) -> None:
        if "STARTTLS" not in self._extensions:
            raise SendError(SendErrorCode.UNAUTHORIZED, "the server offers no TLS", whole_channel=True)
        _expect(await self.ask("STARTTLS"), Stage.GREETING)
        await self._wire.start_tls(context, settings.host)

    async def _log_in(self, settings: SubmissionSettings, user: str) -> None:
        if not any(word.startswith("AUTH") for word in self._extensions):  # "AUTH=LOGIN" is an old way to say it
            raise SendError(SendErrorCode.UNAUTHORIZED, _NO_LOGIN, whole_channel=True)
        offered = self._extensions.get("AUTH", "").upper().split()
        if settings.token is not None:
            initial = f"user={user}\x01auth=Bearer {await settings.token()}\x01\x01"
            reply = await self.ask(f"AUTH XOAUTH2 {_base64(initial)}")
            if reply.code == 334:  # the reason, as JSON: https://developers.google.com/gmail/imap/xoauth2-protocol
                reply = await self.ask("")
        elif "LOGIN" in offered and "PLAIN" not in offered:
            reply = await self.ask("AUTH LOGIN")
            for said in (user, settings.password or ""):
                reply = await self.ask(_base64(said)) if reply.code == 334 else reply
        else:
            initial = "\0".join(("", user, settings.password or ""))
            reply = await self.ask(f"AUTH PLAIN {_base64(initial)}")
        _expect(reply, Stage.LOGIN)

    # What it can do

    @property
    def pipelining(self) -> bool:
        return "PIPELINING" in self._extensions

    @property
    def beyond_ascii(self) -> bool:
        return "SMTPUTF8" in self._extensions

    @property
    def states_sizes(self) -> bool:
        return "SIZE" in self._extensions

    @property
    def largest(self) -> int | None:
        """Bytes; None: not said (RFC 1870)."""
        stated = self._extensions.get("SIZE", "").split(" ")[0]
        return int(stated) or None if stated.isdecimal() else None

    @property
    def usable(self) -> bool:
        """Nothing was said out of turn: a server that closes an idle connection says so first."""
        return not self._wire.lost and not self._wire.replies

    # Talking

    async def ask(self, line: str) -> Reply:
        self.write(f"{line}\r\n".encode())
        return await self.reply()

    def write(self, content: bytes) -> None:
        self._wire.write(content)

    async def drained(self) -> None:
        """Wait until most of what was written is on its way. Raises Lost."""
        await self._wire.drained(self._timeout)

    async def reply(self, within: float | None = None) -> Reply:
        """The next answer. Raises Lost."""
        return await self._wire.reply(self._timeout if within is None else within)

    async def quit(self) -> None:
        """Say goodbye; the answer is of no interest."""
        if not self._wire.lost:
            self._wire.write(b"QUIT\r\n")
        self._wire.close()

    def abandon(self) -> None:
        self._wire.abort()


class _Wire(asyncio.Protocol):
    """Bytes to replies. Cheaper than streams: one wake-up for as many replies as came together."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.lost = False
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._paused = False
        self._drained: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its ancestry

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = rest
        for line in lines:
            self._read(bytes(line))
        if len(self._buffer) > LONGEST_REPLY or len(self._lines) > 1000 or len(self.replies) > 1000:
            self.abort()
        if self.replies:
            self._wake()

    def _read(self, line: bytes) -> None:
        found = _REPLY_LINE.match(line.rstrip(b"\r"))
        if found is None:
            self.abort()  # whatever this is, it is not SMTP, and what follows cannot be told apart
            return
        self._lines.append(found[3].decode("utf-8", "replace"))
        if found[2] != b"-":
            self.replies.append(Reply(code=int(found[1]), lines=tuple(self._lines)))
            self._lines = []

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def write(self, content: bytes) -> None:
        if self._transport is not None and not self.lost:
            self._transport.write(content)

    async def reply(self, within: float) -> Reply:
        if not self.replies:
            await self._wait(within)
        if not self.replies:
            raise Lost
        return self.replies.popleft()

    async def _wait(self, within: float) -> None:
        if self.lost:
            return
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        timer = loop.call_later(within, self._wake)
        try:
            await self._waiting
        finally:
            timer.cancel()
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def drained(self, within: float) -> None:
        if self._paused and not self.lost:
            self._drained = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(within):
                    await self._drained
            except TimeoutError:
                raise Lost from None
            finally:
                self._drained = None
        if self.lost:
            raise Lost

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """What was said before the handshake was said by anybody: it must not be taken for the server's word."""
        assert self._transport is not None
        if self._buffer or self.replies or self._lines:
            raise SendError(SendErrorCode.UNAUTHORIZED, "more than an answer before TLS began", whole_channel=True)
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(self._transport, self, context, server_hostname=host)
        if transport is None:
            raise ConnectionAbortedError
        self._transport = transport

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        self.lost = True
        if self._transport is not None:
            self._transport.abort()
        self._wake()


def _unreachable(error: OSError) -> str:
    """A sentence for whoever sets it up."""
    match error:
        case TimeoutError():
            return "the mail server does not answer in time"
        case ssl.SSLCertVerificationError():
            return f"the mail server's certificate: {error.verify_message}"
        case ssl.SSLError():
            return f"the mail server speaks no TLS there, or another kind of it ({error.reason}): see port and security"
        case OSError(errno=int(number)) if number > 0:  # asyncio's own words repeat the address
            return f"the mail server cannot be reached: {os.strerror(number)}"
        case _:
            return f"the mail server cannot be reached: {error.strerror or str(error) or type(error).__name__}"


def _expect(reply: Reply, stage: Stage) -> None:
    if not 200 <= reply.code < 300:
        raise refusal(reply, stage)


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
