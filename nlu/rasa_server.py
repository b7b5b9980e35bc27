"""A Rasa server as a child process: started with a model, asked how it is, given another model, ended.

It listens on loopback unless told otherwise, wants a token, and ends when we do, however we end.
Source: rasa.com/docs/rasa/3.x/pages/http-api.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable
from pathlib import Path
from typing import Self, cast

import aiohttp

from nlu.rasa_project import PROJECT, Environment
from nlu.scratch import scratch

LOOPBACK = "127.0.0.1"
SECONDS_TO_START = 600.0
"""Rasa builds its network by learning from one example: some 20 s on a machine at leisure, minutes on a busy one."""
SECONDS_TO_LOAD = 600.0
SECONDS_TO_ANSWER = 120.0
"""The first message after a start builds the network; that takes seconds."""
SECONDS_TO_END = 10.0
BETWEEN_LOOKS = 0.2
"""Seconds between two looks at a server that starts."""
FIRST_WORDS = ("你好，我想查一下订单", "hello, where is my order")
"""What a model is asked before customers' messages reach it."""


class ServerFailed(Exception):
    """The Rasa server did not start, did not take a model, or ended."""


class RasaServer:
    """One server process. An asynchronous context: leaving it ends the process."""

    def __init__(
        self,
        environment: Environment,
        *,
        token: str,
        log: Path,
        host: str = LOOPBACK,
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`port` 0: any that is free. `log`: what Rasa says, from the start of this process on."""
        self.model: Path | None = None
        self.loaded = ""
        """What Rasa calls the model: its `model_id`."""
        self.port = port or _free_port()
        self._environment = environment
        self._token = token
        self._log = log
        self._host = host
        self._clock = clock
        self._process: Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self._scratch = contextlib.ExitStack()
        self._temporary = log.parent

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        """0: there is no process."""
        return self._process.pid if self._process is not None else 0

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def __aenter__(self) -> Self:
        self._temporary = self._scratch.enter_context(scratch(self._log.parent))
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        with self._scratch:
            await self.end()
            if self._session is not None:
                await self._session.close()

    async def start(self, model: Path) -> None:
        """Start the process with a model and wait until it understands. Raises ServerFailed; then it is ended."""
        try:
            await self._spawn(model)
            await self._until_up()
            await self._expect(model)
        except BaseException:
            await self.end()
            raise

    async def load(self, model: Path) -> None:
        """Give the running server another model; it understands nothing for some seconds meanwhile.

        Raises ServerFailed where it does not take it: it goes on with the one it has, if it goes on at all.
        """
        body = {"model_file": _place(model)}
        try:
            async with self._http.put(
                f"{self.url}/model", params=self._secret, json=body, timeout=_within(SECONDS_TO_LOAD)
            ) as answer:
                if answer.status != 204:
                    raise ServerFailed(f"Rasa does not take the model {model.name}: it answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ServerFailed(f"Rasa does not take the model {model.name} ({type(error).__name__})") from error
        await self._expect(model)

    async def well(self, seconds: float) -> bool:
        """Whether it answers within so many seconds."""
        try:
            return bool((await self._status(seconds)).get("model_file"))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return False

    async def ended(self) -> int:
        """Wait until the process has ended; its exit status, negative for a signal."""
        assert self._process is not None
        return await self._process.wait()

    async def end(self) -> None:
        """End the process, by force where it does not end by itself within some seconds.

        It keeps nothing that would have to be put away, and Rasa's own way out takes ten seconds.
        """
        process = self._process
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(SECONDS_TO_END):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _spawn(self, model: Path) -> None:
        arguments = ("--interface", self._host, "--port", str(self.port), "--model", _place(model))
        files = {name: str(PROJECT / f"{name}.yml") for name in ("endpoints", "credentials")}
        settings = ("--endpoints", files["endpoints"], "--credentials", files["credentials"])
        with self._log.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                str(self._environment.python),
                str(PROJECT / "serve.py"),
                *arguments,
                *settings,
                cwd=self._log.parent,
                env=self._environment.surroundings(self._temporary),
                stdin=PIPE,
                stdout=output,
                stderr=STDOUT,
                # Ctrl-C in a terminal is for us.
                start_new_session=True,
            )
        assert self._process.stdin is not None
        # Left open: where it ends, so does the child.
        self._process.stdin.write(self._token.encode() + b"\n")
        with contextlib.suppress(ConnectionError):
            await self._process.stdin.drain()

    async def _until_up(self) -> None:
        """Until it listens. A server without a model listens, too, and is found out afterwards."""
        deadline = self._clock() + SECONDS_TO_START
        while self._clock() < deadline:
            if not self.alive:
                raise ServerFailed(f"Rasa ended at its start: {self._last_words()}")
            try:
                await self._status(BETWEEN_LOOKS * 50)
            except (aiohttp.ClientConnectionError, TimeoutError, OSError):
                await asyncio.sleep(BETWEEN_LOOKS)
            except (aiohttp.ClientError, ValueError):
                return
            else:
                return
        raise ServerFailed(f"Rasa did not start within {SECONDS_TO_START:.0f} s")

    async def _expect(self, model: Path) -> None:
        """That it has this model and understands with it."""
        try:
            status = await self._status(SECONDS_TO_ANSWER)
            if Path(str(status.get("model_file"))).name != model.name:
                raise ServerFailed(f"Rasa has another model than {model.name}")
            for words in FIRST_WORDS:
                async with self._http.post(
                    f"{self.url}/model/parse",
                    params=self._secret,
                    json={"text": words},
                    timeout=_within(SECONDS_TO_ANSWER),
                ) as answer:
                    answer.raise_for_status()
        except aiohttp.ClientResponseError as error:
            raise ServerFailed(f"Rasa has no use of the model {model.name}: it answered {error.status}") from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ServerFailed(f"Rasa does not answer ({type(error).__name__}): {self._last_words()}") from error
        self.model = model
        self.loaded = str(status.get("model_id", ""))

    async def _status(self, seconds: float) -> dict[str, object]:
        async with self._http.get(f"{self.url}/status", params=self._secret, timeout=_within(seconds)) as answer:
            answer.raise_for_status()
            said = cast("object", await answer.json())
            if not isinstance(said, dict):
                raise ValueError("the status is no object")
            return cast("dict[str, object]", said)

    @property
    def _http(self) -> aiohttp.ClientSession:
        assert self._session is not None
        return self._session

    @property
    def _secret(self) -> dict[str, str]:
        return {"token": self._token}

    def _last_words(self) -> str:
        try:
            said = self._log.read_text(errors="replace").strip()
        except OSError:
            return ""
        return said[-1000:].replace(self._token, "…")


def token_of(folder: Path) -> str:
    """What this data folder's server wants to see; made at the first call, for its owner's eyes alone."""
    path = folder / "token"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = folder / f".token-{secrets.token_hex(8)}"
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
        # Of several processes that start at once, the first one's counts.
        with contextlib.suppress(FileExistsError):
            os.link(made, path)
        made.unlink()
    return path.read_text().strip()


def _place(model: Path) -> str:
    """The server works in another folder than we do."""
    return str(model.resolve())


def _within(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
