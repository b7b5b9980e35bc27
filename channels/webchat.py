"""Web chat: the customer's browser is the provider, and the stream in our own database is the wire.

docs/webchat-protocol.md describes what goes over it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import orjson
from aiohttp import WSCloseCode, web

from channels.envelope import Attachment, OutboundMessage, Receipt, SendError, SendErrorCode
from channels.protocol import GivesInvitations, HistoryEntry, Limits, Port, StorageUnavailable
from channels.webchat_files import EXTENSIONS, download_headers, kind_of, safe_name, sniff
from channels.webchat_frames import SHA256, ErrorCode, Refused, decode, error
from channels.webchat_identity import SCHEME, Signer, Visitor
from channels.webchat_origin import Door, cors_headers, preflight_headers
from channels.webchat_reception import RETRY_SECONDS, Reception
from channels.webchat_request import RequestGuest
from channels.webchat_sentences import sentence
from channels.webchat_settings import Rate, WebChatSettings
from channels.webchat_socket import Socket, Wire
from channels.webchat_stream import Poll, Registry, backlog, newest_page, outstanding

__all__ = ["Rate", "WebChat", "WebChatSettings"]

HEARTBEAT_SECONDS = 30
CLOSE_SECONDS = 2
DRAIN_SECONDS = 5
POLL_SECONDS = 25
FRAMES_A_REQUEST = 20
VISIT_BODY = 16_384
UPLOAD_SECONDS = 300
UPLOADS_AT_ONCE = 4
"""Uploads from one client address that may be under way together: each is in memory until it is kept."""
UPLOAD_COST = 3
LINK_COST = 3
KEPT_HEADERS = ("User-Agent", "Origin", "Content-Type", "Content-Length", "Accept-Language")

STATUSES: Mapping[ErrorCode, int] = {
    ErrorCode.BAD_JSON: 400,
    ErrorCode.BAD_FRAME: 400,
    ErrorCode.UNKNOWN_TYPE: 400,
    ErrorCode.BINARY: 400,
    ErrorCode.HELLO_FIRST: 400,
    ErrorCode.EMPTY: 400,
    ErrorCode.TOO_LONG: 413,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.TOO_MANY: 429,
    ErrorCode.TOO_MANY_SOCKETS: 429,
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.BAD_ORIGIN: 403,
    ErrorCode.BAD_ATTACHMENT: 400,
    ErrorCode.BAD_TYPE: 415,
    ErrorCode.BAD_LINK: 403,
    ErrorCode.UNAVAILABLE: 503,
}

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
        )
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._door = Door(settings)
        self._signer = Signer(settings)
        self._registry = Registry(self._signer)
        self._uploads: Counter[str] = Counter()
        self._reception: Reception | None = None

    def routes(self) -> Sequence[web.RouteDef]:
        path = self._settings.path
        handlers: Sequence[tuple[str, str, Handler]] = (
            ("POST", "/visit", self._visit),
            ("GET", "/socket", self._socket),
            ("POST", "/send", self._send),
            ("GET", "/poll", self._poll),
            ("POST", "/upload", self._upload),
            ("GET", "/file/{sha256}", self._file),
            ("POST", "/link", self._link),
        )
        return [
            *(web.route(method, path + end, self._guarded(handler)) for method, end, handler in handlers),
            *(web.options(path + end, self._preflight) for _, end, _ in handlers),
        ]

    async def start(self, port: Port) -> None:
        self._reception = Reception(
            self._settings, self._signer, self._registry, port=port, clock=self._clock, monotonic=self._monotonic
        )

    async def stop(self) -> None:
        """Settle what was taken, then tell every client to come back in a moment (close code 1012)."""
        reception, self._reception = self._reception, None
        if reception is None:
            return
        await reception.intake.drain(DRAIN_SECONDS)
        closing: list[asyncio.Task[bool]] = []
        for listener in self._registry.everyone():
            if isinstance(listener, Socket):
                closing.append(listener.hang_up(WSCloseCode.SERVICE_RESTART))
            elif isinstance(listener, Poll):
                listener.end()
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
                response = _refusal(refused, request.headers.get("Accept-Language"))
            except StorageUnavailable:
                unavailable = Refused(ErrorCode.UNAVAILABLE, retry_after=RETRY_SECONDS)
                response = _refusal(unavailable, request.headers.get("Accept-Language"))
            if origin is not None and not response.prepared:
                response.headers.update(cors_headers(origin))
            return response

        return guarded

    async def _preflight(self, request: web.Request) -> web.Response:
        try:
            origin = self._door.origin(request)
        except Refused as refused:
            return _refusal(refused, request.headers.get("Accept-Language"))
        return web.Response(status=204, headers=preflight_headers(origin) if origin else {})

    def _open(self) -> Reception:
        if self._reception is None:
            raise Refused(ErrorCode.UNAVAILABLE, retry_after=RETRY_SECONDS)
        return self._reception

    def _visitor(self, request: web.Request, reception: Reception) -> Visitor:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused(ErrorCode.UNAUTHORIZED)
        return self._signer.visitor(token.strip(), reception.now())

    # receive

    async def _visit(self, request: web.Request) -> web.Response:
        """A new visitor, or the customer whom the business's own page has signed."""
        reception = self._open()
        if wait := reception.visits.take(self._door.client(request), self._monotonic()):
            raise Refused(ErrorCode.TOO_MANY, retry_after=wait)
        raw = await self._body(request, reception, VISIT_BODY)
        identity = _identity(raw)
        now = reception.now()
        if identity is None:
            visitor = Visitor(id=secrets.token_hex(16), issued_at=int(now))
        else:
            visitor = self._signer.identify(identity, now)
        fields = {"visitor": visitor.id, "token": self._signer.issue(visitor), "identified": identity is not None}
        return _json(orjson.dumps(fields))

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        reception = self._open()
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
        await Socket(wire, request.transport, reception, client=client, headers=_kept_headers(request)).run()
        return wire

    async def _send(self, request: web.Request) -> web.Response:
        """Frames in, answers out: 200 when anything was taken, else the status of the first refusal."""
        reception = self._open()
        guest = self._guest(request, reception)
        reception.spend_connection(guest.client)
        raw = await self._body(request, reception, self._settings.frame_limit)
        frames = _frames(raw)
        if any(b'"delivered"' in frame for frame in frames):
            guest.outstanding = await outstanding(reception.port, guest.visitor.address)
        for frame in frames:
            wish = reception.take(guest, frame)
            if wish is not None:
                await reception.page(guest, wish)
        await guest.settled()
        return _answers(guest)

    async def _poll(self, request: web.Request) -> web.Response:
        """What is new after a position; waits for it when there is nothing yet."""
        reception = self._open()
        guest = self._guest(request, reception)
        reception.spend_connection(guest.client)  # to listen is not to write: it costs the visitor nothing
        after, seconds = _query_number(request, "after"), _query_number(request, "wait") or 0
        poll = Poll(guest.visitor.address)
        self._registry.join(poll)
        try:
            found, first = await self._found(reception, guest.visitor, after)
            if not found and first is None:
                await poll.wait(min(seconds, POLL_SECONDS))
        finally:
            self._registry.leave(poll)
        frames = found | poll.frames
        return _json(_array([*([first] if first else []), *(frames[position] for position in sorted(frames))]))

    async def _found(
        self, reception: Reception, visitor: Visitor, after: int | None
    ) -> tuple[dict[int, bytes], bytes | None]:
        now, page = reception.now(), self._settings.history_page
        if after is None:
            entries, more = await newest_page(reception.port, visitor.address, page)
            first = reception.welcome(visitor, earlier=more)
            return {entry.id: self._registry.encode(entry, now) for entry in entries}, first
        found = {
            entry.id: self._registry.encode(entry, now)
            async for entry in backlog(reception.port, visitor.address, after, page)
        }
        return found, None

    async def _upload(self, request: web.Request) -> web.Response:
        """Keep one file; its reference goes into a message's `attachments`."""
        reception = self._open()
        guest = self._guest(request, reception)
        reception.spend(guest.visitor, guest.client, cost=UPLOAD_COST)
        content = await self._uploaded(request, reception, guest)
        content_type = sniff(content)
        if content_type not in self._settings.upload_types:
            raise Refused(ErrorCode.BAD_TYPE)
        blob = await reception.port.keep(content, content_type=content_type)
        attachment = Attachment(
            kind=kind_of(content_type),
            id=blob.sha256,
            name=safe_name(request.query.get("name", ""), content_type),
            content_type=content_type,
            size=blob.size,
        )
        fields = {
            "id": self._signer.reference(guest.visitor, attachment),
            "kind": attachment.kind.value,
            "name": attachment.name,
            "content_type": content_type,
            "size": blob.size,
            "url": self._registry.linker(reception.now())(attachment),
        }
        return _json(orjson.dumps(fields))

    async def _uploaded(self, request: web.Request, reception: Reception, guest: RequestGuest) -> bytes:
        if self._uploads[guest.client] >= UPLOADS_AT_ONCE:
            raise Refused(ErrorCode.TOO_MANY, retry_after=RETRY_SECONDS)
        self._uploads[guest.client] += 1
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                return await self._body(request, reception, self._settings.upload_limit, guest.visitor)
        except TimeoutError as exc:
            raise Refused(ErrorCode.UNAVAILABLE, retry_after=RETRY_SECONDS) from exc
        finally:
            self._uploads[guest.client] -= 1
            if not self._uploads[guest.client]:
                del self._uploads[guest.client]

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """Show a file to whoever holds a link that we signed for its visitor."""
        reception = self._open()
        sha256, query = request.match_info["sha256"], request.query
        name = query.get("name", "")
        self._signer.check_file(sha256, query.get("expires", ""), name, query.get("signature", ""), reception.now())
        blob = await reception.port.blob(sha256) if SHA256.fullmatch(sha256) else None
        if blob is None:
            raise Refused(ErrorCode.BAD_LINK)
        content_type = blob.content_type if blob.content_type in EXTENSIONS else "application/octet-stream"
        return web.FileResponse(blob.path, headers=download_headers(content_type, name))

    async def _link(self, request: web.Request) -> web.Response:
        """Where the visitor can go on as the same person: deep links into other channels."""
        reception = self._open()
        guest = self._guest(request, reception)
        reception.spend(guest.visitor, guest.client, cost=LINK_COST)
        port = reception.port
        invitation = await port.invite(guest.visitor.address) if isinstance(port, GivesInvitations) else None
        if invitation is None:
            return _json(orjson.dumps({"links": [], "expires_at": None}))
        links = [{"channel": channel, "url": url} for channel, url in invitation.links.items()]
        return _json(orjson.dumps({"links": links, "expires_at": invitation.expires_at}))

    async def _body(
        self, request: web.Request, reception: Reception, limit: int, visitor: Visitor | None = None
    ) -> bytes:
        """The body, read no further than `limit` bytes. Raises Refused(too_large), and leaves a Refusal."""
        stated = request.content_length or 0
        read = bytearray()
        while stated <= limit and len(read) <= limit:
            piece = await request.content.readany()
            if not piece:
                return bytes(read)
            read += piece
        size = max(stated, len(read))
        reception.record_refusal(ErrorCode.TOO_LARGE, size, _kept_headers(request), visitor)
        raise Refused(ErrorCode.TOO_LARGE)

    def _guest(self, request: web.Request, reception: Reception) -> RequestGuest:
        return RequestGuest(
            self._visitor(request, reception),
            language=request.query.get("language") or request.headers.get("Accept-Language"),
            client=self._door.client(request),
            headers=_kept_headers(request),
        )

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


