"""Without sockets: the same frames in arrays, sent by POST and fetched by a GET that waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import orjson
from aiohttp import web

from channels.webchat.answers import answers, array, in_json
from channels.webchat.entrance import Entrance
from channels.webchat.frames import ErrorCode, Refused, decode
from channels.webchat.identity import Visitor
from channels.webchat.reception import Reception
from channels.webchat.request import query_number
from channels.webchat.shelf import Poll, Shelf, Shelves
from channels.webchat.stream import Registry, backlog, newest_page, outstanding

POLL_SECONDS = 25
FRAMES_A_REQUEST = 20


class Fallback:
    """The routes `/send` and `/poll`."""

    def __init__(self, entrance: Entrance, registry: Registry) -> None:
        self.shelves = Shelves(registry)
        self._entrance = entrance
        self._registry = registry

    async def send(self, request: web.Request) -> web.Response:
        """Frames in, answers out: 200 when anything was taken, else the status of the first refusal."""
        reception = self._entrance.open()
        guest = self._entrance.guest(request, reception)
        reception.spend_connection(guest.client)
        raw = await self._entrance.body(request, reception, reception.settings.frame_limit, guest.visitor)
        frames = _frames(raw)
        if any(b'"delivered"' in frame for frame in frames):
            shelf = self.shelves.find(guest.visitor.address)
            if shelf is not None and shelf.complete:
                guest.outstanding = shelf.unacknowledged
            else:
                guest.outstanding = await outstanding(reception.port, guest.visitor.address)
        for frame in frames:
            wish = reception.take(guest, frame)
            if wish is not None:
                await reception.page(guest, wish)
        await guest.settled()
        return answers(guest.answers)

    async def poll(self, request: web.Request) -> web.Response:
        """What is new after a position; waits for it when there is nothing yet."""
        reception = self._entrance.open()
        guest = self._entrance.guest(request, reception)
        reception.spend_connection(guest.client)  # to listen is not to write: it costs the visitor nothing
        after, seconds = query_number(request, "after"), query_number(request, "wait") or 0
        poll = Poll()
        shelf = self.shelves.begin(guest.visitor.address, poll)
        try:
            found, first = await self._found(reception, guest.visitor, shelf, after)
            if not found and first is None:
                await poll.wait(min(seconds, POLL_SECONDS))
        finally:
            self.shelves.finish(shelf, poll)
        frames = {**found, **poll.frames}
        return in_json(array([*([first] if first else []), *(frames[position] for position in sorted(frames))]))

    async def _found(
        self, reception: Reception, visitor: Visitor, shelf: Shelf, after: int | None
    ) -> tuple[Mapping[int, bytes], bytes | None]:
        """Entries by position, from the shelf or the storage, and the welcome of a client that has nothing yet."""
        known = shelf.after(after)
        if known is not None:
            return known, None
        port, page, first = reception.port, reception.settings.history_page, None
        reading = shelf.begin_reading()
        if after is None:
            entries, more = await newest_page(port, visitor.address, page)
            first = reception.welcome(visitor, earlier=more)
        else:
            entries, more = [entry async for entry in backlog(port, visitor.address, after, page)], False
        now = reception.now()
        frames = [(entry, self._registry.encode(entry, now)) for entry in entries]
        if not more:  # else there may be something unacknowledged on the pages before
            shelf.learn(reading, after or 0, frames)
        return {entry.id: frame for entry, frame in frames}, first


def _frames(raw: bytes) -> Sequence[bytes]:
    """One frame, or an array of them, each as bytes of its own: they are kept as raw payloads."""
    if raw.lstrip()[:1] != b"[":
        return (raw,)
    frames = decode(raw)
    if not isinstance(frames, list) or len(cast(list[object], frames)) > FRAMES_A_REQUEST:
        raise Refused(ErrorCode.BAD_FRAME)
    return [orjson.dumps(frame) for frame in cast(list[object], frames)]
