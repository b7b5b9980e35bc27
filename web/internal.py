"""The internal interface: how commands on this machine reach the process that owns the database.

It exists for whoever can read the lock file that holds its token, on this machine; for everybody else it does not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from ipaddress import ip_address
from typing import Any, cast

import orjson
from aiohttp import web

LARGEST = 4 * 1024 * 1024
"""Bytes of one request; an import comes in pieces far below it."""
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
"""A proxy on this machine speaks for strangers, although its own address is a local one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Internal:
    """What the interface is given by the process it runs in."""

    token: str
    do: Callable[[str, Mapping[str, Any]], Awaitable[tuple[int, bytes]]]
    """Carries out a verb by name; answers an HTTP status and JSON."""


def internal_routes(internal: Internal) -> Sequence[web.RouteDef]:
    """`POST /internal/{verb}` with a JSON object of arguments and `Authorization: Bearer <token>`."""

    async def internal_verb(request: web.Request) -> web.Response:
        if not _is_ours(request, internal.token):
            raise web.HTTPNotFound
        request = request.clone(client_max_size=LARGEST)
        try:
            arguments = orjson.loads(await request.read())
        except orjson.JSONDecodeError as error:
            raise web.HTTPBadRequest(text="the body is not JSON") from error
        if not isinstance(arguments, dict):
            raise web.HTTPBadRequest(text="the body is not a JSON object")
        status, body = await internal.do(request.match_info["verb"], cast("dict[str, Any]", arguments))
        return web.Response(status=status, body=body, content_type="application/json")

    # Any method: a 405 would tell a stranger that something is here.
    return [web.route("*", "/internal/{verb}", internal_verb)]


def _is_ours(request: web.Request, token: str) -> bool:
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    shows_token = compare_digest(shown.encode("utf-8", "surrogateescape"), token.encode())
    return scheme == "Bearer" and shows_token and _is_local(request)


def _is_local(request: web.Request) -> bool:
    """Over loopback; or from the very address that it came to, which only this machine can have."""
    transport = request.transport
    if transport is None or any(name in request.headers for name in FORWARDED):
        return False
    peer, own = (_host(transport.get_extra_info(name)) for name in ("peername", "sockname"))
    return peer is not None and (_is_loopback(peer) or peer == own)


def _host(name: object) -> str | None:
    if not isinstance(name, tuple) or not name:
        return None
    host = cast("tuple[object, ...]", name)[0]
    return host if isinstance(host, str) else None


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
