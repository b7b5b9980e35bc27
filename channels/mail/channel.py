"""Mail: a mailbox over IMAP, raw mails over HTTP or a provider's webhook in; SMTP submission out.

The mailbox is read in `polling`, what a mail says to us in `reader`; mails are written in `composing` and handed over
in `submission`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import structlog
from aiohttp import web

from channels.envelope import OutboundMessage, Receipt, SendError, SendErrorCode
from channels.mail.composing import Composer
from channels.mail.enclosing import Enclosure, enclosed
from channels.mail.mailbox import Mailbox
from channels.mail.polling import Polling
from channels.mail.providers import PROVIDERS
from channels.mail.pushed import SIGNATURE, Oversize, is_signed, kept_headers, read_body
from channels.mail.reader import Reader
from channels.mail.reader_process import LARGE, ReaderProcess
from channels.mail.reading import Reading, Source, keep
from channels.mail.reply_address import ReplyAddresses
from channels.mail.settings import MailboxSettings, MailSettings
from channels.mail.signing import Signer
from channels.mail.submission import Submission
from channels.mail.tokens import Secrets
from channels.mail.unsubscribing import Unsubscribing
from channels.mail.webhooks import MailHook
from channels.protocol import Inspection, Port, StorageUnavailable
from channels.unproven import Unproven

__all__ = ["MailChannel", "MailSettings"]

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
        self._process = ReaderProcess(self._reader, channel=settings.name)
        self._secrets = Secrets(settings.mailbox.login, clock=clock) if settings.mailbox else None
        self._submission_secrets = (
            Secrets(settings.submission_login, clock=clock) if settings.submission_login is not None else None
        )
        self._submission = self._make_submission()
        self._unproven = Unproven(settings.name, clock=clock, per_hour=settings.forged_per_hour)
        self._hook = (
            MailHook(
                settings.hook,
                channel=settings.name,
                read_mail=self._read,
                wrote=self._composer.wrote,
                clock=clock,
                unproven=self._unproven,
            )
            if settings.hook
            else None
        )

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
            await self._hook.start(port)

    async def stop(self) -> None:
        """What was handed over is sent, what was accepted is safe."""
        self._port = None
        if self._hook is not None:
            await self._hook.stop()
        if self._submission is not None:
            await self._submission.stop()
        self._process.stop()

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
        mailbox = self._open(self._settings.mailbox, self._secrets)
        polling = Polling(
            channel=self.name,
            mailbox=mailbox,
            secrets=self._secrets,
            reader=self._reader,
            process=self._process,
            clock=self._clock,
            pause=self._pause,
        )
        try:
            await polling.run(self._port)
        finally:
            await mailbox.close()

    def _open(self, settings: MailboxSettings, secrets: Secrets) -> Mailbox:
        return Mailbox(settings, secret=secrets, largest=self._settings.accepts.bytes, clock=self._clock)

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
        reading = await self._read(body, source)
        try:
            await keep(port, [reading])
            await port.accept(reading.arrivals)
        except StorageUnavailable:
            return web.Response(status=503)
        return web.Response(status=200)

    async def _read(self, raw: bytes, source: Source) -> Reading:
        return await self._process.read(raw, source) if len(raw) > LARGE else self._reader.read(raw, source)

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
        mailbox = self._open(settings, self._secrets)
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
