"""A mail server on loopback, as strict as RFC 5321 lets it be, with faults on demand."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64decode, b64encode
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HANG_UP = "hang up"
"""An answer that is none: the connection ends."""
SILENCE = "silence"
"""An answer that never comes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A mail that the server took."""

    sender: str
    recipient: str
    parameters: tuple[str, ...]
    content: bytes
    """Without the doubled dots."""
    connection: int


@dataclass(kw_only=True)
class SmtpServer:
    """Answers what it is told to answer, else what is right. Verbs: the words of SMTP, `GREETING`,
    `CONTENT` (the answer to it) and `MIDDLE` (of it)."""

    extensions: Sequence[str] = ("PIPELINING", "SIZE 10485760", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
    users: dict[str, str] = field(default_factory=dict[str, str])
    token: str | None = None
    context: ssl.SSLContext | None = None
    """For STARTTLS."""
    most: int | None = None
    """Mails a connection; then 421."""
    answers: defaultdict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque[str]))
    """By verb: what it says the next times instead."""
    always: dict[str, str] = field(default_factory=dict[str, str])
    """By verb, or by `RCPT <address>`: what it says every time."""
    taken: list[Taken] = field(default_factory=list[Taken])
    said: list[str] = field(default_factory=list[str])
    """Every command line, in order."""
    connections: int = 0
    port: int = 0

    def then(self, verb: str, *answers: str) -> None:
        self.answers[verb].extend(answers)

    @asynccontextmanager
    async def running(self, *, tls: ssl.SSLContext | None = None) -> AsyncGenerator[SmtpServer]:
        talks: set[asyncio.Task[None]] = set()

        def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            task = asyncio.ensure_future(_Talk(self, reader, writer, self.connections).hold())
            talks.add(task)
            task.add_done_callback(talks.discard)

        server = await asyncio.start_server(met, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for talk in list(talks):
                talk.cancel()
            await asyncio.gather(*talks, return_exceptions=True)


class _HungUp(Exception):
    pass


class _Talk:
    def __init__(
        self, server: SmtpServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self._server, self._reader, self._writer, self._number = server, reader, writer, number
        self._sender: str | None = None
        self._parameters: tuple[str, ...] = ()
        self._recipient: str | None = None
        self._took = 0
        self._secure = False

    async def hold(self) -> None:
        try:
            await self._answer("GREETING", "220 here.example ESMTP")
            while line := await self._reader.readline():
                if not line.endswith(b"\r\n"):
                    break
                text = line[:-2].decode()
                self._server.said.append(text)
                if not await self._obey(text):
                    break
        except (_HungUp, ConnectionError):
            pass
        finally:
            self._writer.close()

    async def _obey(self, line: str) -> bool:
        verb, _, rest = line.partition(" ")
        server = self._server
        match verb.upper():
            case "EHLO":
                offers = [*server.extensions]
                if server.context is not None and not self._secure:
                    offers.append("STARTTLS")
                if server.users or server.token:
                    offers.append("AUTH PLAIN LOGIN XOAUTH2" if "AUTH" not in str(offers) else "")
                lines = ["here.example", *filter(None, offers)]
                told = "\r\n".join(f"250{' ' if n == len(lines) else '-'}{line}" for n, line in enumerate(lines, 1))
                await self._answer("EHLO", told)
            case "HELO":
                await self._answer("HELO", "250 here.example")
            case "STARTTLS":
                await self._answer("STARTTLS", "220 2.0.0 go on")
                assert server.context is not None
                await self._writer.start_tls(server.context)
                self._secure = True
            case "AUTH":
                await self._log_in(rest)
            case "MAIL":
                await self._mail(rest)
            case "RCPT":
                await self._rcpt(rest)
            case "DATA":
                await self._data()
            case "RSET":
                self._sender = self._recipient = None
                await self._answer("RSET", "250 2.0.0 reset")
            case "QUIT":
                await self._answer("QUIT", "221 2.0.0 bye")
                return False
            case _:
                await self._say("500 5.5.2 what?")
        return True

    async def _mail(self, rest: str) -> None:
        if self._server.most is not None and self._took >= self._server.most:
            await self._say("421 4.7.0 too many mails for one connection")
            raise _HungUp
        if self._sender is not None:
            await self._say("503 5.5.1 nested MAIL")
            return
        path, *parameters = rest.removeprefix("FROM:").split(" ")
        if await self._answer("MAIL", "250 2.1.0 ok"):
            self._sender, self._parameters = path.strip("<>"), tuple(parameters)

    async def _rcpt(self, rest: str) -> None:
        path = rest.removeprefix("TO:").strip("<>")
        if self._sender is None:
            await self._say("503 5.5.1 MAIL first")
        elif (said := self._server.always.get(f"RCPT {path}")) is not None:
            await self._say(said)
        elif await self._answer("RCPT", "250 2.1.5 ok"):
            self._recipient = path

    async def _data(self) -> None:
        if self._sender is None or self._recipient is None:
            await self._answer("DATA without recipient", "503 5.5.1 RCPT first")
            if not self._server.always.get("DATA without recipient", "").startswith("354"):
                return
            self._sender = self._sender or ""
        elif not await self._answer("DATA", "354 go on"):
            return
        content = await self._content()
        sender, recipient, parameters = self._sender, self._recipient, self._parameters
        self._sender = self._recipient = None
        if recipient is None:
            await self._say("554 5.5.1 no valid recipients")
        elif await self._answer("CONTENT", "250 2.0.0 queued"):
            self._took += 1
            taken = Taken(
                sender=sender or "",
                recipient=recipient,
                parameters=parameters,
                content=content,
                connection=self._number,
            )
            self._server.taken.append(taken)

    async def _content(self) -> bytes:
        """Up to the dot, without the doubled ones."""
        lines: list[bytes] = []
        while (line := await self._reader.readline()) != b".\r\n":
            if not line.endswith(b"\r\n"):
                raise _HungUp
            lines.append(line.removeprefix(b"."))
            if self._server.answers["MIDDLE"] and self._server.answers["MIDDLE"].popleft() == HANG_UP:
                self._writer.transport.abort()
                raise _HungUp
        return b"".join(lines)

    async def _log_in(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        said = b64decode(initial).decode() if initial else ""
        if mechanism == "PLAIN":
            _, user, password = said.split("\0")
            right = self._server.users.get(user) == password
        elif mechanism == "LOGIN":
            asked: list[str] = []
            for question in (b"Username:", b"Password:"):
                await self._say(f"334 {b64encode(question).decode()}")
                asked.append(b64decode(await self._reader.readline()).decode())
            right = self._server.users.get(asked[0]) == asked[1]
        else:
            right = said.endswith(f"\x01auth=Bearer {self._server.token}\x01\x01")
            if not right:
                await self._say(f"334 {b64encode(b'{}').decode()}")
                await self._reader.readline()
        await self._answer("AUTH", "235 2.7.0 welcome" if right else "535 5.7.8 wrong password, xoxo")

    async def _answer(self, verb: str, right: str) -> bool:
        waiting = self._server.answers[verb]
        said = waiting.popleft() if waiting else self._server.always.get(verb, right)
        await self._say(said)
        return said.startswith(("2", "3"))

    async def _say(self, line: str) -> None:
        if line == HANG_UP:
            self._writer.transport.abort()
            raise _HungUp
        if line == SILENCE:
            await asyncio.Event().wait()
        self._writer.write(line.encode() + b"\r\n")
        if line.startswith("421"):
            await self._writer.drain()
            raise _HungUp
        await self._writer.drain()