def _frames(raw: bytes) -> Sequence[bytes]:
    """One frame, or an array of them, each as bytes of its own: they are kept as raw payloads."""
    if raw.lstrip()[:1] != b"[":
        return (raw,)
    frames = decode(raw)
    if not isinstance(frames, list) or len(cast(list[object], frames)) > FRAMES_A_REQUEST:
        raise Refused(ErrorCode.BAD_FRAME)
    return [orjson.dumps(frame) for frame in cast(list[object], frames)]


def _query_number(request: web.Request, key: str) -> int | None:
    text = request.query.get(key)
    if text is None or text == "":
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Refused(ErrorCode.BAD_FRAME)
    return int(text)


def _kept_headers(request: web.Request) -> Mapping[str, str]:
    return {name: request.headers[name][:500] for name in KEPT_HEADERS if name in request.headers}


def _answers(guest: RequestGuest) -> web.Response:
    refusals = [orjson.loads(answer) for answer in guest.answers if answer.startswith(b'{"type":"error"')]
    if not refusals or len(refusals) < len(guest.answers):
        return _json(_array(guest.answers))
    response = _json(_array(guest.answers), status=STATUSES[ErrorCode(refusals[0]["code"])])
    if "retry_after" in refusals[0]:
        response.headers["Retry-After"] = str(int(refusals[0]["retry_after"]) + 1)
    return response


def _array(frames: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(frames) + b"]"


def _json(body: bytes, *, status: int = 200) -> web.Response:
    return web.Response(
        body=body, status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def _refusal(refused: Refused, language: str | None) -> web.Response:
    response = _json(_array([error(refused, sentence(refused.code, language))]), status=STATUSES[refused.code])
    if refused.retry_after is not None:
        response.headers["Retry-After"] = str(int(refused.retry_after) + 1)
    return response
