"""Load: customers who write the next message when the last one is answered, over whatever the bot at hand speaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from time import perf_counter, process_time
from typing import Any

import aiohttp
import orjson

from tests.bench import processes

WORDS = ("hello", "thank you", "你好", "how are you?", "good morning", "谢谢你", "are you a robot?", "bye")
"""Small talk: what the bots beside us can answer, too."""
PATIENCE = 60
"""Seconds after the end in which the last replies must have come."""


class Way(StrEnum):
    """What the customers speak."""

    SOCKET = "socket"  # Rapport's web chat
    HTTP = "http"  # the same without sockets: send and poll
    BARE = "bare"  # POST JSON, JSON back
    OPSDROID = "opsdroid"  # its websocket connector


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What one process of customers does."""

    way: Way
    url: str
    clients: int
    seconds: float
    """How long is measured."""
    warm_up: float
    """Seconds of the same load before that."""
    tokens: Sequence[str] = ()
    """Of visitors who come back; customers beyond them are new."""
    watched: Mapping[str, Sequence[int]] = field(default_factory=dict[str, Sequence[int]])
    """Processes by what they are together, whose CPU time (and their children's) is read at both ends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What the customers saw."""

    seconds: float
    latencies: Sequence[float]
    """Seconds from a message's first byte out to its reply's last byte in, sorted; of turns wholly inside the time."""
    answered: int
    """Turns in all, warm-up and end included: what a database must know of."""
    cpu: Mapping[str, float]
    """CPU seconds that the watched processes spent."""
    own_cpu: float
    """CPU seconds that the customers spent themselves."""


Ask = Callable[[str], Awaitable[float]]
"""Write one message; returns when it was answered, with the instant of the reply."""


async def run(plan: Plan) -> Measured:
    """Everybody connects, then all write at once. Raises RuntimeError for whatever is not an answer."""
    ways: Mapping[Way, Callable[..., AbstractAsyncContextManager[Ask]]] = {
        Way.SOCKET: over_socket,
        Way.HTTP: _over_http,
        Way.BARE: _over_bare,
        Way.OPSDROID: _over_opsdroid,
    }
    tokens = [*plan.tokens, *[None] * plan.clients]
    latencies: list[float] = []
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        customers = [
            await stack.enter_async_context(ways[plan.way](http, plan.url, tokens[number]))
            for number in range(plan.clients)
        ]
        begins = perf_counter() + plan.warm_up
        ends = begins + plan.seconds
        async with asyncio.timeout(plan.warm_up + plan.seconds + PATIENCE):
            (cpu, own_cpu), answered = await asyncio.gather(
                _watch(plan.watched, begins, ends),
                asyncio.gather(*(_talk(ask, number, begins, ends, latencies) for number, ask in enumerate(customers))),
            )
    latencies.sort()
    return Measured(seconds=plan.seconds, latencies=latencies, answered=sum(answered), cpu=cpu, own_cpu=own_cpu)


async def _talk(ask: Ask, number: int, begins: float, ends: float, latencies: list[float]) -> int:
    turn = 0
    while (started := perf_counter()) < ends:
        finished = await ask(WORDS[(turn + number) % len(WORDS)])
        if begins <= started and finished <= ends:
            latencies.append(finished - started)
        turn += 1
    return turn


async def _watch(watched: Mapping[str, Sequence[int]], begins: float, ends: float) -> tuple[dict[str, float], float]:
    await asyncio.sleep(begins - perf_counter())
    before, own = {name: processes.cpu(pids) for name, pids in watched.items()}, process_time()
    await asyncio.sleep(ends - perf_counter())
    after, own = {name: processes.cpu(pids) for name, pids in watched.items()}, process_time() - own
    return {
        name: sum(seconds - before[name].get(pid, 0.0) for pid, seconds in found.items())
        for name, found in after.items()
    }, own


