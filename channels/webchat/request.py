"""A request: what it carries, and who makes it. In the long-poll fallback it is a guest, as a socket is."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from channels.webchat.frames import ErrorCode, Refused
from channels.webchat.identity import Visitor

KEPT_HEADERS = ("User-Agent", "Origin", "Content-Type", "Content-Length", "Accept-Language")
HASHED = 8 << 20
"""Bytes of an oversize body that are read for its hash; then the connection is closed on it."""
PATIENCE_SECONDS = 30
"""How long we read what we refuse."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Oversize:
    """What remains of a body that was too large."""

    size: int
    """Bytes, as stated or as far as they were read."""
    sha256: str
    """Of its first 8 MiB."""


async def read_body(request: web.Request, limit: int) -> bytes | Oversize:
    """The body, of which no more than `limit` bytes (or 8 MiB) are kept in memory."""
    stated = request.content_length or 0
    read = bytearray()
    while stated <= limit and len(read) <= limit:
        piece = await request.content.readany()
        if not piece:
            return bytes(read)
        read += piece
    return await _hash_the_rest(request, read, stated)


async def _hash_the_rest(request: web.Request, read: bytearray, stated: int) -> Oversize:
    size, digest = len(read), hashlib.sha256(memoryview(read)[:HASHED])
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while size < HASHED and (piece := await request.content.readany()):
                digest.update(piece[: HASHED - size])
                size += len(piece)
    except (TimeoutError, ConnectionError):
        pass  # too slow, or gone: what came is what is recorded
    return Oversize(size=max(size, stated), sha256=digest.hexdigest())


def kept_headers(request: web.Request) -> Mapping[str, str]:
    """Those that a Refusal keeps."""
    return {name: request.headers[name][:500] for name in KEPT_HEADERS if name in request.headers}


def query_number(request: web.Request, key: str) -> int | None:
    """A whole number of the query. Raises Refused(bad_frame)."""
    text = request.query.get(key)
    if text is None or text == "":
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Refused(ErrorCode.BAD_FRAME)
    return int(text)


class RequestGuest:
    """Collects the answers to the frames of one request."""

    def __init__(self, visitor: Visitor, *, language: str | None, client: str, headers: Mapping[str, str]) -> None:
        self.visitor = visitor
        self.language = language
        self.client = client
        self.headers = headers
        self.pending: set[str] = set()
        self.answers: list[bytes] = []
        self.failed = False
        self.outstanding: set[int] = set()
        """Positions that were sent to this visitor and never acknowledged: what a `delivered` may name."""
        self._changed = asyncio.Event()

    def reply(self, frame: bytes) -> None:
        self.answers.append(frame)

    async def send(self, frame: bytes) -> None:
        self.answers.append(frame)

    def settle(self, external_id: str, position: int | None) -> None:
        self._changed.set()

    def fail(self) -> None:
        self.failed = True
        self._changed.set()

    def tire(self) -> None:
        """A request ends by itself."""

    def arrived(self, positions: Sequence[int]) -> Sequence[int]:
        known = [position for position in dict.fromkeys(positions) if position in self.outstanding]
        self.outstanding.difference_update(known)
        return known

    async def settled(self) -> None:
        """Until everything handed over is committed, or known not to be."""
        while self.pending:
            self._changed.clear()
            await self._changed.wait()
