"""The port: what the gateway gives each adapter (`channels.protocol.Port`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import sha256
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from channels.envelope import Arrival, InboundMessage, Refusal
from channels.protocol import Accepted, Blob, HistoryEntry, Invitation, StorageUnavailable
from gateway import streams
from gateway.blobs import Blobs
from gateway.receive import Batch, Reception
from gateway.staff_alerts import is_staff_code
from storage import channel_states, link_codes
from storage.commits import Commits, Unavailable
from storage.database import Database

T = TypeVar("T")

Pages = Callable[[str], Awaitable[Mapping[str, str]]]
TakesCodes = Callable[[Sequence[Arrival]], Awaitable[None]]

log = structlog.get_logger(__name__)


async def nowhere(_code: str) -> Mapping[str, str]:
    return {}


class ChannelPort:
    """One channel's way into the house."""

    def __init__(
        self,
        channel: str,
        *,
        commits: Commits,
        database: Database,
        reception: Reception,
        blobs: Blobs,
        on_typing: Callable[[str], None] = lambda address: None,
        pages: Pages = nowhere,
        leads_to: Callable[[], Sequence[str]] = tuple,
        codes: TakesCodes | None = None,
    ) -> None:
        """`pages`: by channel, where somebody who has this code can go on; `leads_to`: the channels with such pages;
        `codes`: takes the codes that the staff show here."""
        self._channel = channel
        self._commits = commits
        self._database = database
        self._reception = reception
        self._blobs = blobs
        self._on_typing = on_typing
        self._pages = pages
        self._leads_to = leads_to
        self._codes = codes

    async def accept(self, batch: Sequence[Arrival], *, cursor: str | None = None) -> Sequence[Accepted]:
        if self._codes is not None and any(map(is_staff_code, batch)):
            return await self._store_without_codes(self._codes, batch, cursor)
        try:
            return await self._store(batch, cursor)
        except Unavailable as error:
            raise StorageUnavailable(str(error)) from error
        except Exception as error:
            log.exception("arrivals_not_stored", channel=self._channel, size=len(batch))
            return await self._store_without_the_culprit(batch, cursor, error)

    async def _store_without_codes(
        self, codes: TakesCodes, batch: Sequence[Arrival], cursor: str | None
    ) -> Sequence[Accepted]:
        """A colleague who links an account is no customer."""
        try:
            await codes([arrival for arrival in batch if is_staff_code(arrival)])
        except Unavailable as error:
            raise StorageUnavailable(str(error)) from error
        accepted = iter(await self.accept([each for each in batch if not is_staff_code(each)], cursor=cursor))
        return [Accepted(interaction_id=None) if is_staff_code(each) else next(accepted) for each in batch]

    async def _store(self, batch: Sequence[Arrival], cursor: str | None) -> Sequence[Accepted]:
        return await self._commits.submit(
            self._reception.store, Batch(channel=self._channel, arrivals=batch, cursor=cursor)
        )

    async def _store_without_the_culprit(
        self, batch: Sequence[Arrival], cursor: str | None, error: Exception
    ) -> Sequence[Accepted]:
        """What cannot be stored is refused alone, by name: else its provider repeats it and its neighbours wait."""
        if len(batch) > 1:
            accepted = [(await self.accept([arrival]))[0] for arrival in batch]
            if cursor is not None:
                await self.accept([], cursor=cursor)
            return accepted
        refusals = [refusal_of(arrival, error) for arrival in batch if not isinstance(arrival, Refusal)]
        try:
            await self._store(refusals, cursor)
        except Unavailable as lost:
            raise StorageUnavailable(str(lost)) from lost
        return [Accepted(interaction_id=None) for _ in batch]

    async def cursor(self) -> str | None:
        return await self._read(lambda connection: channel_states.cursor(connection, self._channel))

    async def history(
        self, address: str, *, after: int = 0, before: int | None = None, limit: int = 50
    ) -> Sequence[HistoryEntry]:
        return await self._read(
            lambda connection: streams.history(connection, address, after=after, before=before, limit=limit)
        )

    async def keep(self, content: bytes, *, content_type: str) -> Blob:
        return await self._blobs.keep(content, content_type=content_type)

    async def blob(self, sha256: str) -> Blob | None:
        return await self._blobs.find(sha256)

    def typing(self, address: str) -> None:
        self._on_typing(address)

    def leads_to(self) -> Sequence[str]:
        return self._leads_to()

    async def invite(self, address: str) -> Invitation | None:
        code = link_codes.new()
        links = await self._pages(code)
        if not links:
            return None
        try:
            expires_at = await self._commits.run(
                lambda transaction: link_codes.give(transaction.connection, address, code, transaction.now)
            )
        except Unavailable as error:
            raise StorageUnavailable(str(error)) from error
        return None if expires_at is None else Invitation(links=links, expires_at=expires_at)

    async def _read(self, query: Callable[[Connection], T]) -> T:
        try:
            return await self._database.read(query)
        except (DBAPIError, PoolTimeout) as error:
            raise StorageUnavailable(f"nothing can be read: {type(error).__name__}") from error


def refusal_of(arrival: Arrival, error: Exception) -> Refusal:
    """What remains of an arrival that could not be stored."""
    raw = b"" if isinstance(arrival, Refusal) else arrival.raw
    return Refusal(
        channel=arrival.channel,
        reason=f"could not be stored: {type(error).__name__}",
        size=len(raw),
        sha256=sha256(raw).hexdigest(),
        at=arrival.sent_at if isinstance(arrival, InboundMessage) else arrival.at,
    )
