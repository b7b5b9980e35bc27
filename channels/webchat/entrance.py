"""The way in for requests: who makes them is checked, and their bodies are read, the same for all routes."""

from __future__ import annotations

from aiohttp import web

from channels.webchat.frames import ErrorCode, Refused
from channels.webchat.identity import Signer, Visitor
from channels.webchat.origin import Door
from channels.webchat.reception import RETRY_SECONDS, Reception
from channels.webchat.request import Oversize, RequestGuest, kept_headers, read_body


class Entrance:
    """Open while the channel is started."""

    def __init__(self, door: Door, signer: Signer) -> None:
        self.reception: Reception | None = None
        self._door = door
        self._signer = signer

    def open(self) -> Reception:
        """Raises Refused(unavailable) before the start and after the stop."""
        if self.reception is None:
            raise Refused(ErrorCode.UNAVAILABLE, retry_after=RETRY_SECONDS)
        return self.reception

    def client(self, request: web.Request) -> str:
        """The client address that rates count."""
        return self._door.client(request)

    def guest(self, request: web.Request, reception: Reception) -> RequestGuest:
        """Whoever shows a token of ours. Raises Refused(unauthorized)."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused(ErrorCode.UNAUTHORIZED)
        return RequestGuest(
            self._signer.visitor(token.strip(), reception.now()),
            language=request.query.get("language") or request.headers.get("Accept-Language"),
            client=self.client(request),
            headers=kept_headers(request),
        )

    async def body(
        self, request: web.Request, reception: Reception, limit: int, visitor: Visitor | None = None
    ) -> bytes:
        """The body. Raises Refused(too_large) when that is on record, StorageUnavailable when it cannot be."""
        body = await read_body(request, limit)
        if isinstance(body, Oversize):
            await reception.record_oversize(body, kept_headers(request), visitor)
            raise Refused(ErrorCode.TOO_LARGE)
        return body
