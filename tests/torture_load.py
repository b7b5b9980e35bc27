"""The crowd of the torture: visitors and people who write, lose the line, come back, and remember what they saw."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aiohttp
import orjson

from tests.acceptance.books import VISIBLE, Books, Line
from tests.channels.telegram_server import TelegramServer

WORDS = ("hello", "thank you", "你好", "how are you?", "good morning", "谢谢你", "are you a robot?", "bye")
AT_ONCE = 3
"""Messages that a visitor sends before the first is accepted."""


@dataclass(kw_only=True)
class Visitor:
    """A web chat client with a memory of its own."""

    number: int
    chance: Random
    token: str = ""
    address: str = ""
    written: int = 0
    waiting: dict[str, str] = field(default_factory=dict[str, str])
    """Sent and not accepted, in order: sent again after each reconnect."""
    accepted: dict[str, int] = field(default_factory=dict[str, int])
    """Position by our id."""
    seen: dict[int, str] = field(default_factory=dict[int, str])
    """Replies by position, in the order first seen."""
    complaints: list[str] = field(default_factory=list[str])
    reconnects: int = 0
    refusals: int = 0
    """How often they were told that nothing could be stored."""

    @property
    def last(self) -> int:
        return max([*self.seen, *self.accepted.values()], default=0)


@dataclass(kw_only=True)
class Crowd:
    """Everybody who writes."""

    urls: Sequence[str]
    http: aiohttp.ClientSession
    telegram: TelegramServer
    chance: Random
    visitors: int
    people: int
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    """No new messages; what was written is still brought through."""
    said: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    """On Telegram: updates by chat."""

    def __post_init__(self) -> None:
        self.guests = [Visitor(number=n, chance=Random(self.chance.random())) for n in range(self.visitors)]
        self._home = asyncio.Event()
        self._lines: list[asyncio.Task[None]] = []

    @property
    def accepted(self) -> int:
        return sum(len(guest.accepted) for guest in self.guests)

    @property
    def seen(self) -> int:
        return sum(len(guest.seen) for guest in self.guests)

    @property
    def reconnects(self) -> int:
        return sum(guest.reconnects for guest in self.guests)

    @property
    def refusals(self) -> int:
        return sum(guest.refusals for guest in self.guests)

    @property
    def complaints(self) -> list[str]:
        return [complaint for guest in self.guests for complaint in guest.complaints]

    async def write(self) -> None:
        """Until there is enough, and everything written is accepted; visitors stay on the line to listen."""
        self._lines = [asyncio.create_task(self._stay(guest)) for guest in self.guests]
        writers = [asyncio.create_task(self._type(7000 + number)) for number in range(self.people)]
        await asyncio.gather(*writers)
        while not self.enough.is_set() or any(guest.waiting for guest in self.guests):
            for line in self._lines:
                if line.done():
                    line.result()
            await asyncio.sleep(0.05)

    async def go_home(self) -> None:
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    # On Telegram

    async def _type(self, chat: int) -> None:
        chance = Random(self.chance.random())
        while not self.enough.is_set():
            update = await self.telegram.say(chat, chance.choice(WORDS))
            self.said.setdefault(chat, []).append(update["update_id"])
            with suppress(TimeoutError):
                await asyncio.wait_for(self.enough.wait(), 1 + 2 * chance.random())

    # On web chat

    async def _stay(self, guest: Visitor) -> None:
        while True:
            url = guest.chance.choice(self.urls)
            try:
                if not guest.token:
                    await self._visit(guest, url)
                await self._talk(guest, url)
            except (aiohttp.ClientError, OSError, ConnectionError, TimeoutError):
                pass
            guest.reconnects += 1
            await asyncio.sleep(0.02 + 0.1 * guest.chance.random())

    async def _visit(self, guest: Visitor, url: str) -> None:
        async with self.http.post(f"{url}/webchat/visit", json={}) as answer:
            if answer.status == 200:
                told = orjson.loads(await answer.read())
                guest.token, guest.address = told["token"], f"webchat:{told['visitor']}"

    async def _talk(self, guest: Visitor, url: str) -> None:
        if not guest.token:
            return
        async with self.http.ws_connect(f"{url}/webchat/socket", autoping=True) as wire:
            await _say(wire, type="hello", token=guest.token, after=guest.last)
            for identity, text in guest.waiting.items():
                await _say(wire, type="message", id=identity, text=text)
            heard: set[int] = set()
            while True:
                await self._write_more(guest, wire)
                try:
                    received = await wire.receive(timeout=0.02 + 0.3 * guest.chance.random())
                except TimeoutError:
                    continue
                if received.type is not aiohttp.WSMsgType.TEXT:
                    return
                await _hear(guest, wire, orjson.loads(received.data), heard)

    async def _write_more(self, guest: Visitor, wire: aiohttp.ClientWebSocketResponse) -> None:
        if not self.enough.is_set() and len(guest.waiting) < AT_ONCE and guest.chance.random() < 0.5:
            guest.written += 1
            identity = f"v{guest.number}-{guest.written}"
            guest.waiting[identity] = guest.chance.choice(WORDS)
            await _say(wire, type="message", id=identity, text=guest.waiting[identity])

    # What they say when asked

    def acknowledged(self) -> Mapping[tuple[str, str], str]:
        """What was accepted, as the books know it; Telegram's are acknowledged by the offset that moved past them."""
        pending = {update["update_id"] for update in self.telegram.updates[1:]}
        chat = {
            ("telegram", str(update)): f"telegram:{chat}"
            for chat, updates in self.said.items()
            for update in updates
            if update not in pending
        }
        own = {
            ("webchat", f"{guest.address.removeprefix('webchat:')}/{identity}"): guest.address
            for guest in self.guests
            for identity in guest.accepted
        }
        return {**chat, **own}

    def unseen(self, kept: Books) -> Mapping[str, int]:
        """Replies that somebody has not seen yet, and updates that nobody fetched yet."""
        said = Counter(line.uri for line in kept.outbound if line.channel == "webchat" and line.status in VISIBLE)
        missing = {g.address: said[g.address] - len(g.seen) for g in self.guests if said[g.address] > len(g.seen)}
        recorded = {line.external_id for line in kept.inbound if line.channel == "telegram"}
        unfetched = sum(str(update) not in recorded for updates in self.said.values() for update in updates)
        return {**missing, "updates": unfetched} if unfetched else missing

    def mistakes(self, kept: Books) -> list[str]:
        found: list[str] = []
        for guest in self.guests:
            found += _visitor_mistakes(guest, [line for line in kept.lines if line.uri == guest.address])
        for chat in self.said:
            found += self._chat_mistakes(chat, [line for line in kept.outbound if line.uri == f"telegram:{chat}"])
        return found

    def _chat_mistakes(self, chat: int, said: Sequence[Line]) -> list[str]:
        """What the bot is known to have sent is there once, in order; what is there besides, it does not know of."""
        inbox = [(str(message["message_id"]), str(message.get("text"))) for message in self.telegram.inbox(chat)]
        known = [line.external for line in said if line.status in VISIBLE]
        ids = [identity for identity, _ in inbox]
        found = [f"chat {chat} has no message {each}" for each in known if (each or "").split(":")[-1] not in ids]
        order = [ids.index(own) for each in known if (own := (each or "").split(":")[-1]) in ids]
        if order != sorted(order) or len(set(order)) != len(order):
            found.append(f"chat {chat} heard in the order {order}")
        besides = Counter(text for place, (_, text) in enumerate(inbox) if place not in order)
        unknown = Counter(line.text for line in said if line.status == "unknown")
        found += [f"chat {chat} heard {text!r} {times} times unasked" for text, times in (besides - unknown).items()]
        return found


