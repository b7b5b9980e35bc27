"""A request of the long-poll fallback as a guest: frames come in its body, answers go out in the response."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from channels.webchat_identity import Visitor


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
        self.outstanding: frozenset[int] = frozenset()
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
        return [position for position in dict.fromkeys(positions) if position in self.outstanding]

    async def settled(self) -> None:
        """Until everything handed over is committed, or known not to be."""
        while self.pending:
            self._changed.clear()
            await self._changed.wait()
