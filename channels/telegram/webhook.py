"""A webhook's request: whether Telegram makes it, and what it carries."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

BODY_LIMIT: Final = 1024 * 1024
"""Bytes of a webhook's body: Telegram's updates are a few kilobytes."""
SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")

_SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"
_KEPT_HEADERS: Final = ("Content-Type", "Content-Length", "User-Agent", "X-Forwarded-For")
_DRAINED: Final = 8 * BODY_LIMIT
"""An oversize body is read and hashed up to here, then the connection is closed on it."""


def is_telegram(request: web.Request, secret: str | None) -> bool:
    """Whether the caller knows our secret, compared in constant time; without a secret nobody does."""
    given = request.headers.get(_SECRET_HEADER, "")
    return bool(secret) and hmac.compare_digest(given.encode("utf-8", "surrogateescape"), (secret or "").encode())


def kept_headers(request: web.Request) -> Mapping[str, str]:
    """Those that a Refusal keeps."""
    return {name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers}


@dataclass(frozen=True, kw_only=True, slots=True)
class Oversize:
    """What remains of a body that was too large."""

    size: int
    sha256: str
    """Of the first 8 MiB."""


async def read_body(request: web.Request) -> bytes | Oversize:
    """The body, of which no more than `BODY_LIMIT` bytes are kept in memory."""
    body, size, digest = bytearray(), 0, hashlib.sha256()
    async for chunk in request.content.iter_any():
        size += len(chunk)
        digest.update(chunk)
        if size <= BODY_LIMIT:
            body += chunk
        elif size > _DRAINED:
            break
    if size <= BODY_LIMIT:
        return bytes(body)
    return Oversize(size=max(size, request.content_length or 0), sha256=digest.hexdigest())
