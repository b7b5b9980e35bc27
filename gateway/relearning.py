"""Relearning: the engine is trained anew when its training files change, and answers on until the new one is ready."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import structlog

from nlu.arrays import ModelUnreadable
from nlu.embedded import TrainingFailed
from nlu.training import TrainingDataMistakes, training_files
from nlu.understanding import Understander, Understanding

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0
"""Between two looks at the files. They are learnt from once they rest between two: who reviews accepts many at once."""
NICENESS = 10
"""Conversations go before learning."""
KEPT = 3
"""Models of earlier data that stay on disk, for whoever takes a change back."""

_QUOTED = re.compile(r"“[^”]*”")
"""An example may be what a customer wrote, and that is in no log."""

Stamp = tuple[tuple[str, int, int], ...]


class Relearning:
    """An engine that follows its training files. What cannot be learnt from leaves the engine that is in force."""

    def __init__(self, engine: Understander, folder: Path, learn: Callable[[], Understander], stamp: Stamp) -> None:
        """Use `begin`."""
        self.name = engine.name
        self.batches = engine.batches
        self.mistakes: TrainingDataMistakes | None = None
        """In files that changed and are not in force."""
        self._engine = engine
        self._folder = folder
        self._learn = learn
        self._in_force = self._seen = stamp
        self._refused: Stamp | None = None
        self._watching: asyncio.Task[None] | None = None

    @classmethod
    async def begin(cls, folder: Path, learn: Callable[[], Understander]) -> Self:
        """With an engine of what the files say now. `learn` is called in a thread, now and after each change.

        Raises what `learn` raises: TrainingDataMistakes, TrainingFailed, ModelUnreadable.
        """
        stamp = await asyncio.to_thread(_stamp, folder)
        return cls(await asyncio.to_thread(learn), folder, learn, stamp)

    @property
    def engine(self) -> Understander:
        """The one in force."""
        return self._engine

    async def understand(self, texts: Sequence[str]) -> Sequence[Understanding]:
        return await self._engine.understand(texts)

    def watch(self) -> None:
        """Follow the files from now on."""
        self._watching = asyncio.create_task(self._watch(), name="relearning")

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    async def look_again(self) -> None:
        """Learn from files that have changed and rest since the last look, or say what is wrong with them."""
        before, self._seen = self._seen, await asyncio.to_thread(_stamp, self._folder)
        if self._seen != before or self._seen in (self._in_force, self._refused):
            return
        stamp = self._seen
        try:
            self._engine = await _aside(self._learn)
        except TrainingDataMistakes as mistakes:
            self.mistakes, self._refused = mistakes, stamp
            for mistake in mistakes.mistakes:
                reason = _QUOTED.sub("“…”", mistake.reason)
                log.error("training_data_mistake", file=mistake.file, line=mistake.line, reason=reason)
        except (TrainingFailed, ModelUnreadable, OSError) as error:
            self._refused = stamp
            log.error("not_relearnt", reason=str(error)[:500])
        else:
            self._in_force, self._refused, self.mistakes = stamp, None, None
            log.info("relearnt", engine=self.name, files=len(stamp))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look_again()


def forget_old_models(folder: Path, pattern: str) -> None:
    """Remove all but the newest models that were trained; a running engine has read its own and needs no file."""
    with suppress(FileNotFoundError):  # another process forgets them, too
        models = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in models[1 + KEPT :]:
            path.unlink(missing_ok=True)


async def _aside(learn: Callable[[], Understander]) -> Understander:
    """In a thread of its own, that no end of the process waits for."""
    loop = asyncio.get_running_loop()
    learnt: asyncio.Future[Understander] = loop.create_future()

    def tell(engine: Understander | None, error: Exception | None) -> None:
        if learnt.done():
            return
        if engine is not None:
            learnt.set_result(engine)
        elif error is not None:
            learnt.set_exception(error)

    def work() -> None:
        engine: Understander | None = None
        failure: Exception | None = None
        try:
            _be_humble()
            engine = learn()
        except Exception as error:  # told to whoever waits, whatever it is
            failure = error
        with suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(tell, engine, failure)

    threading.Thread(target=work, name="relearning", daemon=True).start()
    return await learnt


def _be_humble() -> None:
    """On Linux niceness is a thread's own, and its child processes have it, too; elsewhere it is the process's."""
    if sys.platform == "linux":
        os.nice(NICENESS)


def _stamp(folder: Path) -> Stamp:
    found: list[tuple[str, int, int]] = []
    for path in training_files(folder):
        with suppress(FileNotFoundError):  # taken away between the two questions
            stat = path.stat()
            found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)