def _visitor_mistakes(guest: Visitor, lines: Sequence[Line]) -> list[str]:
    said = {line.id: line.text for line in lines if not line.inbound and line.status in VISIBLE}
    own = {line.external_id.split("/", 1)[-1]: line.id for line in lines if line.inbound and line.external_id}
    found = [f"{guest.address} never saw {position}" for position in said if position not in guest.seen]
    found += [f"{guest.address} saw {position}, which is not said" for position in guest.seen if position not in said]
    found += [
        f"{guest.address} was told that {identity} is at {position}, and it is at {own.get(identity)}"
        for identity, position in guest.accepted.items()
        if own.get(identity) != position
    ]
    if list(guest.seen) != sorted(guest.seen):
        late = [b for a, b in zip(guest.seen, list(guest.seen)[1:], strict=False) if b < a]
        found.append(f"{guest.address} saw {late} after what was said later")
    numbers = [int(identity.rpartition("-")[2]) for identity in sorted(own, key=lambda each: own[each])]
    if numbers != sorted(numbers):
        found.append(f"{guest.address} wrote in order and is recorded as {numbers}")
    return found


async def _hear(guest: Visitor, wire: Any, frame: dict[str, Any], heard: set[int]) -> None:
    match frame["type"]:
        case "accepted":
            if frame["id"] in guest.waiting:
                del guest.waiting[frame["id"]]
            guest.accepted[frame["id"]] = frame["position"]
        case "message" if frame["author"] != "customer":
            position = frame["position"]
            if position in heard:
                guest.complaints.append(f"{guest.address} was shown {position} twice on one line")
            heard.add(position)
            guest.seen.setdefault(position, frame["text"])
            await _say(wire, type="delivered", positions=[position])
        case "error" if frame["code"] == "unavailable":
            guest.refusals += 1
        case "error":
            guest.complaints.append(f"{guest.address} was refused: {frame}")
        case _:
            pass


async def _say(wire: aiohttp.ClientWebSocketResponse, **frame: object) -> None:
    await wire.send_str(orjson.dumps(frame).decode())
