"""An operator's message centre on loopback, speaking SMPP 3.4 to whoever binds: what a real Kannel is tried against.

Source: Short Message Peer to Peer Protocol Specification v3.4, chapters 4 and 5, and appendix B for receipts.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from dataclasses import dataclass
from typing import Final

from channels.sms.segments import BASIC, EXTENSION

BIND_RECEIVER: Final = 0x01
BIND_TRANSMITTER: Final = 0x02
SUBMIT: Final = 0x04
DELIVER: Final = 0x05
UNBIND: Final = 0x06
BIND_TRANSCEIVER: Final = 0x09
ENQUIRE: Final = 0x15
RESPONSE: Final = 0x80000000
OK: Final = 0
UCS2: Final = 0x08
HEADER_INDICATOR: Final = 0x40
RECEIPT: Final = 0x04


@dataclass(frozen=True, kw_only=True, slots=True)
class Submitted:
    """One segment that arrived for the air."""

    source: str
    to: str
    coding: int
    header: bytes
    """Of a concatenated message; empty: it is all of it."""
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-16-be", "surrogatepass") if self.coding == UCS2 else gsm_text(self.content)


class Smsc:
    """One message centre and the one client that is bound to it."""

    def __init__(self) -> None:
        self.port = 0
        self.submitted: list[Submitted] = []
        self.fate = "DELIVRD"
        """What becomes of each message: `stat` of its receipt."""
        self.refusal = OK
        """Command status of the answer to each submit_sm."""
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._sequence = itertools.count(1)
        self._ids = itertools.count(1000)

    async def __aenter__(self) -> Smsc:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._server is not None:
            self._server.close()

    @property
    def bound(self) -> bool:
        return self._writer is not None

    def deliver(self, source: str, to: str, text: str, *, header: bytes = b"") -> None:
        """A person's text, from the air to whoever is bound."""
        try:
            content, coding = gsm_bytes(text), 0
        except KeyError:
            content, coding = text.encode("utf-16-be"), UCS2
        self._deliver(source, to, header + content, coding, HEADER_INDICATOR if header else 0)

    def _deliver(self, source: str, to: str, content: bytes, coding: int, kind: int) -> None:
        assert self._writer is not None
        body = b"\0" + _address(source) + _address(to) + bytes([kind, 0, 0]) + b"\0\0" + bytes([0, 0, coding, 0])
        self._send(DELIVER, OK, next(self._sequence), body + bytes([len(content)]) + content)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        try:
            while True:
                length, command, _, sequence = struct.unpack(">IIII", await reader.readexactly(16))
                self._handle(command, sequence, await reader.readexactly(length - 16))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self._writer = None
        finally:
            writer.close()

    def _handle(self, command: int, sequence: int, body: bytes) -> None:
        match command:
            case 0x01 | 0x02 | 0x09:
                self._send(command | RESPONSE, OK, sequence, b"loopback\0")
            case 0x15 | 0x06:
                self._send(command | RESPONSE, OK, sequence, b"")
            case 0x04:
                self._take(sequence, body)
            case _:
                pass  # answers to what we sent

    def _take(self, sequence: int, body: bytes) -> None:
        if self.refusal != OK:
            self._send(SUBMIT | RESPONSE, self.refusal, sequence, b"")
            return
        one, wants_receipt = _submitted(body)
        self.submitted.append(one)
        identity = str(next(self._ids))
        self._send(SUBMIT | RESPONSE, OK, sequence, identity.encode() + b"\0")
        if wants_receipt:
            said = (
                f"id:{identity} sub:001 dlvrd:001 submit date:2611220800 done date:2611220801 stat:{self.fate} err:000 "
                "text:"
            )
            self._deliver(one.to, one.source, said.encode(), 0, RECEIPT)

    def _send(self, command: int, status: int, sequence: int, body: bytes) -> None:
        assert self._writer is not None
        self._writer.write(struct.pack(">IIII", 16 + len(body), command, status, sequence) + body)


def gsm_bytes(text: str) -> bytes:
    """One octet a septet, as SMPP carries them. Raises KeyError."""
    return b"".join(bytes([0x1B, EXTENSION[each]]) if each in EXTENSION else bytes([_CODES[each]]) for each in text)


def gsm_text(content: bytes) -> str:
    codes = iter(content)
    return "".join(_EXTENDED[next(codes)] if code == 0x1B else BASIC[code] for code in codes)


_CODES: Final = {each: code for code, each in enumerate(BASIC)}
_EXTENDED: Final = {code: each for each, code in EXTENSION.items()}


def _submitted(body: bytes) -> tuple[Submitted, bool]:
    _, rest = _string(body)
    source, rest = _string(rest[2:])
    to, rest = _string(rest[2:])
    kind, rest = rest[0], rest[3:]
    _, rest = _string(rest)
    _, rest = _string(rest)
    registered, coding, length, rest = rest[0], rest[2], rest[4], rest[5:]
    content = rest[:length]
    split = content[0] + 1 if kind & HEADER_INDICATOR else 0
    one = Submitted(source=source, to=to, coding=coding, header=content[:split], content=content[split:])
    return one, bool(registered & 1)


def _string(content: bytes) -> tuple[str, bytes]:
    value, _, rest = content.partition(b"\0")
    return value.decode("latin-1"), rest


def _address(number: str) -> bytes:
    """Type of number 1 (international) where it has a plus, else 0 (unknown); numbering plan E.164."""
    return bytes([1 if number.startswith("+") else 0, 1]) + number.removeprefix("+").encode() + b"\0"
