"""Webhooks of mail providers: mail to us, and news of what we sent. What each provider says is in `providers/`.

`MailHook` is one such webhook: it proves the caller, reads, fetches what the webhook only points to, has everything
stored, and only then acknowledges.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import aiohttp
import structlog
from aiohttp import web

from channels.envelope import Refusal
from channels.mail.providers import PROVIDERS
from channels.mail.providers.news import event_key, news
from channels.mail.providers.seam import Credentials, Forged, MailEvent, Occurrence, Provider
from channels.mail.pushed import Oversize, kept_headers, read_body
from channels.mail.reading import Reading, Source, keep
from channels.protocol import Port, StorageUnavailable
from channels.request import Request, Unreadable
from channels.unproven import Unproven

log = structlog.get_logger(__name__)

_LARGE: Final = 1024 * 1024
"""Bytes of a body that takes long to read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HookSettings:
    """One provider's webhook."""

    provider: str
    """A name in PROVIDERS."""
    credentials: Credentials = field(repr=False)
    path: str = "/mail/hook"
    """Where our own server listens for it."""
    body_limit: int = 64 * 1024 * 1024
    """Bytes: providers pass on mails of 25 to 40 MB, a third larger in base64."""
    fetch_limit: int = 64 * 1024 * 1024
    """Bytes of a mail, or of one of its files, that is fetched."""
    timeout: float = 10.0
    """Seconds for a fetch; providers wait 15 or more for our answer."""


ReadMail = Callable[[bytes, Source], Awaitable[Reading]]
"""The mailbox's own reader: from a raw mail (RFC 5322) to what is to be stored."""


