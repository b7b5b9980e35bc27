"""The address that an answer comes back to: it names its conversation, and is signed: nobody can name another's.

`support@shop.example` becomes `support+<thread>.<signature>@shop.example` (subaddressing, RFC 5233), all in small
letters and digits: some systems fold the case of what they should leave alone.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32decode, b32encode
from binascii import Error
from collections.abc import Iterable
from typing import Final

HEADER: Final = "X-Rapport-Thread"
"""Carries the same, for mail that comes back whole (a bounce, a loop, a forward as attachment)."""
LOCAL_PART: Final = 64
"""Octets before the `@`: RFC 5321, 4.5.3.1.1."""
SIGNATURE: Final = 16
"""Letters of base32: 80 bits."""

_PLAIN: Final = re.compile(r"(?!x-)[a-z0-9-]+")
_SIGNED: Final = re.compile(rf"([a-z0-9-]+)\.([a-z2-7]{{{SIGNATURE}}})")


class ReplyAddresses:
    """Makes and reads the signed addresses of one mailbox."""

    def __init__(self, address: str, secret: bytes, *, separator: str = "+") -> None:
        """`address`: of the mailbox, e.g. `support@shop.example`. `separator`: what the mail server delivers to it in
        spite of (Postfix `recipient_delimiter`)."""
        self._local, _, self._domain = address.rpartition("@")
        self._separator = separator
        self._key = hmac.digest(secret, b"mail reply address\0" + address.lower().encode(), "sha256")

    def address(self, thread: str) -> str | None:
        """Where answers in this conversation shall go; None: its name is too long for an address."""
        local = f"{self._local}{self._separator}{self.token(thread)}"
        return f"{local}@{self._domain}" if len(local.encode()) <= LOCAL_PART else None

    def token(self, thread: str) -> str:
        """The signed name of a conversation, as it stands in the address and in the header."""
        name = thread if _PLAIN.fullmatch(thread) else f"x-{_base32(thread.encode('utf-8', 'replace'))}"
        return f"{name}.{self._sign(name)}"

    def thread_in(self, addresses: Iterable[str], headers: Iterable[str] = ()) -> str | None:
        """The conversation that one of a mail's recipients, or of its X-Rapport-Thread headers, proves.

        Takes whatever a mail says; what is not ours, or not signed by us, proves nothing.
        """
        for token in (*(self._token_in(address) for address in addresses), *headers):
            thread = self._thread(token.strip().lower()) if token else None
            if thread is not None:
                return thread
        return None

    def _token_in(self, address: str) -> str | None:
        local, _, domain = address.strip().lower().rpartition("@")
        ours = f"{self._local}{self._separator}".lower()
        return local.removeprefix(ours) if domain == self._domain.lower() and local.startswith(ours) else None

    def _thread(self, token: str) -> str | None:
        signed = _SIGNED.fullmatch(token)
        if signed is None or not hmac.compare_digest(self._sign(signed[1]), signed[2]):
            return None
        return _decoded(signed[1].removeprefix("x-")) if signed[1].startswith("x-") else signed[1]

    def _sign(self, name: str) -> str:
        return _base32(hmac.digest(self._key, name.encode(), "sha256")[:10])


def _base32(content: bytes) -> str:
    return b32encode(content).decode().rstrip("=").lower()


def _decoded(name: str) -> str | None:
    try:
        return b32decode(name.upper() + "=" * (-len(name) % 8)).decode()
    except (Error, UnicodeDecodeError):
        return None
