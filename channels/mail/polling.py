"""Asking the mailbox: page by page, each stored with its cursor before the mailbox hears of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Final

import structlog

from channels.envelope import SendError, SendErrorCode
from channels.mail.cursor import Cursor
from channels.mail.mailbox import Mailbox, Page, Waiting
from channels.mail.reader import Reader
from channels.mail.reader_process import LARGE, ReaderProcess
from channels.mail.reading import Reading, Source, keep
from channels.mail.tokens import Secrets
from channels.protocol import Port, StorageUnavailable

LONGEST_PAUSE: Final = 60.0
"""Seconds between tries while the mailbox or our storage does not answer."""
REFUSED_PAUSE: Final = 120.0
"""Seconds between tries after the mailbox refused our login: who tries too often is locked out."""

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Polling:
    """Reads one mailbox, whatever happens to it or to our storage meanwhile."""

    def __init__(
        self,
        *,
        channel: str,
        mailbox: Mailbox,
        secrets: Secrets,
        reader: Reader,
        process: ReaderProcess,
        clock: Callable[[], datetime],
        pause: Callable[[float], Awaitable[object]],
    ) -> None:
        """`pause` waits so many seconds between tries."""
        self._channel = channel
        self._mailbox = mailbox
        self._secrets = secrets
        self._reader = reader
        self._process = process
        self._clock = clock
        self._pause = pause

    async def run(self, port: Port) -> None:
        """Until cancelled."""
        failures = 0

        async def take(page: Page) -> Collection[int]:
            return await self._take(port, page)

        while True:
            try:
                cursor = Cursor.read(await port.cursor())
                while True:
                    cursor = await self._mailbox.pages(cursor, take)
                    failures = 0
                    await self._mailbox.news()
            except (SendError, StorageUnavailable) as problem:
                failures += 1
                await self._wait(problem, failures)

    async def _take(self, port: Port, page: Page) -> Collection[int]:
        """Store a page with its cursor; returns the mails that stay in the mailbox as they are."""
        readings = await self._read(page)
        ordered = [readings[mail.uid] for mail in page.mails]
        began = time.perf_counter()
        await keep(port, ordered)
        arrivals = [arrival for reading in ordered for arrival in reading.arrivals]
        await port.accept(arrivals, cursor=str(page.cursor))
        log.info(
            "mails_stored",
            channel=self._channel,
            mails=len(page.mails),
            seconds=round(time.perf_counter() - began, 3),
            cursor=page.cursor.uid,
        )
        return {mail.uid for mail in page.mails if readings[mail.uid].refused}

    async def _read(self, page: Page) -> dict[int, Reading]:
        sources = {mail.uid: self._source(mail, page.cursor.validity) for mail in page.mails}
        small = [mail for mail in page.mails if len(mail.raw) <= LARGE]
        readings = await asyncio.to_thread(
            lambda: {mail.uid: self._reader.read(mail.raw, sources[mail.uid]) for mail in small}
        )
        for mail in page.mails:
            if mail.uid not in readings:
                readings[mail.uid] = await self._process.read(mail.raw, sources[mail.uid])
        return readings

    def _source(self, mail: Waiting, validity: int) -> Source:
        return Source(
            external_id=f"{self._channel}:{validity}:{mail.uid}",
            arrived=min(mail.arrived, self._clock()),
            size=None if mail.whole else mail.size,
        )

    async def _wait(self, problem: SendError | StorageUnavailable, failures: int) -> None:
        refused = isinstance(problem, SendError) and problem.code is SendErrorCode.UNAUTHORIZED
        if refused:
            self._secrets.forget()
        seconds = min(LONGEST_PAUSE, 2.0 ** min(failures - 1, 10))
        if refused and failures > 1:  # the first time, the token may only have been revoked before its time
            seconds = REFUSED_PAUSE
        said = problem.detail if isinstance(problem, SendError) else "storage_unavailable"
        log.warning("mailbox_not_read", channel=self._channel, problem=said, seconds=seconds)
        await self._pause(seconds)
