"""Submission: mails leave over a few connections that stay open, many mails each.

Read `Submission._serve` top to bottom: it is the life of one connection. What it says of a mail is certain: before the
end of its content was written nothing has left (UNREACHABLE), after it without an answer nobody knows (NO_ANSWER).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import structlog

from channels.envelope import SendError, SendErrorCode
from channels.mail.answers import Reply, Stage, refusal
from channels.mail.composing import Mail
from channels.mail.connection import Connection, Lost
from channels.mail.settings import SubmissionSettings

TRIES: Final = 3
"""Connections that may be lost under a mail before its content was written, until we give it back to the outbox."""
CROWDED: Final = 10.0
"""Seconds without another try, after a server refused one more connection than it serves already."""
LARGE: Final = 64 * 1024
"""Bytes from which a mail's end waits until the rest is on its way: until then nothing has left."""

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(kw_only=True, slots=True, eq=False)
class _Job:
    """A mail that waits for its answer."""

    mail: Mail
    since: float
    answered: asyncio.Future[None]
    content: bytes = field(repr=False)
    """As it goes over the wire, without the dot that ends it."""
    tries: int = 0
    written: bool = False
    """All of it: from here on it may have arrived."""


class Submission:
    """A pool of connections to one server. `submit` may be called by any number of coroutines at once."""

    def __init__(self, settings: SubmissionSettings) -> None:
        """Raises InsecureSubmission; OSError where the certificates cannot be read."""
        self._settings = settings
        self._context = settings.context()
        self._jobs: deque[_Job] = deque()
        self._waiting: list[asyncio.Future[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening = 0
        self._open = 0
        self._crowded_until = 0.0
        self._stopped = False

    async def submit(self, mail: Mail) -> None:
        """Returns when the server took it. Raises SendError."""
        if self._stopped:
            raise SendError(SendErrorCode.UNREACHABLE, "the channel is closed")
        loop = asyncio.get_running_loop()
        job = _Job(mail=mail, since=loop.time(), answered=loop.create_future(), content=_on_the_wire(mail.content))
        self._jobs.append(job)
        self._call_for_hands()
        await job.answered

    async def probe(self) -> None:
        """Try connection and login. Raises SendError."""
        connection = await Connection.open(self._settings, self._context)
        await connection.quit()

    async def stop(self) -> None:
        """Close everything; what has no answer yet gets the one that is true."""
        self._stopped = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._fail_waiting(SendError(SendErrorCode.UNREACHABLE, "the channel is closed"))

    # The pool

    def _call_for_hands(self) -> None:
        """Wake a connection that rests, else open one more, as long as there are not enough."""
        while self._waiting:
            waiting = self._waiting.pop()  # the one that rested last: the others may close in the end
            if not waiting.done():
                waiting.set_result(None)
                return
        crowded = asyncio.get_running_loop().time() < self._crowded_until and self._open
        if self._opening + self._open < self._settings.connections and len(self._jobs) > self._opening and not crowded:
            self._opening += 1
            task = asyncio.create_task(self._serve(), name="mail connection")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self) -> None:
        try:
            connection = await Connection.open(self._settings, self._context)
        except SendError as problem:
            self._refused(problem)
            return
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("mail_connection_failed")
            self._refused(SendError(SendErrorCode.UNREACHABLE, f"{type(error).__name__} while connecting"))
            return
        finally:
            self._opening -= 1
        self._open += 1
        try:
            await self._deliver(connection)
        finally:
            self._open -= 1
            if self._jobs and not self._stopped:
                self._call_for_hands()

    def _refused(self, problem: SendError) -> None:
        """No connection. Where others are open they go on; else nobody serves those who wait."""
        self._crowded_until = asyncio.get_running_loop().time() + CROWDED
        if self._open and problem.code is not SendErrorCode.UNAUTHORIZED:
            log.info("mail_connection_refused", problem=problem.detail, open=self._open)
            return
        self._fail_waiting(problem)

    def _fail_waiting(self, problem: SendError) -> None:
        while self._jobs:
            _settle(self._jobs.popleft(), _again(problem))

    # One connection's mails

    async def _deliver(self, connection: Connection) -> None:
        job: _Job | None = None
        following: _Job | None = None
        try:
            while job := following or await self._next(connection):
                if following is None:
                    connection.write(_envelope(job, connection))
                following = None
                refused = await self._agree(connection, job)
                if refused is None:
                    following = self._take(connection, besides=1) if connection.pipelining else None
                    await self._hand_over(connection, job, following)
                    continue
                if refused.code == 421 and connection.mails:  # it has had enough of this connection, not of us
                    self._give_back(job)
                    break
                _settle(job, refusal(refused.reply, refused.stage))
                if refused.code == 421 or (await connection.ask("RSET")).code != 250:
                    break
            await connection.quit()
        except Lost:
            connection.abandon()
            self._lost(job, following)
        except BaseException:
            connection.abandon()
            self._lost(job, following)
            raise

    async def _next(self, connection: Connection) -> _Job | None:
        """The next mail; None when nothing came for a while, or the connection has done its part."""
        while connection.usable and connection.mails < self._settings.mails:
            if job := self._take(connection):
                return job
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            try:
                async with asyncio.timeout(self._settings.idle):
                    await waiting
            except TimeoutError:
                return None
            finally:
                if waiting in self._waiting:
                    self._waiting.remove(waiting)
        return None

    def _take(self, connection: Connection, *, besides: int = 0) -> _Job | None:
        """A waiting mail that this server can take, if its connection may carry one more `besides` those on the way."""
        now = asyncio.get_running_loop().time()
        while self._jobs and connection.mails + besides < self._settings.mails:
            job = self._jobs.popleft()
            if job.answered.done():
                continue
            if now - job.since > self._settings.patience:
                _settle(job, SendError(SendErrorCode.UNREACHABLE, "the server is slower than mails come"))
            elif problem := _cannot_carry(connection, job.mail):
                _settle(job, problem)
            else:
                return job
        return None

    async def _agree(self, connection: Connection, job: _Job) -> _Refused | None:
        """Sender, recipient, DATA. With PIPELINING all three were written and all three are answered."""
        patience = self._settings.patience
        refused: _Refused | None = None
        told_to_go_on = False
        for stage, line in _steps(job, connection):
            if not connection.pipelining and stage is not Stage.SENDER:
                connection.write(line)
            reply = await connection.reply(patience)
            if refused is None and reply.code // 100 != (3 if stage is Stage.CONTENT else 2):
                refused = _Refused(reply=reply, stage=stage)
            told_to_go_on = reply.code == 354
            if reply.code == 421 or (refused is not None and not connection.pipelining):
                return refused
        if refused is not None and told_to_go_on:  # RFC 2920, 3.1: nobody to send to, and yet it asks for a mail
            connection.write(b".\r\n")
            await connection.reply(patience)
        return refused

    async def _hand_over(self, connection: Connection, job: _Job, following: _Job | None) -> None:
        """The content, and with it the sender and recipient of the next mail."""
        after = b".\r\n" if following is None else b".\r\n" + _envelope(following, connection)
        if len(job.content) < LARGE:
            job.written = True
            connection.write(job.content + after)
        else:
            connection.write(job.content)
            await connection.drained()
            job.written = True
            connection.write(after)
        reply = await connection.reply()
        if 200 <= reply.code < 300:
            connection.mails += 1
            _settle(job, None)
        else:
            _settle(job, refusal(reply, Stage.CONTENT))

    def _lost(self, *jobs: _Job | None) -> None:
        for job in jobs:
            if job is None or job.answered.done():
                continue
            if job.written:
                _settle(job, SendError(SendErrorCode.NO_ANSWER, "no answer to the whole mail"))
            else:
                self._give_back(job)

    def _give_back(self, job: _Job) -> None:
        """Nothing of it has left: another connection may take it."""
        job.tries += 1
        if job.tries >= TRIES or self._stopped:
            _settle(job, SendError(SendErrorCode.UNREACHABLE, "the server ended the connection before the mail"))
        else:
            self._jobs.appendleft(job)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Refused:
    reply: Reply
    stage: Stage

    @property
    def code(self) -> int:
        return self.reply.code


def _on_the_wire(content: bytes) -> bytes:
    """With doubled dots (RFC 5321, 4.5.2). A bare CR or LF may end the mail for one server and not for the next, which
    would let somebody write a second mail into the first; none ever leaves."""
    lines = content.count(b"\r\n")
    if not content.endswith(b"\r\n") or content.count(b"\n") != lines or content.count(b"\r") != lines:
        raise SendError(SendErrorCode.REJECTED, "a line that does not end in CRLF")
    stuffed = content.replace(b"\r\n.", b"\r\n..") if b"\r\n." in content else content
    return b"." + stuffed if stuffed.startswith(b".") else stuffed


def _envelope(job: _Job, connection: Connection) -> bytes:
    """What may be written before it is answered."""
    steps = [line for _, line in _steps(job, connection)]
    return b"".join(steps) if connection.pipelining else steps[0]


def _steps(job: _Job, connection: Connection) -> tuple[tuple[Stage, bytes], ...]:
    mail = job.mail
    size = f" SIZE={len(mail.content)}" if connection.states_sizes else ""
    utf8 = " SMTPUTF8" if mail.beyond_ascii else ""
    return (
        (Stage.SENDER, f"MAIL FROM:<{mail.sender}>{size}{utf8}\r\n".encode()),
        (Stage.RECIPIENT, f"RCPT TO:<{mail.recipient}>\r\n".encode()),
        (Stage.CONTENT, b"DATA\r\n"),
    )


def _cannot_carry(connection: Connection, mail: Mail) -> SendError | None:
    if mail.beyond_ascii and not connection.beyond_ascii:
        return SendError(SendErrorCode.UNSUPPORTED, "the server takes no addresses beyond ASCII")
    if connection.largest is not None and len(mail.content) > connection.largest:
        return SendError(SendErrorCode.TOO_LARGE, f"the server takes {connection.largest} bytes")
    return None


def _settle(job: _Job, problem: SendError | None) -> None:
    if job.answered.done():
        return
    if problem is None:
        job.answered.set_result(None)
    else:
        job.answered.set_exception(problem)


def _again(problem: SendError) -> SendError:
    """The same, for one more: an exception that is raised twice would carry two tracebacks."""
    return SendError(problem.code, problem.detail, retry_after=problem.retry_after, whole_channel=problem.whole_channel)
