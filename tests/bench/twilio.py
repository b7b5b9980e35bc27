"""A provider of text messages that takes whatever comes and answers as Twilio does, faster than anybody asks.

python -m tests.bench.twilio
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

import uvloop

_ANSWER: Final = (
    '{{"account_sid": "ACbench", "api_version": "2010-04-01", "body": "", "date_created": "Mon, 02 Mar 2026 04:00:00 '
    '+0000", "date_sent": null, "date_updated": "Mon, 02 Mar 2026 04:00:00 +0000", "direction": "outbound-api", '
    '"error_code": null, "error_message": null, "from": "+15017122661", "messaging_service_sid": null, "num_media": '
    '"0", "num_segments": "1", "price": null, "price_unit": "USD", "sid": "SM{number:032x}", "status": "queued", '
    '"subresource_uris": {{"media": "/2010-04-01/Accounts/ACbench/Messages/SM{number:032x}/Media.json"}}, "to": '
    '"+15558675310", "uri": "/2010-04-01/Accounts/ACbench/Messages/SM{number:032x}.json"}}'
)
"""Source: https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource"""
_LENGTH: Final = len(_ANSWER.format(number=0))


class Taken:
    """Which numbers were written to, and how often anybody was."""

    def __init__(self) -> None:
        self.messages = 0
        self.numbers: set[bytes] = set()

    def tell(self) -> bytes:
        """`messages numbers`, of all since it was asked last."""
        told = f"{self.messages} {len(self.numbers)}".encode()
        self.messages, self.numbers = 0, set()
        return told


class Provider(asyncio.Protocol):
    """One connection (RFC 9112): POSTs are messages, a GET asks what was taken. Requests come one after another."""

    def __init__(self, taken: Taken) -> None:
        self._taken = taken
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            whole = end + 4 + _content_length(head)
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            assert self._transport is not None
            self._transport.write(self._posted(body) if head.startswith(b"post ") else _ok(self._taken.tell()))

    def _posted(self, body: bytes) -> bytes:
        self._taken.messages += 1
        self._taken.numbers.add(next(field for field in body.split(b"&") if field.startswith(b"To=")))
        return (
            "HTTP/1.1 201 CREATED\r\nContent-Type: application/json;charset=utf-8\r\nConnection: keep-alive\r\n"
            "Date: Mon, 02 Mar 2026 04:00:00 GMT\r\nTwilio-Concurrent-Requests: 1\r\n"
            f"Content-Length: {_LENGTH}\r\n\r\n{_ANSWER.format(number=self._taken.messages)}"
        ).encode()


def _content_length(head: bytes) -> int:
    _, _, stated = head.partition(b"\r\ncontent-length:")
    return int(stated.partition(b"\r\n")[0] or 0)


def _ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def serve() -> None:
    taken = Taken()
    server = await asyncio.get_running_loop().create_server(lambda: Provider(taken), "127.0.0.1", 0)
    print(f"ready http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(serve())
