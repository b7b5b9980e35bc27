"""A webhook's request: what of it is read, and under which address the world made it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final

from aiohttp import web

from channels.request import Request

_KEPT_HEADERS: Final = ("Content-Type", "Content-Length", "User-Agent", "X-Forwarded-For")
_DRAINED: Final = 8 * 1024 * 1024
"""An oversize body is read and hashed up to here, then the connection is closed on it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Oversize:
    """What remains of a body that was too large."""

    size: int
    sha256: str
    """Of the first 8 MiB."""


async def read_body(request: web.Request, limit: int) -> bytes | Oversize:
    """The body, of which no more than `limit` bytes are kept in memory."""
    body, size, digest = bytearray(), 0, hashlib.sha256()
    async for chunk in request.content.iter_any():
        size += len(chunk)
        digest.update(chunk)
        if size <= limit:
            body += chunk
        elif size > _DRAINED:
            break
    if size <= limit:
        return bytes(body)
    return Oversize(size=max(size, request.content_length or 0), sha256=digest.hexdigest())


def request_of(request: web.Request, body: bytes, *, public_url: str, trusted_proxies: Sequence[str]) -> Request:
    """The request as the provider made it, so that its signature can be checked."""
    base = public_url.rstrip("/") or _seen_base(request, trusted_proxies)
    return Request.of(method=request.method, url=base + request.raw_path, headers=_headers(request), body=body)


def kept_headers(request: web.Request) -> Mapping[str, str]:
    """Those that a Refusal keeps, and whom they came from."""
    kept = {name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers}
    return {**kept, "peer": request.remote or ""}


def _seen_base(request: web.Request, trusted_proxies: Sequence[str]) -> str:
    """Scheme and host as we see them, or as a proxy that we trust saw them."""
    scheme, host = request.scheme, request.host
    if _is_trusted(request.remote, trusted_proxies):
        scheme = _first(request.headers.get("X-Forwarded-Proto")) or scheme
        host = _first(request.headers.get("X-Forwarded-Host")) or host
        port = _first(request.headers.get("X-Forwarded-Port"))
        if port.isdigit() and ":" not in host and port not in ("80", "443"):
            host = f"{host}:{port}"
    return f"{scheme}://{host}"


def _is_trusted(remote: str | None, networks: Sequence[str]) -> bool:
    try:
        address = ip_address(remote or "")
    except ValueError:
        return False
    return any(address in ip_network(network) for network in networks)


def _first(header: str | None) -> str:
    return (header or "").partition(",")[0].strip()


def _headers(request: web.Request) -> Mapping[str, str]:
    return dict(request.headers.items())
