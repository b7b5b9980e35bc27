"""Tests touch nothing but loopback: whatever else is tried is refused, and fails the test that tried."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

ATTEMPTS: Final[list[str]] = []
"""What was tried since the list was emptied last."""

_ANYWHERE_HERE = frozenset({"", "localhost", "ip6-localhost", "testserver"})


@contextmanager
def guard() -> Generator[list[str]]:
    """While it lasts, connections and look-ups beyond this machine raise ConnectionRefusedError.

    They are written down as well: code that survives a refused connection must not hide that it tried one.
    """
    _hook.put_on()
    ATTEMPTS.clear()
    _hook.guarding = True
    try:
        yield ATTEMPTS
    finally:
        _hook.guarding = False


def is_here(host: object) -> bool:
    """Whether a host, as sockets take it, is this machine."""
    if host is None:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name in _ANYWHERE_HERE:
        return True
    try:
        address = ipaddress.ip_address(name.split("%", 1)[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


class _Hook:
    """An audit hook sees every socket of this process, however it was made.

    There is no taking it off again, so it is put on once and asks itself whether a test is running.
    """

    def __init__(self) -> None:
        self.guarding = False
        self._on = False

    def put_on(self) -> None:
        if not self._on:
            self._on = True
            sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.guarding or not event.startswith("socket."):
            return
        if event in ("socket.connect", "socket.sendto"):
            address = arguments[1]
            if isinstance(address, tuple) and not is_here(address[0]):
                _refuse(f"{event.removeprefix('socket.')} {address[0]}:{address[1]}")
        elif event in ("socket.getaddrinfo", "socket.gethostbyname") and not is_here(arguments[0]):
            _refuse(f"look up {arguments[0]!r}")


def _refuse(attempt: str) -> None:
    ATTEMPTS.append(attempt)
    raise ConnectionRefusedError(f"tests touch nothing but loopback: {attempt}")


_hook = _Hook()
