"""Web chat: the customer's browser is the provider, and the stream in our own database is the wire.

docs/webchat-protocol.md describes what goes over it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import orjson
from aiohttp import WSCloseCode, web

from channels.envelope import OutboundMessage, Receipt, SendError, SendErrorCode
from channels.protocol import GivesInvitations, HistoryEntry, Limits, Port, StorageUnavailable
from channels.webchat.answers import in_json, refusal
from channels.webchat.entrance import Entrance
from channels.webchat.fallback import Fallback
from channels.webchat.frames import ErrorCode, Refused, decode
from channels.webchat.identity import SCHEME, Signer, Visitor
from channels.webchat.origin import Door, cors_headers, preflight_headers
from channels.webchat.reception import RETRY_SECONDS, Reception
from channels.webchat.request import kept_headers
from channels.webchat.settings import Rate, WebChatSettings
from channels.webchat.socket import Socket, Wire
from channels.webchat.stream import Registry
from channels.webchat.uploads import Uploads

__all__ = ["Rate", "WebChat", "WebChatSettings"]

LARGEST_FILES = 25 * 1024 * 1024
"""Bytes of what goes along with one message of ours."""
HEARTBEAT_SECONDS = 30
CLOSE_SECONDS = 2
DRAIN_SECONDS = 5
VISIT_BODY = 16_384
LINK_COST = 3

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebChat:
    """The web chat channel: implements Channel, Streams and Typing of `channels.protocol`."""

    def __init__(
        self,
        settings: WebChatSettings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = settings.name
        self.limits = Limits(
            text=settings.text_limit,
            per_second=2_000,
            per_address=50,
            burst=50,
            buttons=12,
            concurrency=64,
            idempotent=True,
            pictures=True,
            custom=True,
            markup=True,
            file_bytes=LARGEST_FILES,
        )
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._door = Door(settings)
        self._signer = Signer(settings)
        self._registry = Registry(self._signer)
        self._entrance = Entrance(self._door, self._signer)
        self._fallback = Fallback(self._entrance, self._registry)
        self._uploads = Uploads(self._entrance, self._signer, self._registry)

    def routes(self) -> Sequence[web.RouteDef]:
        path = self._settings.path
        handlers: Sequence[tuple[str, str, Handler]] = (
            ("POST", "/visit", self._visit),
            ("GET", "/socket", self._socket),
            ("POST", "/send", self._fallback.send),
            ("GET", "/poll", self._fallback.poll),
            ("POST", "/upload", self._uploads.take),
            ("GET", "/file/{sha256}", self._uploads.show),
            ("POST", "/link", self._link),
        )
        return [
            *(web.route(method, path + end, self._guarded(handler)) for method, end, handler in handlers),
            *(web.options(path + end, self._preflight) for _, end, _ in handlers),
        ]

    async def start(self, port: Port) -> None:
        self._entrance.reception = Reception(
            self._settings, self._signer, self._registry, port=port, clock=self._clock, monotonic=self._monotonic
        )

    async def stop(self) -> None:
        """Settle what was taken, then tell every client to come back in a moment (close code 1012)."""
        reception, self._entrance.reception = self._entrance.reception, None
        if reception is None:
            return
        await reception.intake.drain(DRAIN_SECONDS)
        sockets = [listener for listener in self._registry.everyone() if isinstance(listener, Socket)]
        closing = [socket.hang_up(WSCloseCode.SERVICE_RESTART) for socket in sockets]
        self._fallback.shelves.close()
        if closing:
            await asyncio.wait(closing, timeout=DRAIN_SECONDS)

    # verify

    def _guarded(self, handler: Handler) -> Handler:
        """Origin before everything, every refusal as an error frame, and the headers that let the page read it."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            origin = None
            try:
                origin = self._door.origin(request)
                response = await handler(request)
            except Refused as refused:
                response = refusal(refused, request.headers.get("Accept-Language"))
            except StorageUnavailable:
                unavailable = Refused(ErrorCode.UNAVAILABLE, retry_after=RETRY_SECONDS)
                response = refusal(unavailable, request.headers.get("Accept-Language"))
            if origin is not None and not response.prepared:
                response.headers.update(cors_headers(origin))
            return response

        return guarded

    async def _preflight(self, request: web.Request) -> web.Response:
        try:
            origin = self._door.origin(request)
        except Refused as refused:
            return refusal(refused, request.headers.get("Accept-Language"))
        return web.Response(status=204, headers=preflight_headers(origin) if origin else {})

    # receive

    async def _visit(self, request: web.Request) -> web.Response:
        """A new visitor, or the customer whom the business's own page has signed."""
        reception = self._entrance.open()
        if wait := reception.visits.take(self._door.client(request), self._monotonic()):
            raise Refused(ErrorCode.TOO_MANY, retry_after=wait)
        raw = await self._entrance.body(request, reception, VISIT_BODY)
        identity = _identity(raw)
        now = reception.now()
        if identity is None:
            visitor = Visitor(id=secrets.token_hex(16), issued_at=int(now))
        else:
            visitor = self._signer.identify(identity, now)
        fields = {"visitor": visitor.id, "token": self._signer.issue(visitor), "identified": identity is not None}
        return in_json(orjson.dumps(fields))

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        reception = self._entrance.open()
        client = self._door.client(request)
        reception.spend_connection(client)
        wire: Wire = web.WebSocketResponse(
            timeout=CLOSE_SECONDS,
            heartbeat=HEARTBEAT_SECONDS,
            compress=False,
            max_msg_size=self._settings.frame_limit,
            decode_text=False,
        )
        await wire.prepare(request)
        await Socket(wire, request.transport, reception, client=client, headers=kept_headers(request)).run()
        return wire

    async def _link(self, request: web.Request) -> web.Response:
        """Where the visitor can go on as the same person: deep links into other channels."""
        reception = self._entrance.open()
        guest = self._entrance.guest(request, reception)
        reception.spend(guest.visitor, guest.client, cost=LINK_COST)
        port = reception.port
        invitation = await port.invite(guest.visitor.address) if isinstance(port, GivesInvitations) else None
        if invitation is None:
            return in_json(orjson.dumps({"links": [], "expires_at": None}))
        links = [{"channel": channel, "url": url} for channel, url in invitation.links.items()]
        return in_json(orjson.dumps({"links": links, "expires_at": invitation.expires_at}))

    # send

    async def send(self, message: OutboundMessage) -> Receipt:
        """Nothing leaves the house here: committed to the visitor's stream is sent, `published` pushes it.

        Later news names a message by its position in the stream, so the Receipt has no ids of its own.
        """
        if not message.address.startswith(f"{SCHEME}:"):
            raise SendError(SendErrorCode.BAD_ADDRESS, "not a web chat visitor")
        if len(message.text) > self.limits.text:
            raise SendError(SendErrorCode.TOO_LARGE, f"{len(message.text)} characters")
        return Receipt(external_ids=())

    def published(self, entries: Mapping[str, Sequence[HistoryEntry]]) -> None:
        self._registry.publish(entries, self._clock().timestamp())

    def connected(self) -> Iterable[str]:
        return self._registry.addresses()

    async def typing(self, address: str) -> None:
        self._registry.hint(address)


def _identity(raw: bytes) -> str | None:
    fields = decode(raw) if raw.strip() else None
    if not isinstance(fields, dict | None):
        raise Refused(ErrorCode.BAD_FRAME)
    identity = cast(Mapping[str, object], fields or {}).get("identity")
    if not isinstance(identity, str | None):
        raise Refused(ErrorCode.BAD_FRAME)
    return identity
