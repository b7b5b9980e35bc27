"""What comes to our addresses on the web from nobody we know: on record, and never so much of it that it fills the
disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import structlog

from channels.envelope import Refusal
from channels.protocol import Port, StorageUnavailable

PER_HOUR: Final = 60
LEFT_OUT: Final = "left-out-before"
"""Among a Refusal's headers: how many were not put on record since the one before it."""

_HOUR: Final = timedelta(hours=1)
_LONGEST_HEADER: Final = 500

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Unproven:
    """One channel's. The first of an hour are kept each; what follows is counted, and told by the next hour's first."""

    def __init__(self, channel: str, *, clock: Callable[[], datetime], per_hour: int = PER_HOUR) -> None:
        self._channel = channel
        self._clock = clock
        self._per_hour = per_hour
        self._since: datetime | None = None
        self._kept = 0
        self._left_out = 0

    async def note(self, port: Port, reason: str, body: bytes, *, size: int, headers: Mapping[str, str]) -> None:
        """Keep the hash of `body`, what was read of so many bytes. Raises nothing: whoever proves nothing is owed no
        second try while our storage is away."""
        await self.note_hash(port, reason, sha256(body).hexdigest(), size=size, headers=headers)

    async def note_hash(self, port: Port, reason: str, digest: str, *, size: int, headers: Mapping[str, str]) -> None:
        """The same, of a body that nobody held as a whole."""
        now = self._clock()
        if self._since is None or now - self._since >= _HOUR:
            self._since, self._kept = now, 0
        if self._kept >= self._per_hour:
            self._left_out += 1
            return
        self._kept += 1
        # aiohttp's names are of a type of their own, which no database takes.
        told = {str(name): value[:_LONGEST_HEADER] for name, value in headers.items()}
        if self._left_out:
            told[LEFT_OUT] = str(self._left_out)
        refusal = Refusal(
            channel=self._channel,
            reason=reason,
            size=size,
            sha256=digest,
            at=now,
            headers=told,
        )
        try:
            await port.accept([refusal])
        except StorageUnavailable:
            log.warning("refusal_not_recorded", channel=self._channel, reason=reason)
        else:
            self._left_out = 0
