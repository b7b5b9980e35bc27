"""A webhook's request that hands in one raw mail: whether its caller knows our secret, and what it carries.

`X-Rapport-Signature: t=<Unix seconds>,v1=<hex>`, where v1 is HMAC-SHA256 of `<t>.<body>` with the shared secret. The
time is signed, so that a request which was overheard is of no use later; within the window a repeat is the same mail.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

SIGNATURE: Final = "X-Rapport-Signature"

_KEPT_HEADERS: Final = ("Content-Type", "Content-Length", "User-Agent", "X-Forwarded-For")
_TIME: Final = re.compile(r"\d{1,12}")


def sign(secret: bytes, body: bytes, *, at: int) -> str:
    """The header's value, for those who hand mail in."""
    return f"t={at},v1={_mac(secret, str(at), body)}"


def is_signed(header: str, body: bytes, *, secret: bytes, now: float, window: float) -> bool:
    """Whether this was signed with our secret, less than `window` seconds from now."""
    fields = [part.strip().partition("=") for part in header.split(",")]
    at = next((value for name, _, value in fields if name == "t"), "")
    if _TIME.fullmatch(at) is None or abs(now - int(at)) > window:
        return False
    expected = _mac(secret, at, body).encode()
    # More than one, while a secret is being replaced.
    given = [value.encode("utf-8", "replace") for name, _, value in fields if name == "v1"][:5]
    return any(hmac.compare_digest(expected, each) for each in given)


def _mac(secret: bytes, at: str, body: bytes) -> str:
    return hmac.digest(secret, at.encode() + b"." + body, "sha256").hex()


def kept_headers(request: web.Request) -> Mapping[str, str]:
    """Those that a Refusal keeps, and whom they came from."""
    kept = {name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers}
    return {**kept, "peer": request.remote or ""}


@dataclass(frozen=True, kw_only=True, slots=True)
class Oversize:
    """What remains of a body that was too large."""

    size: int
    read: bytes = field(repr=False)
    """Of it, what was read until it was too much."""


async def read_body(request: web.Request, limit: int) -> bytes | Oversize:
    """The body, up to so many bytes."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit:
            return Oversize(size=max(len(body), request.content_length or 0), read=bytes(body))
    return bytes(body)
