"""Load: customers on web chat, each writing the next message when the last one is answered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import perf_counter

import aiohttp
import orjson

WORDS = ("hello", "thank you", "你好", "how are you?", "good morning", "谢谢你", "are you a robot?", "bye")
"""Small talk: what the bare bots beside us can answer, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What the customers saw."""

    turns: int
    seconds: float
    latencies: list[float]
    """Seconds from a message's first byte out to its reply's last byte in, sorted."""

    @property
    def per_second(self) -> float:
        return self.turns / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)] * 1000


async def write_over_web_chat(url: str, *, clients: int, seconds: float, warm_up: float = 1.0) -> Measured:
    """Every customer has a WebSocket of their own; a turn counts when its reply has come and was acknowledged."""
    latencies: list[float] = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, json_serialize=lambda value: orjson.dumps(value).decode()) as http:
        begins = perf_counter() + warm_up
        ends = begins + seconds
        await asyncio.gather(*(_customer(http, url, number, begins, ends, latencies) for number in range(clients)))
    latencies.sort()
    return Measured(turns=len(latencies), seconds=seconds, latencies=latencies)


async def _customer(
    http: aiohttp.ClientSession, url: str, number: int, begins: float, ends: float, latencies: list[float]
) -> None:
    async with http.post(f"{url}/webchat/visit") as answer:
        token = (await answer.json())["token"]
    async with http.ws_connect(f"{url}/webchat/socket", compress=0, autoping=True) as socket:
        await socket.send_str(orjson.dumps({"type": "hello", "token": token}).decode())
        await socket.receive()
        turn = 0
        while (started := perf_counter()) < ends:
            frame = {"type": "message", "id": f"m{turn}", "text": WORDS[(turn + number) % len(WORDS)]}
            await socket.send_str(orjson.dumps(frame).decode())
            position = await _reply(socket)
            finished = perf_counter()
            await socket.send_str(orjson.dumps({"type": "delivered", "positions": [position]}).decode())
            if begins <= started and finished <= ends:
                latencies.append(finished - started)
            turn += 1


async def _reply(socket: aiohttp.ClientWebSocketResponse) -> int:
    while True:
        message = await socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise RuntimeError(f"the connection ended: {message.type.name} {message.data}")
        frame = orjson.loads(message.data)
        if frame["type"] == "message" and frame["author"] == "bot":
            return frame["position"]
        if frame["type"] == "error":
            raise RuntimeError(f"refused: {frame['code']}")
