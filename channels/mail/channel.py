"""Mail: a mailbox over IMAP, raw mails over HTTP or a provider's webhook in; SMTP submission out.

What a mail says to us is read in `reading`, the mailbox in `mailbox`; mails are written in `composing` and handed over
in `submission`.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import structlog
from aiohttp import web

from channels.envelope import Arrival, InboundMessage, OutboundMessage, Receipt, SendError, SendErrorCode
from channels.mail.composing import Composer, Enclosure
from channels.mail.cursor import Cursor
from channels.mail.enclosing import enclosed
from channels.mail.mailbox import Mailbox, Page, Waiting
from channels.mail.providers import PROVIDERS
from channels.mail.pushed import SIGNATURE, Oversize, is_signed, kept_headers, read_body
from channels.mail.reading import File, Reader, Reading, Source
from channels.mail.reply_address import ReplyAddresses
from channels.mail.settings import MailSettings
from channels.mail.signing import Signer
from channels.mail.submission import Submission
from channels.mail.tokens import Secrets
from channels.mail.unsubscribing import Unsubscribing
from channels.mail.webhooks import MailHook, Received
from channels.protocol import Accepted, Blob, HistoryEntry, Inspection, Port, StorageUnavailable
from channels.unproven import Unproven

__all__ = ["MailChannel", "MailSettings"]

LONGEST_PAUSE: Final = 60.0
"""Seconds between tries while the mailbox or our storage does not answer."""
REFUSED_PAUSE: Final = 120.0
"""Seconds between tries after the mailbox refused our login: who tries too often is locked out."""
ASIDE: Final = 1024 * 1024
"""Bytes from which a mail is read in another process, so that conversations go on meanwhile."""
KEPT_AT_ONCE: Final = 8
FORGED: Final = "forged: not signed with our secret, or too long ago"

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class MailChannel:
    """One mailbox as a channel: Channel, Polls, Schemed, Threads and Probes of `channels.protocol`."""

    def __init__(
        self,
        settings: MailSettings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`pause` waits so many seconds between tries. Raises ValueError for settings that are insecure or none."""
        self.name = settings.name
        self.scheme = "mailto"
        self.limits = settings.limits
        self.window = settings.window
        self._settings = settings
        self._clock = clock
        self._pause = pause
        self._port: Port | None = None
        self._unsubscribing = _unsubscribing(settings, clock)
        self._composer = Composer(
            settings.sender,
            secret=settings.secret,
            layouts=settings.layouts,
            unsubscribing=self._unsubscribing,
            tracing=PROVIDERS[settings.hook.provider].tracing if settings.hook else None,
        )
        self._signer = Signer(settings.dkim) if settings.dkim else None
        self._reader = reader_of(settings)
        self._secrets = Secrets(settings.mailbox.login, clock=clock) if settings.mailbox else None
        self._submission_secrets = (
            Secrets(settings.submission_login, clock=clock) if settings.submission_login is not None else None
        )
        self._submission = self._make_submission()
        self._files: dict[str, File] = {}
        self._unproven = Unproven(settings.name, clock=clock, per_hour=settings.forged_per_hour)
        self._hook = (
            MailHook(
                settings.hook,
                channel=settings.name,
                to_inbound=self._of_hook,
                wrote=self._composer.wrote,
                clock=clock,
                unproven=self._unproven,
            )
            if settings.hook
            else None
        )
        self._child: ProcessPoolExecutor | None = None

    def routes(self) -> Sequence[web.RouteDef]:
        routes: list[web.RouteDef] = []
        if self._settings.push is not None:
            routes.append(web.post(self._settings.push.path, self._pushed))
        if self._hook is not None:
            routes += self._hook.routes()
        if self._unsubscribing is not None:
            routes += self._unsubscribing.routes()
        return routes

    async def start(self, port: Port) -> None:
        self._port = port
        if self._unsubscribing is not None:
            self._unsubscribing.start(port)
        if self._hook is not None:
            await self._hook.start(_Keeping(port, self))

    async def stop(self) -> None:
        """What was handed over is sent, what was accepted is safe."""
        self._port = None
        if self._hook is not None:
            await self._hook.stop()
        if self._submission is not None:
            await self._submission.stop()
        if self._child is not None:
            self._child.shutdown(wait=False, cancel_futures=True)
            self._child = None

    # To inbound

    def inspect(self, raw: bytes) -> Inspection:
        """What a raw mail is to us."""
        source = Source(external_id=f"inspected:{sha256(raw).hexdigest()}", arrived=self._clock())
        return Inspection(arrivals=self._reader.read(raw, source).arrivals)

    # Receive, asking the mailbox

    async def poll(self) -> None:
        """Read the mailbox until cancelled. Without one there is nothing to ask, and this only waits."""
        if self._port is None:
            raise RuntimeError("poll before start")
        if self._settings.mailbox is None or self._secrets is None:
            await asyncio.Event().wait()
            return
        mailbox = Mailbox(
            self._settings.mailbox, secret=self._secrets, largest=self._settings.accepts.bytes, clock=self._clock
        )
        try:
            await self._poll(self._port, mailbox)
        finally:
            await mailbox.close()

    async def _poll(self, port: Port, mailbox: Mailbox) -> None:
        failures = 0

        async def take(page: Page) -> Collection[int]:
            return await self._take(port, page)

        while True:
            try:
                cursor = Cursor.read(await port.cursor())
                while True:
                    cursor = await mailbox.pages(cursor, take)
                    failures = 0
                    await mailbox.news()
            except (SendError, StorageUnavailable) as problem:
                failures += 1
                await self._wait(problem, failures)

    async def _take(self, port: Port, page: Page) -> Collection[int]:
        """Store a page with its cursor; returns the mails that stay in the mailbox as they are."""
        readings = await self._read_page(page)
        ordered = [readings[mail.uid] for mail in page.mails]
        began = time.perf_counter()
        await self._keep(port, [file for reading in ordered for file in reading.files])
        arrivals = [arrival for reading in ordered for arrival in reading.arrivals]
        await port.accept(arrivals, cursor=str(page.cursor))
        log.info(
            "mails_stored",
            channel=self.name,
            mails=len(page.mails),
            seconds=round(time.perf_counter() - began, 3),
            cursor=page.cursor.uid,
        )
        return {mail.uid for mail in page.mails if readings[mail.uid].refused}

    async def _read_page(self, page: Page) -> dict[int, Reading]:
        sources = {mail.uid: self._source(mail, page.cursor.validity) for mail in page.mails}
        small = [mail for mail in page.mails if len(mail.raw) <= ASIDE]
        readings = await asyncio.to_thread(
            lambda: {mail.uid: self._reader.read(mail.raw, sources[mail.uid]) for mail in small}
        )
        for mail in page.mails:
            if mail.uid not in readings:
                readings[mail.uid] = await self._read_aside(mail.raw, sources[mail.uid])
        return readings

    async def _read_aside(self, raw: bytes, source: Source) -> Reading:
        """A large mail, in another process. One that brings that process down is not taken, and says so."""
        if self._child is None:
            self._child = ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn"))
        try:
            return await asyncio.get_running_loop().run_in_executor(self._child, self._reader.read, raw, source)
        except BrokenProcessPool:
            self._child = None
            log.warning("mail_could_not_be_read", channel=self.name, size=len(raw))
            return self._reader.read(raw[:ASIDE], replace(source, size=len(raw)))

    def _source(self, mail: Waiting, validity: int) -> Source:
        return Source(
            external_id=f"{self.name}:{validity}:{mail.uid}",
            arrived=min(mail.arrived, self._clock()),
            size=None if mail.whole else mail.size,
        )

    async def _keep(self, port: Port, files: Sequence[File]) -> None:
        different = list({file.sha256: file for file in files}.values())
        for start in range(0, len(different), KEPT_AT_ONCE):
            await asyncio.gather(
                *(
                    port.keep(file.content, content_type=file.content_type)
                    for file in different[start : start + KEPT_AT_ONCE]
                )
            )

    async def _wait(self, problem: SendError | StorageUnavailable, failures: int) -> None:
        refused = isinstance(problem, SendError) and problem.code is SendErrorCode.UNAUTHORIZED
        if refused and self._secrets is not None:
            self._secrets.forget()
        seconds = min(LONGEST_PAUSE, 2.0 ** min(failures - 1, 10))
        if refused and failures > 1:  # the first time, the token may only have been revoked before its time
            seconds = REFUSED_PAUSE
        said = problem.detail if isinstance(problem, SendError) else "storage_unavailable"
        log.warning("mailbox_not_read", channel=self.name, problem=said, seconds=seconds)
        await self._pause(seconds)

    # Receive, called by others

    async def _pushed(self, request: web.Request) -> web.Response:
        """200 says: stored. Anything else makes the caller come back with the same mail."""
        port, push = self._port, self._settings.push
        if port is None or push is None:
            return web.Response(status=503)
        body = await read_body(request, self._settings.accepts.bytes)
        if isinstance(body, Oversize):
            log.warning("mail_push_too_large", channel=self.name, size=body.size)
            headers = kept_headers(request)
            await self._unproven.note(port, "too large: bytes", body.read, size=body.size, headers=headers)
            return web.Response(status=413)
        header = request.headers.get(SIGNATURE, "")
        if not is_signed(header, body, secret=push.secret, now=self._clock().timestamp(), window=push.window):
            log.warning("mail_push_forged", channel=self.name, peer=request.remote)
            headers = kept_headers(request)
            await self._unproven.note(port, FORGED, body, size=len(body), headers=headers)
            return web.Response(status=401)
        source = Source(external_id=f"push:{sha256(body).hexdigest()}", arrived=self._clock())
        reading = await self._read_aside(body, source) if len(body) > ASIDE else self._reader.read(body, source)
        try:
            await self._keep(port, reading.files)
            await port.accept(reading.arrivals)
        except StorageUnavailable:
            return web.Response(status=503)
        return web.Response(status=200)

    def _of_hook(self, received: Received) -> Sequence[Arrival]:
        reading = self._reader.read(received.raw, Source(external_id=received.key, arrived=received.at))
        self._files |= {file.sha256: file for file in reading.files}
        return reading.arrivals

    async def keep_files_of(self, port: Port, arrivals: Iterable[Arrival]) -> None:
        """The files that a provider's webhook brought, before the rows that name them."""
        named = {
            digest
            for arrival in arrivals
            if isinstance(arrival, InboundMessage)
            for digest in (*(attachment.id for attachment in arrival.attachments), arrival.raw_blob)
            if digest is not None
        }
        await self._keep(port, [self._files.pop(digest) for digest in named if digest in self._files])

    # Send

    async def send(self, message: OutboundMessage) -> Receipt:
        """Raises SendError."""
        if self._submission is None:
            raise SendError(SendErrorCode.UNSUPPORTED, "this mailbox only receives")
        now = self._clock()
        mail = self._composer.compose(message, at=now, enclosures=await self._enclosures(message))
        if self._signer is not None:
            mail = replace(mail, content=self._signer.sign(mail.content, at=int(now.timestamp())))
        try:
            await self._submission.submit(mail)
        except SendError as problem:
            if problem.code is SendErrorCode.UNAUTHORIZED and self._submission_secrets is not None:
                self._submission_secrets.forget()
            raise
        return Receipt(external_ids=(mail.id,))

    async def _enclosures(self, message: OutboundMessage) -> Sequence[Enclosure]:
        if not message.attachments:
            return ()
        if self._port is None:
            raise SendError(SendErrorCode.UNREACHABLE, "the channel is closed")
        return await enclosed(message.attachments, self._port, largest=self._settings.enclosed_bytes)

    def _make_submission(self) -> Submission | None:
        settings = self._settings.submission
        if settings is None:
            return None
        login, secrets = self._settings.submission_login, self._submission_secrets
        if login is not None and login.token is not None and secrets is not None:
            settings = replace(settings, user=login.user, token=secrets)
        return Submission(settings)

    # Probe

    async def probe(self) -> str:
        """Both ways, one after the other. Raises SendError."""
        told = [await self.probe_mailbox(), await self.probe_submission()]
        return "; ".join(part for part in told if part)

    async def probe_mailbox(self) -> str:
        """Log in where mail is read; empty where none is. Raises SendError."""
        settings = self._settings.mailbox
        if settings is None or self._secrets is None:
            return ""
        mailbox = Mailbox(settings, secret=self._secrets, largest=self._settings.accepts.bytes, clock=self._clock)
        try:
            waiting = await mailbox.probe()
        finally:
            await mailbox.close()
        return f"{settings.login.user} has {waiting} mails in {settings.folder}"

    async def probe_submission(self) -> str:
        """Log in where mail is handed over; empty where it is nowhere. Raises SendError."""
        if self._submission is None or self._settings.submission is None:
            return ""
        await self._submission.probe()
        return f"{self._settings.submission.host} takes our mail"


