"""A process beside ours in which large mails are read, so that conversations go on meanwhile."""

from __future__ import annotations

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import Final

import structlog

from channels.mail.reader import Reader
from channels.mail.reading import Reading, Source

LARGE: Final = 1024 * 1024
"""Bytes from which a mail is read there."""

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class ReaderProcess:
    """Started when the first large mail comes."""

    def __init__(self, reader: Reader, *, channel: str) -> None:
        self._reader = reader
        self._channel = channel
        self._child: ProcessPoolExecutor | None = None

    async def read(self, raw: bytes, source: Source) -> Reading:
        """A mail that brings the process down is not taken, and says so."""
        if self._child is None:
            self._child = ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn"))
        try:
            return await asyncio.get_running_loop().run_in_executor(self._child, self._reader.read, raw, source)
        except BrokenProcessPool:
            self._child = None
            log.warning("mail_could_not_be_read", channel=self._channel, size=len(raw))
            return self._reader.read(raw[:LARGE], replace(source, size=len(raw)))

    def stop(self) -> None:
        if self._child is not None:
            self._child.shutdown(wait=False, cancel_futures=True)
            self._child = None