class InsecureHook(ValueError):
    """A mail provider's webhook needs what proves the provider: else anybody could pose as it."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(f"{self.__doc__} For {provider.name} set {' or '.join(provider.proven_by)}.")


class Unfetchable(OSError):
    """What a webhook points to cannot be fetched now."""


class MailHook:
    """One provider's webhook. The channel mounts `routes`, and calls `start` and `stop` with its own."""

    def __init__(
        self,
        settings: HookSettings,
        *,
        channel: str,
        read_mail: ReadMail,
        wrote: Callable[[str], bool],
        clock: Callable[[], datetime],
        unproven: Unproven | None = None,
    ) -> None:
        """`wrote`: whether a Message-ID, without brackets, is one of ours. `unproven` keeps a trace of what comes from
        others. Raises InsecureHook, and KeyError for a provider that we do not know."""
        self._settings = settings
        self._provider = PROVIDERS[settings.provider]
        if not any(getattr(settings.credentials, name) for name in self._provider.proven_by):
            raise InsecureHook(self._provider)
        self._channel = channel
        self._read_mail = read_mail
        self._wrote = wrote
        self._clock = clock
        self._unproven = unproven or Unproven(channel, clock=clock)
        self._port: Port | None = None
        self._session: aiohttp.ClientSession | None = None
        self._certificates: dict[str, bytes] = {}

    def routes(self) -> Sequence[web.RouteDef]:
        """Mandrill and Unisender Go look with HEAD and GET whether somebody listens here."""
        return [web.post(self._settings.path, self._receive), web.get(self._settings.path, self._listening)]

    async def start(self, port: Port) -> None:
        self._port = port

    async def stop(self) -> None:
        self._port = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    # Receive

    async def _listening(self, request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _receive(self, request: web.Request) -> web.Response:
        """200 says: stored. Anything else makes the provider come back."""
        if self._port is None:
            return web.Response(status=503)
        try:
            return await self._take(self._port, request)
        except Unreadable as unreadable:
            log.warning("mail_hook_unreadable", channel=self._channel, reason=str(unreadable))
            return web.Response(status=400)
        except OSError as away:
            log.warning("mail_hook_cannot_fetch", channel=self._channel, reason=type(away).__name__)
            return web.Response(status=503)
        except StorageUnavailable:
            return web.Response(status=503)

    async def _take(self, port: Port, request: web.Request) -> web.Response:
        body = await read_body(request, self._settings.body_limit)
        if isinstance(body, Oversize):
            headers = kept_headers(request)
            await self._unproven.note(port, "too large: webhook_bytes", body.read, size=body.size, headers=headers)
            return web.Response(status=413)
        asked = Request(
            method=request.method,
            url=str(request.url),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
        )
        try:
            await self._prove(asked)
        except Forged as forged:
            return await self._forged(port, str(forged), body, request)
        try:
            events = await self._read(asked)
            readings = [await self._reading(event, asked) for event in events]
        except Unreadable as unreadable:
            await port.accept([self._refusal(str(unreadable), body, request)])
            raise
        if arrivals := [arrival for reading in readings for arrival in reading.arrivals]:
            await keep(port, readings)
            await port.accept(arrivals)
        return web.Response()

    async def _read(self, request: Request) -> Sequence[MailEvent]:
        """What is large is read beside the conversations, not between them."""
        if len(request.body) > _LARGE:
            return await asyncio.to_thread(self._provider.read, request)
        return self._provider.read(request)

    async def _forged(self, port: Port, reason: str, body: bytes, request: web.Request) -> web.Response:
        log.warning("mail_hook_forged", channel=self._channel, peer=request.remote, reason=reason)
        await self._unproven.note(port, f"forged: {reason}", body, size=len(body), headers=kept_headers(request))
        # Amazon and others send the password of their URL only when they are asked for it.
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="mail"'})

    def _refusal(self, reason: str, body: bytes, request: web.Request) -> Refusal:
        return Refusal(
            channel=self._channel,
            reason=reason,
            size=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            at=self._clock(),
            headers=kept_headers(request),
        )

    # Verify

    async def _prove(self, request: Request) -> None:
        credentials = self._settings.credentials
        if self._provider.certificate_url is not None:
            url = self._provider.certificate_url(request)
            if url is not None:
                credentials = replace(credentials, certificate=await self._certificate(url))
        self._provider.verify(request, credentials, self._clock())

    async def _certificate(self, url: str) -> bytes:
        if url not in self._certificates:
            self._certificates = {url: await self._get(url, {})}
        return self._certificates[url]

    # To inbound, to update

    async def _reading(self, event: MailEvent, request: Request) -> Reading:
        if event.occurrence is Occurrence.CONFIRMATION and event.url:
            await self._get(event.url, {})
            return Reading(arrivals=())
        now = self._clock()
        if event.mail is None:
            told = news(event, channel=self._channel, raw=request.body, now=now, wrote=self._wrote)
            return Reading(arrivals=tuple(told))
        raw = event.mail.raw
        if event.mail.fetch_from and self._provider.fetch is not None:
            raw = await self._provider.fetch(event.mail, self._settings.credentials, self._get, now)
        key = event_key(event, event.recipient or "") if event.id else hashlib.sha256(raw).hexdigest()
        source = Source(external_id=f"{self._provider.name}:{key}", arrived=event.at or now)
        return await self._read_mail(raw, source)

    async def _get(self, url: str, headers: Mapping[str, str]) -> bytes:
        """Raises Unfetchable; the URL may hold a secret, so that no word of it gets out."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._settings.timeout)
            self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=True)
        try:
            # A secret in a header goes nowhere but where it was meant to.
            async with self._session.get(url, headers=headers, allow_redirects=not headers) as answer:
                if answer.status != 200:
                    raise Unfetchable(f"status {answer.status}")
                content = bytearray()
                async for chunk in answer.content.iter_any():
                    content += chunk
                    if len(content) > self._settings.fetch_limit:
                        raise Unfetchable("too large")
                return bytes(content)
        except (aiohttp.ClientError, TimeoutError, ValueError) as problem:
            raise Unfetchable(type(problem).__name__) from None