class _Keeping:
    """The port as a provider's webhook sees it: files are kept before the mails that they came with are stored."""

    def __init__(self, port: Port, channel: MailChannel) -> None:
        self._port = port
        self._channel = channel

    async def accept(self, batch: Sequence[Arrival], *, cursor: str | None = None) -> Sequence[Accepted]:
        await self._channel.keep_files_of(self._port, batch)
        return await self._port.accept(batch, cursor=cursor)

    async def cursor(self) -> str | None:
        return await self._port.cursor()

    async def history(
        self, address: str, *, after: int = 0, before: int | None = None, limit: int = 50
    ) -> Sequence[HistoryEntry]:
        return await self._port.history(address, after=after, before=before, limit=limit)

    async def keep(self, content: bytes, *, content_type: str) -> Blob:
        return await self._port.keep(content, content_type=content_type)

    async def blob(self, sha256: str) -> Blob | None:
        return await self._port.blob(sha256)

    def typing(self, address: str) -> None:
        self._port.typing(address)


def reader_of(settings: MailSettings) -> Reader:
    """What reads this mailbox's mails; it holds no connection, so that another process can be given it."""
    sender = settings.sender
    return Reader(
        channel=settings.name,
        address=sender.address,
        composer=Composer(sender, secret=settings.secret),
        reply_addresses=ReplyAddresses(sender.address, settings.secret, separator=sender.separator),
        aliases=settings.aliases,
        separator=sender.separator,
        trusted_authserv_id=settings.trusted_authserv_id,
        limits=settings.accepts,
    )


def _unsubscribing(settings: MailSettings, clock: Callable[[], datetime]) -> Unsubscribing | None:
    """Where the public cannot reach us there is no way out, and no marketing leaves."""
    url = settings.public_url
    if url is None:
        return None
    here = url.startswith(("http://127.0.0.1", "http://localhost"))
    if not here and not url.startswith("https://"):
        return None
    return Unsubscribing(channel=settings.name, secret=settings.secret, base_url=url, clock=clock, insecure=here)
