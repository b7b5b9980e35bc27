"""Keeps a Rasa server running with the model that is to be served: started, watched, restarted, given a new model.

It answers for one data folder. Where another process serves for it already, that one's server is used, and taken over
when that process ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import cast

import structlog

from nlu.rasa_models import Models
from nlu.rasa_project import Environment
from nlu.rasa_server import LOOPBACK, RasaServer, ServerFailed, token_of

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
"""How often it is looked whether another model is to be served."""
HEALTH_SECONDS = 10.0
"""How often a running server is asked how it is, and how long it may take to say so."""
SICK = 3
"""Times in a row that it does not answer, after which it is started anew."""
STEADY_SECONDS = 60.0
"""A server that ran for so long may fail again without a longer wait."""


class State(StrEnum):
    """How Rasa is."""

    NO_MODEL = "no model"  # none was promoted yet
    STARTING = "starting"  # the process loads its model
    READY = "ready"  # it answers
    SWAPPING = "swapping"  # it is given another model, and answers nothing meanwhile
    FAILED = "failed"  # it ended or could not start; another try follows
    ELSEWHERE = "elsewhere"  # another process of this data folder serves
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a supervisor tells of itself, for commands and for other processes."""

    state: State = State.STOPPED
    url: str | None = None
    """Where it can be asked now; None: nowhere."""
    model: str = ""
    server: int = 0
    """Process id of the server."""
    supervisor: int = 0
    """Process id of who supervises it."""
    restarts: int = 0
    reason: str = ""
    """Why it failed last."""


class Supervisor:
    """Runs beside the gateway in its event loop. Nothing of it raises."""

    def __init__(
        self,
        environment: Environment,
        models: Models,
        *,
        token: str | None = None,
        host: str = LOOPBACK,
        port: int = 0,
        waits: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0),
        look_seconds: float = LOOK_SECONDS,
        health_seconds: float = HEALTH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`token`: what the server wants to see, instead of the folder's own.

        `waits`: seconds before the first, second … restart; the last one for all that follow.
        """
        self.told = Told(supervisor=os.getpid())
        self._environment = environment
        self._models = models
        models.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._token = token or token_of(models.folder)
        self._host = host
        self._port = port
        self._waits = waits
        self._look_seconds = look_seconds
        self._health_seconds = health_seconds
        self._clock = clock
        self._in_a_row = 0
        self._refused = ""
        self._task: asyncio.Task[None] | None = None
        self._lock: int | None = None
        self._changed = asyncio.Event()

    @property
    def url(self) -> str | None:
        """Where Rasa can be asked at this moment; None: nowhere."""
        return self.told.url

    @property
    def token(self) -> str:
        return self._token

    def start(self) -> None:
        """Begin; returns at once."""
        self._task = asyncio.create_task(self._run(), name="rasa")

    async def stop(self) -> None:
        """End the server, and wait until it has ended."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self._lock is not None:
            self._tell(state=State.STOPPED, url=None, server=0)
            os.close(self._lock)
            self._lock = None

    async def until(self, state: State, *, model: str | None = None) -> None:
        """Wait for a state, and for a model where one is named."""
        while self.told.state is not state or (model is not None and self.told.model != model):
            self._changed.clear()
            await self._changed.wait()

    async def _run(self) -> None:
        await self._until_ours()
        while True:
            model = self._models.served()
            if model is None:
                self._tell(state=State.NO_MODEL, url=None)
                await asyncio.sleep(self._look_seconds)
                continue
            started = self._clock()
            reason = await self._serve(model)
            if self._clock() - started > STEADY_SECONDS:
                self._in_a_row = 0
            wait = self._waits[min(self._in_a_row, len(self._waits) - 1)]
            self._in_a_row += 1
            self._tell(state=State.FAILED, url=None, server=0, reason=reason, restarts=self.told.restarts + 1)
            log.warning("rasa_failed", reason=reason, again_in=wait)
            await asyncio.sleep(wait)

    async def _until_ours(self) -> None:
        """Until no other process serves for this folder; what it tells is passed on meanwhile."""
        lock = os.open(self._models.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    other = told(self._models.folder)
                    self._know(replace(other, state=State.ELSEWHERE) if other.url else replace(other, url=None))
                    await asyncio.sleep(self._look_seconds)
                else:
                    break
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock
        self.told = Told(supervisor=os.getpid())

    async def _serve(self, model: str) -> str:
        """Serve until the server fails; why it did."""
        path = self._models.folder / "server.log"
        server = RasaServer(
            self._environment, token=self._token, log=path, host=self._host, port=self._port, clock=self._clock
        )
        try:
            async with server:
                self._tell(state=State.STARTING, url=None, model=model)
                await server.start(self._models.path(model))
                self._tell(state=State.READY, url=server.url, model=model, server=server.pid, reason="")
                log.info("rasa_ready", model=model, server=server.pid)
                return await self._attend(server, model)
        except ServerFailed as error:
            return str(error)
        except OSError as error:
            return f"Rasa cannot be started ({error})"

    async def _attend(self, server: RasaServer, model: str) -> str:
        ended = asyncio.create_task(server.ended())
        sick, asked_at = 0, self._clock()
        try:
            while True:
                await asyncio.wait((ended,), timeout=self._look_seconds)
                if ended.done():
                    return f"Rasa ended with {ended.result()}"
                wanted = self._models.served()
                if wanted not in (None, model, self._refused):
                    model = await self._swap(server, model, wanted)
                if self._clock() - asked_at >= self._health_seconds:
                    sick = 0 if await server.well(self._health_seconds) else sick + 1
                    asked_at = self._clock()
                if sick >= SICK:
                    return "Rasa does not answer any more"
        finally:
            ended.cancel()

    async def _swap(self, server: RasaServer, model: str, wanted: str) -> str:
        """Give the server another model, or find out that it does not take it; the model that it has then."""
        self._tell(state=State.SWAPPING, url=None)
        try:
            await server.load(self._models.path(wanted))
        except ServerFailed as error:
            self._refused = wanted
            log.warning("rasa_refuses_model", model=wanted, reason=str(error))
            self._tell(state=State.READY, url=server.url, reason=str(error))
            return model
        self._tell(state=State.READY, url=server.url, model=wanted, reason="")
        log.info("rasa_has_model", model=wanted, instead_of=model)
        return wanted

    def _tell(self, **changes: object) -> None:
        self._know(replace(self.told, **changes))  # pyright: ignore[reportArgumentType]
        path = self._models.folder / "server.json"
        halfway = path.with_name(f".server-{os.getpid()}")
        try:
            halfway.write_text(json.dumps(asdict(self.told)))
            halfway.replace(path)
        except OSError as error:
            # Rasa can be asked all the same; only those who look from outside see old news.
            log.warning("rasa_state_not_told", reason=error.strerror)

    def _know(self, told: Told) -> None:
        self.told = told
        self._changed.set()


def told(folder: Path) -> Told:
    """What the supervisor of this folder told last; STOPPED where none runs."""
    try:
        said = cast("dict[str, object]", json.loads((folder / "server.json").read_text()))
        known = Told(**{**said, "state": State(str(said["state"]))})  # pyright: ignore[reportArgumentType]
    except (OSError, ValueError, TypeError, KeyError):
        return Told()
    return known if _runs(known.supervisor) else Told(model=known.model, reason=known.reason)


def _runs(process: int) -> bool:
    if process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
