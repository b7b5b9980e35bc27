"""The routes of the interface for programs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from aiohttp import web

from web.api.answers import HEADERS, answer, problem
from web.api.call import ROOT, Call
from web.api.guard import guarded
from web.api.offered import CALLS
from web.api.openapi import document
from web.api.rates import Rates
from web.console.house import House


def api_routes(house: House, rates: Rates | None = None) -> Sequence[web.AbstractRouteDef]:
    """What the application serves under /api. There is no CORS: browsers of other sites are told nothing."""
    counted = rates or Rates(time.monotonic)
    paths: dict[str, list[Call]] = {}
    for call in CALLS:
        paths.setdefault(call.path, []).append(call)
    served = [web.route("*", f"{ROOT}{path}", guarded(of_path, house, counted)) for path, of_path in paths.items()]
    return [web.get(f"{ROOT}/openapi.json", _openapi), *served, web.route("*", r"/api/{tail:[\s\S]*}", _nothing)]


async def _openapi(_request: web.Request) -> web.Response:
    """What can be asked says nothing of who is asked: it is open to everybody."""
    # Made once, in half a second, which the conversations should not wait for.
    written = await asyncio.to_thread(document)
    return answer(written, headers={**HEADERS, "Cache-Control": "public, max-age=300"})


async def _nothing(_request: web.Request) -> web.Response:
    return problem(404, "NotFound", f"there is nothing here; {ROOT}/openapi.json says what there is")
