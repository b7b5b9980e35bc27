"""The aiohttp application: the channels' routes, the demonstration page, and a look inside for operators."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, select_autoescape

from web.later import Later

STATIC = Path(__file__).parent / "static"
TEMPLATES = Path(__file__).parent / "templates"

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; script-src 'self';"
    " connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'"
)
"""Of the demonstration page: nothing runs but what we serve, and nobody frames it."""

Answer = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Inside:
    """What the application shows of the process it runs in."""

    ready: Callable[[], Awaitable[Answer]]
    """`{"ready": bool, …reasons}`."""
    metrics: Callable[[], bytes]
    """Prometheus text format 0.0.4."""
    demo: Callable[[], Mapping[str, Any]]
    """What the demonstration page is told: names of the business by language, whether web chat is on."""


def create_app(
    inside: Inside, routes: Iterable[web.AbstractRouteDef], parts: Iterable[Later] = (), *, demo: bool
) -> web.Application:
    """`parts`: loaded when they are first asked for; `demo`: serve the demonstration page and the chat widget."""
    app = web.Application()
    app.on_response_prepare.append(_protect)
    app.add_routes(
        [
            web.get("/healthz", _healthz),
            web.get("/readyz", _readyz(inside)),
            web.get("/metrics", _metrics(inside)),
        ]
    )
    app.add_routes(routes)
    for part in parts:
        app.router.register_resource(part)
    if demo:
        app.add_routes([web.get("/", _demo(inside)), web.static("/static", STATIC)])
    return app


async def _protect(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")


async def _healthz(_request: web.Request) -> web.Response:
    """The process is alive and its loop turns."""
    return web.json_response({"status": "ok"})


def _readyz(inside: Inside) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def readyz(_request: web.Request) -> web.Response:
        answer = await inside.ready()
        return web.Response(
            body=orjson.dumps(dict(answer)), status=200 if answer["ready"] else 503, content_type="application/json"
        )

    return readyz


def _metrics(inside: Inside) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=inside.metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    return metrics


def _demo(inside: Inside) -> Callable[[web.Request], Awaitable[web.Response]]:
    pages = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape())

    async def demo(_request: web.Request) -> web.Response:
        return web.Response(
            text=pages.get_template("demo.html").render(**inside.demo()),
            content_type="text/html",
            headers={
                "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            },
        )

    return demo
