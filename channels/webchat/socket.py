"""One WebSocket of one visitor: hello, catching up, then both directions at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal

from aiohttp import WebSocketError, WSCloseCode, WSMsgType, web

from channels.protocol import HistoryEntry, StorageUnavailable
from channels.webchat.frames import ErrorCode, Hello, Refused, error, parse
from channels.webchat.identity import Visitor
from channels.webchat.reception import RETRY_SECONDS, Reception
from channels.webchat.sentences import sentence
from channels.webchat.stream import ARRIVED, backlog, newest_page

HELLO_SECONDS = 10
UNAUTHORIZED_CLOSE = 4401
HELLO_CLOSE = 4408
PIPELINE = 256
"""Messages of one socket that may wait for their commit before we stop reading it."""
REMEMBERED = 1024
"""Positions a socket remembers, so as not to push them twice."""
HELD = 1000
"""Entries that may be published while a socket is still catching up."""
PATIENCE = 100
"""Frames that are ignored after `too_many` before the socket is closed."""

Wire = web.WebSocketResponse[Literal[False]]


class Socket:
    """A Guest and a Listener at once; `run` is its life."""

    def __init__(
        self,
        wire: Wire,
        transport: asyncio.Transport | None,
        reception: Reception,
        *,
        client: str,
        headers: Mapping[str, str],
    ) -> None:
        self.visitor = Visitor(id="", issued_at=0)
        self.language: str | None = headers.get("Accept-Language")
        self.client = client
        self.headers = headers
        self.pending: set[str] = set()
        self._wire = wire
        self._transport = transport
        self._reception = reception
        self._held: list[tuple[HistoryEntry, bytes]] | None = []
        self._pushed: dict[int, None] = {}
        self._unacknowledged: set[int] = set()
        self._annoyance = 0
        self._room: asyncio.Event | None = None
        self._closing: asyncio.Task[bool] | None = None

    @property
    def address(self) -> str:
        return self.visitor.address

    async def run(self) -> None:
        """Serve until either side closes."""
        hello = await self._hello()
        if hello is None:
            return
        registry = self._reception.registry
        sockets = sum(isinstance(other, Socket) for other in registry.at(self.address))
        if sockets >= self._reception.settings.sockets_per_visitor:
            await self._turn_away(Refused(ErrorCode.TOO_MANY_SOCKETS), WSCloseCode.TRY_AGAIN_LATER)
            return
        registry.join(self)
        try:
            await self._catch_up(hello.after)
            await self._read()
        except StorageUnavailable:
            await self._turn_away(
                Refused(ErrorCode.UNAVAILABLE, retry_after=RETRY_SECONDS), WSCloseCode.TRY_AGAIN_LATER
            )
        except ConnectionError:
            pass  # gone in the middle of catching up: it will resume
        finally:
            registry.leave(self)
            if self._closing is not None:
                await self._closing

    async def _hello(self) -> Hello | None:
        reception = self._reception
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                first = await self._wire.receive()
            if first.type is not WSMsgType.TEXT:
                raise Refused(ErrorCode.HELLO_FIRST)
            frame = parse(first.data)
            if not isinstance(frame, Hello):
                raise Refused(ErrorCode.HELLO_FIRST)
            self.language = frame.language or self.language
            self.visitor = reception.signer.visitor(frame.token, reception.now())
            reception.spend(self.visitor, self.client)
            return frame
        except Refused as refused:
            await self._turn_away(refused, _close_code(refused.code))
        except TimeoutError:
            await self._turn_away(Refused(ErrorCode.HELLO_FIRST), HELLO_CLOSE)
        return None

    async def _turn_away(self, refused: Refused, code: int) -> None:
        self.reply(error(refused, sentence(refused.code, self.language)))
        await self._wire.close(code=code)

    async def _catch_up(self, after: int | None) -> None:
        """Welcome, then everything the client lacks, then what was published in the meantime."""
        reception, port = self._reception, self._reception.port
        if after is None:
            entries, more = await newest_page(port, self.address, reception.settings.history_page)
            await self.send(reception.welcome(self.visitor, earlier=more))
            for entry in entries:
                await self._replay(entry)
        else:
            await self.send(reception.welcome(self.visitor, earlier=None))
            async for entry in backlog(port, self.address, after, reception.settings.history_page):
                await self._replay(entry)
        held, self._held = self._held or [], None
        for entry, frame in held:
            self.offer(entry, frame)

    async def _replay(self, entry: HistoryEntry) -> None:
        self._remember(entry)
        await self.send(self._reception.registry.encode(entry, self._reception.now()))

    async def _read(self) -> None:
        while True:
            message = await self._wire.receive()
            if message.type is WSMsgType.TEXT:
                await self._take(message.data)
            elif message.type is WSMsgType.BINARY:
                refused = Refused(ErrorCode.BINARY)
                self.reply(error(refused, sentence(refused.code, self.language)))
                self.tire()
            else:
                self._note_oversize(message.data)
                return

    async def _take(self, raw: bytes) -> None:
        if self._closing is not None:
            return  # after a failed message nothing may overtake it
        wish = self._reception.take(self, raw)
        if wish is not None:
            await self._reception.page(self, wish)
        if len(self.pending) >= PIPELINE:
            self._room = asyncio.Event()
            await self._room.wait()

    def _note_oversize(self, problem: object) -> None:
        if isinstance(problem, WebSocketError) and problem.code == WSCloseCode.MESSAGE_TOO_BIG:
            self._reception.note_oversize_frame(self)

    def reply(self, frame: bytes) -> None:
        """Send without waiting: who cannot take it at once is too slow, is cut off, and resumes later."""
        if self._wire.closed:
            return
        sending = self._wire.send_frame(frame, WSMsgType.TEXT)
        try:
            sending.send(None)
        except (StopIteration, ConnectionError):
            return
        # The frame stands in a full buffer and `sending` wants to wait for the client to read: we do not.
        sending.close()
        self.cut()

    async def send(self, frame: bytes) -> None:
        await self._wire.send_frame(frame, WSMsgType.TEXT)

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def settle(self, external_id: str, position: int | None) -> None:
        if position is not None:
            self._mark_pushed(position)
        if self._room is not None and len(self.pending) < PIPELINE:
            self._room.set()
            self._room = None

    def fail(self) -> None:
        self.hang_up(WSCloseCode.TRY_AGAIN_LATER)
        if self._room is not None:
            self._room.set()

    def tire(self) -> None:
        self._annoyance += 1
        if self._annoyance > PATIENCE:
            self.hang_up(WSCloseCode.POLICY_VIOLATION)

    def hang_up(self, code: int) -> asyncio.Task[bool]:
        """Close in the background; the client is told by `code` what to do next."""
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._wire.close(code=code))
        return self._closing

    def arrived(self, positions: Sequence[int]) -> Sequence[int]:
        """Only what this socket was sent and has not acknowledged: repeated acknowledgements cost nothing."""
        known = [position for position in dict.fromkeys(positions) if position in self._unacknowledged]
        self._unacknowledged.difference_update(known)
        return known

    def offer(self, entry: HistoryEntry, frame: bytes) -> None:
        if self._held is not None:
            self._held.append((entry, frame))
            if len(self._held) > HELD:
                self.cut()
        elif entry.id not in self._pushed and entry.external_id not in self.pending:
            self._remember(entry)
            self.reply(frame)

    def hint(self, frame: bytes) -> None:
        if self._held is None:
            self.reply(frame)

    def _remember(self, entry: HistoryEntry) -> None:
        self._mark_pushed(entry.id)
        if not entry.inbound and entry.status not in ARRIVED:
            self._unacknowledged.add(entry.id)
            if len(self._unacknowledged) > REMEMBERED:
                self._unacknowledged.discard(min(self._unacknowledged))

    def _mark_pushed(self, position: int) -> None:
        self._pushed[position] = None
        if len(self._pushed) > REMEMBERED:
            del self._pushed[next(iter(self._pushed))]


def _close_code(code: ErrorCode) -> int:
    if code is ErrorCode.UNAUTHORIZED:
        return UNAUTHORIZED_CLOSE
    return HELLO_CLOSE if code is ErrorCode.HELLO_FIRST else WSCloseCode.POLICY_VIOLATION