@asynccontextmanager
async def over_socket(http: aiohttp.ClientSession, url: str, token: str | None) -> AsyncGenerator[Ask]:
    """docs/webchat-protocol.md; a turn is done when the first reply that was written after our message is here."""
    session = token or await _visit(http, url)
    run_of_ids = f"{perf_counter():.9f}"
    turn = 0
    async with http.ws_connect(f"{url}/webchat/socket", compress=0) as socket:
        await socket.send_str(_json({"type": "hello", "token": session}))
        await _until_welcome(socket)

        async def ask(text: str) -> float:
            nonlocal turn
            turn += 1
            await socket.send_str(_json({"type": "message", "id": f"{run_of_ids}-{turn}", "text": text}))
            position = await _reply(socket)
            finished = perf_counter()
            await socket.send_str(_json({"type": "delivered", "positions": [position]}))
            return finished

        yield ask


async def _visit(http: aiohttp.ClientSession, url: str) -> str:
    async with http.post(f"{url}/webchat/visit") as answer:
        answer.raise_for_status()
        return (await answer.json())["token"]


async def _until_welcome(socket: aiohttp.ClientWebSocketResponse) -> None:
    while _checked(orjson.loads(_text(await socket.receive())))["type"] != "welcome":
        pass


async def _reply(socket: aiohttp.ClientWebSocketResponse) -> int:
    """The position of the reply. What was written before our own message answers an earlier one, or is history."""
    accepted: int | None = None
    while True:
        frame = _checked(orjson.loads(_text(await socket.receive())))
        if frame["type"] == "accepted":
            accepted = frame["position"]
        elif accepted is not None and frame["type"] == "message" and frame["author"] == "bot":
            if frame["position"] > accepted:
                return frame["position"]


@asynccontextmanager
async def _over_http(http: aiohttp.ClientSession, url: str, token: str | None) -> AsyncGenerator[Ask]:
    """A POST that sends, a GET that waits for the reply; what arrived is acknowledged with the next POST."""
    headers = {"Authorization": f"Bearer {token or await _visit(http, url)}"}
    run_of_ids = f"{perf_counter():.9f}"
    arrived: list[int] = []
    turn = 0

    async def ask(text: str) -> float:
        nonlocal turn
        turn += 1
        frames: list[object] = [{"type": "message", "id": f"{run_of_ids}-{turn}", "text": text}]
        if arrived:
            frames.insert(0, {"type": "delivered", "positions": arrived.copy()})
            arrived.clear()
        async with http.post(f"{url}/webchat/send", data=_json(frames), headers=headers) as answer:
            sent = [_checked(frame) for frame in orjson.loads(await answer.read())]
        position = next(frame["position"] for frame in sent if frame["type"] == "accepted")
        while not arrived:
            async with http.get(f"{url}/webchat/poll?after={position}&wait=25", headers=headers) as answer:
                frames_in = [_checked(frame) for frame in orjson.loads(await answer.read())]
            arrived.extend(
                frame["position"] for frame in frames_in if frame["type"] == "message" and frame["author"] == "bot"
            )
        return perf_counter()

    yield ask


@asynccontextmanager
async def _over_bare(http: aiohttp.ClientSession, url: str, token: str | None) -> AsyncGenerator[Ask]:
    async def ask(text: str) -> float:
        async with http.post(f"{url}/talk", data=_json({"text": text})) as answer:
            if not orjson.loads(await answer.read())["text"]:
                raise RuntimeError("the bare handler says nothing")
        return perf_counter()

    yield ask


@asynccontextmanager
async def _over_opsdroid(http: aiohttp.ClientSession, url: str, token: str | None) -> AsyncGenerator[Ask]:
    """https://docs.opsdroid.dev/en/stable/connectors/websocket.html"""
    async with http.post(f"{url}/connector/websocket") as answer:
        name = orjson.loads(await answer.read())["socket"]
    async with http.ws_connect(f"{url}/connector/websocket/{name}", compress=0) as socket:

        async def ask(text: str) -> float:
            await socket.send_str(_json({"message": text, "user": name, "socket": name}))
            if not _text(await socket.receive()):
                raise RuntimeError("opsdroid says nothing")
            return perf_counter()

        yield ask


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _text(message: aiohttp.WSMessage) -> str:
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise RuntimeError(f"the connection ended: {message.type.name} {message.data}")
    return message.data


def _checked(frame: dict[str, Any]) -> dict[str, Any]:
    if frame["type"] == "error":
        raise RuntimeError(f"refused: {frame['code']}")
    return frame
